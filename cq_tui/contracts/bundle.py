"""``debug_bundle_<ts>.json``: what a person sends to someone who helps. Built by allow-list: no secrets."""

from typing import Any

from pydantic import Field

from cq_tui.contracts.base import ContractModel, Count, Timestamp


class BundleSystem(ContractModel):
    """The machine, without names of users or hosts."""

    python_version: str
    platform: str
    #: MiB over the stack's processes.
    memory_usage: float
    #: Per cent of one core over the stack's processes.
    cpu_usage: float


class BundleComponent(ContractModel):
    """One service in a few words."""

    status: str
    #: look, bad or idle, and the key of the room that helps, unless the status is ok.
    level: str | None = None
    key: str | None = None
    updated_within_sec: float | None = None
    integrity_ok: bool | None = None


class BundleHealth(ContractModel):
    """The stack as a whole, and each part."""

    overall_status: str
    components: dict[str, BundleComponent]


class BundleEvent(ContractModel):
    """A recent event; payloads stay out unless allowed."""

    event_id: str
    timestamp: Timestamp
    event_type: str
    source: str


class BundleIntegrity(ContractModel):
    """What was known of the history."""

    chain_valid: bool
    merkle_root: str
    events_count: Count
    snapshots_count: Count
    #: Age of the report that says so, in seconds, when memory does not report any more.
    reported_within_sec: float | None = None
    #: The last signed checkpoint, whole, to hold the history against later.
    checkpoint: str | None = None
    #: Public key of the checkpoint (C2SP verifier key).
    public_key: str | None = None


class BundleConfiguration(ContractModel):
    """The settings that matter, never keys."""

    #: The setting TRADING_MODE.
    trading_mode: str
    #: The mode that all settings together lead to.
    effective_mode: str | None = None
    simulation_mode: bool
    default_signals: bool


class DebugBundle(ContractModel):
    """The document."""

    bundle_id: str = Field(min_length=1)
    timestamp: Timestamp
    system_info: BundleSystem
    health_status: BundleHealth
    recent_events: list[BundleEvent]
    memory_integrity: BundleIntegrity
    configuration: BundleConfiguration
    #: Optional: versions of the packages in use.
    versions: dict[str, str] | None = None
    #: Optional: the last log lines of each service, allowed fields only.
    log_tails: dict[str, list[dict[str, Any]]] | None = None
