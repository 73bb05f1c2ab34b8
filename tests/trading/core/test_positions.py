"""What a held position needs: its protection, another stop, an exit, or patience."""

from dataclasses import replace

import pytest

from cq_tui.binance.order_lists import NewOco
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    CancelList,
    CancelOrder,
    PlaceList,
    PlaceOrder,
    QueryOrder,
    ReplaceOrder,
    Urgency,
)
from cq_tui.trading.core.positions import Decision
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, market_desk


def test_stop_and_target_are_placed_for_all_that_is_held() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    assert isinstance(request.order_list, NewOco)
    assert request.urgency is Urgency.PROTECT
    assert request.order_list.quantity == D("0.00249")
    below, above = request.order_list.below, request.order_list.above
    assert (below.type, below.stop_price, below.price) == ("STOP_LOSS_LIMIT", D(39600), D(38412))
    assert (above.type, above.price) == ("LIMIT_MAKER", D(40600))
    assert desk.position().state is PositionState.OPENING
    desk.protect()
    assert desk.position().state is PositionState.PROTECTED
    assert desk.position().naked is None
    assert desk.waiting == []


def test_the_answer_is_no_protection_until_the_legs_were_seen() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    legs = [desk.shown(one, "NEW") for one in desk.orders() if one.leg is not Leg.ENTRY]
    desk.answer(request, desk.list_answer(request, *legs))
    assert desk.position().state is PositionState.OPENING
    desk.tick(0.11)
    query = desk.one(QueryOrder)
    assert query.urgency is Urgency.PROTECT, "the stream did not show it, so it is asked for"
    stop = desk.orders(Leg.STOP)[0]
    assert query.client_order_id == stop.client_order_id
    desk.answer(query, desk.shown(stop, "NEW"))
    assert desk.position().state is PositionState.PROTECTED


def test_a_working_stop_of_the_right_size_and_level_is_kept() -> None:
    desk = market_desk().protected()
    for bid in ("40100", "39700", "39601", "39405"):
        desk.quote(bid)
        assert desk.waiting == []
        assert desk.position().exit_reason == ""


def test_a_gap_over_the_stop_is_an_exit() -> None:
    desk = market_desk().protected()
    desk.quote("39402.01")
    assert desk.waiting == []
    desk.quote("39402")
    assert desk.position().exit_reason == "price 39402 gapped over the stop 39600"
    assert desk.one(ReplaceOrder).urgency is Urgency.EXIT


@pytest.mark.parametrize(
    ("bid", "last", "is_out"),
    [("39600.01", "39600.01", False), ("39600", "39601", True), ("39601", "39600", True)],
)
def test_a_stop_that_would_trigger_at_once_is_an_exit(bid: str, last: str, is_out: bool) -> None:
    desk = market_desk()
    request = desk.buy()
    desk.tell(i.QuotesSeen({SYMBOL: i.Quote(D(bid), D(bid) + 1, D(last), desk.now)}))
    [entry] = desk.orders()
    desk.hold("BTC", str(entry.quantity))
    desk.answer(request, desk.filled(entry))
    assert bool(desk.sent(PlaceList)) is not is_out
    assert bool(desk.sent(PlaceOrder)) is is_out
    assert bool(desk.position().exit_reason) is is_out


def test_a_target_that_was_passed_is_an_exit_unless_its_order_is_there() -> None:
    desk = market_desk().protected()
    desk.quote("40700")
    assert desk.waiting == [], "the exchange sells by itself"
    bare = market_desk()
    request = bare.buy()
    bare.quote("40600")
    [entry] = bare.orders()
    bare.hold("BTC", str(entry.quantity))
    bare.answer(request, bare.filled(entry))
    assert bare.position().exit_reason == "price 40600 is at or above the target 40600"


def test_an_old_quote_decides_nothing() -> None:
    desk = market_desk().protected()
    desk.tell(i.QuotesSeen({SYMBOL: i.Quote(D(39000), D(39001), D(39000), desk.now - 10.1)}))
    assert desk.position().exit_reason == ""
    desk.tell(i.QuotesSeen({SYMBOL: i.Quote(D(39000), D(39001), D(39000), desk.now - 10.0)}))
    assert desk.position().exit_reason


