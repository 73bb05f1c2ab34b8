"""Book and account are compared: differences are explained, told, or a doubt."""

from dataclasses import replace

import pytest

from cq_tui.binance.types import AccountInfo, AccountTrade, Balance, Order
from cq_tui.binance.user_events import AccountPosition, BalanceUpdate, ListStatus, UnknownUserEvent
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    CancelOrder,
    FetchAccount,
    FetchOpenOrders,
    FetchTrades,
    PlaceList,
    QueryOrder,
    ReplaceOrder,
    Urgency,
)
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.reconciling import in_doubt
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import PositionState
from tests.trading.core.desk import MARKET, OWNER, SYMBOL, D, Desk, market_desk


def found(name: str, leg: Leg, side: str, order_id: int = 55) -> OrderRecord:
    return OrderRecord(name, SYMBOL, side, "LIMIT", leg, "key", D("0.001"), 0, price=D(41000), order_id=order_id)  # type: ignore[arg-type]


def strange_trade(order_id: int = 55, trade_id: int = 9, time: int = 1_700_000_104_000) -> AccountTrade:
    return AccountTrade(SYMBOL, trade_id, order_id, D(40000), D("0.001"), D(40), D(0), "USDT", time, True, False)


def settle(desk: Desk, seconds: float = 15.0) -> None:
    """Let the account be looked at again."""
    for _ in range(int(seconds / 0.5)):
        desk.tick(0.5)


def test_the_first_reading_opens_the_account_and_makes_the_core_ready() -> None:
    desk = Desk(MARKET)
    desk.unread = (FetchAccount, FetchOpenOrders)
    desk.tell(i.SettingsSeen(desk.settings))
    assert desk.one(FetchAccount).urgency is Urgency.RESOLVE
    assert desk.one(FetchOpenOrders).urgency is Urgency.RESOLVE
    ready = [desk.core.is_ready]
    for unread in ((FetchAccount,), ()):
        desk.unread = unread
        desk.tick(0.1)
        ready.append(desk.core.is_ready)
    assert ready == [False, False, True]
    [opened] = desk.noted(f.AccountOpened)
    assert (opened.asset, opened.quantity) == ("USDT", D(1000))


def test_the_account_is_looked_at_each_minute_and_each_ten_seconds_in_doubt() -> None:
    desk = market_desk()
    settle(desk, 70.0)

    def pause() -> float:
        began, read = desk.now, desk.core.situation.account_at
        while desk.core.situation.account_at == read:
            desk.tick(0.5)
        return desk.now - began

    pause()
    assert pause() == 60.0
    desk.core.situation.doubt(SYMBOL, "outcome", "an order is unknown")
    pause()
    assert pause() == 10.0
    desk.core.situation.end_doubt(SYMBOL, "outcome", "found")
    desk.tell(i.StreamDown("lost"))
    pause()
    assert pause() == 10.0


def test_a_deposit_is_told_as_one_and_once() -> None:
    desk = market_desk()
    desk.hold("USDT", "1500")
    event = BalanceUpdate(int(desk.now * 1000), "USDT", D(500))
    desk.tell(i.Reported(event))
    desk.tell(i.Reported(event))
    settle(desk)
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000), "USDT", D(-200))))
    desk.hold("USDT", "1300")
    settle(desk)
    assert [(one.change, one.reason) for one in desk.noted(f.FundsMoved)] == [
        (D(500), "deposit"),
        (D(-200), "withdrawal"),
    ]
    assert desk.core.book.money is not None
    assert desk.core.book.money.quote == D(1300)


def test_quote_that_moved_without_a_word_is_told_when_it_was_seen_twice() -> None:
    desk = market_desk()
    desk.hold("USDT", "900")
    desk.look()
    assert desk.noted(f.FundsMoved) == []
    assert desk.core.situation.misfits == {"USDT": D(-100)}
    settle(desk, 5.0)
    [moved] = desk.noted(f.FundsMoved)
    assert (moved.change, moved.reason) == (D(-100), "not by orders of this directory")
    assert desk.core.situation.misfits == {}


