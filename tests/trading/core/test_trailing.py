"""A trailing stop hangs below the highest high since the entry, and only rises."""

from dataclasses import replace

import pytest

from cq_tui.binance.order_lists import NewOco
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import PlaceList, ReplaceOrder
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk


def held(**changes: object) -> Desk:
    return market_desk().protected(**({"trail": D(300), "take_profit": D(48000)} | changes))


def bar(desk: Desk, high: str, later_ms: int, frame: str = "1m", symbol: str = SYMBOL) -> list[str]:
    """Close a bar so long after the entry; return the stops since."""
    before = len(desk.noted(f.StopMoved))
    desk.tell(i.BarClosed(symbol, frame, D(high), desk.position().opened_ms + later_ms))
    return [f"{one.stop_loss:.2f}" for one in desk.noted(f.StopMoved)[before:]]


def test_the_stop_rises_with_the_highest_high_and_never_falls() -> None:
    desk = held()
    assert bar(desk, "40000", 60_000) == ["39700.00"]
    assert bar(desk, "39950", 120_000) == []
    assert bar(desk, "40100.019", 180_000) == ["39800.01"]
    assert bar(desk, "40050", 240_000) == []
    assert desk.position().plan.stop_loss == D("39800.01")


def test_a_stop_at_the_same_level_is_not_moved() -> None:
    desk = held()
    assert bar(desk, "39900", 60_000) == [], "39600 is where it is"
    assert bar(desk, "39900.01", 120_000) == ["39600.01"]


def test_only_bars_of_its_frame_and_after_its_entry_count() -> None:
    desk = held()
    assert bar(desk, "41000", 0) == []
    assert bar(desk, "41000", -60_000) == []
    assert bar(desk, "41000", 60_000, frame="5m") == []
    assert bar(desk, "41000", 60_000, symbol="ETHUSDT") == []
    assert bar(desk, "41000", 59_998) == [], "it began before the entry"
    assert bar(desk, "41000", 59_999) == ["40700.00"]


def test_a_plan_without_a_trail_keeps_its_stop() -> None:
    assert bar(held(trail=None), "47000", 60_000) == []


def test_bars_that_are_too_old_count_no_more() -> None:
    desk = held(trail_bars=2)
    assert bar(desk, "40000", 60_000) == ["39700.00"]
    assert bar(desk, "39800", 120_000) == []
    assert bar(desk, "39800", 180_000) == []
    lane = desk.core.situation.lane(SYMBOL)
    assert [high for _, high in lane.highs] == [D(39800), D(39800)]
    assert bar(desk, "47000", 180_000) == [], "the same bar twice"
    assert bar(desk, "47000", 120_000) == [], "an earlier bar"


def test_highs_of_an_earlier_position_count_no_more() -> None:
    desk = held()
    lane = desk.core.situation.lane(SYMBOL)
    lane.highs.append((desk.position().opened_ms - 1, D(47000)))
    assert bar(desk, "40000", 60_000) == ["39700.00"]


@pytest.mark.parametrize(("bid", "is_moved"), [("39800", False), ("39800.01", True)])
def test_a_stop_that_would_trigger_at_once_is_not_moved_although_what_it_covers_cannot_be_sold(
    bid: str, is_moved: bool
) -> None:
    """The exchange would cancel the old one and refuse the new one."""
    desk = held()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], market_min_quantity=D(5))
    desk.sell()
    assert desk.position().state is PositionState.UNSELLABLE
    desk.fresh(bid)
    bar(desk, "40100", 60_000)
    desk.fresh(bid)
    assert desk.position().plan.stop_loss == D(39800)
    assert len(desk.sent(ReplaceOrder)) == is_moved


def test_a_level_from_before_the_tick_became_coarser_is_sent_on_the_tick_and_once() -> None:
    desk = held()
    [stop] = desk.orders(Leg.STOP)
    bar(desk, "40000.05", 60_000)
    desk.withhold(desk.one(ReplaceOrder), 0.0)
    assert desk.position().plan.stop_loss == D("39700.05")
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], tick_size=D("0.1"))
    desk.tick(1.0)
    desk.fresh()
    request = desk.one(ReplaceOrder)
    assert request.replace.new.stop_price == D("39700.0")
    for order in (stop, *desk.orders(Leg.TARGET)):
        desk.report(order, "CANCELED")
    desk.report(desk.orders(Leg.STOP)[-1], "NEW")
    desk.waiting.remove(request)
    desk.tick(1.0)
    assert not desk.sent(ReplaceOrder), "it is where it can be"


def test_a_list_is_placed_again_on_the_tick_too() -> None:
    desk = held(stop_loss=D("39600.05"), take_profit=D("48000.05"))
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], tick_size=D("0.1"))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED")
    oco = desk.one(PlaceList).order_list
    assert isinstance(oco, NewOco)
    assert (oco.below.stop_price, oco.above.price) == (D("39600.0"), D("48000.0"))