def test_a_time_stop_is_an_exit_when_its_time_has_come() -> None:
    desk = market_desk().protected(max_bars=1)
    due = desk.position().plan.time_stop_ms
    assert due is not None
    assert desk.core.next_due <= due / 1000
    desk.now = due / 1000 - 0.001
    desk.quote("40000")
    assert desk.position().exit_reason == ""
    desk.tick(0.001)
    assert desk.position().exit_reason == "time stop"


def test_protection_refused_twice_is_an_exit() -> None:
    desk = market_desk().bought()
    desk.refuse(desk.one(PlaceList), -2010, "too many algo orders")
    assert desk.waiting == []
    desk.tick(0.09)
    assert desk.waiting == []
    desk.tick(0.02)
    desk.refuse(desk.one(PlaceList), -2010, "too many algo orders")
    assert desk.position().exit_reason == "its protection was refused"
    sale = desk.one(PlaceOrder)
    assert (sale.order.side, sale.order.type, sale.order.quantity) == ("SELL", "MARKET", D("0.00249"))
    assert sale.urgency is Urgency.EXIT


def test_a_single_stop_where_the_symbol_takes_no_pairs() -> None:
    desk = market_desk().bought()
    desk.one(PlaceList)
    desk = market_desk()
    request = desk.buy()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], oco_allowed=False)
    desk.answer(request, desk.filled(desk.orders()[0]))
    stop = desk.one(PlaceOrder)
    assert (stop.order.type, stop.order.stop_price, stop.urgency) == ("STOP_LOSS_LIMIT", D(39600), Urgency.PROTECT)
    assert stop.order.time_in_force == "GTC"
    assert desk.core.decisions[Decision.PLACE_STOP] == 1


def test_a_symbol_without_stop_orders_is_left() -> None:
    desk = market_desk()
    request = desk.buy()
    rules = replace(desk.rules[SYMBOL], order_types=frozenset({"MARKET", "LIMIT_MAKER"}))
    desk.core.situation.symbol_rules[SYMBOL] = rules
    desk.answer(request, desk.filled(desk.orders()[0]))
    assert desk.position().exit_reason == f"{SYMBOL} takes no stop orders"
    assert desk.one(PlaceOrder).order.type == "MARKET"


def test_an_exit_replaces_the_stop_so_that_nothing_is_naked_when_it_is_refused() -> None:
    desk = market_desk().protected()
    desk.sell()
    request = desk.one(ReplaceOrder)
    [stop] = desk.orders(Leg.STOP)
    assert request.replace.canceled_client_order_id == stop.client_order_id
    assert request.replace.cancel_id is not None
    assert (request.replace.new.type, request.replace.new.quantity) == ("MARKET", D("0.00249"))
    desk.refuse(request, -1013, "Filter failure: LOT_SIZE")
    assert desk.now_known(stop).status is OrderStatus.NEW
    assert desk.waiting == []
    desk.tick(0.51)
    desk.one(ReplaceOrder)