def test_coins_that_are_gone_are_a_doubt_that_ends_when_they_are_back() -> None:
    desk = market_desk().protected()
    desk.open_orders = desk_open(desk)
    desk.hold("BTC", "0.001")
    desk.look()
    assert desk.core.book.doubts == {}
    settle(desk, 5.0)
    assert desk.core.book.doubts[SYMBOL] == {"balance": "the book has 0.00249 BTC, the account holds 0.001"}
    assert desk.core.situation.available(SYMBOL) == D("0.001")
    [smaller] = desk.sent(ReplaceOrder)
    assert smaller.replace.new.quantity == D("0.001"), "a stop for all that is there"
    desk.hold("BTC", "0.00249")
    desk.look()
    desk.withhold(smaller, 100.0)
    settle(desk, 61.0)
    assert desk.core.book.doubts == {}
    assert desk.noted(f.DoubtEnded)[-1].how == "balance and book agree"


def test_coins_beside_ours_are_foreign_and_no_doubt() -> None:
    desk = market_desk().protected()
    desk.hold("BTC", "1.00249")
    desk.hold("ETH", "3")
    settle(desk, 70.0)
    assert desk.core.book.doubts == {}
    assert desk.core.situation.foreign == {"BTC": D(1), "ETH": D(3)}


def test_a_deposit_of_coins_is_foreign_at_once() -> None:
    desk = market_desk().protected()
    desk.now += 0.01
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000), "BTC", D("0.5"))))
    assert desk.core.situation.foreign["BTC"] == D("0.5")
    desk.tell(i.Reported(BalanceUpdate(int(desk.now * 1000), "ETH", D(-1))))
    assert desk.core.situation.foreign["ETH"] == -1, "more than there were: ours, where we have some"


def test_older_balances_change_nothing() -> None:
    desk = market_desk()
    s = desk.core.situation
    late = AccountPosition(1, s.balances_ms - 1, (Balance("USDT", D(1), D(0)),))
    desk.tell(i.Reported(late))
    assert s.balances["USDT"].free == D(1000)
    desk.tell(i.Reported(replace(late, update_time=s.balances_ms)))
    assert s.balances["USDT"].free == D(1)


def test_anything_that_is_not_understood_makes_the_core_look_at_the_account() -> None:
    desk = market_desk()
    desk.unread = (FetchAccount,)
    desk.tell(i.Reported(ListStatus(SYMBOL, 1, "x", "OCO", "EXEC_STARTED", "EXECUTING", "NONE", 1, 1, ())))
    assert desk.sent(FetchAccount) == []
    desk.tell(i.Reported(UnknownUserEvent("somethingNew")))
    assert isinstance(desk.one(FetchAccount), FetchAccount)


def test_an_entry_of_ours_that_nothing_remembers_is_canceled() -> None:
    desk = market_desk()
    name = client_order_id(OWNER, "key", Leg.ENTRY)
    desk.open_orders = (desk.shown(found(name, Leg.ENTRY, "BUY"), "NEW"),)
    desk.look()
    cancel = desk.one(CancelOrder)
    assert (cancel.client_order_id, cancel.urgency, cancel.symbol) == (name, Urgency.EXIT, SYMBOL)
    assert "it is being canceled" in desk.core.book.doubts[SYMBOL]["unknown_order"]
    desk.answer(cancel, desk.shown(found(name, Leg.ENTRY, "BUY"), "CANCELED"))
    desk.open_orders = ()
    settle(desk, 61.0)
    assert desk.core.book.doubts == {}
    assert desk.noted(f.DoubtEnded)[-1].how == "the order is no longer open"


def test_a_sale_of_ours_that_was_sent_unrecorded_is_taken_into_the_book() -> None:
    desk = market_desk().protected()
    key = desk.position().plan.signal_key
    name = client_order_id(OWNER, key, Leg.EXIT, 7)
    unknown = found(name, Leg.EXIT, "SELL", 90)
    desk.open_orders = (*desk_open(desk), desk.shown(unknown, "NEW"))
    desk.look()
    taken = desk.core.book.orders[name]
    assert (taken.signal_key, taken.leg, taken.side, taken.order_id) == (key, Leg.EXIT, "SELL", 90)
    assert (taken.status, taken.price, taken.stop_price) == (OrderStatus.NEW, D(41000), None)
    assert desk.core.situation.other_orders == {}
    assert desk.core.book.doubts == {}


def desk_open(desk: Desk) -> tuple[Order, ...]:
    return tuple(desk.shown(one, "NEW") for one in desk.orders() if one.status.is_working)


