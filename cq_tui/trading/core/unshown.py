"""What our trades did to an asset and its balance does not show yet: the stream may be down, or tell it later."""

from decimal import Decimal

from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.situation import Situation

ZERO = Decimal(0)


def note_trade(s: Situation, order: OrderRecord, fill: TradeFill) -> None:
    """Note what a trade moved of its base asset, and of the asset of its commission."""
    base = s.book.holdings[order.symbol].base
    for asset, change in (
        (base, fill.quantity if order.side == "BUY" else -fill.quantity),
        (fill.commission_asset, -fill.commission),
    ):
        if change and not s.shows(asset, fill.time, s.news):
            s.unshown.setdefault(asset, []).append((fill.time, change, s.news))


def total_before(s: Situation, asset: str, fill: TradeFill) -> Decimal:
    """Return what the account held of an asset before a trade that paid its commission with it."""
    balance, shown_ms = s.balances.get(asset), s.shown_ms(asset)
    total = ZERO if balance is None else balance.total
    moved = s.unshown[asset] = [one for one in s.unshown.get(asset, ()) if not s.shows(asset, one[0], one[2])]
    if fill.time < shown_ms:
        # Known late: the balance shows it.
        total += fill.commission
    return total + sum((change for _, change, _ in moved), ZERO) + _sold_and_not_booked(s, asset)


def _sold_and_not_booked(s: Situation, asset: str) -> Decimal:
    """Return what of an asset the book still counts as own although its balance shows that it was sold."""
    # What was read shows all that happened before it was asked for.
    shown_ms = max(s.shown_ms(asset), int(s.account_at * 1000) if s.account_at > 0 else 0)
    symbols = [held.symbol for held in s.book.holdings.values() if held.base == asset]
    orders = (order for symbol in symbols for order in s.book.live_of(symbol))
    sales = (order for order in orders if order.side == "SELL" and order.updated_ms <= shown_ms)
    return sum((order.executed - order.filled_by_trades for order in sales if order.lacks_trades), ZERO)
