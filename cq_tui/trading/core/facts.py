"""Facts: the only things that change the book. Each becomes one event of the history, so the events tell the book.

Times are the exchange's Unix milliseconds, amounts exact decimals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.contracts.base import Side
from cq_tui.trading.core.foreign_sale import Left
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.limits.losses import LossLimit, LossTier
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import NakedKind, PositionState
from cq_tui.trading.quarantine import Cause
from cq_tui.trading.signals import TradeSignal


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """An order will be sent. ``plan``: of an entry, how its position will be left. Assets: of the symbol."""

    order: OrderRecord
    base_asset: str
    quote_asset: str
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class OrderSent:
    """A request with this order is on its way to the exchange."""

    client_order_id: str
    ms: int


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """An order's state changed, without a trade: accepted, canceled, expired, rejected, unknown.

    ``quantity`` is set when it was not known before: a pending order that sells what its list bought.
    ``counts``: whether it counts as a failure of the symbol. ``claimed``: ``order_id`` is the one that trades have
    which are taken for its own; otherwise the exchange has named it. ``gives_up``: no more was executed than the known
    trades account for, as far as anybody can tell: the exchange no longer knows the order.
    """

    client_order_id: str
    status: OrderStatus
    ms: int
    order_id: int | None = None
    executed: Decimal = Decimal(0)
    quantity: Decimal | None = None
    reason: str = ""
    code: int | None = None
    counts: bool = False
    claimed: bool = False
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """One trade of an order.

    ``commission_price``: of a third commission asset, in quote units; None if unknown. ``commission_own``: how much of
    the commission own coins of that asset paid. ``realized``: the profit of a sale, commissions of buying and selling
    included, in quote units; None of a purchase. ``claimed``: the exchange has not named the order, which it fits.
    """

    client_order_id: str
    order_id: int
    fill: TradeFill
    status: OrderStatus
    commission_price: Decimal | None = None
    commission_own: Decimal = Decimal(0)
    realized: Decimal | None = None
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class SignalDenied:
    """A signal was not acted on."""

    signal_key: str
    symbol: str
    side: str
    strategy: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class EntryWaits:
    """A BUY signal waits for its limit price until ``until_ms``. Nothing of it is at the exchange meanwhile."""

    symbol: str
    side: Side
    signal_key: str
    strategy: str
    limit_price: Decimal
    until_ms: int
    ms: int
    signal: TradeSignal


@dataclass(frozen=True, slots=True)
class ExitWanted:
    """A position is to be closed, whatever happens meanwhile. ``signal_key``: of the SELL signal that asked."""

    symbol: str
    reason: str
    ms: int
    signal_key: str = ""


@dataclass(frozen=True, slots=True)
class PartExitWanted:
    """A part of a position is to be sold: what is held beyond ``keep`` (base units). ``signal_key``: of the SELL."""

    symbol: str
    signal_key: str
    keep: Decimal
    reason: str
    ms: int


@dataclass(frozen=True, slots=True)
class PartExitEnded:
    """No part of a position is to be sold any more. ``unsold``: how much of it stays (base units), and why."""

    symbol: str
    signal_key: str
    unsold: Decimal
    ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StopMoved:
    """The stop of a position was raised."""

    symbol: str
    stop_loss: Decimal
    ms: int


@dataclass(frozen=True, slots=True)
class PositionMoved:
    """A position's state changed. ``signal_key``: of the plan that it follows.

    ``naked_ms``: how long it was without its stop, if that just ended.
    """

    symbol: str
    signal_key: str
    before: PositionState
    after: PositionState
    ms: int
    reason: str = ""
    naked_kind: NakedKind | None = None
    naked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PositionAdopted:
    """Coins that the account already held became a position, or a part of the one that is there.

    A person wants them protected; or sold at once: then ``exit_reason`` says so. ``strategy``: whose SELL signals close
    them, as in the plan; empty if only the person does.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    quantity: Decimal
    price: Decimal
    plan: Plan
    ms: int
    person: str
    why: str = ""
    exit_reason: str = ""
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class DoubtRaised:
    """Something cannot be explained: nothing is opened in the symbol (or, without one, in the account)."""

    symbol: str
    kind: str
    text: str
    ms: int


