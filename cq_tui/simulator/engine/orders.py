"""Orders, order lists and trades as the exchange keeps them, and the requests that make them."""

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
#: Orders that enter the market at any price once they work.
MARKET_TYPES = frozenset({"MARKET", "STOP_LOSS", "TAKE_PROFIT"})
STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED"})


@dataclass(slots=True)
class Order:
    """One order and how far it got. Times are Unix ms; -1 means none, as the exchange writes it."""

    symbol: str
    order_id: int
    client_order_id: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal
    quote_quantity: Decimal
    price: Decimal
    stop_price: Decimal
    stp_mode: str
    time: int
    update_time: int
    list_id: int = -1
    status: str = "NEW"
    executed: Decimal = ZERO
    quote_executed: Decimal = ZERO
    working_time: int = -1
    expiry_reason: str = ""
    locked: Decimal = ZERO
    strategy_id: int = -1
    strategy_type: int = -1

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return self.status not in FINAL_STATUSES

    @property
    def is_working(self) -> bool:
        """Whether the order is on the book (or was), that is, not waiting for its trigger."""
        return self.working_time >= 0

    @property
    def remaining(self) -> Decimal:
        """Base quantity not yet filled."""
        return self.quantity - self.executed


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of an order."""

    symbol: str
    trade_id: int
    order_id: int
    list_id: int
    price: Decimal
    quantity: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    time: int
    is_buyer: bool
    is_maker: bool


@dataclass(slots=True)
class OrderList:
    """Orders of which one cancels the other (OCO)."""

    list_id: int
    client_id: str
    symbol: str
    order_ids: list[int]
    time: int
    done: bool = False


@dataclass(slots=True)
class Balance:
    """What the account holds of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to place an order, its parameters read but not yet judged against the market."""

    symbol: str
    side: str
    type: str
    client_order_id: str
    time_in_force: str = "GTC"
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stp_mode: str = "EXPIRE_MAKER"
    strategy_id: int = -1
    strategy_type: int = -1


@dataclass(frozen=True, slots=True)
class NewOco:
    """A request to place two orders of which one cancels the other."""

    symbol: str
    side: str
    client_id: str
    above: NewOrder
    below: NewOrder

    @property
    def legs(self) -> tuple[NewOrder, NewOrder]:
        """Both orders; one that works at once comes first and holds the locked amount."""
        legs = (self.above, self.below)
        return legs if self.above.type not in STOP_TYPES else (legs if self.below.type in STOP_TYPES else legs[::-1])


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to an order, with the order as it stood right after."""

    order: Order
    execution: str
    execution_id: int
    time: int
    trade: Trade | None = None
    cancel_id: str = ""


@dataclass(frozen=True, slots=True)
class ListReport:
    """What happened to an order list: EXEC_STARTED or ALL_DONE."""

    order_list: OrderList
    status_type: str
    list_status: str
    time: int


@dataclass(slots=True)
class Outcome:
    """Everything one command or tick did: facts for the ledger, reports for the user, assets that changed."""

    lines: list[dict[str, object]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    list_reports: list[ListReport] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
    orders: list[Order] = field(default_factory=list)
    order_list: OrderList | None = None
