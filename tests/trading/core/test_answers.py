"""What becomes of requests: each ends once, and what is not certain is asked for."""

from dataclasses import replace

import pytest

from cq_tui.binance.cancel_replace import CancelReplaceResult
from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    CancelList,
    FetchAccount,
    FetchCommission,
    FetchOpenOrders,
    FetchRules,
    FetchTrades,
    PlaceList,
    PlaceOrder,
    QueryOrder,
    ReplaceOrder,
)
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import MARKET, SYMBOL, D, Desk, list_desk, market_desk


def failures(desk: Desk) -> int:
    return desk.core.book.quarantine.failures_of(SYMBOL)


def statuses(desk: Desk) -> list[OrderStatus]:
    return [one.status for one in desk.orders()]


def test_a_started_request_marks_its_orders_sent_once() -> None:
    desk = list_desk()
    request = desk.buy()
    desk.tell(i.Started(request.number))
    assert statuses(desk) == [OrderStatus.SENT] * 3
    assert [one.sent_ms for one in desk.orders()] == [int(desk.now * 1000)] * 3
    desk.tell(i.Started(request.number))
    assert len(desk.noted(f.OrderSent)) == 3
    assert desk.core.book.orders_count == 3


def test_a_started_cancel_sends_no_order() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    before = len(desk.noted(f.OrderSent))
    desk.sell()
    desk.tell(i.Started(desk.one(CancelList).number))
    assert len(desk.noted(f.OrderSent)) == before


def test_an_answer_counts_once() -> None:
    desk = market_desk()
    request = desk.buy()
    answer = desk.filled(desk.orders()[0])
    desk.hold("BTC", "0.00249")
    desk.answer(request, answer)
    for late in (
        i.Answered(request.number, answer),
        i.Refused(request.number, -2010, "no"),
        i.OutcomeUnknown(request.number, "late"),
        i.NotSent(request.number, "late"),
        i.NotStored(request.number, "late"),
    ):
        desk.tell(late)
    assert statuses(desk)[0] is OrderStatus.FILLED
    assert len(desk.noted(f.OrderFilled)) == 1
    assert desk.core.situation.exchange_problem is None


def test_orders_that_an_answer_does_not_show_are_asked_for() -> None:
    desk = list_desk()
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    desk.answer(request, desk.list_answer(request, desk.shown(entry, "NEW"), desk.shown(stop, "PENDING_NEW")))
    assert statuses(desk) == [OrderStatus.NEW, OrderStatus.PENDING, OrderStatus.UNKNOWN]
    assert desk.now_known(target).reason == "not in the answer"
    assert target.client_order_id in desk.core.situation.lane(SYMBOL).inquiries


def test_a_refused_entry_counts_as_one_failure_however_many_orders_it_has() -> None:
    desk = list_desk()
    desk.refuse(desk.buy(), -2010, "Account has insufficient balance for requested action.")
    assert statuses(desk) == [OrderStatus.REJECTED] * 3
    assert [one.code for one in desk.orders()] == [-2010] * 3
    assert failures(desk) == 1
    assert desk.position_or_none() is None
    closed = desk.noted(f.PositionMoved)[-1]
    assert closed.reason == "its entry bought nothing: Account has insufficient balance for requested action."


def test_three_refusals_quarantine_a_symbol_with_the_last_reason() -> None:
    desk = market_desk()
    for number in range(3):
        assert desk.noted(f.QuarantineBegan) == []
        desk.refuse(desk.buy(strategy=f"s{number}"), -2010, f"no {number}")
        desk.now += 2.0
    [began] = desk.noted(f.QuarantineBegan)
    assert (began.reason, began.failures) == ("no 2", 3)
    assert began.until == began.since + 900.0


def test_a_failed_probe_quarantines_again_since_the_first_time() -> None:
    desk = market_desk()
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), -2010)
        desk.now += 2.0
    first = desk.noted(f.QuarantineBegan)[0]
    desk.now = first.until + 1.0
    desk.refuse(desk.buy(strategy="probe"), -2010, "still no")
    again = desk.noted(f.QuarantineBegan)[1]
    assert (again.since, again.until, again.failures) == (first.since, desk.now + 900.0, 4)


def test_a_probe_that_is_protected_releases_the_symbol() -> None:
    desk = market_desk()
    for number in range(3):
        desk.refuse(desk.buy(strategy=f"s{number}"), -2010)
        desk.now += 2.0
    desk.now += 900.0
    desk.protected(strategy="probe")
    assert desk.noted(f.QuarantineEnded)[0].reason == "its probe was bought and protected"
    assert failures(desk) == 0


