"""Doubts about single orders end by evidence: queries, trades and balances, never by patience alone."""

from dataclasses import replace
from itertools import pairwise

import pytest

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    FetchAccount,
    FetchOpenOrders,
    FetchTrades,
    PlaceList,
    PlaceOrder,
    QueryOrder,
    Urgency,
)
from cq_tui.trading.core.inquiring import judge
from cq_tui.trading.core.lane import GONE_SECONDS
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk


def lost_entry(desk: Desk) -> None:
    """Send an entry whose outcome is unknown."""
    desk.lose(desk.buy())


def miss(desk: Desk) -> None:
    """Answer the query that is under way with "no such order"."""
    desk.refuse(desk.one(QueryOrder), -2013, "Order does not exist.")


def status(desk: Desk, leg: Leg = Leg.ENTRY) -> OrderStatus:
    return desk.orders(leg)[-1].status


def test_a_lost_entry_is_asked_for_at_once_and_found() -> None:
    desk = market_desk()
    lost_entry(desk)
    assert status(desk) is OrderStatus.UNKNOWN
    query = desk.one(QueryOrder)
    [entry] = desk.orders()
    assert (query.client_order_id, query.order_id, query.urgency) == (entry.client_order_id, None, Urgency.RESOLVE)
    desk.hold("BTC", str(entry.quantity))
    desk.trades = (_trade(entry.quantity, 77),)
    desk.answer(query, desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
    assert status(desk) is OrderStatus.FILLED
    assert [one.fill.trade_id for one in desk.noted(f.OrderFilled)] == [5]
    assert desk.one(PlaceList).urgency is Urgency.PROTECT


def _trade(quantity: object, order_id: int, trade_id: int = 5) -> AccountTrade:
    amount = D(str(quantity))
    return AccountTrade(
        SYMBOL, trade_id, order_id, D(40000), amount, amount * 40000, D(0), "USDT", 1_700_000_104_000, True, False
    )


def test_the_pauses_between_queries_double_up_to_ten_seconds() -> None:
    desk = market_desk()
    desk.unread = (FetchAccount,)
    lost_entry(desk)
    pauses = []
    for _ in range(8):
        miss(desk)
        began = desk.now
        while not desk.sent(QueryOrder):
            desk.tick(0.25)
        pauses.append(desk.now - began)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]
    assert status(desk) is OrderStatus.UNKNOWN, "balances were never read"


def test_not_found_counts_only_after_ten_seconds_and_with_newer_evidence() -> None:
    desk = market_desk()
    desk.unread = (FetchAccount, FetchTrades)
    lost_entry(desk)
    sent = desk.now
    while desk.now < sent + 10.0:
        for _ in desk.sent(QueryOrder):
            miss(desk)
        assert desk.sent(FetchAccount) == []
        desk.tick(0.5)
    while not desk.sent(QueryOrder):
        desk.tick(0.5)
    miss(desk)
    assert desk.one(FetchAccount).urgency is Urgency.RESOLVE
    assert desk.one(FetchTrades).from_id is None
    assert status(desk) is OrderStatus.UNKNOWN
    desk.unread = ()
    desk.tick(0.1)
    while status(desk) is OrderStatus.UNKNOWN:
        assert desk.now < sent + 60.0
        desk.tick(0.5)
        for _ in desk.sent(QueryOrder):
            miss(desk)
    assert status(desk) is OrderStatus.REJECTED
    assert "neither trades nor balances know it" in desk.orders()[0].reason
    assert desk.position_or_none() is None
    assert desk.core.book.doubts == {}


