"""A SELL of a part: that much is sold once, and the rest is protected again at the same levels."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.order_lists import NewOco
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.effects import CancelList, PlaceList, PlaceOrder, ReplaceOrder
from cq_tui.trading.core.inputs import OwnerSeen
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.position_life import NakedKind, PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, market_desk
from tests.trading.samples import SELL

#: Ten lots of 0.00249 and more: parts of it can be sold.
BIG = TraderSettings(symbols=(SYMBOL,), order_quote=D(500))
HALF, REST = D("0.00623"), D("0.00624")


def big_desk(**rules: object) -> Desk:
    """0.01247 are held under protection."""
    return market_desk(BIG, **rules).protected()


def sell_part(desk: Desk, part: str = "0.5", **changes: object) -> None:
    fields = {"bar_close_time": int(desk.now * 1000) - 1, "part": D(part)} | changes
    desk.tell(i.SignalSeen(replace(SELL, **fields)))  # type: ignore[arg-type]


def covered(request: PlaceList) -> Decimal:
    assert isinstance(request.order_list, NewOco)
    return request.order_list.quantity


def denied(desk: Desk) -> list[str]:
    return [fact.code for fact in desk.noted(f.SignalDenied)]


def cancel_legs(desk: Desk) -> None:
    for order in desk.orders():
        if order.leg in (Leg.STOP, Leg.TARGET) and order.status.is_working:
            desk.report(order, "CANCELED")


def fill_exit(desk: Desk, price: str = "40000") -> Decimal:
    """The exit that is on its way fills; return its quantity."""
    [request] = [one for one in desk.waiting if isinstance(one, PlaceOrder | ReplaceOrder)]
    order = desk.orders(Leg.EXIT)[-1]
    if isinstance(request, ReplaceOrder):
        cancel_legs(desk)
    desk.hold("BTC", str(desk.core.book.quantity(SYMBOL) - order.quantity))
    desk.tell(i.Started(request.number))
    desk.trade(desk.now_known(order), str(order.quantity), price, desk.order_id())
    desk.waiting.remove(request)
    return order.quantity


def test_a_part_is_sold_and_the_rest_is_protected_again_at_the_same_levels() -> None:
    desk = big_desk()
    held, plan = desk.core.book.quantity(SYMBOL), desk.position().plan
    sell_part(desk)
    request = desk.one(ReplaceOrder)
    assert request.replace.new.quantity == HALF == desk.orders(Leg.EXIT)[-1].quantity
    assert request.orders_after == 2, "without room for the new stop and target, the old ones stay"
    sold = fill_exit(desk)
    again = desk.one(PlaceList)
    assert (covered(again), sold) == (held - sold, HALF)
    stop, target = desk.protect()
    assert (stop.stop_price, target.price) == (plan.stop_loss, plan.take_profit)
    position = desk.position()
    assert (position.plan, position.state, position.part) == (plan, PositionState.PROTECTED, None)
    assert (position.bought, position.average_price) == (held - sold, D(40000))
    assert desk.noted(f.PartExitEnded)[0].unsold == 0
    assert set(desk.core.book.naked.counts) == {NakedKind.ENTRY_OCO, NakedKind.EXIT}
    assert desk.waiting == []


def test_where_cancel_replace_is_not_allowed_the_cancel_leaves_room_for_sale_and_protection() -> None:
    desk = big_desk(cancel_replace_allowed=False)
    sell_part(desk)
    cancel = desk.one(CancelList)
    assert cancel.orders_after == 3
    desk.answer(cancel, desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    cancel_legs(desk)
    assert fill_exit(desk) == HALF
    desk.protect()
    assert desk.position().state is PositionState.PROTECTED


def test_a_signal_counts_once_and_no_second_part_begins_before_the_first_is_over() -> None:
    desk = big_desk()
    sell_part(desk)
    desk.withhold(desk.one(ReplaceOrder))
    sell_part(desk)
    sell_part(desk, frame="5m")
    assert denied(desk) == ["duplicate_signal", "exit_pending"]
    desk.tick(2.0)
    assert fill_exit(desk) == HALF
    desk.protect()
    desk.tick(0.5)
    assert [order.executed for order in desk.orders(Leg.EXIT)] == [0, HALF]


def test_after_a_restart_what_was_sold_already_is_not_sold_again() -> None:
    desk = big_desk()
    sell_part(desk)
    order = desk.orders(Leg.EXIT)[-1]
    plain = book_to_plain(desk.core.book)
    for is_filled in (True, False):
        again = Desk(desk.rules[SYMBOL], settings=BIG, book=book_from_plain(plain)).ready()
        sell_part(again)
        part = again.position().part
        assert part is not None
        assert part.keep == REST
        if is_filled:
            again.hold("BTC", str(REST))
            cancel_legs(again)
            again.trade(again.now_known(order), str(order.quantity), "40000", 900)
            assert again.position().part is None
            assert covered(again.one(PlaceList)) == REST
        assert len(again.orders(Leg.EXIT)) == 1
        assert not again.sent(PlaceOrder)


def test_what_the_stop_sold_meanwhile_counts() -> None:
    desk = big_desk()
    sell_part(desk, "0.9")
    [request] = desk.sent(ReplaceOrder)
    stop = desk.orders(Leg.STOP)[-1]
    desk.trade(stop, "0.01200", "39600", 901, "PARTIALLY_FILLED")
    desk.refuse(request, -2010, "no")
    assert desk.position().part is None or desk.position().exit_reason
    assert len(desk.orders(Leg.EXIT)) == 1


@pytest.mark.parametrize(("part", "reason"), [("0.005", "part_too_small"), ("0.009", "part_too_small")])
def test_a_part_that_cannot_be_sold_is_denied_and_nothing_changes(part: str, reason: str) -> None:
    desk = big_desk()
    sell_part(desk, part)
    assert denied(desk) == [reason]
    assert desk.waiting == []


def test_all_is_sold_where_the_rest_could_not_be_protected() -> None:
    desk = big_desk()
    sell_part(desk, "0.99")
    assert desk.position().part is None
    assert "SELL signal of trend_multi_tf for 0.99 of it, and the rest could not" in desk.position().exit_reason
    assert desk.one(ReplaceOrder).replace.new.quantity == desk.core.book.quantity(SYMBOL)
    desk.withhold(desk.one(ReplaceOrder))
    sell_part(desk)
    assert denied(desk) == ["duplicate_signal"]


def test_a_refused_part_is_given_up_and_its_protection_stays() -> None:
    desk = big_desk()
    sell_part(desk)
    desk.refuse(desk.one(ReplaceOrder), -2010, "not now")
    ended = desk.noted(f.PartExitEnded)[0]
    assert (ended.unsold, ended.reason) == (HALF, "the exchange says: not now")
    desk.tick(40.0)
    assert not desk.sent(ReplaceOrder)
    assert desk.position().state is PositionState.PROTECTED


def test_after_a_cancel_a_refused_part_gives_the_protection_back_at_once() -> None:
    desk = big_desk(cancel_replace_allowed=False)
    sell_part(desk)
    cancel = desk.one(CancelList)
    desk.answer(cancel, desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    cancel_legs(desk)
    desk.refuse(desk.one(PlaceOrder), -2010, "not now")
    assert covered(desk.one(PlaceList)) == desk.core.book.quantity(SYMBOL)


def test_a_part_is_not_sold_in_doubt_or_late_or_unrecorded() -> None:
    desk = big_desk()
    desk.tell(OwnerSeen("owner", "this directory was copied"))
    sell_part(desk)
    desk.tell(OwnerSeen("owner"))
    sell_part(desk, frame="5m", bar_close_time=int(desk.now * 1000) - 20_000)
    assert denied(desk) == ["account_in_doubt", "signal_stale"]
    desk.fresh()
    health = desk.core.situation.health
    desk.tell(i.HealthSeen(health.ares, health.feeder, health.memory, disk_problem="no space"))
    sell_part(desk, frame="15m")
    assert denied(desk)[-1] == "disk_full"
    assert desk.waiting == []


def test_a_doubt_holds_a_part_back_that_was_asked_for() -> None:
    desk = big_desk()
    sell_part(desk)
    desk.withhold(desk.one(ReplaceOrder))
    desk.tell(OwnerSeen("owner", "this directory was copied"))
    desk.fresh()
    desk.tick(40.0)
    desk.fresh()
    assert not desk.sent(ReplaceOrder)
    assert desk.position().part is not None
    desk.tell(OwnerSeen("owner"))
    desk.fresh()
    assert desk.one(ReplaceOrder).replace.new.quantity == HALF


def test_a_part_is_given_up_when_it_was_not_possible_for_a_minute() -> None:
    """What is sold later is not what was meant."""
    desk = big_desk()
    sell_part(desk)
    desk.withhold(desk.one(ReplaceOrder))
    desk.tell(OwnerSeen("owner", "this directory was copied"))
    desk.tick(61.0)
    assert desk.noted(f.PartExitEnded)[0].reason == "it could not be sold within 60 s"
    desk.tell(OwnerSeen("owner"))
    desk.fresh()
    assert not desk.sent(ReplaceOrder)


def test_a_whole_exit_ends_a_part() -> None:
    desk = big_desk()
    sell_part(desk)
    desk.withhold(desk.one(ReplaceOrder))
    desk.now += 0.1
    desk.sell()
    assert desk.position().part is None
    assert desk.position().exit_reason == "SELL signal of trend_multi_tf"


def test_a_part_waits_for_the_answer_before_it() -> None:
    """What it is a share of is certain then."""
    desk = market_desk(BIG).bought()
    sell_part(desk)
    assert desk.position().part is None
    desk.protect()
    assert desk.position().part is not None
    assert not denied(desk)


def test_coins_that_come_in_stay() -> None:
    """A late purchase, and coins that are adopted meanwhile, are no part of what was asked for."""
    book = Book("simulated:1", "owner")
    desk = Desk(market_desk().rules[SYMBOL], settings=BIG, book=book).ready().protected()
    sell_part(desk)
    part = desk.position().part
    assert part is not None
    plan = desk.position().plan
    adopted = f.PositionAdopted(SYMBOL, "BTC", "USDT", D("0.1"), D(40000), plan, 1, "ada")
    desk.core.situation.record(adopted)
    after = desk.position().part
    assert after is not None
    assert after.keep == part.keep + D("0.1")