def test_a_refusal_that_is_not_about_the_symbol_is_no_failure_of_it() -> None:
    desk = market_desk()
    desk.refuse(desk.buy(), -2015, "Invalid API-key", about_symbol=False)
    assert failures(desk) == 0
    assert desk.core.situation.exchange_problem == "Invalid API-key (-2015)"
    assert "Invalid API-key (-2015)" in desk.core.blocked_by(desk.core.situation.moment)[0]


def test_a_refusal_without_a_code_is_told_by_its_text() -> None:
    desk = market_desk()
    desk.refuse(desk.buy(), None, "WAF limit", about_symbol=False)
    assert desk.core.situation.exchange_problem == "WAF limit"


def test_an_order_that_is_there_already_is_asked_for() -> None:
    desk = market_desk()
    desk.refuse(desk.buy(), -2010, "Duplicate order sent.")
    assert statuses(desk) == [OrderStatus.UNKNOWN]
    assert desk.orders()[0].reason == "the exchange already has an order with this id"
    assert desk.one(QueryOrder).client_order_id == desk.orders()[0].client_order_id
    assert failures(desk) == 0


def test_a_refused_exit_waits_and_is_no_failure_of_the_symbol() -> None:
    desk = market_desk().protected()
    desk.sell()
    desk.refuse(desk.one(ReplaceOrder), -2010, "This action is disabled on this account.")
    assert failures(desk) == 0
    lane = desk.core.situation.lane(SYMBOL)
    assert (lane.exit_pause.failures, lane.exit_pause.by_outage, lane.protect_pause.failures) == (1, False, 0)


def test_refused_protection_counts_and_waits() -> None:
    desk = market_desk().bought()
    desk.refuse(desk.one(PlaceList), -2010)
    lane = desk.core.situation.lane(SYMBOL)
    assert (lane.protection_refused, lane.protect_pause.failures, lane.exit_pause.failures) == (1, 1, 0)
    assert failures(desk) == 1
    desk.tick(0.11)
    desk.protect()
    assert (lane.protection_refused, lane.protect_pause.failures, failures(desk)) == (0, 0, 0)


@pytest.mark.parametrize("leg", [Leg.ENTRY, Leg.STOP, Leg.EXIT])
def test_what_was_not_sent_is_no_failure_and_waits_as_long_as_was_said(leg: Leg) -> None:
    desk = market_desk()
    request = desk.buy()
    if leg is not Leg.ENTRY:
        desk.hold("BTC", "0.00249")
        desk.answer(request, desk.filled(desk.orders()[0]))
        request = desk.one(PlaceList)
    if leg is Leg.EXIT:
        desk.protect()
        desk.sell()
        request = desk.one(ReplaceOrder)
    desk.withhold(request, 7.0)
    lane = desk.core.situation.lane(SYMBOL)
    assert desk.orders(leg)[-1].status is OrderStatus.REJECTED
    assert desk.orders(leg)[-1].reason == "not sent: no budget"
    assert failures(desk) == 0
    until = {Leg.STOP: lane.protect_pause.until, Leg.EXIT: lane.exit_pause.until}
    for kind, moment in until.items():
        assert (moment == desk.now + 7.0) is (kind is leg)


def test_a_cancel_that_was_not_sent_is_tried_again_after_its_pause() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.withhold(desk.one(CancelList), 4.0)
    assert desk.waiting == []
    desk.tick(3.9)
    assert desk.sent(CancelList) == []
    desk.tick(0.2)
    assert desk.one(CancelList) is not None


@pytest.mark.parametrize(("code", "failures"), [(-2011, 0), (-1003, 1)])
def test_a_refused_cancel_makes_the_core_ask_what_became_of_the_orders(code: int, failures: int) -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.refuse(desk.one(CancelList), code, "Unknown order sent.")
    lane = desk.core.situation.lane(SYMBOL)
    legs = {one.client_order_id for one in desk.orders() if one.side == "SELL"}
    assert set(lane.inquiries) == legs
    assert desk.one(QueryOrder).client_order_id in legs
    assert (lane.exit_pause.failures, lane.protect_pause.failures) == (failures, failures)


