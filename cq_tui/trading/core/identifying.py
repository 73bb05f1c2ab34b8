"""Finds out whose an order is that only its number tells of, by a trade or a report: its name is asked for.

It ends in any case: what no query finds for a minute, although it was told of, the venue has forgotten.
"""

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.claiming import claim
from cq_tui.trading.core.effects import QueryOrder, Urgency
from cq_tui.trading.core.lane import Inquiry, Lane
from cq_tui.trading.core.situation import Situation

#: Seconds between two questions whose order it is; of trades that were claimed, there is more time.
_PAUSE, _CLAIM_PAUSE = 1.0, 5.0


def ask_for_name(s: Situation, lane: Lane) -> None:
    """Query an order of which only the number is known."""
    nameless = next(iter(lane.strange), None)
    if nameless is None and (claimed := s.book.claimed_as(lane.symbol)) is not None:
        nameless = claimed.order_id
    if nameless is None:
        lane.nameless.clear()
    elif s.now < lane.identify_at:
        lane.wake_at(lane.identify_at)
    elif not s.is_asking(lane.symbol):
        s.send(QueryOrder(number=s.next_number(), symbol=lane.symbol, urgency=Urgency.RESOLVE, order_id=nameless))


def ask_later(s: Situation, lane: Lane, order_id: int, pause: float = _PAUSE) -> None:
    """Ask again after a pause, after the others. Perhaps a replica is behind."""
    is_claimed = s.book.claimed_as(lane.symbol, order_id) is not None
    if not is_claimed:
        lane.strange[order_id] = lane.strange.pop(order_id, {})
    lane.identify_at = s.now + (_CLAIM_PAUSE if is_claimed else pause)
    lane.wake_at(lane.identify_at)


def no_such_order(s: Situation, lane: Lane, order_id: int) -> None:
    """Take the answer that no order has a number which was told of."""
    if claim(s, lane, order_id):
        return
    missing = lane.nameless.setdefault(order_id, Inquiry(s.now, s.now))
    missing.not_found += 1
    missing.missing_since = min(missing.missing_since, s.now)
    if missing.is_settled(s.now):
        _give_up(s, lane, order_id)
    else:
        ask_later(s, lane, order_id)


def _give_up(s: Situation, lane: Lane, order_id: int) -> None:
    """Take that the venue has forgotten an order. It explains no coins: where they are there, a doubt remains."""
    what = f"the order {order_id} of {lane.symbol}, which it had told of"
    text = f"the exchange no longer knows {what}: its past was wiped"
    del lane.nameless[order_id]
    lane.strange.pop(order_id, None)
    if (claimed := s.book.claimed_as(lane.symbol, order_id)) is not None:
        s.record(f.OrderSeen(claimed.client_order_id, claimed.status, s.ms, order_id=order_id, reason=text))
    s.doubt("", "venue_wiped", text)
    s.touch(lane.symbol)
