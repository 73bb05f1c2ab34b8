"""What a held position needs: its protection, another stop, an exit, or patience."""

from dataclasses import replace
from math import inf

import pytest

from cq_tui.binance.order_lists import NewOco
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.effects import (
    CancelList,
    CancelOrder,
    FetchRules,
    FetchTrades,
    PlaceList,
    PlaceOrder,
    QueryOrder,
    ReplaceOrder,
    Urgency,
)
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk


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
    assert desk.core.decisions[Decision.PLACE_LIST] == 1


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
    desk.now = due / 1000 - 0.001
    desk.quote("40000")
    assert desk.core.situation.lane(SYMBOL).due == due / 1000
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
    assert desk.core.decisions[Decision.PROTECT_AGAIN] == 1


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


def test_protection_that_a_bad_key_refuses_waits_for_the_key_and_sells_nothing() -> None:
    desk = market_desk().bought()
    for _ in range(4):
        desk.refuse(desk.one(PlaceList), -2015, "Invalid API-key, IP, or permissions for action.", about_symbol=False)
        assert desk.waiting == []
        desk.tick(1.7)
    assert not desk.noted(f.ExitWanted)
    assert SYMBOL not in desk.core.book.quarantine
    desk.protect()
    assert desk.position().state is PositionState.PROTECTED


def test_a_halted_symbol_is_looked_at_again_in_five_seconds() -> None:
    desk = market_desk().bought()
    desk.core.situation.left_out[SYMBOL] = "in maintenance"
    desk.refuse(desk.one(PlaceList), -1013)
    assert desk.waiting == []
    assert desk.core.decisions[Decision.HALTED] == 1
    assert desk.core.situation.lane(SYMBOL).due == desk.now + 5.0
    assert desk.core.situation.lane(SYMBOL).stuck == "in maintenance"


def test_a_symbol_that_the_account_may_not_trade_is_left_alone_and_says_so() -> None:
    desk = market_desk(permission_sets=(frozenset({"SPOT", "TRD_GRP_002"}),)).bought()
    lane = desk.core.situation.lane(SYMBOL)
    placed = desk.one(PlaceList)
    desk.core.situation.permissions = frozenset({"LEVERAGED"})
    desk.refuse(placed, -2010)
    assert (desk.waiting, lane.stuck) == ([], "this account may not trade it")
    desk.core.situation.permissions = frozenset({"LEVERAGED", "TRD_GRP_002"})
    desk.tick(5.0)
    assert (len(desk.sent(PlaceList)), lane.stuck) == (1, "")


def test_protection_that_cannot_be_made_is_named_and_nothing_is_sent() -> None:
    desk = market_desk().bought()
    # The limit of the stop, 3 % below it, would be none.
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], tick_size=D(39_000))
    desk.refuse(desk.one(PlaceList), -1000, about_symbol=False)
    desk.tick(0.2)
    assert desk.core.situation.lane(SYMBOL).stuck.startswith("the order that it needs cannot be made: price is")
    assert desk.waiting == []
    assert desk.core.decisions[Decision.STUCK] == 1


def test_a_stop_below_the_tick_is_named_and_nothing_is_sent() -> None:
    desk = market_desk().bought()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], tick_size=D(100_000))
    desk.refuse(desk.one(PlaceList), -1000, about_symbol=False)
    desk.tick(0.2)
    assert desk.core.situation.lane(SYMBOL).stuck == "its stop 39600 lies below the tick 100000"
    assert desk.waiting == []


def test_a_position_that_is_over_is_stuck_no_more() -> None:
    desk = market_desk().protected()
    desk.core.situation.lane(SYMBOL).stuck = "in maintenance"
    desk.hold("BTC", "0")
    desk.trade(desk.orders(Leg.TARGET)[0], "0.00249", "40600", 900)
    assert desk.core.situation.lane(SYMBOL).stuck == ""


def test_what_cannot_be_sold_says_why_and_stays_protected() -> None:
    desk = market_desk().protected()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], market_min_quantity=D(1))
    desk.sell()
    assert desk.waiting == []
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.stuck.startswith("0.00249 BTC, worth 99.6 USDT: less than MARKET_LOT_SIZE minQty 1")
    assert lane.due == desk.now + 5.0
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
    desk.refuse(desk.one(ReplaceOrder), -2010, "no")
    desk.quote("30000")
    desk.tick(0.6)
    desk.one(ReplaceOrder)
    assert [one.reason for one in desk.noted(f.ExitWanted)] == ["SELL signal of trend_multi_tf"]


