"""Facts: what changed the exchange's state, one after the other; the ledger is made of them."""

from dataclasses import dataclass
from decimal import Decimal

from cq_tui.simulator.engine.orders import Amendment, EngineOrder, PreventedMatch, Trade


@dataclass(frozen=True, slots=True)
class Deposited:
    """The account received an asset from outside."""

    asset: str
    quantity: Decimal
    time: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An order was accepted; ``order.locked`` of its asset went from free to locked."""

    order: EngineOrder


@dataclass(frozen=True, slots=True)
class Triggered:
    """A stop order's price was met: it works from now on, with this much locked."""

    symbol: str
    order_id: int
    time: int
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Trailed:
    """A trailing stop began to trail, or the price went further in its favour."""

    symbol: str
    order_id: int
    time: int
    extreme: Decimal


@dataclass(frozen=True, slots=True)
class Activated:
    """A pending order's working order has filled: it is entered with this quantity, and locks this much."""

    symbol: str
    order_id: int
    time: int
    quantity: Decimal
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Locked:
    """An open order locks another amount than before."""

    symbol: str
    order_id: int
    lock: Decimal


@dataclass(frozen=True, slots=True)
class Filled:
    """An order traded."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class Prevented:
    """Two orders of the account would have traded with each other; who lost all that remained ends."""

    match: PreventedMatch


@dataclass(frozen=True, slots=True)
class Amended:
    """An order's quantity was reduced; it kept its place in the queue."""

    amendment: Amendment


@dataclass(frozen=True, slots=True)
class Closed:
    """An order ended without (further) fills; what it had locked is free again."""

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
    """No order of the list is open any more."""

    list_id: int
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
)