def test_a_cancel_of_unknown_outcome_makes_the_core_ask_too() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.lose(desk.one(CancelList))
    assert len(desk.core.situation.lane(SYMBOL).inquiries) == 2
    assert desk.core.situation.exchange_problem == "timed out"


def test_a_cancel_of_unknown_outcome_is_tried_again_after_a_pause_that_ends_with_the_outage() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    for _ in range(3):
        desk.lose(desk.one(CancelList))
        assert desk.sent(CancelList) == []
        desk.tick(2.1)
    desk.lose(desk.one(CancelList))
    asked = desk.one(QueryOrder)
    [stop] = [one for one in desk.orders() if one.client_order_id == asked.client_order_id]
    desk.answer(asked, desk.shown(stop, "NEW"))
    assert desk.one(CancelList) is not None


def test_a_cancel_of_what_no_query_finds_is_tried_again_after_a_pause() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.refuse(desk.one(CancelList), -2011, "Unknown order sent.")
    desk.refuse(desk.one(QueryOrder), -2013, "Order does not exist.")
    desk.refuse(desk.one(CancelList), -2011, "Unknown order sent.")
    assert desk.sent(CancelList) == []
    desk.tick(0.6)
    assert desk.one(CancelList) is not None


def test_a_cancel_that_is_refused_again_waits_for_a_query_that_is_slow() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.core.situation.inquire(desk.orders(Leg.TARGET)[0].client_order_id)
    desk.tick(0.1)
    slow = desk.one(QueryOrder)
    desk.sell()
    for _ in range(2):
        desk.refuse(desk.one(CancelList), -2011, "Unknown order sent.")
    assert desk.waiting == [slow]
    desk.tick(0.6)
    desk.refuse(desk.one(CancelList), -2011, "Unknown order sent.")
    desk.tick(0.6)
    assert desk.waiting == [slow]
    desk.tick(0.5)
    assert desk.one(CancelList) is not None


def test_a_replacement_whose_cancel_failed_makes_the_core_ask() -> None:
    desk = market_desk().protected()
    desk.sell()
    request = desk.one(ReplaceOrder)
    result = CancelReplaceResult("FAILURE", "NOT_ATTEMPTED", code=-2011, message="Unknown order sent.")
    desk.answer(request, result)
    lane = desk.core.situation.lane(SYMBOL)
    assert set(lane.inquiries) == {one.client_order_id for one in desk.orders() if one.leg in (Leg.STOP, Leg.TARGET)}
    assert desk.orders(Leg.EXIT)[0].status is OrderStatus.REJECTED
    assert lane.exit_pause.failures == 1
    assert failures(desk) == 0


