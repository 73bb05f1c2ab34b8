"""The last thing that mattered, in a sentence: a purchase, a sale, a refusal; or what to wait for."""

from cq_tui.ops.formatting import format_clock, format_price, format_quantity, format_signed, sanitize
from cq_tui.room.outcomes import is_all_sold, way_out
from cq_tui.room.state import RoomState
from cq_tui.room.trades import OrderRow

#: Older than this (seconds), it is no news.
_LATELY = 24 * 3600.0
#: Nobody is at the room for so long (seconds): what happened since is summed up.
_AWAY = 120.0


def last_word(state: RoomState, now: float) -> str:
    """Return what happened last with money, with its time; else what the stack waits for."""
    filled = [group for group in state.trades.order_groups() if any(order.filled_at > now - _LATELY for order in group)]
    if not filled:
        return "No trade yet. Signals and filled orders usually appear within three minutes; ? shows the keys."
    group = max(filled, key=lambda group: max(order.filled_at for order in group))
    order = max(group, key=lambda order: order.filled_at)
    at, symbol = format_clock(order.filled_at)[:5], sanitize(order.symbol, 20)
    ticker = state.tickers.get(order.symbol)
    price = format_price(order.price, ticker.decimals if ticker else None)
    if order.is_entry:
        return f"{at} bought {format_quantity(order.event_filled)} {symbol} at {price}{_stop(state, order)}"
    profit = sum(float(one.realized or 0) for one in group)
    what = "closed" if is_all_sold(group) else "sold some of"
    return f"{at} {what} {symbol} at {price} by {way_out([order])}, {format_signed(profit)}"


def since_person(state: RoomState, now: float) -> str:
    """Return what was bought and sold since somebody pressed a key, if that was a while ago; else nothing."""
    begin = state.person_at
    if not begin or now - begin < _AWAY:
        return ""
    fresh = [order for order in state.trades.orders.values() if order.filled_at > begin]
    bought = sum(order.is_entry for order in fresh)
    sold = len(fresh) - bought
    words = [f"{bought} bought" * (bought > 0), f"{sold} sold" * (sold > 0)]
    said = ", ".join(filter(None, words)) or "no trade"
    return f"since {format_clock(begin)[:5]}, your last key: {said}"


def _stop(state: RoomState, order: OrderRow) -> str:
    account = state.account
    position = account.positions.get(order.symbol) if account else None
    if position is None or not position.stop_loss or not position.entry_price:
        return ""
    return f", stop {format_signed((position.stop_loss / position.entry_price - 1) * 100)} %"
