"""One trade as the books have it: who traded what at what price, what it cost, and which order and signal it followed.

Amounts are exact, times the exchange's Unix milliseconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cq_tui.contracts.base import Side
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.facts import OrderFilled
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.exit_names import exit_name
from cq_tui.trading.money.exact import multiply, value_at
from cq_tui.trading.money.holding import Holding


@dataclass(frozen=True, slots=True)
class BookedFill:
    """One trade of ours."""

    ms: int
    symbol: str
    base: str
    quote: str
    side: Side
    #: In base units, before a commission in the base asset.
    quantity: Decimal
    price: Decimal
    commission: Decimal
    commission_asset: str
    #: Its value in quote units when it was paid; None while its price is not known.
    commission_quote: Decimal | None
    #: Whose position it is; empty if it is no strategy's.
    strategy: str
    signal_key: str
    leg: Leg
    client_order_id: str
    order_id: int
    trade_id: int
    #: Profit of a sale by the average cost of what was held, all commissions included; None of a purchase.
    realized: Decimal | None
    #: Why it was sold: stop, target, signal, time stop …; empty of a purchase.
    exit_reason: str

    @property
    def quote_quantity(self) -> Decimal:
        """What was paid or received, before commission."""
        return multiply(self.price, self.quantity)


def fill_of(
    fact: OrderFilled, order: OrderRecord, holding: Holding, *, strategy: str, reason: str, realized: Decimal
) -> BookedFill:
    """Return one trade. ``reason``: why the position was to be closed. ``realized``: what the book counts for it."""
    trade, is_sale = fact.fill, order.side == "SELL"
    return BookedFill(
        trade.time, order.symbol, holding.base, holding.quote, order.side, trade.quantity, trade.price,
        trade.commission, trade.commission_asset, _value_of_commission(fact, trade, holding), strategy,
        order.signal_key, order.leg, order.client_order_id, fact.order_id, trade.trade_id,
        realized if is_sale else None, exit_kind(order.leg, reason) if is_sale else "",
    )  # fmt: skip


def _value_of_commission(fact: OrderFilled, trade: TradeFill, holding: Holding) -> Decimal | None:
    if not trade.commission:
        return Decimal(0)
    if trade.commission_asset == holding.quote:
        return trade.commission
    if trade.commission_asset == holding.base:
        return value_at(trade.commission, trade.price)
    return value_at(trade.commission, fact.commission_price) if fact.commission_price else None


def exit_kind(leg: Leg, reason: str) -> str:
    """Return what kind of exit a sale is: by its order, or else by why the position was to be closed."""
    if leg in (Leg.STOP, Leg.TARGET):
        return leg.value
    return exit_name(reason) or reason or "other"


def commissions_by_asset(fills: Iterable[BookedFill]) -> dict[str, Decimal]:
    """Return what was paid in each asset, in units of it."""
    paid: dict[str, Decimal] = {}
    for fill in fills:
        if fill.commission:
            paid[fill.commission_asset] = paid.get(fill.commission_asset, Decimal(0)) + fill.commission
    return dict(sorted(paid.items()))