@pytest.mark.parametrize(("leg", "side"), [(Leg.ENTRY, "SELL"), (Leg.OCO, "SELL"), (Leg.EXIT, "SELL")])
def test_an_order_of_ours_without_anything_held_is_a_doubt(leg: Leg, side: str) -> None:
    desk = market_desk()
    name = client_order_id(OWNER, "key", leg)
    desk.open_orders = (desk.shown(found(name, leg, side), "NEW"),)
    desk.look()
    assert "unknown_order" in desk.core.book.doubts[SYMBOL]
    assert name not in desk.core.book.orders
    assert desk.waiting == []


def test_orders_of_others_are_shown_and_left_alone() -> None:
    desk = market_desk()
    desk.open_orders = (desk.shown(found("web_1", Leg.ENTRY, "SELL"), "NEW"),)
    desk.look()
    assert desk.core.situation.other_orders == {(SYMBOL, 55): desk.open_orders[0]}
    assert desk.waiting == []
    assert desk.core.book.doubts == {}


def test_an_order_that_is_open_no_more_is_asked_for() -> None:
    desk = market_desk().protected()
    desk.now += 1.0
    desk.look()
    query = desk.one(QueryOrder)
    assert query.client_order_id in {one.client_order_id for one in desk.orders() if one.side == "SELL"}


def test_an_order_that_changed_after_the_request_is_not_asked_for() -> None:
    desk = market_desk().protected()
    desk.unread = (FetchOpenOrders,)
    desk.look()
    desk.unread = ()
    desk.tick(0.0)
    assert desk.sent(QueryOrder) == []


@pytest.mark.parametrize("known", [0, 8])
def test_a_strange_trade_is_identified_and_one_of_others_left_alone(known: int) -> None:
    """Trades of a new symbol are counted from 0 on."""
    desk = market_desk().protected()
    desk.open_orders = desk_open(desk)
    lane = desk.core.situation.lane(SYMBOL)
    lane.trades_until = known
    settle(desk, 61.0)
    desk.trades = (strange_trade(),)
    desk.look()
    query = desk.one(QueryOrder)
    assert (query.order_id, query.urgency) == (55, Urgency.RESOLVE)
    desk.answer(query, desk.shown(found("web_1", Leg.ENTRY, "BUY"), "FILLED"))
    assert (lane.strange, lane.foreign_order_ids, lane.trades_until) == ({}, {55}, 9)
    settle(desk, 61.0)
    assert desk.sent(QueryOrder) == []


def test_trades_that_were_booked_explain_themselves_when_their_orders_are_dropped_before_trades_are_read() -> None:
    """A symbol that is bought and sold often between two readings: the book keeps its newest ended orders only."""
    desk = market_desk(TraderSettings(symbols=(SYMBOL,), cooldown=0.0, orders_minute=1_000))
    desk.unread = (FetchTrades,)
    _bought_and_sold(desk)
    _read_trades(desk, tuple(map(_told, desk.noted(f.OrderFilled))))
    known = len(desk.noted(f.OrderFilled))
    _bought_and_sold(desk)
    first = desk.noted(f.OrderFilled)[known]
    while first.client_order_id in desk.core.book.orders:
        _bought_and_sold(desk)
    _read_trades(desk, tuple(map(_told, desk.noted(f.OrderFilled)[known:])))
    lane = desk.core.situation.lane(SYMBOL)
    assert (lane.strange, desk.core.book.doubts) == ({}, {})
    _read_trades(desk, (strange_trade(first.order_id, first.fill.trade_id),))
    assert [*lane.strange] == [first.order_id], "a venue that was wiped counts anew"


def _read_trades(desk: Desk, trades: tuple[AccountTrade, ...]) -> None:
    desk.core.situation.lane(SYMBOL).scan_wanted = True
    desk.core.situation.touch(SYMBOL)
    desk.now += 1.0
    desk.fresh()
    desk.answer(desk.one(FetchTrades), trades)


def _told(filled: f.OrderFilled) -> AccountTrade:
    one, is_buyer = filled.fill, filled.realized is None
    return AccountTrade(
        SYMBOL, one.trade_id, filled.order_id, one.price, one.quantity, one.quote_quantity, D(0), "USDT", one.time,
        is_buyer, False,
    )  # fmt: skip


