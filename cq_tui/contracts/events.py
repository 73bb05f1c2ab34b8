"""Events: one line of the history, and the payload of each type.

Memory assigns ``event_id`` and ``timestamp`` when it merges the spools; the producer's own time is
``metadata.occurred_at``, and its position in the producer's spool ``metadata.writer`` and ``metadata.seq``.
"""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from cq_tui.contracts.base import (
    BaseAmount,
    ContractModel,
    Count,
    Finite,
    Milliseconds,
    Positive,
    PositivePrice,
    Price,
    QuoteAmount,
    Ratio,
    Side,
    Status,
    Timestamp,
    UnixMs,
)
from cq_tui.contracts.import_events import HistoryImported, ImportedEvent
from cq_tui.contracts.trader_events import (
    AccountOpened,
    AssetText,
    BaseText,
    BookTakenOver,
    CommissionValued,
    DoubtEnded,
    DoubtRaised,
    EntryWaits,
    EquityMarked,
    ExitRequested,
    ForeignSalePlanned,
    FundsMoved,
    HoldingAccepted,
    LossLimitEnded,
    LossLimitReached,
    OrderAccepted,
    OrderSent,
    OrderUnknown,
    PartExitEnded,
    PartExitRequested,
    PlanText,
    PositionAdopted,
    PositionChanged,
    PriceText,
    StopMoved,
    SymbolLocked,
    SymbolUnlocked,
)
from cq_tui.contracts.units import ASSET, BASE, NO_UNIT, QUOTE, SECONDS, SHARE, UNIX_MS

#: Of signals from outside. It becomes part of the natural key, where a colon separates.
SignalId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]


class SignalBar(ContractModel):
    """The closed bar on which a strategy decided."""

    open: PositivePrice
    """First price."""
    high: PositivePrice
    """Highest price."""
    low: PositivePrice
    """Lowest price."""
    close: PositivePrice
    """Last price."""
    volume: BaseAmount
    """How much was traded."""


class SignalGenerated(ContractModel):
    """A strategy proposes a trade."""

    symbol: str
    side: Side
    entry_price: PositivePrice
    """Price at which the strategy would buy or sell."""
    stop_loss: PositivePrice
    """Price of the stop."""
    take_profit: PositivePrice
    """Price of the target."""
    confidence: Ratio
    """How sure the strategy is."""
    strategy: str
    frame: str | None = None
    """Interval of the trigger bar, such as ``1s``; part of the natural key."""
    bar_close_time: Annotated[int, UNIX_MS] | None = None
    """When the trigger bar closed; part of the natural key."""
    max_bars: Count | None = None
    """Exit after this many trigger bars if neither stop nor target was reached."""
    trail: Price | None = None
    """Distance of a trailing stop; null means a fixed stop."""
    trail_bars: Count | None = None
    """Bars of the trigger frame whose highest high the trailing stop hangs below; null means 22."""
    cooldown_bars: Count | None = None
    """Trigger bars without a new entry after a stop."""
    reason: str | None = None
    source: str | None = None
    """Where it comes from: strategy, command, file or post; null means strategy."""
    signal_id: SignalId | None = None
    """Id of a signal from outside, which counts once; its natural key is ``strategy:id:signal_id``."""
    issued_ms: UnixMs | None = None
    """When a signal from outside was issued, by whoever did."""
    age_ms: Milliseconds | None = None
    """How old a signal from outside was when ARES took it."""
    person: str | None = None
    """Who gave a signal by command: login name, and the address that it came from."""
    size: Annotated[Positive, BASE] | None = None
    """Most that the entry may buy; null leaves the size to the trader, which never buys more than by its own rules."""
    parameters_hash: str | None = None
    """First 16 hex digits of the SHA-256 over the strategy's parameters, as JSON with sorted keys and no spaces."""
    bar: SignalBar | None = None
    """The trigger bar."""
    values: dict[str, Annotated[Finite, NO_UNIT]] | None = None
    """Indicator values that justified it, by name; those that were not known yet are left out."""
    scale_in: bool | None = None
    """Whether it adds to the position that the same strategy holds."""
    part: Annotated[float, Field(gt=0, le=1), SHARE] | None = None
    """Share of the position that a SELL sells; null means all of it."""
    limit_price: PositivePrice | None = None
    """Most that an entry with a limit may pay; null means an entry at the market's price."""
    limit_until_ms: UnixMs | None = None
    """When an entry with a limit is given up, by the exchange's clock; null means after a trigger bar, or a minute."""


