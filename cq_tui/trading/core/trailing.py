"""Trailing stops: raised with the highest high since the entry, never lowered."""

from decimal import ROUND_DOWN

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.inputs import BarClosed
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.signals import frame_milliseconds


def take_bar(s: Situation, bar: BarClosed) -> None:
    """Raise the stop of a position by a closed bar of its strategy's frame.

    Only bars that began after the entry count, at most as many as the plan looks back: the high of the entry's own bar
    may be from before it.
    """
    position, rules = s.book.positions.get(bar.symbol), s.symbol_rules.get(bar.symbol)
    if position is None or position.plan.trail is None or bar.frame != position.plan.frame:
        return
    if not position.opened_ms or bar.close_time - frame_milliseconds(bar.frame) < position.opened_ms - 1:
        return
    lane, plan = s.lane(bar.symbol), position.plan
    while lane.highs and lane.highs[0][0] < position.opened_ms:
        lane.highs.popleft()
    if not lane.highs or bar.close_time > lane.highs[-1][0]:
        lane.highs.append((bar.close_time, bar.high))
    while len(lane.highs) > plan.trail_bars:
        lane.highs.popleft()
    if rules is None:
        return
    assert plan.trail is not None
    level = rules.quantize_price(max(high for _, high in lane.highs) - plan.trail, ROUND_DOWN)
    if level > plan.stop_loss:
        s.record(f.StopMoved(bar.symbol, level, s.ms))
        s.touch(bar.symbol)