def test_evidence_about_an_order_costs_little_of_the_request_budget() -> None:
    """Balances alone are read for it, every two seconds at most, however many orders are not found."""
    desk = market_desk()
    lost_entry(desk)
    desk.hold("BTC", "0.00249")
    desk.unread = (FetchAccount, FetchOpenOrders)
    read: list[float] = []
    began = desk.now
    while desk.now < began + 60.0:
        for _ in desk.sent(QueryOrder):
            miss(desk)
        for request in desk.sent(FetchAccount):
            if not desk.sent(FetchOpenOrders):
                read.append(desk.now)
            desk.answer(request, desk.account())
        for listing in desk.sent(FetchOpenOrders):
            desk.answer(listing, ())
        [entry] = desk.orders(Leg.ENTRY)
        desk.core.situation.lane(SYMBOL).inquiries[entry.client_order_id].next_at = desk.now
        desk.tick(0.1)
    assert len(read) > 10
    assert min(after - before for before, after in pairwise(read)) >= 1.99


def test_with_an_entry_that_never_arrived_its_pending_orders_end_too() -> None:
    desk = Desk().ready()
    lost_entry(desk)
    legs = [order.client_order_id for order in desk.orders() if order.leg in (Leg.STOP, Leg.TARGET)]
    assert len(legs) == 2
    while not desk.core.book.orders[desk.orders(Leg.ENTRY)[-1].client_order_id].status.is_terminal:
        while desk.sent(QueryOrder):
            miss(desk)
        desk.tick(0.5)
    assert [desk.core.book.orders[name].status for name in legs] == [OrderStatus.EXPIRED] * 2
    assert SYMBOL not in desk.core.book.positions
    assert desk.core.book.doubts == {}
    assert desk.core.book.naked.counts == {}


