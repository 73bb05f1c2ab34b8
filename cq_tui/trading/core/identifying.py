"""Finds out whose an order is that only its number tells of, by a trade or a report: its name is asked for.

It ends in any case: what no query finds for a minute, although it was told of, the venue has forgotten.
"""

from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg, OurOrderId, parse_client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.claiming import claim, confirm_claim
from cq_tui.trading.core.effects import QueryOrder, Urgency
from cq_tui.trading.core.hearing import hear_order
from cq_tui.trading.core.lane import Inquiry, Lane
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.strangers import is_of_copy, judge_stranger, was_forgotten
from cq_tui.trading.order_life import may_be_open

#: What goes out without a record, on a full disk.
_UNRECORDED = frozenset({Leg.STOP, Leg.TARGET, Leg.EXIT})
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


def take_identified(s: Situation, lane: Lane, order: Order) -> None:
    """Take the answer whose order a strange trade belongs to."""
    lane.nameless.pop(order.order_id, None)
    _take_named(s, lane, order)
    lane.strange.pop(order.order_id, None)


def _take_named(s: Situation, lane: Lane, order: Order) -> None:
    if confirm_claim(s, lane, order) and order.client_order_id not in s.book.orders:
        return
    if s.book.orders.get(order.client_order_id) is not None:
        lane.scan_wanted = hear_order(s, order) or lane.scan_wanted
        return
    if remember(s, order):
        lane.scan_wanted = True
        return
    if was_forgotten(s, order):
        return
    lane.foreign_order_ids.add(order.order_id)
    ours = parse_client_order_id(order.client_order_id)
    if ours is None or ours.leg is Leg.CANCEL:
        return
    # What a first version did and ended is over; of what it does now, its open orders tell.
    if ours.owner is not None or may_be_open(order.status):
        judge_stranger(s, order.client_order_id, order.symbol)


def remember(s: Situation, order: Order) -> bool:
    """Take an order into the book that an earlier process sent unrecorded; return whether it can be one.

    Only what reduces risk goes out without a record, on a full disk: it carries our owner, and sells what is ours.
    """
    ours, held = parse_client_order_id(order.client_order_id), s.book.holdings.get(order.symbol)
    if ours is None or held is None or ours.leg not in _UNRECORDED or order.side != "SELL":
        return False
    if ours.owner != s.book.owner and not _is_copys(s, ours, order):
        return False
    position, known = s.book.positions.get(order.symbol), s.book.orders_of(order.symbol)
    was_known = order.order_id <= s.book.forgotten.get(order.symbol, -1)
    if was_known or (position is None and not known):
        return False
    record = OrderRecord(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side="SELL",
        order_type=order.type,
        leg=ours.leg,
        signal_key=position.plan.signal_key if position is not None else known[-1].signal_key,
        quantity=order.quantity,
        intended_ms=order.time,
        price=order.price or None,
        stop_price=order.stop_price or None,
    )
    s.record(f.OrderIntended(record, held.base, held.quote))
    hear_order(s, order)
    if ours.owner != s.book.owner:
        judge_stranger(s, order.client_order_id, order.symbol)
    return True


def _is_copys(s: Situation, ours: OurOrderId, order: Order) -> bool:
    """Whether an order of another owner covers or sells what is held here: it belongs to a copy with this position."""
    position, held = s.book.positions.get(order.symbol), s.book.quantity(order.symbol)
    is_since = position is not None and 0 < position.opened_ms <= order.time
    return is_since and order.quantity <= held and is_of_copy(s, ours, order.symbol)