@dataclass(frozen=True, slots=True)
class DoubtEnded:
    """A doubt was explained, or a person accepted it."""

    symbol: str
    kind: str
    how: str
    ms: int
    person: str = ""


@dataclass(frozen=True, slots=True)
class HoldingAccepted:
    """A person accepted that coins of the book are gone: ``quantity`` of them leave it, as a loss."""

    symbol: str
    quantity: Decimal
    person: str
    why: str
    ms: int


@dataclass(frozen=True, slots=True)
class SymbolFailed:
    """A refusal counts as a failure of the symbol: its rules were read again and do not explain it."""

    symbol: str
    reason: str
    ms: int


@dataclass(frozen=True, slots=True)
class QuarantineBegan:
    """A symbol, or a strategy, is not traded until ``until`` (Unix seconds, the exchange's).

    ``cause``: failures, stops, repairs, or hand: then ``person`` wants it.
    """

    symbol: str
    reason: str
    failures: int
    since: float
    until: float
    strategy: str = ""
    cause: str = Cause.FAILURES.value
    person: str = ""


@dataclass(frozen=True, slots=True)
class QuarantineEnded:
    """A cause of a quarantine is over; with an empty ``cause`` all are, and the symbol or strategy is traded again."""

    symbol: str
    reason: str
    strategy: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class SymbolLocked:
    """A person let a symbol (or, without one, all) be flattened: nothing is opened until a person resumes.

    ``foreign``: coins that are not ours are to be sold, too.
    """

    symbol: str
    person: str
    why: str
    ms: int
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class ForeignSalePlanned:
    """What of the coins that are not ours is still to be sold at most, and what is left and why; by asset."""

    coins: Mapping[str, Decimal]
    left: Mapping[str, Left]
    ms: int


@dataclass(frozen=True, slots=True)
class SymbolUnlocked:
    """A person resumed a symbol, or without one all."""

    symbol: str
    person: str
    why: str
    ms: int


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The account was seen for the first time, with this much of the quote asset: where profit is counted from."""

    asset: str
    quantity: Decimal
    ms: int


@dataclass(frozen=True, slots=True)
class FundsMoved:
    """The quote balance changed otherwise than by our trades: a deposit, a withdrawal, somebody else's trade.

    ``peak``: from where the drawdown is counted after it, where the change by its amount would reach a limit by itself.
    """

    asset: str
    change: Decimal
    reason: str
    ms: int
    peak: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """What the account was worth when a day began (``day``: since 1970, UTC), or when it was worth more than ever."""

    equity: Decimal
    day: int
    ms: int


@dataclass(frozen=True, slots=True)
class LossLimitReached:
    """So much was lost that a limit holds: of a day (``daily_loss``), or from the peak (``drawdown``), by tiers.

    ``base``: equity when the day began, or the peak. ``share``: the limit in force. ``day``: since 1970, UTC.
    """

    limit: LossLimit
    tier: LossTier
    equity: Decimal
    base: Decimal
    share: Decimal
    day: int
    ms: int


@dataclass(frozen=True, slots=True)
class LossLimitEnded:
    """A limit holds no more: another day began, the equity has recovered, or a person accepted the loss.

    ``peak``: from where the drawdown is counted from now on, if a person accepted it.
    """

    limit: LossLimit
    how: str
    ms: int
    person: str = ""
    why: str = ""
    peak: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CommissionValued:
    """The commissions of a symbol in a third asset got their price in quote units."""

    symbol: str
    asset: str
    price: Decimal
    ms: int


Fact = (
    OrderIntended
    | OrderSent
    | OrderSeen
    | OrderFilled
    | SignalDenied
    | EntryWaits
    | ExitWanted
    | PartExitWanted
    | PartExitEnded
    | StopMoved
    | PositionMoved
    | PositionAdopted
    | DoubtRaised
    | DoubtEnded
    | HoldingAccepted
    | SymbolFailed
    | QuarantineBegan
    | QuarantineEnded
    | SymbolLocked
    | ForeignSalePlanned
    | SymbolUnlocked
    | AccountOpened
    | FundsMoved
    | EquityMarked
    | LossLimitReached
    | LossLimitEnded
    | CommissionValued
)
