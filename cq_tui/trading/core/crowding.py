"""Too many open orders: the exchange counts a replacement beside what it replaces, and its cancel makes the room.

Filters are judged before the cancel of a cancelReplace, so at the limit none would ever pass. A cancel of its own
leaves the position without a stop for a moment, so it goes out only where the open orders, read since, leave room.
"""

from math import inf

from cq_tui.binance.filters import ALGO_TYPES, SymbolRules
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.situation import Situation

#: The filters that count open orders, by their names in a refusal; those of the whole account contain them.
_COUNTING = ("MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS")


def note_crowd(s: Situation, lane: Lane, message: str) -> bool:
    """Note a refusal because too many orders are open; return whether it is one."""
    if not any(name in message for name in _COUNTING):
        return False
    lane.crowded_at = s.now
    s.account_due = min(s.account_due, s.now)
    return True


def cancel_makes_room(s: Situation, lane: Lane, rules: SymbolRules, *, orders: int = 1, algo_orders: int = 0) -> bool:
    """Whether to cancel first what is to be replaced, by so many orders: others leave room, and were read since."""
    if lane.crowded_at == -inf or s.open_orders_at < lane.crowded_at:
        return False
    return _leave_room(s, lane, rules, orders, algo_orders)


def why_no_room(s: Situation, lane: Lane, rules: SymbolRules) -> str:
    """Say why the exchange refuses a sale, and would without our own orders; empty if it is not that.

    By the open orders as they were last read: each refusal has them read, and says nothing new until then.
    """
    if lane.crowded_at == -inf or _leave_room(s, lane, rules, 1, 0):
        return ""
    what = f"open orders of others leave no room for a sale: the exchange allows {rules.max_orders} in {lane.symbol}"
    return f"{what}; cancel one of them"


def _leave_room(s: Situation, lane: Lane, rules: SymbolRules, orders: int, algo_orders: int) -> bool:
    """Whether the open orders of others, as they were last read, leave room for so many of ours."""
    others = [order for order in s.other_orders.values() if order.symbol == lane.symbol]
    algos = [order for order in others if order.type in ALGO_TYPES]
    fits = not rules.max_orders or len(others) + orders <= rules.max_orders
    return fits and (not algo_orders or not rules.max_algo_orders or len(algos) + algo_orders <= rules.max_algo_orders)
