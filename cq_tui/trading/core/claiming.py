"""Trades as evidence: what a market order did is told by its trades, also while no query finds the order.

Queries may lag behind for seconds, and the coins would stand without a stop meanwhile. A market order executes at once,
so trades of an order that the exchange cannot name yet are its own when they fit it and nothing else.
"""

from collections.abc import Mapping
from decimal import Decimal

from cq_tui.binance.types import AccountTrade, Order
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.hearing import book_trades
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.situation import Situation

ZERO = Decimal(0)
#: A market order executes within so many milliseconds after it was sent (recvWindow, and 1 s more).
_LATEST_MS = 6_000
#: So far (milliseconds) the exchange's time may be off as it is known here.
_CLOCK_TOLERANCE_MS = 1_000


def claim(s: Situation, lane: Lane, order_id: int) -> bool:
    """Book trades of an order without a name as those of the market order that they fit; return whether one fits."""
    trades = lane.strange.get(order_id, {})
    order = _the_market_order(s, lane)
    if order is None or _is_shared(s) or not _fits(s, lane, order, order_id, trades):
        return False
    del lane.strange[order_id]
    for trade_id in trades:
        lane.others.pop(trade_id, None)
    # It is asked for until the exchange names it, over restarts too.
    book_trades(s, order.client_order_id, order_id, trades.values(), claimed=True)
    if s.book.orders[order.client_order_id].status.is_terminal:
        lane.inquiries.pop(order.client_order_id, None)
        if not lane.inquiries:
            s.end_doubt(lane.symbol, "outcome", "its trades were found")
    return True


def confirm_claim(s: Situation, lane: Lane, order: Order) -> bool:
    """Take the name of an order whose trades were claimed; return whether there was such a claim."""
    claimed = s.book.claimed_as(lane.symbol, order.order_id)
    if claimed is not None and claimed.client_order_id != order.client_order_id:
        name = claimed.client_order_id
        what = f"the trades booked as those of {name} are of the order {order.client_order_id}"
        s.record(f.OrderSeen(name, claimed.status, s.ms, order_id=order.order_id, reason=what))
        s.doubt(lane.symbol, "claim", f"{what}: what the trader holds is not certain")
    return claimed is not None


def _is_shared(s: Situation) -> bool:
    """Whether another directory trades the account: by the same signals, it buys and sells the same at once."""
    return "other_owner" in s.book.doubts.get("", {}) or ("", "other_owner") in s.book.accepted


def _the_market_order(s: Situation, lane: Lane) -> OrderRecord | None:
    """Return the market order that is asked for, if its outcome alone is unknown."""
    undecided = [
        order
        for order in s.book.orders_of(lane.symbol)
        if order.order_type == "MARKET" and order.order_id is None and order.status.is_undecided
    ]
    is_lost = len(undecided) == 1 and undecided[0].client_order_id in lane.inquiries
    return undecided[0] if is_lost else None


def _fits(s: Situation, lane: Lane, order: OrderRecord, order_id: int, trades: Mapping[int, AccountTrade]) -> bool:
    """Whether trades can be an order's: its side, its time, its quantity, and an id newer than those before it."""
    if not trades or not _is_plausible(order, trades):
        return False
    known = [one.order_id for one in s.book.orders_of(lane.symbol) if one.order_id is not None]
    if order_id <= max(known, default=s.book.forgotten.get(lane.symbol, -1)):
        return False
    if any(other != order_id and _is_plausible(order, more) for other, more in lane.strange.items()):
        # One of the two is somebody else's: only their names can tell.
        return False
    done = sum((trade.quantity for trade in trades.values()), ZERO)
    # A part may be all that the book had, or all that is told yet; or somebody else's, where others own coins too.
    if done != order.quantity and s.balances_ms < max(trade.time for trade in trades.values()):
        s.account_due = min(s.account_due, s.now)
        return False
    return done == order.quantity or (done < order.quantity and _is_alone(s, lane, order, done))


def _is_plausible(order: OrderRecord, trades: Mapping[int, AccountTrade]) -> bool:
    since = (order.sent_ms or order.intended_ms) - _CLOCK_TOLERANCE_MS
    return bool(trades) and all(
        trade.is_buyer is (order.side == "BUY") and since <= trade.time <= since + _LATEST_MS + _CLOCK_TOLERANCE_MS
        for trade in trades.values()
    )


def _is_alone(s: Situation, lane: Lane, order: OrderRecord, done: Decimal) -> bool:
    """Whether the account holds nothing of the base asset that is not ours, these trades included."""
    held = s.book.holdings[lane.symbol]
    balance = s.balances.get(held.base)
    most = s.own(held.base) + (done if order.side == "BUY" else ZERO)
    return (ZERO if balance is None else balance.total) <= most