def test_what_no_stop_can_cover_is_valued_at_the_stop() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], min_quantity=D(1))
    desk.answer(request, desk.filled(desk.orders()[0]))
    assert "worth 98.6" in desk.core.situation.lane(SYMBOL).stuck


def leaving() -> Desk:
    """A desk whose sale is sent, with no protection any more."""
    desk = market_desk(cancel_replace_allowed=False).protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.sell()
    reports = desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED")
    desk.answer(desk.one(CancelList), replace(desk.list_answer_of(stop), reports=reports))
    return desk


def test_a_sale_that_expired_unsold_is_tried_again_a_moment_later_and_one_that_sold_a_part_at_once() -> None:
    desk = leaving()
    first = desk.one(PlaceOrder)
    desk.answer(first, desk.shown(desk.orders(Leg.EXIT)[-1], "EXPIRED"))
    assert desk.waiting == []
    desk.tick(0.25)
    assert desk.waiting == []
    desk.tick(0.25)
    second = desk.one(PlaceOrder)
    sale = desk.orders(Leg.EXIT)[-1]
    desk.hold("BTC", "0.00149")
    desk.trade(sale, "0.001", "40000", 700, "EXPIRED")
    assert second in desk.waiting
    [third] = [one for one in desk.sent(PlaceOrder) if one is not second]
    assert third.order.quantity == D("0.00149")


def test_a_second_word_of_the_end_of_a_sale_starts_no_new_pause() -> None:
    desk = leaving()
    desk.answer(desk.one(PlaceOrder), desk.shown(desk.orders(Leg.EXIT)[-1], "EXPIRED"))
    desk.tick(0.4)
    desk.report(desk.orders(Leg.EXIT)[-1], "EXPIRED")
    desk.tick(0.11)
    assert desk.one(PlaceOrder).order.side == "SELL"


def leftover() -> Desk:
    """A desk whose target was filled, and whose stop works on."""
    desk = market_desk().protected()
    desk.hold("BTC", "0")
    desk.trade(desk.orders(Leg.TARGET)[0], "0.00249", "40600", 900)
    assert desk.position_or_none() is None
    return desk


def show_working(desk: Desk) -> None:
    """Answer each query: the order works."""
    for query in desk.sent(QueryOrder):
        desk.answer(query, desk.shown(desk.core.book.orders[query.client_order_id or ""], "NEW"))


def test_a_cancel_of_leftovers_is_repeated_after_two_seconds() -> None:
    desk = leftover()
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.leftover_since == desk.now
    for _ in range(2):
        for _ in range(3):
            desk.tick(0.5)
            show_working(desk)
            assert desk.sent(CancelList) == []
        assert lane.due == lane.leftover_since + 2.0
        desk.tick(0.5)
        cancel = desk.one(CancelList)
        desk.refuse(cancel, -2011, "Unknown order sent.")
        show_working(desk)
        assert desk.waiting == []
    desk.report(desk.orders(Leg.STOP)[0], "CANCELED")
    assert lane.leftover_since == inf


def test_orders_that_outlive_a_position_stay_while_the_next_is_being_bought() -> None:
    desk = leftover()
    desk.tick(1.5)
    show_working(desk)
    desk.core.book.last_entry.clear()
    request = desk.buy(strategy="next")
    desk.answer(request, desk.shown(desk.orders(Leg.ENTRY)[-1], "NEW"))
    for _ in range(6):
        desk.tick(0.5)
        for query in desk.sent(QueryOrder):
            desk.answer(query, desk.shown(desk.core.book.orders[query.client_order_id or ""], "NEW"))
        assert desk.sent(CancelList) == []


def test_without_rules_a_position_is_over_when_all_is_sold_and_not_before() -> None:
    desk = market_desk().protected()
    target = desk.orders(Leg.TARGET)[0]
    desk.core.situation.symbol_rules.clear()
    desk.hold("BTC", "0.00149")
    desk.trade(target, "0.001", "40600", 900, "PARTIALLY_FILLED")
    assert desk.position().symbol == SYMBOL
    assert desk.core.decisions[Decision.HALTED] == 1
    desk.hold("BTC", "0")
    desk.trade(desk.now_known(target), "0.00149", "40600", 901)
    assert desk.position_or_none() is None