def test_a_replacement_that_only_canceled_is_naked_and_protects_at_once() -> None:
    desk = market_desk().protected()
    desk.sell()
    request = desk.one(ReplaceOrder)
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    canceled = replace(
        desk.list_answer_of(stop), reports=(desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    )
    desk.answer(request, CancelReplaceResult("SUCCESS", "FAILURE", canceled, None, -2010, "no"))
    assert desk.now_known(stop).status is OrderStatus.CANCELED
    assert desk.one(PlaceList) is not None
    assert desk.core.situation.lane(SYMBOL).protection_refused == 0


def test_a_moved_stop_that_was_refused_after_its_cancel_counts_as_refused_protection() -> None:
    desk = market_desk().protected(trail=D(300), take_profit=D(48000))
    desk.tell(i.BarClosed(SYMBOL, "1m", D(40100), int(desk.now * 1000) + 60_000))
    request = desk.one(ReplaceOrder)
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    canceled = replace(
        desk.list_answer_of(stop), reports=(desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    )
    desk.answer(request, CancelReplaceResult("SUCCESS", "FAILURE", canceled, None, -2010, "no"))
    assert desk.core.situation.lane(SYMBOL).protection_refused == 1


def test_a_replacement_that_is_done_is_taken() -> None:
    desk = market_desk().protected()
    desk.sell()
    request = desk.one(ReplaceOrder)
    stop, target, sale = (desk.orders(leg)[0] for leg in (Leg.STOP, Leg.TARGET, Leg.EXIT))
    canceled = replace(
        desk.list_answer_of(stop), reports=(desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    )
    desk.hold("BTC", "0")
    desk.answer(request, CancelReplaceResult("SUCCESS", "SUCCESS", canceled, desk.filled(sale, "40100")))
    assert desk.position_or_none() is None
    assert desk.waiting == []
    sold = desk.noted(f.OrderFilled)[-1]
    assert sold.realized == D("0.249")


def test_a_replacement_of_unknown_outcome_makes_the_core_ask_for_all_its_orders() -> None:
    desk = market_desk().protected()
    desk.sell()
    desk.lose(desk.one(ReplaceOrder))
    legs = {one.client_order_id for one in desk.orders() if one.side == "SELL"}
    assert set(desk.core.situation.lane(SYMBOL).inquiries) == legs
    assert desk.orders(Leg.EXIT)[0].status is OrderStatus.UNKNOWN


def test_protection_refused_beside_an_unknown_sale_is_no_failure() -> None:
    """The coins are locked or gone: the unknown order is there."""
    desk = market_desk(cancel_replace_allowed=False).protected()
    stop, target = desk.orders(Leg.STOP)[0], desk.orders(Leg.TARGET)[0]
    desk.sell()
    cancel = desk.one(CancelList)
    reports = (desk.shown(stop, "CANCELED"), desk.shown(target, "CANCELED"))
    desk.waiting.remove(cancel)
    desk.tell(i.Answered(cancel.number, replace(desk.list_answer_of(stop), reports=reports)))
    desk.lose(desk.one(PlaceOrder))
    desk.tick(0.1)
    desk.refuse(desk.one(QueryOrder), -2013)
    desk.tick(0.5)
    protect = desk.one(PlaceList)
    desk.refuse(protect, -2010, "Account has insufficient balance for requested action.")
    assert failures(desk) == 0
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.protection_refused == 0
    assert lane.protect_pause.failures == 2


def test_reads_that_fail_are_repeated() -> None:
    desk = Desk(MARKET)
    desk.unread = (FetchRules, FetchAccount, FetchOpenOrders, FetchTrades, FetchCommission)
    desk.tell(i.SettingsSeen(desk.settings))
    desk.lose(desk.one(FetchRules), started=False)
    desk.tick(0.9)
    assert desk.sent(FetchRules) == []
    desk.tick(0.2)
    assert desk.one(FetchRules) is not None
    desk.lose(desk.one(FetchAccount), started=False)
    assert desk.sent(FetchAccount) == []
    desk.tick(1.01)
    assert desk.one(FetchAccount) is not None


def test_commissions_that_cannot_be_read_wait_ten_seconds() -> None:
    desk = Desk(MARKET)
    desk.unread = (FetchCommission,)
    desk.ready()
    desk.lose(desk.one(FetchCommission), started=False)
    desk.tick(9.9)
    assert desk.sent(FetchCommission) == []
    desk.tick(0.2)
    assert desk.one(FetchCommission).symbol == SYMBOL


def test_commissions_are_read_one_symbol_a_second_and_again_after_an_hour() -> None:
    other = replace(MARKET, symbol="ETHUSDT", base_asset="ETH")
    desk = Desk(MARKET, other)
    desk.unread = (FetchCommission,)
    desk.ready()
    rates = CommissionRates(SYMBOL, SideRates(D("0.003"), D("0.002")), SideRates(), SideRates())
    first = desk.one(FetchCommission)
    desk.answer(first, rates)
    assert desk.core.situation.lane(first.symbol).commission == D("0.003")
    assert desk.sent(FetchCommission) == []
    desk.tick(1.01)
    second = desk.one(FetchCommission)
    assert {first.symbol, second.symbol} == {SYMBOL, "ETHUSDT"}
    desk.answer(second, rates)
    began = desk.now
    while not desk.sent(FetchCommission):
        desk.tick(10.0)
    assert 3_600.0 <= desk.now - began <= 3_620.0


def test_an_answer_that_belongs_to_another_request_is_a_defect() -> None:
    desk = market_desk()
    request = desk.buy()
    with pytest.raises(TypeError, match="CommissionRates is no answer to PlaceOrder"):
        desk.answer(request, CommissionRates(SYMBOL, SideRates(), SideRates(), SideRates()))


def test_a_replacement_refused_for_its_filters_makes_the_core_read_the_rules() -> None:
    desk = market_desk().protected()
    desk.now += 10.0
    desk.fresh()
    desk.sell()
    desk.unread = (FetchRules,)
    result = CancelReplaceResult("FAILURE", "NOT_ATTEMPTED", code=-1013, message="Filter failure: LOT_SIZE")
    desk.answer(desk.one(ReplaceOrder), result)
    desk.tick(5.0)
    assert desk.one(FetchRules).symbols == (SYMBOL,)
