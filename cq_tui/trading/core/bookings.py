"""What a fact does to the holdings: trades, adoptions, accepted losses, commissions that got their value."""

from collections.abc import Mapping

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.money import holding
from cq_tui.trading.money.exact import ZERO
from cq_tui.trading.money.holding import Booking, Holding
from cq_tui.trading.money.trades import Commission, book_trade


def bookings_of(fact: f.Fact, holdings: Mapping[str, Holding], orders: Mapping[str, OrderRecord]) -> list[Booking]:
    """Return the bookings of a fact, to be taken in order; none if it moves no coins.

    ``holdings`` and ``orders``: those before it. Raises AmountError, and KeyError if its order or symbol is unknown.
    """
    match fact:
        case f.OrderFilled(fill=fill):
            order = orders[fact.client_order_id]
            paid = Commission(fill.commission, fill.commission_asset, fact.commission_price, fact.commission_own)
            return book_trade(holdings, order.symbol, order.side, fill, paid)
        case f.PositionAdopted():
            held = holdings.get(fact.symbol) or Holding(fact.symbol, fact.base_asset, fact.quote_asset)
            return [holding.adopt(held, fact.quantity, fact.price)]
        case f.HoldingAccepted():
            return [holding.give_up(holdings[fact.symbol], fact.quantity, ZERO)]
        case f.CommissionValued():
            return [holding.value_commissions(holdings[fact.symbol], fact.asset, fact.price)]
        case _:
            return []