def test_what_an_earlier_position_left_is_not_protected_while_an_entry_works() -> None:
    desk = market_desk()
    desk.hold("BTC", "0.002")
    request = desk.buy()
    desk.core.book.holdings[SYMBOL] = Holding(SYMBOL, "BTC", "USDT", D("0.002"), D(80))
    desk.answer(request, desk.shown(desk.orders(Leg.ENTRY)[-1], "NEW"))
    desk.tick(0.5)
    assert desk.waiting == []
    assert desk.position().state is PositionState.OPENING


@pytest.mark.parametrize("state", ["NEW", "PARTIALLY_FILLED"])
def test_while_a_sale_works_nothing_else_is_sent(state: str) -> None:
    desk = leaving()
    sale = desk.orders(Leg.EXIT)[-1]
    if state == "PARTIALLY_FILLED":
        desk.hold("BTC", "0.00149")
        desk.trade(sale, "0.001", "40000", 700, state)
    desk.answer(desk.one(PlaceOrder), desk.shown(desk.now_known(sale), state, str(desk.now_known(sale).executed)))
    for _ in range(10):
        desk.tick(0.5)
        for query in desk.sent(QueryOrder):
            desk.answer(query, desk.shown(desk.now_known(sale), state, str(desk.now_known(sale).executed)))
        desk.quote("39000")
        assert desk.waiting == []


def single_stop() -> Desk:
    """A desk whose position has a stop and no target at the exchange."""
    desk = market_desk(oco_allowed=True)
    request = desk.buy()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], oco_allowed=False)
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.filled(desk.orders()[0]))
    desk.answer(desk.one(PlaceOrder), desk.shown(desk.orders(Leg.STOP)[0], "NEW"))
    desk.report(desk.orders(Leg.STOP)[0], "NEW")
    assert desk.waiting == []
    return desk


def test_a_single_stop_sells_by_itself_at_its_level_and_the_target_is_watched() -> None:
    desk = single_stop()
    for price in ("39600", "39402.01", "40599.99"):
        desk.quote(price)
        assert (desk.waiting, desk.position().exit_reason) == ([], "")
    desk.quote("40600")
    assert desk.position().exit_reason == "price 40600 is at or above the target 40600"


def test_a_target_alone_leaves_the_stop_to_us() -> None:
    desk = market_desk().protected()
    desk.report(desk.orders(Leg.STOP)[0], "CANCELED")
    desk.quote("39600")
    assert desk.position().exit_reason == "price 39600 is at or below the stop 39600"


@pytest.mark.parametrize(("stop", "reason"), [("0.9", ""), ("0", "the position has no stop")])
def test_a_stop_below_one_is_a_stop_and_none_is_none(stop: str, reason: str) -> None:
    desk = market_desk().bought()
    plan = replace(desk.position().plan, stop_loss=D(stop))
    desk.core.book.positions[SYMBOL] = desk.position()._replace(plan=plan)
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], min_notional=D(0))
    desk.withhold(desk.one(PlaceList))
    desk.tick(1.0)
    assert desk.position().exit_reason == reason
    assert len(desk.sent(PlaceList)) == (not reason)


def test_without_a_stop_what_cannot_be_sold_stays_without_an_order() -> None:
    desk = market_desk().bought()
    plan = replace(desk.position().plan, stop_loss=D(0))
    desk.core.book.positions[SYMBOL] = desk.position()._replace(plan=plan)
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], market_min_quantity=D(1))
    desk.withhold(desk.one(PlaceList))
    desk.tick(1.0)
    assert desk.waiting == []
    assert desk.core.situation.lane(SYMBOL).stuck.endswith("less than MARKET_LOT_SIZE minQty 1")


def test_a_stop_as_large_as_one_order_may_be_is_kept() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], max_notional=D(60))
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.filled(desk.orders()[0]))
    stop, _ = desk.protect()
    assert stop.quantity == D("0.00147"), "at most 60 at the target"
    desk.quote("40100")
    assert desk.waiting == []
    assert desk.core.situation.lane(SYMBOL).stuck == ""


