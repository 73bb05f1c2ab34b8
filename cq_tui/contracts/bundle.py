"""``debug_bundle_<ts>.json``: the support bundle. Built from an allowlist: contains no secrets."""

from typing import Any

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Seconds, Timestamp
from cq_tui.contracts.health import Count


class BundleSystem(ContractModel):
    """The machine, without user or host names."""

    python_version: str
    platform: str
    memory_usage: float
    """MiB used by the stack's processes."""
    cpu_usage: float
    """Percent of one core used by the stack's processes."""


class BundleComponent(ContractModel):
    """The health of one service."""

    status: str
    level: str | None = None
    """look, bad or idle, and the room's key that helps; null if the status is ok."""
    key: str | None = None
    updated_within_sec: float | None = None
    integrity_ok: bool | None = None


class BundleHealth(ContractModel):
    """The health of the stack and of each service."""

    overall_status: str
    components: dict[str, BundleComponent]


class BundleEvent(ContractModel):
    """A recent event, without its payload."""

    event_id: str
    timestamp: Timestamp
    event_type: str
    source: str


class BundleVerdict(ContractModel):
    """One of the three verdicts on the history: a fixed word, and numbers."""

    word: str
    level: str
    numbers: dict[str, int | float] = {}


class BundleAcceptance(ContractModel):
    """A person accepted that the history contradicts its checkpoints."""

    fault_id: str
    fault: str | None = None
    """Its text; null if that is not a text of this version."""
    accepted_by: str
    accepted_at: Timestamp
    event_index: Count | None = None


class BundleIntegrity(ContractModel):
    """The state of the history."""

    chain_valid: bool
    merkle_root: str
    events_count: Count
    snapshots_count: Count
    reported_within_sec: float | None = None
    """Age of this report in seconds, if memory has stopped reporting."""
    checkpoint: str | None = None
    """The last signed checkpoint, in full, to verify the history against later."""
    public_key: str | None = None
    """Public key of the checkpoint (C2SP verifier key)."""
    integrity: BundleVerdict | None = None
    completeness: BundleVerdict | None = None
    age: BundleVerdict | None = None
    accepted: list[BundleAcceptance] | None = None
    """Accepted contradictions, oldest first."""


class BundleConfiguration(ContractModel):
    """The relevant settings, never keys."""

    trading_mode: str
    """The setting TRADING_MODE."""
    effective_mode: str | None = None
    """The mode that all settings together result in."""
    simulation_mode: bool
    default_signals: bool


class BundleDrill(ContractModel):
    """The last result of one drill."""

    drill: str
    timestamp: Timestamp
    passed: bool
    seconds: Seconds
    naked_seconds: Seconds | None = None
    """The longest time without a stop; null if it failed before that was measured."""


class DebugBundle(ContractModel):
    """The support bundle."""

    bundle_id: str = Field(min_length=1)
    timestamp: Timestamp
    system_info: BundleSystem
    health_status: BundleHealth
    recent_events: list[BundleEvent]
    memory_integrity: BundleIntegrity
    configuration: BundleConfiguration
    versions: dict[str, str] | None = None
    """Optional: versions of the installed packages."""
    log_tails: dict[str, list[dict[str, Any]]] | None = None
    """Optional: the last log lines of each service, allowed fields only."""
    drills: list[BundleDrill] | None = None
    """Optional: the last result of each drill that was run."""
