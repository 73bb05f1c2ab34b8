"""``debug_bundle_<ts>.json``: the support bundle. Built from an allowlist: contains no secrets."""

from typing import Annotated, Any

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Seconds, Timestamp
from cq_tui.contracts.health import Count
from cq_tui.contracts.units import MIB, NO_UNIT, PERCENT, SECONDS


class BundleSystem(ContractModel):
    """The machine, without user or host names."""

    python_version: str
    """Version of Python."""
    platform: str
    """Operating system and processor."""
    memory_usage: Annotated[float, MIB]
    """Memory used by the stack's processes."""
    cpu_usage: Annotated[float, PERCENT]
    """Of one core, used by the stack's processes."""


class BundleComponent(ContractModel):
    """The health of one service."""

    status: str
    """ok, degraded or error as reported; stale, missing or stopped as found."""
    level: str | None = None
    """look, bad or idle; null if the status is ok."""
    key: str | None = None
    """The room's key that helps."""
    updated_within_sec: Annotated[float, SECONDS] | None = None
    """Age of the report."""
    integrity_ok: bool | None = None
    """Of memory: whether the history passed every check."""


class BundleHealth(ContractModel):
    """The health of the stack and of each service."""

    overall_status: str
    """The worst status."""
    components: dict[str, BundleComponent]
    """Every service by name."""


class BundleEvent(ContractModel):
    """A recent event, without its payload."""

    event_id: str
    timestamp: Timestamp
    """When memory appended the event."""
    event_type: str
    source: str
    """Process that emitted the event."""


class BundleVerdict(ContractModel):
    """One of the three verdicts on the history: a fixed word, and numbers."""

    word: str
    """The verdict in one word."""
    level: str
    """good, look, bad or idle."""
    numbers: dict[str, Annotated[int | float, NO_UNIT]] = {}
    """Numbers of the verdict, by name; counts, and times in seconds."""


class BundleAcceptance(ContractModel):
    """A person accepted that the history contradicts its checkpoints."""

    fault_id: str
    """Short id of the fault."""
    fault: str | None = None
    """Its text; null if that is not a text of this version."""
    accepted_by: str
    """Who accepted it."""
    accepted_at: Timestamp
    """When."""
    event_index: Annotated[Count, NO_UNIT] | None = None
    """Index of its event in the history."""


class BundleIntegrity(ContractModel):
    """The state of the history."""

    chain_valid: bool
    """Whether the history passed every check."""
    merkle_root: str
    events_count: Count
    """Events of the history."""
    snapshots_count: Count
    """Snapshots that are stored."""
    reported_within_sec: Annotated[float, SECONDS] | None = None
    """Age of this report, if memory has stopped reporting."""
    checkpoint: str | None = None
    """The last signed checkpoint, in full, to verify the history against later."""
    public_key: str | None = None
    """Public key of the checkpoint (C2SP verifier key)."""
    integrity: BundleVerdict | None = None
    """Whether the history is what was written."""
    completeness: BundleVerdict | None = None
    """Whether events are missing."""
    age: BundleVerdict | None = None
    """How much of it is signed, and since when."""
    accepted: list[BundleAcceptance] | None = None
    """Accepted contradictions, oldest first."""


class BundleConfiguration(ContractModel):
    """The relevant settings, never keys."""

    trading_mode: str
    """The setting TRADING_MODE."""
    effective_mode: str | None = None
    """The mode that all settings together result in."""
    simulation_mode: bool
    """The setting SIMULATION_MODE."""
    default_signals: bool
    """The setting TEST_ALLOW_DEFAULT_SIGNAL."""


class BundleDrill(ContractModel):
    """The last result of one drill."""

    drill: str
    """Name of the drill."""
    timestamp: Timestamp
    """When it began."""
    passed: bool
    """Whether it passed."""
    seconds: Seconds
    """How long it took."""
    naked_seconds: Seconds | None = None
    """The longest time without a stop; null if it failed before that was measured."""


class DebugBundle(ContractModel):
    """``debug_bundle_<timestamp>.json``: the state of a stack for support, without secrets."""

    bundle_id: str = Field(min_length=1)
    """Unique id of the bundle."""
    timestamp: Timestamp
    """When it was made."""
    system_info: BundleSystem
    """The machine."""
    health_status: BundleHealth
    """The health of the stack."""
    recent_events: list[BundleEvent]
    """The newest events, oldest first, without their payloads."""
    memory_integrity: BundleIntegrity
    """The state of the history."""
    configuration: BundleConfiguration
    """The relevant settings."""
    versions: dict[str, str] | None = None
    """Versions of the installed packages, by name."""
    log_tails: dict[str, list[dict[str, Any]]] | None = None
    """The last log lines of each service, allowed fields only."""
    drills: list[BundleDrill] | None = None
    """The last result of each drill that was run."""
