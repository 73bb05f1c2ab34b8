"""``health/<service>.json``: each service's health, rewritten at every heartbeat.

The reader computes the age of a health file from ``last_update_ts``; ``updated_within_sec`` is how old the service's
data was at that moment.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from cq_tui.contracts.base import ContractModel, Finite, Ratio, Seconds, Status, Timestamp


def _clamp_to_epoch(moment: object) -> object:
    return 0.0 if isinstance(moment, float) and moment < 0 else moment


#: Below 2^63: not every reader can write a larger integer as JSON again.
Count = Annotated[int, Field(ge=0, lt=2**63)]
#: A clock that was never set may show a time before 1970: even then a service must be able to report.
ClampedTimestamp = Annotated[Timestamp, BeforeValidator(_clamp_to_epoch)]


class Health(ContractModel):
    """Fields common to all services."""

    service: str
    status: Status
    last_update_ts: ClampedTimestamp
    updated_within_sec: Seconds
    reason: str | None = None
    """Why the status is not ok."""
    pid: Count | None = None
    started_ts: ClampedTimestamp | None = None
    ready: bool | None = None
    """Whether the service does its work; services that need it wait for this at startup."""
    waiting_for: str | None = None
    """What it waits for until it is ready."""
    version: str | None = None
    mode: str | None = None
    """Mode that the service is in."""


class FeederHealth(Health):
    """``health/feeder.json``."""

    service: Literal["feeder"]
    symbols: list[str]
    ws_connected: bool
    rest_api_ok: bool
    symbols_count: Count
    last_symbol_update: ClampedTimestamp
    silent_symbols: dict[str, float] | None = None
    """Symbols without messages, with the seconds since the last one."""
    rejected_symbols: dict[str, str] | None = None
    """Symbols left out, such as unlisted or halted ones, with the reason."""
    held_symbols: list[str] | None = None
    """Symbols that are not in SYMBOLS, fed because the trader holds something in them."""
    reconnects: Count | None = None
    dropped_messages: Count | None = None
    gaps_repaired: Count | None = None
    request_weight_used: Count | None = None
    clock_offset_ms: Finite | None = None
    mode: str | None = None
    """Mode that the market data belongs to: prices of different exchanges must not be mixed."""


class AresHealth(Health):
    """``health/ares.json``."""

    service: Literal["ares"]
    signal_count: Count
    last_signal_time: ClampedTimestamp
    feeder_health_ok: bool
    default_signals_blocked: bool
    active_strategies: list[str]
    latency_ms_p50: float
    warming: dict[str, str] | None = None
    """Symbols that are still warming up, with their progress."""


class UnprotectedTimes(ContractModel):
    """How long positions were without a working stop, in milliseconds, by the exchange's times."""

    count: Count
    p50_ms: Count
    p99_ms: Count
    max_ms: Count


class TraderHealth(Health):
    """``health/trader.json``."""

    service: Literal["trader"]
    orders_count: Count
    fills_count: Count
    last_order_time: ClampedTimestamp
    account_balance_ok: bool
    ares_health_ok: bool
    quarantined_symbols: list[str]
    quarantined_strategies: list[str] | None = None
    active_positions: Count
    blocked_by: list[str] | None = None
    """Why no position can be opened now; null if it can."""
    open_orders: Count | None = None
    denials_count: Count | None = None
    account: str | None = None
    """Venue and the exchange's user id, such as ``testnet:1234567``."""
    owner: str | None = None
    """The five characters by which orders of this directory are known."""
    clock_offset_ms: Finite | None = None
    """How far the exchange's clock is ahead of this computer's."""
    unprotected: dict[str, UnprotectedTimes] | None = None
    """How long positions were without a working stop, by why: entry_list, entry_oco, trail, exit, lost."""
    unsellable: dict[str, str] | None = None
    """By symbol: why what is held can be neither sold nor protected now."""
    doubts: dict[str, list[str]] | None = None
    """By symbol, ``account`` for the whole account: what cannot be explained, so that nothing is opened."""
    notices: list[str] | None = None
    """What a person should know although nothing is wrong."""
    trading_state: str | None = None
    """The trading state by files and settings, as the trader acts on it; null in versions without such files."""


