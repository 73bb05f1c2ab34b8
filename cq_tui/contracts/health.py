"""``health/<service>.json``: each service's health, rewritten at every heartbeat.

The reader computes the age of a health file from ``last_update_ts``; ``updated_within_sec`` is how old the service's
data was at that moment.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from cq_tui.contracts.base import ContractModel, Finite, Ratio, Seconds, Status, Timestamp
from cq_tui.contracts.units import BYTES, COUNT, MIB, MICROSECONDS, MILLISECONDS, NO_UNIT, PERCENT, SECONDS, SHARE


def _clamp_to_epoch(moment: object) -> object:
    return 0.0 if isinstance(moment, float) and moment < 0 else moment


#: Below 2^63: not every reader can write a larger integer as JSON again.
_Integer = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[_Integer, COUNT]
Pid = Annotated[_Integer, NO_UNIT]
ClockOffset = Annotated[Finite, MILLISECONDS]
#: A clock that was never set may show a time before 1970: even then a service must be able to report.
ClampedTimestamp = Annotated[Timestamp, BeforeValidator(_clamp_to_epoch)]


class Health(ContractModel):
    """Fields common to all services."""

    service: str
    status: Status
    """How the service is: ok, degraded (it works, but not as it should) or error (it does not work)."""
    last_update_ts: ClampedTimestamp
    """When this file was written."""
    updated_within_sec: Seconds
    """How old the service's data was when the file was written."""
    reason: str | None = None
    """Why the status is not ok."""
    pid: Pid | None = None
    started_ts: ClampedTimestamp | None = None
    ready: bool | None = None
    """Whether the service does its work; services that need it wait for this at startup."""
    waiting_for: str | None = None
    """What it waits for until it is ready."""
    version: str | None = None
    mode: str | None = None
    """Mode that the service is in."""


class SymbolState(ContractModel):
    """What the feeder does with a symbol."""

    state: str
    """trading, filling (klines are being fetched), silent (no message within ARES_FRESHNESS_THRESHOLD), halted,
    delisted, unlisted (the exchange does not know it), unusable (see ``rejected_symbols``) or starting."""
    since: ClampedTimestamp
    """When the feeder first saw it; of a silent symbol, when its last message came."""


class FeederHealth(Health):
    """``health/feeder.json``: whether market data comes in, and for which symbols."""

    service: Literal["feeder"]
    symbols: list[str]
    """The symbols that are watched."""
    ws_connected: bool
    """Whether the WebSocket connection to the market streams stands."""
    rest_api_ok: bool
    """Whether the exchange's REST API answers."""
    symbols_count: Count
    """How many symbols are watched."""
    last_symbol_update: ClampedTimestamp
    """When a message of any symbol came last."""
    silent_symbols: dict[str, Annotated[float, SECONDS]] | None = None
    """Symbols without messages, with the seconds since the last one."""
    rejected_symbols: dict[str, str] | None = None
    """Symbols left out, such as unlisted or halted ones, with the reason."""
    symbol_states: dict[str, SymbolState] | None = None
    """State of every symbol of SYMBOLS and of those held, and since when."""
    held_symbols: list[str] | None = None
    """Symbols that are not in SYMBOLS, fed because the trader holds something in them."""
    other_symbols: list[str] | None = None
    """Symbols that are neither, fed because strategies read them beside those that they trade."""
    chosen_symbols: dict[str, list[str]] | None = None
    """Symbols chosen for entries of SYMBOLS such as top:50:USDT, by entry, the most traded first."""
    reconnects: Count | None = None
    """How often the streams were connected again in this session."""
    dropped_messages: Count | None = None
    """Messages since the start that newer ones replaced, or that could not be read."""
    gaps_repaired: Count | None = None
    """Gaps in the klines that were filled over REST in this session."""
    request_weight_used: Count | None = None
    """Request weight that the exchange counted in the current minute; no longer written."""
    clock_offset_ms: ClockOffset | None = None
    """How far the exchange's clock is ahead of this computer's."""
    mode: str | None = None
    """Mode that the market data belongs to: prices of different exchanges must not be mixed."""


class StrategyHealth(ContractModel):
    """One strategy in ``health/ares.json``."""

    state: Literal["running", "warming", "stopped", "off"]
    """Whether it runs, waits for bars, stopped because of an error on all of its symbols, or is switched off."""
    reason: str | None = None
    """Why it does not run; of one that runs, why it stopped on some symbol."""
    last_signal_ts: ClampedTimestamp | None = None
    """When its last signal was generated."""
    signals: Count | None = None
    """Signals that it generated in this data directory."""
    p50_us: Annotated[Finite, MICROSECONDS] | None = None
    """How long it takes for a bar: half of the latest times were shorter."""
    slowest_ms: Annotated[Finite, MILLISECONDS] | None = None
    """The longest that a bar took it since the start."""


class OutsideSignalsHealth(ContractModel):
    """Signals from outside, since ARES started."""

    accepted: Count
    """Taken into the history."""
    duplicates: Count
    """Not taken, since their id had been."""
    refused: Count
    """Not taken, for a reason that their outcome names."""
    waiting: Count
    """Files that wait, since nothing can be recorded now."""
    last_refusal: str | None = None
    """File and reason of the last that was refused."""