class OrderSubmitted(ContractModel):
    """The intent to place an order, synced to disk before it is sent."""

    symbol: str
    side: Side
    order_type: str
    """Type of the order at the exchange, such as LIMIT or STOP_LOSS."""
    client_order_id: str
    size: BaseAmount | None = None
    """Quantity."""
    price: Price | None = None
    """Limit of the price; null at market."""
    stop_price: Price | None = None
    """Price at which a stop is triggered."""
    leg: str | None = None
    """entry, stop, target, oco, exit …"""
    signal_key: str | None = None
    """Natural key of the signal that the order follows."""
    size_text: BaseText | None = None
    """Exact amounts, as decimal text; 0 for a pending order that sells what its list buys."""
    price_text: PriceText | None = None
    """Limit of the price, exactly."""
    stop_price_text: PriceText | None = None
    """Price at which a stop is triggered, exactly."""
    list_client_order_id: str | None = None
    """Id of the order list that the order is part of."""
    base_asset: str | None = None
    quote_asset: str | None = None
    ms: UnixMs | None = None
    """The exchange's time."""
    plan: PlanText | None = None
    """Of an entry: how its position is to be left."""


class OrderExecuted(ContractModel):
    """An order was filled or partially filled."""

    symbol: str
    side: Side
    size: Annotated[Positive, BASE]
    """Quantity of this fill."""
    price: PositivePrice
    """Price of this fill."""
    order_id: str
    status: str
    """Status of the order after it: FILLED or PARTIALLY_FILLED."""
    commission: Annotated[Finite, ASSET] | None = None
    """Commission, in ``commission_asset``."""
    commission_asset: str | None = None
    """Asset of the commission."""
    client_order_id: str | None = None
    leg: str | None = None
    realized_pnl: QuoteAmount | None = None
    """Profit that a closing fill realized: its proceeds less their share of the cost, commissions included. What
    remains is still owned, and no loss."""
    realized_text: Annotated[str, QUOTE] | None = None
    """The same as exact decimal text."""
    signal_key: str | None = None
    trade_id: str | None = None
    """Id of the trade at the exchange."""
    size_text: BaseText | None = None
    """Exact amounts, as decimal text."""
    price_text: PriceText | None = None
    """Price, exactly."""
    commission_text: AssetText | None = None
    """Commission, exactly."""
    commission_price_text: PriceText | None = None
    """Price of a third commission asset in quote units; null if it is not known yet."""
    commission_own_text: AssetText | None = None
    """How much of the commission coins of ours paid that are held in another symbol."""
    ms: UnixMs | None = None
    """When it was traded, by the exchange."""
    claimed: bool | None = None
    """Whether ``order_id`` is that of trades which fit the order, while the exchange has not named it yet."""


class OrderRejected(ContractModel):
    """An order or a signal was rejected, by a guardrail or by the exchange."""

    symbol: str
    side: Side
    reason: str
    refused_by: str | None = None
    """guardrail or exchange."""
    code: str | None = None
    """The exchange's error code, such as -2010, or the guardrail's name."""
    client_order_id: str | None = None
    leg: str | None = None
    signal_key: str | None = None
    strategy: str | None = None
    status: str | None = None
    """Status of the order at the exchange, such as REJECTED."""
    order_id: str | None = None
    ms: UnixMs | None = None
    """The exchange's time."""
    executed_text: BaseText | None = None
    """Quantity filled before, as exact decimal text."""
    size_text: BaseText | None = None
    """Quantity of the order, as exact decimal text."""
    counts: bool | None = None
    """Whether it counts as a failure of the symbol."""