def _bought_and_sold(desk: Desk) -> None:
    desk.protected()
    stop, target = desk.orders(Leg.STOP)[-1], desk.orders(Leg.TARGET)[-1]
    desk.hold("BTC", "0")
    desk.hold("USDT", "1000")
    desk.trade(target, str(target.quantity), "40000", desk.order_id())
    desk.report(stop, "EXPIRED")
    assert desk.position_or_none() is None
    desk.tick(1.0)


def test_a_full_page_of_trades_is_followed_by_the_next() -> None:
    desk = market_desk().protected()
    desk.open_orders = desk_open(desk)
    lane = desk.core.situation.lane(SYMBOL)
    lane.foreign_order_ids.add(55)
    desk.unread = (FetchTrades,)
    desk.look()
    scanned = lane.scanned_at
    page = tuple(strange_trade(trade_id=number) for number in range(1_000))
    desk.answer(desk.one(FetchTrades), page)
    assert lane.scanned_at == scanned
    desk.tick(0.6)
    second = desk.one(FetchTrades)
    assert second.from_id == 1_000
    desk.answer(second, page[:999])
    assert lane.scanned_at == desk.now
    assert desk.sent(FetchTrades) == []


def test_an_account_that_may_not_trade_opens_nothing() -> None:
    desk = market_desk()
    desk.unread = (FetchAccount,)
    desk.look()
    info = AccountInfo(False, D("0.004"), D("0.003"), int(desk.now * 1000), dict(desk.balances))
    desk.answer(desk.one(FetchAccount), info)
    desk.fresh()
    assert "may not trade" in desk.core.blocked_by(desk.core.situation.moment)[0]
    assert desk.core.situation.taker_commission == D("0.004")
    assert desk.sent(PlaceList) == []


def test_a_deposit_that_is_told_after_the_balances_showed_it_counts_once() -> None:
    desk = market_desk()
    event = BalanceUpdate(int(desk.now * 1000), "USDT", D(500))
    desk.hold("USDT", "1500")
    settle(desk, 70.0)
    assert [moved.change for moved in desk.noted(f.FundsMoved)] == [D(500)]
    desk.tell(i.Reported(event))
    settle(desk, 5.0)
    assert [moved.change for moved in desk.noted(f.FundsMoved)] == [D(500)]


def test_what_is_under_way_is_not_asked_for_again() -> None:
    desk = market_desk()
    desk.unread = (FetchAccount, FetchOpenOrders)
    for _ in range(3):
        desk.tick(61.0)
    assert len(desk.sent(FetchAccount)) == len(desk.sent(FetchOpenOrders)) == 1


def test_the_evidence_about_a_doubt_is_read_although_nothing_is_held() -> None:
    desk = market_desk()
    desk.tick(61.0)
    desk.core.situation.doubt(SYMBOL, "outcome", "an order is unknown")
    desk.quote("40000")
    desk.unread = (FetchTrades, FetchAccount, FetchOpenOrders)
    desk.tick(10.0)
    assert desk.one(FetchTrades).symbol == SYMBOL


def test_one_order_that_is_asked_for_is_reason_enough_to_look_again_soon() -> None:
    desk = market_desk().protected()
    desk.quote("600", "BNBUSDT")
    assert not in_doubt(desk.core.situation)
    desk.core.situation.inquire(desk.orders(Leg.STOP)[0].client_order_id)
    assert in_doubt(desk.core.situation)


def test_an_account_as_old_as_what_the_stream_told_counts_and_an_older_one_does_not() -> None:
    for older, at in ((0, 0.0), (1, -61.0)):
        desk = market_desk()
        desk.tick(61.0)
        desk.unread = (FetchAccount,)
        s, before = desk.core.situation, desk.core.situation.account_at
        desk.tick(61.0)
        info = AccountInfo(True, D("0.001"), D("0.001"), s.balances_ms - older, dict(desk.balances))
        desk.answer(desk.one(FetchAccount), info)
        assert s.account_at == desk.now + at
        assert before < desk.now


def test_open_orders_show_that_orders_work() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    legs = [desk.shown(one, "NEW") for one in desk.orders() if one.leg is not Leg.ENTRY]
    desk.answer(request, desk.list_answer(request, *legs))
    assert desk.position().state is PositionState.OPENING
    desk.open_orders = tuple(legs)
    desk.look()
    assert desk.position().state is PositionState.PROTECTED
    assert desk.core.situation.lane(SYMBOL).inquiries == {}
