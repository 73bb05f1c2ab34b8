"""Ledger events: every change of the exchange's state, in order. Their class names are part of the file format."""

from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.commission import CommissionRates
from cq_tui.simulator.engine.orders import Amendment, EngineOrder, PreventedMatch, Trade


@dataclass(frozen=True, slots=True)
class Deposited:
    """The account received a deposit; a negative quantity is a withdrawal."""

    asset: str
    quantity: Decimal
    time: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An order was accepted; ``order.locked`` moved from free to locked."""

    order: EngineOrder


@dataclass(frozen=True, slots=True)
class Triggered:
    """A stop order was triggered and starts working, with this amount locked."""

    symbol: str
    order_id: int
    time: int
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Trailed:
    """A trailing stop began to trail, or its extreme price moved."""

    symbol: str
    order_id: int
    time: int
    extreme: Decimal


@dataclass(frozen=True, slots=True)
class Activated:
    """A pending order was entered after its working order filled, with this quantity and lock."""

    symbol: str
    order_id: int
    time: int
    quantity: Decimal
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Locked:
    """The amount locked by an open order changed."""

    symbol: str
    order_id: int
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Filled:
    """An order traded."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class Prevented:
    """Self-trade prevention stopped a trade; an order with nothing remaining is closed."""

    match: PreventedMatch


@dataclass(frozen=True, slots=True)
class Amended:
    """An order's quantity was reduced; it kept its queue priority."""

    amendment: Amendment


@dataclass(frozen=True, slots=True)
class Closed:
    """An order was closed without further fills; its lock was released."""

    symbol: str
    order_id: int
    status: str
    reason: str
    time: int


@dataclass(frozen=True, slots=True)
class ListOpened:
    """An order list was accepted."""

    list_id: int
    client_id: str
    symbol: str
    order_ids: list[int]
    time: int
    kind: str = "OCO"


@dataclass(frozen=True, slots=True)
class ListDone:
    """The last open order of a list was closed."""

    list_id: int
    time: int


@dataclass(frozen=True, slots=True)
class CommissionSet:
    """The account's commission rates on a symbol, or on all others if the symbol is empty, were changed."""

    rates: CommissionRates


@dataclass(frozen=True, slots=True)
class Wiped:
    """The venue was reset: orders, lists and trades are gone, and these are the free balances. Ids go on."""

    balances: dict[str, Decimal]
    time: int


LedgerEvent = (
    Deposited
    | Opened
    | Triggered
    | Trailed
    | Activated
    | Locked
    | Filled
    | Prevented
    | Amended
    | Closed
    | ListOpened
    | ListDone
    | CommissionSet
    | Wiped
)
EVENT_TYPES: tuple[type[LedgerEvent], ...] = (
    Deposited,
    Opened,
    Triggered,
    Trailed,
    Activated,
    Locked,
    Filled,
    Prevented,
    Amended,
    Closed,
    ListOpened,
    ListDone,
    CommissionSet,
    Wiped,
)
