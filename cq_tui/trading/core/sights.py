"""What is seen of a position, from its holding, its orders and its wishes; and the steps of its life that follow."""

from decimal import Decimal
from math import inf

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.positions import is_about_to_fill, is_open_question, is_remainder
from cq_tui.trading.core.quarantining import note_repair, release_after_probe
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.position_life import Sight, see
from cq_tui.trading.quarantine import Cause

ZERO = Decimal(0)


def sight_of(s: Situation, lane: Lane, position: Position) -> Sight:
    """Return what is seen of a position."""
    orders = s.book.live_of(lane.symbol)
    entering = any(order.leg is Leg.ENTRY and (not order.status.is_terminal or order.lacks_trades) for order in orders)
    if is_remainder(s, lane, position):
        if entering:
            return Sight.ENTERING
        selling = any(order.side == "SELL" and is_open_question(order) for order in orders)
        return _while_selling(position) if selling else Sight.NOTHING
    has_stop = any(order.leg is Leg.STOP and order.status.is_working for order in orders)
    if any(is_about_to_fill(s, lane, order) for order in orders):
        return Sight.LEAVING
    if lane.stuck and not has_stop:
        return Sight.STUCK
    if position.exit_reason:
        return Sight.STUCK if lane.stuck else Sight.LEAVING
    return Sight.COVERED if has_stop else Sight.BARE


def _while_selling(position: Position) -> Sight:
    """The last of it may be sold, but that is not certain yet: nothing changes until it is."""
    return Sight.LEAVING if position.exit_reason else Sight.BARE


def follow(s: Situation, lane: Lane) -> None:
    """Record the step of a position's life that follows from what is seen."""
    position = s.book.positions.get(lane.symbol)
    if position is None:
        return
    after = see(position.state, sight_of(s, lane, position))
    if after is position.state:
        return
    kind, took = position.was_naked or (None, None)
    ms = s.ms
    if not after.is_open:
        ms = _last_ms(s, lane)
        if position.naked is not None:
            kind, took = position.naked.kind, max(ms - position.naked.since_ms, 0)
    key, reason = position.plan.signal_key, lane.stuck or position.exit_reason or _missed(s, lane, position)
    if not after.is_open:
        release_after_probe(s, lane)
    s.record(f.PositionMoved(lane.symbol, key, position.state, after, ms, reason, kind, took))
    if after.is_exposed:
        note_repair(s, lane, s.book.positions[lane.symbol])
    if after.is_protected:
        lane.protection_refused = 0
        lane.refusals.clear()
        _release(s, lane)
    if not after.is_open:
        lane.exit_pause.succeed()
        lane.protect_pause.succeed()
        lane.protection_refused, lane.stuck, lane.crowded_at = 0, "", -inf
        lane.highs.clear()


def _missed(s: Situation, lane: Lane, position: Position) -> str:
    """Say why an entry bought nothing: a missed chance, such as a price that ran away, is no failure."""
    if position.bought:
        return ""
    entries = [order for order in s.book.orders_of(lane.symbol) if order.leg is Leg.ENTRY]
    return f"its entry bought nothing: {entries[-1].reason}" if entries else ""


def _last_ms(s: Situation, lane: Lane) -> int:
    return max((order.updated_ms for order in s.book.orders_of(lane.symbol)), default=s.ms)


def _release(s: Situation, lane: Lane) -> None:
    """Release a quarantined symbol whose probe was bought and protected."""
    entry = s.book.quarantine.get(lane.symbol)
    if entry is not None and entry.probing and entry.cause == Cause.FAILURES:
        s.record(f.QuarantineEnded(lane.symbol, "its probe was bought and protected", cause=Cause.FAILURES.value))