class AresHealth(Health):
    """``health/ares.json``: whether the strategies run, and what they signaled."""

    service: Literal["ares"]
    signal_count: Count
    """Signals generated in this data directory."""
    last_signal_time: ClampedTimestamp
    """When the last signal was generated."""
    feeder_health_ok: bool
    """Whether the feeder is ok and its report fresh."""
    default_signals_blocked: bool
    """Whether test signals are blocked. They are unless TEST_ALLOW_DEFAULT_SIGNAL is on."""
    active_strategies: list[str]
    """Names of the strategies that run."""
    latency_ms_p50: Annotated[Finite, MILLISECONDS]
    """From a kline's arrival to the append of its signal: half of the latest times were shorter; 0 without signals."""
    warming: dict[str, str] | None = None
    """Symbols that are still warming up, with their progress."""
    strategies: dict[str, StrategyHealth] | None = None
    """The state of each strategy, by its name."""
    outside_signals: OutsideSignalsHealth | None = None
    """Signals from outside; null if none came."""


class UnprotectedTimes(ContractModel):
    """How long positions were without a working stop, in milliseconds, by the exchange's times."""

    count: Count
    """How many such times there were."""
    p50_ms: Annotated[_Integer, MILLISECONDS]
    """Half of them were shorter."""
    p99_ms: Annotated[_Integer, MILLISECONDS]
    """99 of 100 were shorter."""
    max_ms: Annotated[_Integer, MILLISECONDS]
    """The longest."""


class TraderHealth(Health):
    """``health/trader.json``: whether orders can be placed, and what is open."""

    service: Literal["trader"]
    orders_count: Count
    """Orders sent, over restarts."""
    fills_count: Count
    """Fills of these orders."""
    last_order_time: ClampedTimestamp
    """When the last order was sent."""
    account_balance_ok: bool
    """Whether the balance of the quote asset is known."""
    ares_health_ok: bool
    """Whether ARES is ok and its report fresh."""
    quarantined_symbols: list[str]
    """Symbols in which nothing is opened for a while, after failures or by hand."""
    quarantined_strategies: list[str] | None = None
    """Strategies that open nothing for a while."""
    active_positions: Count
    """How many positions are open."""
    blocked_by: list[str] | None = None
    """Why no position can be opened now; null if it can."""
    open_orders: Count | None = None
    """How many orders may still fill."""
    denials_count: Count | None = None
    """Signals that a guardrail denied, over restarts."""
    account: str | None = None
    """Venue and the exchange's user id, such as ``testnet:1234567``."""
    owner: str | None = None
    """The five characters by which orders of this directory are known."""
    clock_offset_ms: ClockOffset | None = None
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

    event_index: Annotated[_Integer, NO_UNIT] | None = None
    """Index of its ``integrity_acknowledged`` event; null until the history has it."""
    accepted_by: str
    """Who accepted it."""
    accepted_at: ClampedTimestamp
    """When."""
    fault: str


class MemoryHealth(Health):
    """``health/memory.json``: whether the history is recorded, whole and signed."""

    service: Literal["memory"]
    integrity_ok: bool
    """Whether the history passed every check so far."""
    events_count: Count
    """Events of the history."""
    snapshots_count: Count
    """Snapshots that are stored."""
    last_integrity_check: ClampedTimestamp
    """When the history was checked last."""
    merkle_root: str
    chain_length: Count
    """Blocks of the hash chain, genesis included."""
    backlog: Count | None = None
    """Spooled events that are not merged yet."""
    check_progress: Annotated[float, SHARE] | None = None
    """Share of the history covered by the running check, 0..1."""
    faults: list[str] | None = None
    """The newest faults, oldest first."""
    fault_count: Count | None = None
    """Total number of faults."""
    backlog_bytes: Annotated[_Integer, BYTES] | None = None
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
    """Symbols that the exchange lists."""
    rest_url: str | None = None
    """Address of its REST API."""
    source: str | None = None
    """Where its prices come from: a seed, a replay, or the real market."""
    speed: Annotated[float, NO_UNIT] | None = None
    """How many seconds of a real market pass in one: 60 hours of market time pass in an hour at 60. Absent or 1 is real
    time."""
    orders_count: Count | None = None
    """Orders that it has taken; no longer written."""


class ServiceState(ContractModel):
    """The supervisor's view of one service process."""

    state: Literal["stopped", "starting", "waiting", "running", "stopping", "backoff", "gave_up"]
    """What the process does: backoff waits before another start, gave_up starts it no more."""
    pid: Pid | None = None
    started_ts: ClampedTimestamp | None = None
    restarts: Count = 0
    """How often it was started again after a crash."""
    wanted: Literal["running", "stopped"] = "running"
    """Whether it should be running."""
    reason: str | None = None
    cpu_percent: Annotated[float, PERCENT] | None = None
    """Of one core."""
    memory_mb: Annotated[float, MIB] | None = None
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
    """``health/supervisor.json``: the processes of all services."""

    service: Literal["supervisor"]
    services: dict[str, ServiceState] = {}
    """Every service by name."""
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