class OrderCanceled(ContractModel):
    """An order ended without further fills."""

    symbol: str
    side: Side
    order_id: str | None = None
    client_order_id: str | None = None
    status: str | None = None
    """Status of the order at the exchange, such as CANCELED or EXPIRED."""
    reason: str | None = None
    leg: str | None = None
    code: str | None = None
    signal_key: str | None = None
    ms: UnixMs | None = None
    """The exchange's time."""
    executed_text: BaseText | None = None
    """Quantity filled before, as exact decimal text."""
    size_text: BaseText | None = None
    """Quantity of the order, as exact decimal text."""
    counts: bool | None = None
    """Whether it counts as a failure of the symbol."""
    gives_up: bool | None = None
    """Whether the trades that are missing are awaited no more: the exchange no longer knows the order."""


class HealthStatusChanged(ContractModel):
    """A service's status changed."""

    service: str
    old_status: Status
    """The status before."""
    new_status: Status
    """The status after."""
    reason: str | None = None


class SymbolFailed(ContractModel):
    """The exchange refused an order of a symbol, and its rules, read again, do not explain why: one failure more."""

    symbol: str
    reason: str
    ms: UnixMs
    """When its rules were read again, by the exchange's clock."""


class SymbolQuarantined(ContractModel):
    """Trading of one symbol, or of one strategy, is suspended."""

    symbol: str
    """Empty for a strategy."""
    reason: str
    failures: Count | None = None
    """Failures in a row that led to it."""
    until: Timestamp | None = None
    """When one entry is let through as a probe; by hand: when it ends."""
    since: Timestamp | None = None
    """When it began."""
    strategy: str | None = None
    cause: str | None = None
    """failures, stops, repairs or hand."""
    person: str | None = None
    """Who wants it, if it is by hand."""


class SymbolReleased(ContractModel):
    """A quarantined symbol or strategy may trade again."""

    symbol: str
    """Empty for a strategy."""
    reason: str | None = None
    strategy: str | None = None
    cause: str | None = None
    """Which cause has ended: failures, stops, repairs or hand. Empty if all have."""


class ConfigChanged(ContractModel):
    """A setting changed. Secrets appear as ``set`` or ``unset``, never as values."""

    key: str
    """Name of the setting; of a strategy's, ``STRATEGIES.strategy.parameter``."""
    old_value: Any = None
    """The value before; null if the setting was not in the file."""
    new_value: Any = None
    """The value after; null if the setting is no longer in the file."""
    changed_by: str | None = None
    """Who changed it: room, cli, file (with an editor), or start (a default of an earlier version, written down)."""


class TradingStateChanged(ContractModel):
    """Somebody halted, reduced or resumed trading, for all symbols."""

    old_state: str
    """The trading state before, by files and settings: active, reducing or halted."""
    new_state: str
    """The one after."""
    by: str | None = None
    """How: room, command, file (with other means) or signal (to the trader, since no file could be made)."""
    person: str | None = None
    """Who: login name, and the address it came from."""
    why: str | None = None
    """The reason that the person gave."""


class ServiceStarted(ContractModel):
    """A service process started."""

    service: str
    pid: Annotated[int, NO_UNIT] | None = None
    version: str | None = None


class ServiceStopped(ContractModel):
    """A service process ended."""

    service: str
    pid: Annotated[int, NO_UNIT] | None = None
    reason: str | None = None
    """"requested", "crashed", "killed by signal 9" …"""
    exit_code: Annotated[int, NO_UNIT] | None = None
    """Exit code of the process; negative: number of the signal that ended it; null if unknown."""


class OwnerEstablished(ContractModel):
    """The trader chose the owner that its orders on an account name, or found its directory in another place."""

    account: str
    """Venue and the exchange's user id, such as ``testnet:1234567``."""
    owner: str
    """Five characters, part of every client order id."""
    machine: str
    """Digest of the machine's id."""
    directory: str
    """Resolved path of the data directory."""
    device: str
    """Device of the data directory, as text: it may exceed what JSON readers keep exact."""
    inode: str
    """Inode of the data directory, as text."""
    replaces: str | None = None
    """The owner before, whose orders stay ours."""
    doubt: str | None = None
    """Why nothing is opened until a person confirms that no other trader uses the account."""


class OwnerConfirmed(ContractModel):
    """A person confirmed that no other trader uses the account."""

    account: str
    owner: str
    person: str
    why: str