def test_coins_that_nobody_else_explains_keep_the_doubt() -> None:
    desk = market_desk()
    lost_entry(desk)
    desk.hold("BTC", "0.00249")
    for _ in range(100):
        desk.tick(1.0)
        for _ in desk.sent(QueryOrder):
            miss(desk)
    assert status(desk) is OrderStatus.UNKNOWN
    assert "outcome" in desk.core.book.doubts[SYMBOL]
    query = desk.sent(QueryOrder)
    while not query:
        desk.tick(1.0)
        query = desk.sent(QueryOrder)
    [entry] = desk.orders()
    desk.trades = (_trade(entry.quantity, 77),)
    desk.answer(query[0], desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
    assert "outcome" not in desk.core.book.doubts.get(SYMBOL, {})
    assert desk.position().state is PositionState.OPENING


@pytest.mark.parametrize("bought", ["0.5", "0.4"])
def test_coins_that_somebody_else_bought_meanwhile_explain_themselves_and_no_more(bought: str) -> None:
    desk = market_desk()
    lost_entry(desk)
    desk.tick(1.0)
    desk.hold("BTC", "0.5")
    desk.trades = (replace(_trade(bought, 77), time=int(desk.now * 1000)),)
    for _ in range(100):
        desk.tick(1.0)
        for query in desk.sent(QueryOrder):
            if query.order_id is None:
                desk.refuse(query, -2013, "Order does not exist.")
            else:
                desk.answer(query, desk.shown(desk.orders()[-1], "FILLED", bought, client_order_id="web", order_id=77))
    expected = OrderStatus.REJECTED if bought == "0.5" else OrderStatus.UNKNOWN
    assert status(desk) is expected


def test_an_order_that_was_accepted_and_is_known_no_more_means_a_wiped_venue() -> None:
    desk = market_desk().protected()
    [stop] = desk.orders(Leg.STOP)
    desk.core.situation.inquire(stop.client_order_id)
    desk.hold("BTC", "0")
    began = desk.now
    while desk.now_known(stop).status.is_working and desk.now < began + 200:
        desk.tick(1.0)
        for query in desk.sent(QueryOrder):
            desk.refuse(query, -2013)
    assert 10.0 <= desk.now - began < 90.0
    assert desk.now_known(stop).status is OrderStatus.EXPIRED
    assert desk.now_known(stop).reason == "the exchange no longer knows it"
    assert "venue_wiped" in desk.core.book.doubts[""]


def filled_without_trades(desk: Desk) -> OrderRecord:
    """Have an entry told filled whose trades are not there."""
    lost_entry(desk)
    [entry] = desk.orders(Leg.ENTRY)
    desk.answer(desk.one(QueryOrder), desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
    assert desk.now_known(entry).lacks_trades
    return entry


def miss_all(desk: Desk, seconds: int) -> None:
    """Let time pass in which the exchange knows no order that it is asked for."""
    for _ in range(seconds):
        desk.tick(1.0)
        for query in desk.sent(QueryOrder):
            desk.refuse(query, -2013)


def test_a_filled_entry_whose_trades_are_gone_with_the_past_of_the_venue_does_not_stay_opening() -> None:
    desk = market_desk()
    entry = filled_without_trades(desk)
    miss_all(desk, 60)
    assert desk.position().state is PositionState.OPENING, "the trades may still be told"
    miss_all(desk, 60)
    assert desk.position_or_none() is None
    assert not desk.now_known(entry).lacks_trades
    assert list(desk.core.book.doubts) == [""]
    assert "venue_wiped" in desk.core.book.doubts[""]
    assert desk.orders() == [desk.now_known(entry)], "nothing was sent"


def test_a_person_may_say_earlier_that_the_trades_of_a_filled_entry_are_gone() -> None:
    desk = market_desk()
    entry = filled_without_trades(desk)
    miss_all(desk, 60)
    assert "outcome" in desk.core.book.doubts[SYMBOL]
    desk.tell(i.Command("accept", SYMBOL, "kim", "the testnet was reset"))
    assert desk.core.book.doubts == {}
    assert desk.position_or_none() is None
    assert not desk.now_known(entry).lacks_trades


def test_trades_that_are_told_after_they_were_given_up_open_a_position_that_is_protected() -> None:
    desk = market_desk()
    entry = filled_without_trades(desk)
    miss_all(desk, 120)
    desk.hold("BTC", str(entry.quantity))
    desk.fresh()
    desk.trade(desk.now_known(entry), str(entry.quantity), "40000", 5)
    assert desk.position().bought == entry.quantity
    assert desk.one(PlaceList).urgency is Urgency.PROTECT


def test_a_filled_entry_is_not_given_up_while_the_orders_of_its_list_work() -> None:
    desk = list_desk()
    lost_entry(desk)
    [entry], [stop], [target] = desk.orders(Leg.ENTRY), desk.orders(Leg.STOP), desk.orders(Leg.TARGET)
    known = {
        stop.client_order_id: desk.shown(stop, "NEW", order_id=78),
        target.client_order_id: desk.shown(target, "NEW", order_id=79),
    }
    desk.open_orders = tuple(known.values())
    is_told = False
    for _ in range(200):
        for query in desk.sent(QueryOrder):
            if (order := known.get(query.client_order_id or "")) is not None:
                desk.answer(query, order)
            elif is_told:
                desk.refuse(query, -2013)
            else:
                is_told = True
                desk.answer(query, desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
        desk.tick(1.0)
    assert desk.position().state is PositionState.OPENING
    assert desk.now_known(entry).lacks_trades
    assert desk.now_known(stop).status is OrderStatus.NEW


@pytest.mark.parametrize("is_doubted", [False, True])
def test_an_exit_that_no_query_finds_is_not_given_up_early_while_its_coins_are_missing(*, is_doubted: bool) -> None:
    """It may have sold them, until they are known to be missing: then only trades can tell."""
    desk = market_desk().protected()
    if is_doubted:
        desk.core.situation.doubt(SYMBOL, "balance", "coins are missing")
    [stop] = desk.orders(Leg.STOP)
    desk.core.situation.inquire(stop.client_order_id)
    desk.hold("BTC", "0.0001")
    began = desk.now
    while desk.now_known(stop).status.is_working and desk.now < began + 200:
        has_doubt = "balance" in desk.core.book.doubts.get(SYMBOL, {})
        desk.tick(1.0)
        for query in desk.sent(QueryOrder):
            desk.refuse(query, -2013)
    took = desk.now - began
    assert desk.now_known(stop).status is OrderStatus.EXPIRED
    assert has_doubt
    assert 10.0 <= took < GONE_SECONDS


@pytest.mark.parametrize("how", ["unknown", "refused", "not sent"])
def test_a_query_without_an_answer_says_nothing_and_is_asked_again(how: str) -> None:
    desk = market_desk()
    lost_entry(desk)
    pauses = []
    for _ in range(6):
        query = desk.one(QueryOrder)
        if how == "unknown":
            desk.lose(query, started=False)
        elif how == "refused":
            desk.refuse(query, -1003, "Too much request weight used.")
        else:
            desk.withhold(query, 3.0)
        began = desk.now
        while not desk.sent(QueryOrder):
            desk.tick(0.25)
        pauses.append(desk.now - began)
    inquiry = desk.core.situation.lane(SYMBOL).inquiries[desk.orders()[0].client_order_id]
    assert inquiry.not_found == 0
    if how == "not sent":
        assert pauses == [3.0, 3.0, 3.0, 4.0, 8.0, 10.0]
    elif how == "unknown":
        assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]


def test_answers_about_an_order_that_has_ended_or_was_dropped_meanwhile_change_nothing() -> None:
    for is_dropped in (False, True):
        for say in (miss, lambda desk: desk.lose(desk.one(QueryOrder), started=False)):
            desk = market_desk()
            lost_entry(desk)
            [entry] = desk.orders()
            desk.report(entry, "EXPIRED", execution_type="EXPIRED")
            if is_dropped:
                del desk.core.book.orders[entry.client_order_id], desk.core.book.by_symbol[SYMBOL]
            told = len(desk.facts)
            say(desk)
            desk.tick(60.0)
            assert desk.sent(QueryOrder) == []
            assert not desk.core.situation.lane(SYMBOL).inquiries
            assert not any(isinstance(one, f.OrderSeen | f.DoubtRaised) for one in desk.facts[told:])


def test_the_pauses_of_an_outage_do_not_outlive_it() -> None:
    desk = market_desk()
    lost_entry(desk)
    for _ in range(6):
        while not desk.sent(QueryOrder):
            desk.tick(0.25)
        desk.lose(desk.one(QueryOrder), started=False)
    desk.tick(1.0)
    assert desk.sent(QueryOrder) == []
    desk.core.situation.account_due = desk.now
    desk.tell(i.StreamUp())
    assert desk.core.situation.exchange_problem is None
    assert desk.one(QueryOrder) is not None


def test_missing_trades_are_asked_for_until_they_are_there() -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.unread = (FetchTrades,)
    desk.hold("BTC", str(entry.quantity))
    desk.answer(request, desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
    pauses = []
    for _ in range(6):
        fetch = desk.one(FetchTrades)
        assert (fetch.order_id, fetch.urgency) == (77, Urgency.RESOLVE)
        desk.answer(fetch, ())
        began = desk.now
        while not desk.sent(FetchTrades):
            desk.tick(0.25)
        pauses.append(desk.now - began)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    desk.answer(desk.one(FetchTrades), (_trade(entry.quantity, 77),))
    assert not desk.orders()[0].lacks_trades
    assert desk.one(PlaceList) is not None


def test_a_scan_goes_on_from_the_last_known_trade() -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", str(entry.quantity))
    desk.trades = (_trade(entry.quantity, 77, 41),)
    desk.answer(request, desk.shown(entry, "FILLED", str(entry.quantity), order_id=77))
    desk.protect()
    desk.unread = (FetchTrades,)
    desk.tick(61.0)
    first = desk.one(FetchTrades)
    assert (first.from_id, first.order_id, first.urgency) == (None, None, Urgency.ROUTINE)
    desk.answer(first, desk.trades)
    desk.tick(61.0)
    assert desk.one(FetchTrades).from_id == 42


def test_what_was_under_way_when_the_trader_stopped_is_asked_for() -> None:
    desk = market_desk()
    desk.buy()
    again = Desk(*desk.rules.values(), book=desk.core.book)
    again.now, again.balances = desk.now + 1.0, desk.balances
    again.tell(i.SettingsSeen(again.settings))
    assert status(again) is OrderStatus.UNKNOWN
    assert again.orders()[0].reason == "the trader stopped before the outcome was known"
    assert again.one(QueryOrder).client_order_id == again.orders()[0].client_order_id


def test_a_restart_reads_the_trades_of_each_symbol_with_an_order_since_the_last_known() -> None:
    for known in (-1, 41):
        desk = market_desk()
        desk.buy()
        if known >= 0:
            desk.trade(desk.orders()[0], "0.001", "40000", known, "PARTIALLY_FILLED")
        again = Desk(*desk.rules.values(), book=desk.core.book)
        again.now, again.balances, again.unread = desk.now + 1.0, desk.balances, (FetchTrades,)
        again.tell(i.SettingsSeen(again.settings))
        assert again.one(FetchTrades).from_id == (None if known < 0 else known + 1)


def test_pending_orders_are_asked_for_after_a_restart_and_working_ones_are_compared() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    legs = [desk.shown(one, "NEW") for one in desk.orders() if one.leg is not Leg.ENTRY]
    desk.answer(request, desk.list_answer(request, *legs))
    again = Desk(*desk.rules.values(), book=desk.core.book)
    again.now, again.balances = desk.now + 1.0, desk.balances
    again.tell(i.SettingsSeen(again.settings))
    assert again.one(QueryOrder).client_order_id == again.orders(Leg.STOP)[0].client_order_id
    assert set(again.core.situation.lane(SYMBOL).inquiries) == {
        again.orders(Leg.STOP)[0].client_order_id, again.orders(Leg.TARGET)[0].client_order_id
    }  # fmt: skip


def test_a_late_answer_is_not_waited_for_and_its_order_is_not_given_up_meanwhile() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.tell(i.Started(request.number))
    desk.tick(0.9)
    assert not desk.sent(QueryOrder)
    desk.tick(0.1)
    for _ in range(60):
        for _ in desk.sent(QueryOrder):
            miss(desk)
        desk.tick(0.5)
    assert status(desk) is OrderStatus.SENT
    [entry] = desk.orders(Leg.ENTRY)
    desk.hold("BTC", str(entry.quantity))
    desk.answer(request, desk.filled(entry))
    assert status(desk) is OrderStatus.FILLED
    assert not desk.core.book.doubts
    assert len(desk.sent(PlaceList)) == 1


def test_a_cancel_whose_answer_is_late_does_not_hold_up_the_sale() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.tick(1.0)
    for leg in (Leg.STOP, Leg.TARGET):
        desk.answer(desk.one(QueryOrder), desk.shown(desk.orders(leg)[-1], "CANCELED"))
    assert desk.one(PlaceOrder).order.side == "SELL"


def test_an_answer_not_found_about_an_order_that_ended_meanwhile_says_nothing() -> None:
    desk = market_desk()
    lost_entry(desk)
    query, [entry] = desk.one(QueryOrder), desk.orders()
    desk.report(entry, "EXPIRED")
    desk.refuse(query, -2013, "Order does not exist.")
    assert desk.core.situation.lane(SYMBOL).inquiries == {}
    assert desk.waiting == []


@pytest.mark.parametrize(
    ("scanned", "balances", "is_evidence"), [(0.0, 0.1, False), (0.1, 0.0, False), (0.1, 0.1, True)]
)
def test_what_was_read_at_the_very_moment_is_no_evidence(scanned: float, balances: float, is_evidence: bool) -> None:
    desk = market_desk()
    lost_entry(desk)
    s, lane = desk.core.situation, desk.core.situation.lane(SYMBOL)
    [entry], [inquiry] = desk.orders(), lane.inquiries.values()
    inquiry.not_found, inquiry.evidence_from = 3, s.now - 1.0
    lane.scanned_at, s.account_at = inquiry.evidence_from + scanned, inquiry.evidence_from + balances
    judge(s, lane, entry, inquiry)
    assert status(desk).is_terminal is is_evidence