def test_where_nothing_can_be_replaced_the_list_is_canceled_and_then_sold() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.sell()
    request = desk.one(CancelList)
    assert (request.urgency, request.orders_after) == (Urgency.EXIT, 1)
    assert request.list_client_order_id == stop.list_client_order_id
    reports = (desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    desk.waiting.remove(request)
    desk.tell(i.Answered(request.number, replace(desk.list_answer_of(stop), reports=reports)))
    assert desk.one(PlaceOrder).order.type == "MARKET"
    assert desk.waiting == desk.sent(PlaceOrder)


def test_protection_goes_back_two_seconds_after_a_refused_exit() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.sell()
    cancel = desk.one(CancelList)
    reports = (desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    desk.waiting.remove(cancel)
    desk.tell(i.Answered(cancel.number, replace(desk.list_answer_of(stop), reports=reports)))
    began = desk.now
    while desk.now < began + 1.9:
        for sale in desk.sent(PlaceOrder):
            desk.refuse(sale, -1015, "Too many new orders.")
        desk.tick(0.1)
        assert desk.sent(PlaceList) == []
    for sale in desk.sent(PlaceOrder):
        desk.refuse(sale, -1015, "Too many new orders.")
    desk.tick(began + 2.0 - desk.now + 0.001)
    assert desk.one(PlaceList).urgency is Urgency.PROTECT


def test_a_raised_stop_is_placed_in_the_place_of_the_old_one() -> None:
    desk = market_desk().protected(trail=D(300), take_profit=D(48000))
    [old] = desk.orders(Leg.STOP)
    desk.tell(i.BarClosed(SYMBOL, "1m", D(40100), int(desk.now * 1000) + 60_000))
    request = desk.one(ReplaceOrder)
    assert request.replace.canceled_client_order_id == old.client_order_id
    assert (request.replace.new.type, request.replace.new.stop_price) == ("STOP_LOSS_LIMIT", D(39800))
    assert request.urgency is Urgency.PROTECT
    assert desk.core.decisions[Decision.MOVE_STOP] == 1


def test_a_raised_stop_where_nothing_can_be_replaced_leaves_room_for_two_orders() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected(trail=D(300), take_profit=D(48000))
    desk.tell(i.BarClosed(SYMBOL, "1m", D(40100), int(desk.now * 1000) + 60_000))
    request = desk.one(CancelList)
    assert (request.urgency, request.orders_after) == (Urgency.PROTECT, 2)


def test_a_halted_symbol_is_looked_at_again_in_five_seconds() -> None:
    desk = market_desk().bought()
    desk.core.situation.left_out[SYMBOL] = "in maintenance"
    desk.refuse(desk.one(PlaceList), -1013)
    assert desk.waiting == []
    assert desk.core.decisions[Decision.HALTED] == 1
    assert desk.core.next_due <= desk.now + 5.0


def test_what_cannot_be_sold_says_why_and_stays_protected() -> None:
    desk = market_desk().protected()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], market_min_quantity=D(1))
    desk.sell()
    assert desk.waiting == []
    assert desk.core.situation.lane(SYMBOL).stuck
    assert desk.position().state is PositionState.UNSELLABLE
    assert desk.core.decisions[Decision.STUCK] >= 1
    desk.core.situation.symbol_rules[SYMBOL] = desk.rules[SYMBOL]
    desk.tick(5.01)
    desk.one(ReplaceOrder)
    assert desk.core.situation.lane(SYMBOL).stuck == ""


def test_orders_that_outlive_their_position_are_canceled() -> None:
    desk = market_desk().protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.hold("BTC", "0")
    desk.trade(target, "0.00249", "40600", 900)
    assert desk.position_or_none() is None
    desk.tick(0.99)
    assert desk.waiting == []
    desk.tick(0.02)
    query = desk.one(QueryOrder)
    assert query.client_order_id == stop.client_order_id
    desk.answer(query, desk.shown(desk.now_known(stop), "NEW"))
    desk.tick(0.97)
    assert desk.sent(CancelList) == []
    desk.tick(0.03)
    assert desk.one(CancelList).urgency is Urgency.RESOLVE
    assert desk.core.decisions[Decision.CANCEL_LEFTOVERS] == 1


def test_a_single_stop_is_canceled_by_its_own_id() -> None:
    desk = market_desk(cancel_replace_allowed=False)
    request = desk.buy()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], oco_allowed=False)
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.filled(desk.orders()[0]))
    placed = desk.one(PlaceOrder)
    [stop] = desk.orders(Leg.STOP)
    desk.answer(placed, desk.shown(stop, "NEW"))
    desk.report(desk.now_known(stop), "NEW")
    desk.sell()
    cancel = desk.one(CancelOrder)
    assert cancel.client_order_id == stop.client_order_id
    assert (cancel.orders_after, cancel.urgency) == (1, Urgency.EXIT)


def test_an_exit_is_wanted_once() -> None:
    desk = market_desk().protected()
    desk.sell()
    desk.quote("30000")
    assert [one.reason for one in desk.noted(f.ExitWanted)] == ["SELL signal of trend_multi_tf"]