class AcceptedContradiction(ContractModel):
    """A person accepted that the history contradicts what was signed; part of every later verdict."""

    event_index: Count | None = None
    """Index of its ``integrity_acknowledged`` event; null until the history has it."""
    accepted_by: str
    accepted_at: ClampedTimestamp
    fault: str


class MemoryHealth(Health):
    """``health/memory.json``."""

    service: Literal["memory"]
    integrity_ok: bool
    events_count: Count
    snapshots_count: Count
    last_integrity_check: ClampedTimestamp
    merkle_root: str
    chain_length: Count
    backlog: Count | None = None
    """Spooled events that are not merged yet."""
    check_progress: float | None = None
    """Share of the history covered by the running check, 0..1."""
    faults: list[str] | None = None
    """The newest faults, oldest first."""
    fault_count: Count | None = None
    """Total number of faults."""
    backlog_bytes: Count | None = None
    """Unmerged bytes in the spools."""
    missing_count: Count | None = None
    """Events named by the chain or a checkpoint, but missing."""
    anchored_count: Count | None = None
    """Events covered by the last signed checkpoint; later ones are not anchored yet."""
    last_anchor_ts: ClampedTimestamp | None = None
    """When that checkpoint was signed."""
    anchor_problem: str | None = None
    """Why no checkpoint can be signed."""
    checkpoint: str | None = None
    """The last signed checkpoint, in full."""
    public_key: str | None = None
    """Public key of the checkpoints (C2SP verifier key)."""
    last_full_check: ClampedTimestamp | None = None
    """When the whole history was last verified."""
    full_check_progress: Ratio | None = None
    """Progress of a running check of the whole history, 0..1; null when all of it is verified."""
    fault_kinds: dict[str, Count] | None = None
    """Number of faults by kind: history, missing, contradiction, checkpoints, key, copy, spool."""
    accepted_fault_count: Count | None = None
    """Damaged events and blocks that a person accepted: no longer faults, but no more intact than before."""
    gap_count: Count | None = None
    """Numbers missing in the writers' numbering."""
    lost_count: Count | None = None
    """Events of an earlier history that was in this data directory and is gone."""
    accepted: list[AcceptedContradiction] | None = None
    """Accepted contradictions, oldest first."""
    clock_ahead_sec: Seconds | None = None
    """How far the newest event is ahead of the clock, if by more than a minute: the clock was set back."""


class ExchangeHealth(Health):
    """``health/exchange.json``: the simulated exchange."""

    service: Literal["exchange"]
    symbols_count: Count
    rest_url: str | None = None
    source: str | None = None
    orders_count: Count | None = None


class ServiceState(ContractModel):
    """The supervisor's view of one service process."""

    state: Literal["stopped", "starting", "waiting", "running", "stopping", "backoff", "gave_up"]
    pid: Count | None = None
    started_ts: ClampedTimestamp | None = None
    restarts: Count = 0
    wanted: Literal["running", "stopped"] = "running"
    reason: str | None = None
    cpu_percent: float | None = None
    memory_mb: float | None = None
    """Resident memory in MiB."""
    hung: bool | None = None
    """Alive, but silent past its limit in the time that the supervisor itself was awake; ``reason`` says how long."""
    last_stopped_ts: ClampedTimestamp | None = None
    """When it last ended without having been asked to."""
    last_stop_reason: str | None = None
    """How it ended then."""
    last_recovered_ts: ClampedTimestamp | None = None
    """When it was ready again after that; null until then."""


class SupervisorHealth(Health):
    """``health/supervisor.json``."""

    service: Literal["supervisor"]
    services: dict[str, ServiceState] = {}
    kind: str | None = None
    """"room" or "headless"."""


HEALTH_MODELS: dict[str, type[Health]] = {
    "feeder": FeederHealth,
    "ares": AresHealth,
    "trader": TraderHealth,
    "memory": MemoryHealth,
    "exchange": ExchangeHealth,
    "supervisor": SupervisorHealth,
}