class CommandExecuted(ContractModel):
    """A command was executed or refused."""

    command_id: str
    command: str
    """The command."""
    outcome: str
    """done, refused, failed, expired or interrupted."""
    target: str | None = None
    """What it acted on: a service, a symbol, a strategy or a fault."""
    message: str | None = None
    """The same in words."""
    issued_by: str | None = None
    person: str | None = None
    """Who gave it: login name, and the address it came from."""
    why: str | None = None
    """The reason that the person gave."""


class KlinesRepaired(ContractModel):
    """The feeder replaced stored klines that differed from the exchange's, which strategies may have decided on."""

    symbol: str
    interval: str
    """Of the klines, such as ``5m``."""
    count: Count
    """Klines that were changed, missing or too many."""
    first_open_time: UnixMs
    """Open time of the first of them."""
    last_open_time: UnixMs
    """Open time of the last of them."""


class ClockBehind(ContractModel):
    """The clock went back: event times, which never do, are ahead of it until it has caught up."""

    ahead_sec: Annotated[Positive, SECONDS]
    """By how much the newest event lies ahead of the clock."""
    clock_ts: Timestamp | None = None
    """What the clock showed."""


class IntegrityFault(ContractModel):
    """The history failed a check."""

    reason: str
    file: str | None = None
    """File with the fault, relative to the data directory."""
    indexes: list[Annotated[int, NO_UNIT]] | None = None
    """Exact block or event indexes."""


class IntegrityAcknowledged(ContractModel):
    """A person acknowledged a fault. That repairs and erases nothing."""

    fault_id: str
    """Short id of the fault, as listed by ``cq-tui acknowledge``."""
    fault: str
    acknowledged_by: str | None = None
    """Who acknowledged it."""
    comment: str | None = None
    note: str | None = None
    """The signed acknowledgement (C2SP signed note)."""


class HistoryRestored(ContractModel):
    """The data directory was restored from a backup: what was recorded after that is not in this history."""

    backup: str
    """File name of the backup."""
    manifest_hash: str
    """Hex SHA-256 of the backup's manifest, which has the hash of every file in it."""
    made_at: Timestamp
    """When the backup was made."""
    events: Count
    """Events in the backup's history; this one and those still in the spools are counted after them."""
    merkle_root: str | None = None
    """Merkle root of these events."""
    rolled_back: Count | None = None
    """Events that this computer had signed and the backup lacks."""
    replaced: str | None = None
    """Folder name that the directory got which was there before."""
    person: str | None = None
    """Login name, and the address that SSH names."""


PAYLOADS: Final[dict[str, type[ContractModel]]] = {
    "signal_generated": SignalGenerated,
    "order_submitted": OrderSubmitted,
    "order_executed": OrderExecuted,
    "order_rejected": OrderRejected,
    "order_canceled": OrderCanceled,
    "order_sent": OrderSent,
    "order_accepted": OrderAccepted,
    "order_unknown": OrderUnknown,
    "entry_waits": EntryWaits,
    "exit_requested": ExitRequested,
    "part_exit_requested": PartExitRequested,
    "part_exit_ended": PartExitEnded,
    "stop_moved": StopMoved,
    "position_changed": PositionChanged,
    "position_adopted": PositionAdopted,
    "doubt_raised": DoubtRaised,
    "doubt_ended": DoubtEnded,
    "holding_accepted": HoldingAccepted,
    "account_opened": AccountOpened,
    "funds_moved": FundsMoved,
    "equity_marked": EquityMarked,
    "commission_valued": CommissionValued,
    "loss_limit_reached": LossLimitReached,
    "loss_limit_ended": LossLimitEnded,
    "book_taken_over": BookTakenOver,
    "health_status_changed": HealthStatusChanged,
    "symbol_failed": SymbolFailed,
    "symbol_quarantined": SymbolQuarantined,
    "symbol_released": SymbolReleased,
    "symbol_locked": SymbolLocked,
    "symbol_unlocked": SymbolUnlocked,
    "foreign_sale_planned": ForeignSalePlanned,
    "config_changed": ConfigChanged,
    "trading_state_changed": TradingStateChanged,
    "service_started": ServiceStarted,
    "service_stopped": ServiceStopped,
    "owner_established": OwnerEstablished,
    "owner_confirmed": OwnerConfirmed,
    "command_executed": CommandExecuted,
    "klines_repaired": KlinesRepaired,
    "clock_behind": ClockBehind,
    "integrity_fault": IntegrityFault,
    "integrity_acknowledged": IntegrityAcknowledged,
    "history_imported": HistoryImported,
    "imported_event": ImportedEvent,
    "history_restored": HistoryRestored,
}