@pytest.mark.parametrize(("more", "is_moved"), [("0.0001", False), ("0.0002", True)])
def test_a_stop_is_replaced_for_more_coins_that_could_be_protected_by_themselves(more: str, is_moved: bool) -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", "0.001")
    desk.trade(entry, "0.001", "40000", 8, "PARTIALLY_FILLED")
    desk.protect()
    desk.hold("BTC", str(D("0.001") + D(more)))
    desk.trade(desk.now_known(entry), more, "40000", 9, "PARTIALLY_FILLED")
    desk.look()
    assert request in desk.waiting
    assert [one.replace.new.quantity for one in desk.sent(ReplaceOrder)] == [D("0.0012")] * is_moved


def test_the_lowest_of_several_stops_counts() -> None:
    desk = market_desk().protected()
    stop = desk.orders(Leg.STOP)[0]
    half = stop.quantity / 2
    low = stop._replace(client_order_id=stop.client_order_id[:-1] + "2", stop_price=D(39000), order_id=400)
    desk.core.book.put(stop._replace(quantity=half))
    desk.core.book.put(low._replace(quantity=half, list_client_order_id=None))
    desk.quote("40000")
    assert desk.one(ReplaceOrder).replace.new.stop_price == D(39600)


def test_what_can_be_sold_is_judged_at_the_bid() -> None:
    desk = market_desk().protected()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], min_notional=D(99))
    desk.sell()
    assert desk.one(ReplaceOrder).replace.new.quantity == D("0.00249")


def test_protection_that_was_not_sent_is_sent_when_its_pause_is_over() -> None:
    desk = market_desk().bought()
    desk.withhold(desk.one(PlaceList), 1.0)
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.due == desk.now + 1.0
    desk.tick(0.5)
    assert desk.waiting == []
    lane.stuck = "in maintenance"
    desk.tick(0.5)
    assert lane.stuck == ""
    desk.protect()
    lane.stuck = "in maintenance"
    desk.quote("40000")
    assert lane.stuck == ""


def test_a_stop_that_could_not_be_placed_anew_stays_and_says_so() -> None:
    desk = market_desk().protected(trail=D(300), take_profit=D(48000))
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], order_types=frozenset({"MARKET"}))
    desk.tell(i.BarClosed(SYMBOL, "1m", D(40100), int(desk.now * 1000) + 60_000))
    assert desk.position().plan.stop_loss == D(39800)
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.stuck == f"{SYMBOL} takes no stop orders any more: the one that is there stays"
    assert (desk.waiting, desk.position().exit_reason) == ([], "")
    desk.unread = (FetchRules,)
    desk.tick(15.0)
    desk.quote("40000")
    desk.tick(1.0)
    assert desk.one(FetchRules).symbols == (SYMBOL,), "they are read again: nobody announces new ones"


def test_without_its_stop_a_position_in_a_symbol_without_stops_is_left() -> None:
    desk = market_desk().protected()
    desk.core.situation.symbol_rules[SYMBOL] = replace(desk.rules[SYMBOL], order_types=frozenset({"MARKET"}))
    desk.report(desk.orders(Leg.STOP)[0], "CANCELED")
    for query in desk.sent(QueryOrder):
        desk.answer(query, desk.shown(desk.core.book.orders[query.client_order_id or ""], "NEW"))
    desk.tick(0.2)
    show_working(desk)
    assert desk.position().exit_reason == f"{SYMBOL} takes no stop orders"


def test_protection_is_no_leftover_while_the_trades_of_its_entry_are_not_known() -> None:
    """After a restart without answers, queries tell that the entry was filled before its trades can be read."""
    desk = list_desk()
    desk.unread = (FetchTrades,)
    request = desk.buy()
    entry, stop, target = desk.orders()
    desk.lose(request)
    filled = desk.shown(entry, "FILLED", str(entry.quantity))
    for order, answer in ((entry, filled), (stop, desk.shown(stop, "NEW")), (target, desk.shown(target, "NEW"))):
        [query] = [one for one in desk.sent(QueryOrder) if one.client_order_id == order.client_order_id]
        desk.answer(query, answer)
    for _ in range(10):
        desk.fresh()
        desk.tick(1.0)
        for query in desk.sent(QueryOrder):
            order = desk.core.book.orders[query.client_order_id or ""]
            desk.answer(query, desk.shown(order, "NEW"))
    assert desk.now_known(entry).lacks_trades
    assert not desk.sent(CancelList)
