"""A BUY that adds to a position: the usual guardrails, then one stop for the whole, never lower than the one before."""

from dataclasses import replace

import pytest

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.effects import CancelList, PlaceList, PlaceOrder, ReplaceOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk
from tests.trading.samples import SELL, SIGNAL

ONE_POSITION = TraderSettings(symbols=(SYMBOL,), max_positions=1)


def held_desk(**rules: object) -> Desk:
    """A position of 0.00249 under protection, and the pause after its entry is over."""
    desk = market_desk(ONE_POSITION, **rules).protected()
    desk.tick(2.0)
    desk.fresh()
    return desk


def add(desk: Desk, **changes: object) -> None:
    fields = {"bar_close_time": int(desk.now * 1000) - 1, "scale_in": True, "frame": "5m"} | changes
    desk.tell(i.SignalSeen(replace(SIGNAL, **fields)))  # type: ignore[arg-type]


def denied(desk: Desk) -> list[str]:
    return [fact.code for fact in desk.noted(f.SignalDenied)]


def fill(desk: Desk, price: str = "40000") -> OrderRecord:
    """The purchase on its way fills."""
    request = desk.one(PlaceOrder)
    entry = desk.orders(Leg.ENTRY)[-1]
    held = desk.core.book.quantity(SYMBOL)
    desk.now += 0.01
    desk.hold("BTC", str(entry.quantity), str(held))
    desk.answer(request, desk.filled(entry, price))
    return desk.now_known(entry)


def test_what_is_added_comes_under_one_stop_with_the_rest_and_the_old_one_stays_until_then() -> None:
    desk = held_desk()
    key, held = desk.position().plan.signal_key, desk.core.book.quantity(SYMBOL)
    add(desk, stop_loss=D(39700), take_profit=D(40900))
    assert desk.position().state is PositionState.PROTECTED
    entry = fill(desk)
    whole = held + entry.quantity
    position = desk.position()
    assert (position.plan.signal_key, position.plan.stop_loss, position.plan.take_profit) == (key, D(39700), D(40900))
    assert position.average_price == D(40000)
    assert desk.core.book.quantity(SYMBOL) == whole
    request = desk.one(ReplaceOrder)
    assert (request.replace.new.quantity, request.replace.new.stop_price) == (whole, D(39700))
    assert not desk.sent(CancelList), "the old stop and target stay until the exchange takes the new stop"
    assert position.naked is None


def test_the_stop_is_never_lowered_and_what_the_signal_does_not_say_stays() -> None:
    desk = market_desk(ONE_POSITION).protected(trail=D(300), max_bars=100, cooldown_bars=3)
    desk.tick(2.0)
    desk.fresh()
    before = desk.position().plan
    add(desk, stop_loss=D(39000), take_profit=D(41000))
    fill(desk)
    assert desk.position().plan == replace(before, take_profit=D(41000))


def test_a_higher_stop_of_the_position_bounds_the_risk_of_what_is_added() -> None:
    desk = held_desk()
    add(desk, stop_loss=D(39000))
    assert desk.core.book.plans[desk.orders(Leg.ENTRY)[-1].signal_key].stop_loss == D(39600)


def test_without_cancel_replace_the_list_is_canceled_first() -> None:
    desk = held_desk(cancel_replace_allowed=False)
    add(desk)
    fill(desk)
    assert desk.one(CancelList).orders_after == 2


def test_an_addition_counts_once_over_a_restart_too() -> None:
    desk = held_desk()
    add(desk)
    plain = book_to_plain(desk.core.book)
    again = Desk(desk.rules[SYMBOL], settings=ONE_POSITION, book=book_from_plain(plain)).ready()
    add(again)
    assert len(again.orders(Leg.ENTRY)) == 2
    assert not again.sent(PlaceOrder)


@pytest.mark.parametrize("executed", [True, False])
def test_an_addition_of_unknown_outcome_changes_the_plan_only_when_it_was_filled(executed: bool) -> None:
    desk = held_desk()
    before = desk.position().plan
    add(desk, take_profit=D(41000))
    entry = desk.orders(Leg.ENTRY)[-1]
    desk.lose(desk.one(PlaceOrder))
    assert desk.position().plan == before
    if executed:
        desk.trade(desk.now_known(entry), str(entry.quantity), "40000", 950)
        assert desk.position().plan == replace(before, take_profit=D(41000))
    else:
        desk.report(desk.now_known(entry), "EXPIRED")
        assert (desk.position().plan, desk.position().state) == (before, PositionState.PROTECTED)


def test_nothing_is_added_where_there_is_nothing_or_it_is_anothers_or_leaves() -> None:
    empty = market_desk(ONE_POSITION)
    add(empty)
    assert denied(empty) == ["nothing_to_add_to"]
    desk = held_desk()
    add(desk, strategy="other")
    add(desk, bar_close_time=int(desk.now * 1000) - 20_000)
    desk.now += 0.1
    desk.tell(i.SignalSeen(replace(SELL, bar_close_time=int(desk.now * 1000) - 1)))
    desk.withhold(desk.one(ReplaceOrder))
    add(desk, frame="15m")
    assert denied(desk) == ["other_strategy", "signal_stale", "exit_pending"]
    assert not desk.sent(PlaceOrder)


def test_a_position_bought_by_a_list_is_added_to_at_market() -> None:
    """A second list would lock its coins apart from the first."""
    desk = list_desk()
    request = desk.buy()
    entry, stop, target = desk.orders()
    assert isinstance(request, PlaceList)
    desk.hold("BTC", "0", str(stop.quantity))
    reports = desk.filled(entry), desk.shown(stop, "NEW"), desk.shown(target, "NEW")
    desk.answer(request, desk.list_answer(request, *reports))
    for one in (stop, target):
        desk.report(desk.now_known(one), "NEW")
    desk.tick(2.0)
    desk.fresh()
    add(desk)
    assert desk.one(PlaceOrder).order.type == "MARKET"
    assert not desk.sent(PlaceList)