#: What must be recorded even on a full disk: what tells the trader's book, and what a person stopped or accepted.
SAFETY_EVENTS: Final = frozenset(
    {
        "order_submitted",
        "order_executed",
        "order_canceled",
        "order_sent",
        "order_accepted",
        "order_unknown",
        "entry_waits",
        "exit_requested",
        "part_exit_requested",
        "part_exit_ended",
        "stop_moved",
        "position_changed",
        "position_adopted",
        "doubt_raised",
        "doubt_ended",
        "holding_accepted",
        "symbol_locked",
        "symbol_unlocked",
        "foreign_sale_planned",
        "account_opened",
        "funds_moved",
        "equity_marked",
        "commission_valued",
        "loss_limit_reached",
        "loss_limit_ended",
        "book_taken_over",
        "config_changed",
        "trading_state_changed",
        "owner_established",
        "owner_confirmed",
        "command_executed",
        "integrity_fault",
        "integrity_acknowledged",
    }
)


def signal_key(signal: object) -> str:
    """Return the natural key of a signal or its payload: the same after any restart or repeated merge.

    That is ``strategy:symbol:frame:bar_close_time:side``; of a signal from outside, ``strategy:id:signal_id``.
    """
    read = signal.get if isinstance(signal, Mapping) else partial(_field, signal)
    if signal_id := read("signal_id"):
        return f"{read('strategy')}:id:{signal_id}"
    return ":".join(str(read(field)) for field in ("strategy", "symbol", "frame", "bar_close_time", "side"))


def _field(signal: object, name: str) -> Any:
    return getattr(signal, name, None)


class EventMetadata(ContractModel):
    """Optional context of an event (contract version 1.1)."""

    strategy: str | None = None
    confidence: Annotated[float, SHARE] | None = None
    """Confidence of the signal."""
    risk_score: Annotated[float, NO_UNIT] | None = None
    """Risk of the signal, by whoever wrote it; this version writes none."""
    writer: str | None = None
    """Producer's spool."""
    seq: Annotated[Count, NO_UNIT] | None = None
    """Position in that spool; (writer, seq) is unique forever."""
    occurred_at: Timestamp | None = None
    """When it happened, by the producer's clock."""
    account: str | None = None
    """Account that an event of the trader is about: venue and uid, such as ``simulated:8137``."""


class Event(ContractModel):
    """One line of ``memory/event_chain.ndjson``."""

    event_id: str = Field(min_length=1)
    """Unique id, assigned by memory."""
    timestamp: Timestamp
    """When memory appended the event."""
    event_type: str = Field(min_length=1)
    source: str
    """Process that emitted the event."""
    data: dict[str, Any] = {}
    """Payload; its fields depend on the type."""
    metadata: EventMetadata | None = None
    """Where the event comes from, and its context."""

    def payload(self) -> ContractModel | None:
        """Return ``data`` as its typed payload, or None for an unknown event type.

        Raises pydantic.ValidationError if the data does not match its type.
        """
        model = PAYLOADS.get(self.event_type)
        return None if model is None else model.model_validate(self.data)


class SpooledEvent(ContractModel):
    """One line of ``memory/spool/<writer>.ndjson``: an event before it gets its id and time."""

    seq: Annotated[int, Field(ge=1, lt=2**53), NO_UNIT] = Field(ge=1, lt=2**53)
    """Number of the event in its spool, from 1 without gaps."""
    occurred_at: Timestamp
    """When it happened, by the producer's clock."""
    event_type: str = Field(min_length=1, pattern=r"^[a-z0-9_.]+$")
    source: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.:-]+$")
    """Process that emits the event."""
    data: dict[str, Any] = {}
    """Payload; its fields depend on the type."""
    metadata: dict[str, Any] = {}
    """Context of the event."""
    v: Annotated[int, NO_UNIT] | None = None
    """2 for a line that ends with a checksum."""
    crc: str | None = None
    """CRC-32 of all bytes before this field, eight hex digits."""
