"""One order as the trader knows it."""

from decimal import Decimal
from typing import NamedTuple

from cq_tui.contracts.base import Side
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.money.exact import multiply
from cq_tui.trading.order_life import OrderStatus

ZERO = Decimal(0)


class TradeFill(NamedTuple):
    """One trade of an order. Time in the exchange's Unix milliseconds."""

    trade_id: int
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    time: int

    @property
    def quote_quantity(self) -> Decimal:
        """What was paid or received, in quote units, before commission."""
        return multiply(self.price, self.quantity)


class OrderRecord(NamedTuple):
    """One order. Quantities in the base asset, times in the exchange's Unix milliseconds; 0 for never."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    leg: Leg
    signal_key: str
    #: Zero while a pending order does not know yet what its list bought.
    quantity: Decimal
    intended_ms: int
    price: Decimal | None = None
    stop_price: Decimal | None = None
    #: Client id of its order list.
    list_client_order_id: str | None = None
    status: OrderStatus = OrderStatus.INTENDED
    order_id: int | None = None
    executed: Decimal = ZERO
    fills: tuple[TradeFill, ...] = ()
    sent_ms: int = 0
    #: When the exchange last changed it.
    updated_ms: int = 0
    #: Why it ended or is unknown, and the exchange's error code if there is one.
    reason: str = ""
    code: int | None = None
    #: A later message that contradicts its end; empty if there is none.
    contradiction: str = ""
    #: Whether trades are taken for its own that the exchange has not named yet.
    is_claimed: bool = False

    @property
    def remaining(self) -> Decimal:
        """Unfilled quantity."""
        return max(self.quantity - self.executed, ZERO)

    @property
    def filled_by_trades(self) -> Decimal:
        """Quantity of the known trades."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def lacks_trades(self) -> bool:
        """Whether more was executed than the known trades account for: fetch the order's trades."""
        return bool(self.executed) and self.executed > self.filled_by_trades

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over the known trades."""
        quantity = self.filled_by_trades
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO) / quantity if quantity else None
