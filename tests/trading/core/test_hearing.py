"""What is heard of orders becomes facts: each trade once, no state ever back, strangers named."""

from dataclasses import replace

import pytest

from cq_tui.binance.types import AccountTrade, Balance
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import (
    CancelList,
    FetchAccount,
    FetchTrades,
    PlaceList,
    PlaceOrder,
    QueryOrder,
    Urgency,
)
from cq_tui.trading.core.hearing import hear_trades
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import MARKET, OWNER, SYMBOL, D, Desk, list_desk, market_desk


def stranger(name: str, side: str = "BUY") -> OrderRecord:
    return OrderRecord(name, SYMBOL, side, "LIMIT", Leg.ENTRY, "key", D("0.001"), 0, order_id=55)  # type: ignore[arg-type]


def test_a_trade_told_by_report_and_answer_is_booked_once() -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.trade(entry, "0.00249", "40000", 9)
    desk.answer(request, desk.filled(desk.now_known(entry), trade_id=9))
    [filled] = desk.noted(f.OrderFilled)
    assert (filled.fill.trade_id, filled.status) == (9, OrderStatus.FILLED)
    assert filled.realized is None
    assert desk.core.book.quantity(SYMBOL) == D("0.00249")


def test_parts_of_an_order_are_booked_as_they_come() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.trade(entry, "0.001", "40000", 1, "PARTIALLY_FILLED")
    assert desk.now_known(entry).status is OrderStatus.PARTIALLY_FILLED
    desk.trade(desk.now_known(entry), "0.00149", "40010", 2)
    assert desk.now_known(entry).status is OrderStatus.FILLED
    assert desk.position().bought == D("0.00249")
    assert desk.position().spent == D(40) + D("0.00149") * 40010
    assert [one.status for one in desk.noted(f.OrderFilled)] == [OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED]


def test_a_report_without_a_trade_books_nothing() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.report(entry, "NEW", last_quantity=D("0.001"), last_price=D(40000), trade_id=3)
    desk.report(entry, "NEW", execution_type="TRADE", last_quantity=D(0), trade_id=4)
    assert desk.noted(f.OrderFilled) == []


def test_an_order_that_has_traded_is_never_new_again() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.trade(entry, "0.001", "40000", 1, "PARTIALLY_FILLED")
    desk.report(desk.now_known(entry), "NEW")
    assert desk.now_known(entry).status is OrderStatus.PARTIALLY_FILLED


def test_a_sale_says_what_it_realized_with_commissions() -> None:
    desk = market_desk().protected()
    [target] = desk.orders(Leg.TARGET)
    desk.report(
        target, "FILLED", execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40600), trade_id=9,
        executed_quantity=D("0.00249"), commission=D("0.1"), commission_asset="USDT",
    )  # fmt: skip
    sold = desk.noted(f.OrderFilled)[-1]
    assert sold.realized == D("0.00249") * 600 - D("0.1")


def test_a_commission_in_a_third_asset_has_its_price_when_it_is_known() -> None:
    for price, expected in ((None, None), ("600", D(600))):
        desk = market_desk()
        if price is not None:
            desk.quote(price, "BNBUSDT")
        desk.buy()
        [entry] = desk.orders()
        desk.report(
            entry, "FILLED", execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40000), trade_id=9,
            executed_quantity=D("0.00249"), commission=D("0.0001"), commission_asset="BNB",
        )  # fmt: skip
        assert desk.noted(f.OrderFilled)[-1].commission_price == expected
    assert desk.core.book.holdings[SYMBOL].unvalued == ()


def test_a_price_that_comes_later_values_a_commission() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40000), trade_id=9,
        executed_quantity=D("0.00249"), commission=D("0.0001"), commission_asset="BNB",
    )  # fmt: skip
    assert desk.core.book.holdings[SYMBOL].unvalued
    desk.quote("600", "BNBUSDT")
    desk.quote("40000")
    assert [one.price for one in desk.noted(f.CommissionValued)] == [D(600)]
    assert desk.core.book.holdings[SYMBOL].unvalued == ()


def test_an_unknown_status_is_a_doubt_and_asked_for_after_five_seconds() -> None:
    desk = market_desk().protected()
    stop = desk.orders(Leg.STOP)[-1]
    desk.report(stop, "FROZEN")
    assert "the unknown status 'FROZEN'" in desk.core.book.doubts[SYMBOL]["status"]
    desk.tick(4.9)
    assert desk.sent(QueryOrder) == []
    desk.tick(0.2)
    assert desk.one(QueryOrder).client_order_id == stop.client_order_id


def test_one_id_at_two_orders_blocks_the_account() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.report(entry, "NEW", order_id=70)
    desk.report(entry, "NEW", order_id=70)
    assert "" not in desk.core.book.doubts
    desk.report(entry, "FILLED", order_id=71)
    assert "two orders have the client order id" in desk.core.book.doubts[""]["same_id_twice"]
    assert desk.now_known(entry).status is OrderStatus.NEW


def test_an_order_of_a_copy_with_the_id_of_an_entry_on_its_way_is_not_booked_as_that_entry() -> None:
    desk = list_desk()
    desk.lose(desk.buy())
    [entry] = desk.orders(Leg.ENTRY)
    other = {"type": "MARKET", "price": D(0), "quantity": D("0.001"), "order_id": 72}
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=D("0.001"), last_price=D(40000), trade_id=9,
        executed_quantity=D("0.001"), **other,
    )  # fmt: skip
    assert desk.now_known(entry).order_id is None
    assert "the order 72 has the client order id" in desk.core.book.doubts[""]["same_id_twice"]
    desk.answer(desk.sent(QueryOrder)[0], desk.shown(entry, "FILLED", "0.001", **other))
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    assert desk.core.situation.lane(SYMBOL).inquiries[entry.client_order_id].not_found == 1, "it is asked for again"
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=entry.quantity, last_price=D(40000), trade_id=8,
        executed_quantity=entry.quantity, order_id=71,
    )  # fmt: skip
    assert (desk.now_known(entry).status, desk.now_known(entry).order_id) == (OrderStatus.FILLED, 71)
    assert [fact.fill.trade_id for fact in desk.noted(f.OrderFilled)] == [8]


def test_an_entry_whose_answer_tells_another_price_is_booked_and_protected() -> None:
    """The answer to an order is about that order, however the exchange writes down what it was sent."""
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", str(entry.quantity))
    desk.answer(request, replace(desk.filled(entry), price=D("40000.00"), type="LIMIT"))
    assert desk.now_known(entry).status is OrderStatus.FILLED
    assert desk.core.book.quantity(SYMBOL) == entry.quantity
    assert "" not in desk.core.book.doubts
    desk.protect()
    assert desk.position().state.is_protected


@pytest.mark.parametrize("is_reported_first", [False, True])
def test_a_listed_entry_that_is_told_with_another_price_is_booked_with_its_stop(*, is_reported_first: bool) -> None:
    desk = list_desk()
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    assert entry.price is not None
    price = entry.price - D("0.01")
    if is_reported_first:
        desk.report(
            entry, "FILLED", execution_type="TRADE", last_quantity=entry.quantity, last_price=D(40000), trade_id=9,
            executed_quantity=entry.quantity, order_id=71, price=price,
        )  # fmt: skip
    shown = replace(desk.filled(entry, trade_id=9), order_id=71, price=price)
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.list_answer(request, shown, *(desk.shown(one, "PENDING_NEW") for one in (stop, target))))
    assert (desk.now_known(entry).status, desk.now_known(entry).order_id) == (OrderStatus.FILLED, 71)
    desk.report(desk.now_known(stop), "NEW")
    desk.report(desk.now_known(target), "NEW")
    assert desk.position().state.is_protected
    assert "" not in desk.core.book.doubts


def test_a_copy_s_order_that_is_told_before_the_answer_to_ours_is_named_by_its_trades() -> None:
    desk = market_desk()
    request = desk.buy()
    [entry] = desk.orders()
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=D("0.001"), last_price=D(40000), trade_id=8,
        executed_quantity=D("0.001"), quantity=D("0.001"), order_id=72,
    )  # fmt: skip
    assert desk.now_known(entry).order_id is None
    desk.answer(request, replace(desk.filled(entry, trade_id=9), order_id=71))
    assert [fact.fill.trade_id for fact in desk.noted(f.OrderFilled)] == [9]
    assert "" not in desk.core.book.doubts
    desk.protect()
    bought = AccountTrade(SYMBOL, 8, 72, D(40000), D("0.001"), D(40), D(0), "USDT", int(desk.now * 1000), True, False)
    desk.trades = (bought,)
    desk.look()
    desk.tick(1.0)
    [query] = [one for one in desk.sent(QueryOrder) if one.order_id == 72]
    desk.answer(query, desk.shown(entry, "FILLED", "0.001", quantity=D("0.001"), order_id=72))
    assert "two orders have the client order id" in desk.core.book.doubts[""]["same_id_twice"]
    assert desk.core.book.quantity(SYMBOL) == entry.quantity


def test_an_order_whose_id_a_copy_has_used_since_is_asked_for_by_its_number() -> None:
    desk = market_desk()
    desk.lose(desk.buy())
    [entry] = desk.orders()
    desk.report(entry, "NEW", order_id=70)
    desk.answer(desk.one(QueryOrder), desk.shown(entry, "FILLED", str(entry.quantity), order_id=71))
    assert desk.one(QueryOrder).order_id == 70
    desk.answer(desk.one(QueryOrder), desk.shown(entry, "EXPIRED", order_id=70))
    assert desk.now_known(entry).status is OrderStatus.EXPIRED


def test_an_end_that_is_contradicted_is_a_doubt_and_changes_nothing() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.report(entry, "EXPIRED", order_id=70, expiry_reason="INSUFFICIENT_LIQUIDITY")
    assert desk.now_known(entry).reason == "INSUFFICIENT_LIQUIDITY"
    desk.report(entry, "CANCELED", order_id=70)
    assert desk.now_known(entry).status is OrderStatus.EXPIRED
    assert desk.core.book.doubts[SYMBOL]["contradiction"] == "expired here, but the exchange says canceled"


def test_an_order_that_the_exchange_rejects_counts_once_as_a_failure() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.report(entry, "REJECTED", order_id=70, reject_reason="PRICE_QTY_EXCEED_HARD_LIMITS")
    assert desk.now_known(entry).reason == "PRICE_QTY_EXCEED_HARD_LIMITS"
    desk.report(entry, "REJECTED", order_id=70)
    assert desk.core.book.quarantine.failures_of(SYMBOL) == 1


def test_an_entry_that_expired_is_no_failure_and_ends_its_pending_orders() -> None:
    desk = list_desk()
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    shown = desk.shown(entry, "EXPIRED"), desk.shown(stop, "PENDING_NEW"), desk.shown(target, "PENDING_NEW")
    desk.answer(request, desk.list_answer(request, *shown))
    assert desk.core.book.quarantine.failures_of(SYMBOL) == 0
    assert desk.now_known(entry).status is OrderStatus.EXPIRED
    desk.report(desk.now_known(entry), "EXPIRED")
    assert {desk.now_known(one).status for one in (stop, target)} <= {OrderStatus.EXPIRED, OrderStatus.PENDING}
    assert desk.position_or_none() is None


def test_an_entry_that_expires_by_report_ends_its_pending_orders() -> None:
    desk = list_desk()
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    shown = desk.shown(entry, "NEW"), desk.shown(stop, "PENDING_NEW"), desk.shown(target, "PENDING_NEW")
    desk.answer(request, desk.list_answer(request, *shown))
    desk.report(desk.now_known(entry), "EXPIRED")
    assert [one.status for one in desk.orders()] == [OrderStatus.EXPIRED] * 3
    assert desk.now_known(stop).reason == "its entry expired"
    assert desk.core.situation.lane(SYMBOL).inquiries == {}
    assert desk.waiting == []


def test_a_filled_entry_leaves_its_pending_orders_alone() -> None:
    desk = list_desk()
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    shown = desk.filled(entry), desk.shown(stop, "PENDING_NEW"), desk.shown(target, "PENDING_NEW")
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.list_answer(request, *shown))
    assert desk.now_known(stop).status is OrderStatus.PENDING
    desk.report(desk.now_known(stop), "NEW")
    assert desk.now_known(stop).status is OrderStatus.NEW
    assert desk.position().naked is None


def test_the_quantity_of_an_opoco_s_legs_is_learned() -> None:
    desk = list_desk()
    desk.core.situation.lane("BTCUSDT").commission = None
    request = desk.buy()
    assert isinstance(request, PlaceList)
    entry, stop, target = desk.orders()
    shown = [desk.filled(entry), *(desk.shown(one, "PENDING_NEW") for one in (stop, target))]
    desk.hold("BTC", "0.00249")
    desk.answer(request, desk.list_answer(request, *shown))
    assert desk.now_known(stop).quantity == 0
    desk.report(desk.now_known(stop), "NEW", quantity=D("0.00248"))
    assert desk.now_known(stop).quantity == D("0.00248")
    desk.tick(0.2)
    desk.answer(desk.one(QueryOrder), desk.shown(desk.now_known(target), "NEW", quantity=D("0.00248")))
    assert desk.now_known(target).quantity == D("0.00248")


def test_a_quantity_of_zero_is_none() -> None:
    desk = list_desk()
    desk.core.situation.lane("BTCUSDT").commission = None
    desk.buy()
    _, stop, target = desk.orders()
    for _ in range(2):
        desk.report(stop, "PENDING_NEW", order_id=70, quantity=D(0))
    desk.tick(1.0)
    for query in desk.sent(QueryOrder):
        desk.answer(query, desk.shown(target, "PENDING_NEW"))
    seen = desk.noted(f.OrderSeen)
    assert [(one.order_id, one.quantity) for one in seen if one.client_order_id == stop.client_order_id] == [(70, None)]
    assert {one.quantity for one in seen} == {None}


def test_the_answer_to_a_cancel_is_known_by_the_order_s_id_at_the_exchange() -> None:
    desk = market_desk(cancel_replace_allowed=False, oco_allowed=True).bought()
    stop, target = desk.protect()
    desk.sell()
    name = client_order_id(OWNER, stop.signal_key, Leg.CANCEL)
    cancel = desk.one(CancelList)
    reports = tuple(desk.shown(one, "CANCELED", client_order_id=name) for one in (stop, target))
    desk.answer(cancel, replace(desk.list_answer_of(stop), reports=reports))
    assert [desk.now_known(one).status for one in (stop, target)] == [OrderStatus.CANCELED] * 2
    assert desk.one(PlaceOrder).order.side == "SELL"


def test_an_order_that_is_shown_pending_is_asked_for_again() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    stop, target = (one for one in desk.orders() if one.leg is not Leg.ENTRY)
    desk.answer(request, desk.list_answer(request, desk.shown(stop, "NEW"), desk.shown(target, "NEW")))
    for _ in range(3):
        desk.tick(0.11)
        for query in desk.sent(QueryOrder):
            one = desk.core.book.orders[query.client_order_id or ""]
            desk.answer(query, desk.shown(one, "PENDING_NEW"))
    assert set(desk.core.situation.lane(SYMBOL).inquiries) == {stop.client_order_id, target.client_order_id}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (client_order_id("other", "key", Leg.ENTRY), "other_owner"),
        ("web_123", None),
        (client_order_id(OWNER, "key", Leg.CANCEL), None),
    ],
)
def test_orders_of_strangers(name: str, kind: str | None) -> None:
    desk = market_desk()
    desk.report(stranger(name), "NEW")
    assert list(desk.core.book.doubts.get("", {})) == ([kind] if kind else [])
    if kind:
        assert f"owner other, {SYMBOL} {name}" in desk.core.book.doubts[""][kind]
    lane = desk.core.situation.lane(SYMBOL)
    assert lane.foreign_order_ids == ({55} if kind or name.startswith("web") else set())
    assert lane.strange == {}


def test_an_order_of_ours_that_nothing_remembers_is_identified() -> None:
    desk = market_desk()
    name = client_order_id(OWNER, "key", Leg.EXIT, 7)
    desk.report(stranger(name, "SELL"), "NEW")
    query = desk.one(QueryOrder)
    assert (query.order_id, query.client_order_id) == (55, None)
    desk.answer(query, desk.shown(stranger(name, "SELL"), "NEW"))
    assert desk.core.situation.lane(SYMBOL).strange == {}
    assert f"the order {name} carries our mark and is not in the book" in desk.core.book.doubts[SYMBOL]["unknown_order"]


def test_while_the_stream_is_silent_a_placed_order_is_asked_for_at_once() -> None:
    desk = market_desk().bought()
    request = desk.one(PlaceList)
    desk.tell(i.StreamDown("lost"))
    legs = [desk.shown(one, "NEW") for one in desk.orders() if one.leg is not Leg.ENTRY]
    desk.answer(request, desk.list_answer(request, *legs))
    assert desk.one(QueryOrder).urgency is Urgency.PROTECT


@pytest.mark.parametrize("status", ["CANCELED", "FILLED"])
def test_balances_that_were_asked_for_before_news_of_an_order_are_not_judged(status: str) -> None:
    desk = market_desk().protected()
    desk.open_orders = tuple(desk.shown(one, "NEW") for one in desk.orders() if one.side == "SELL")
    desk.tick(120.0)
    desk.unread = (FetchAccount,)
    desk.look()
    desk.hold("USDT", "5000")
    target = desk.orders(Leg.TARGET)[-1]
    if status == "FILLED":
        desk.trade(target, str(target.quantity), "40600", 900)
    else:
        desk.report(target, status)
    desk.unread = ()
    desk.quote("40000")
    assert desk.core.situation.misfits == {}


def test_a_fill_that_nobody_expected_any_more_opens_a_position() -> None:
    desk = market_desk()
    desk.refuse(desk.buy(), -2010)
    assert desk.position_or_none() is None
    [entry] = desk.orders()
    desk.hold("BTC", "0.00249")
    desk.trade(entry, "0.00249", "40000", 5)
    assert desk.position().bought == D("0.00249")
    assert desk.noted(f.PositionMoved)[-1].reason == "a late fill"
    assert isinstance(desk.one(PlaceList), PlaceList)
    assert isinstance(desk, Desk)


def test_no_sale_is_booked_while_its_purchase_counts_as_working() -> None:
    """Killed after the entry was told NEW: the next process hears first of the stop that has sold what it bought."""
    desk = list_desk()
    desk.buy()
    entry, stop, _ = desk.orders()
    desk.report(entry, "NEW")
    desk.report(stop, "PENDING_NEW")
    desk.unread = (FetchTrades,)
    desk.trade(desk.now_known(stop), str(stop.quantity), "39000", 9)
    assert desk.noted(f.OrderFilled) == []
    assert desk.now_known(stop).lacks_trades
    desk.trade(desk.now_known(entry), str(entry.quantity), "40000", 8)
    assert [one.fill.trade_id for one in desk.noted(f.OrderFilled)] == [8]
    desk.trade(desk.now_known(stop), str(stop.quantity), "39000", 9)
    assert [one.fill.trade_id for one in desk.noted(f.OrderFilled)] == [8, 9]
    assert desk.core.book.quantity(SYMBOL) == entry.quantity - stop.quantity


def test_an_entry_at_market_that_bought_a_part_leaves_the_protection_of_it_alone() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", "0.001")
    desk.trade(entry, "0.001", "40000", 8, "PARTIALLY_FILLED")
    request = desk.one(PlaceList)
    desk.report(desk.now_known(entry), "EXPIRED", executed_quantity=D("0.001"))
    assert request in desk.waiting
    assert [one.status.is_terminal for one in desk.orders() if one.side == "SELL"] == [False, False]


def test_a_trade_that_cannot_be_counted_is_a_doubt() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.trade(entry, "0.001", "40000.123456789", 8, "PARTIALLY_FILLED")
    assert desk.noted(f.OrderFilled) == []
    assert desk.core.book.doubts[SYMBOL]["amount"].startswith(f"trade 8 of {entry.client_order_id} cannot be counted:")


def test_a_position_is_opened_once_however_many_trades_its_entry_has() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.hold("BTC", "0.00249")
    desk.trade(entry, "0.001", "40000", 8, "PARTIALLY_FILLED")
    desk.trade(desk.now_known(entry), "0.00149", "40000", 9)
    assert [one.reason for one in desk.noted(f.PositionMoved)] == [""]


def test_a_commission_in_coins_of_another_position_is_paid_by_them_where_no_others_are() -> None:
    bnb = replace(MARKET, symbol="BNBUSDT", base_asset="BNB")
    desk = Desk(MARKET, bnb).ready()
    desk.core.book.holdings["BNBUSDT"] = Holding("BNBUSDT", "BNB", "USDT", D(1), D(600))
    desk.core.situation.balances["BNB"] = Balance("BNB", D("1.00004"), D(0))
    desk.buy()
    [entry] = desk.orders()
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40000), trade_id=9,
        executed_quantity=D("0.00249"), commission=D("0.0001"), commission_asset="BNB",
    )  # fmt: skip
    assert desk.noted(f.OrderFilled)[-1].commission_own == D("0.00006")
    assert desk.core.book.holdings["BNBUSDT"].quantity == D("0.99994")


def test_coins_whose_sale_is_known_before_its_trades_pay_no_commission() -> None:
    """The balance shows the sale, and the book does not yet: what is left is somebody else's."""
    bnb = replace(MARKET, symbol="BNBUSDT", base_asset="BNB")
    desk = Desk(MARKET, bnb).ready()
    desk.core.book.holdings["BNBUSDT"] = Holding("BNBUSDT", "BNB", "USDT", D("0.01"), D(6))
    sale = OrderRecord("sale", "BNBUSDT", "SELL", "MARKET", Leg.EXIT, "key", D("0.01"), int(desk.now * 1000))
    desk.core.situation.record(f.OrderIntended(sale, "BNB", "USDT"))
    sold_ms = int(desk.now * 1000)
    desk.core.situation.record(f.OrderSeen("sale", OrderStatus.FILLED, sold_ms, order_id=2, executed=D("0.01")))
    desk.tell(i.Reported(AccountPosition(sold_ms, sold_ms, (Balance("BNB", D("0.00015"), D(0)),))))
    desk.now += 0.1
    desk.buy()
    [entry] = desk.orders()
    desk.report(
        entry, "FILLED", execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40000), trade_id=9,
        executed_quantity=D("0.00249"), commission=D("0.00005"), commission_asset="BNB",
    )  # fmt: skip
    assert desk.noted(f.OrderFilled)[-1].commission_own == 0


@pytest.mark.parametrize("is_told_between", [False, True])
def test_a_balance_shows_no_trade_of_its_millisecond_that_is_told_after_it(*, is_told_between: bool) -> None:
    """As of a cancel and a sale in one request: what the first commission took is not there for the second one."""
    bnb = replace(MARKET, symbol="BNBUSDT", base_asset="BNB")
    desk = Desk(MARKET, bnb).ready()
    desk.core.book.holdings["BNBUSDT"] = Holding("BNBUSDT", "BNB", "USDT", D(1), D(600))
    desk.buy()
    [entry] = desk.orders()
    now_ms = int(desk.now * 1000)

    def balance(total: str) -> None:
        desk.tell(i.Reported(AccountPosition(now_ms, now_ms, (Balance("BNB", D(total), D(0)),))))

    balance("1.00004")
    for trade_id, quantity, executed in ((8, "0.001", "0.001"), (9, "0.00149", "0.00249")):
        desk.report(
            desk.now_known(entry), "PARTIALLY_FILLED", execution_type="TRADE", last_quantity=D(quantity),
            last_price=D(40000), trade_id=trade_id, executed_quantity=D(executed),
            commission=D("0.00003"), commission_asset="BNB",
        )  # fmt: skip
        if is_told_between:
            balance("1.00001")
    assert [one.commission_own for one in desk.noted(f.OrderFilled)] == [0, D("0.00002")]


@pytest.mark.parametrize(("later_ms", "is_booked"), [(0, True), (1, False)])
def test_a_trade_later_than_the_end_of_an_order_is_of_another_one_with_its_number(
    later_ms: int, *, is_booked: bool
) -> None:
    """A venue that was wiped counts its orders anew."""
    desk = market_desk().protected()
    [stop] = desk.orders(Leg.STOP)
    desk.report(stop, "EXPIRED")
    ended = desk.now_known(stop)
    amount = D("0.001")
    trade = AccountTrade(
        SYMBOL, 2, ended.order_id or 0, D(40000), amount, amount * 40000, D(0), "USDT", ended.updated_ms + later_ms,
        False, False,
    )  # fmt: skip
    strange = hear_trades(desk.core.situation, SYMBOL, (trade,))
    assert desk.now_known(stop).filled_by_trades == (amount if is_booked else 0)
    assert strange == ([] if is_booked else [trade])


def test_an_order_whose_trades_are_ours_is_no_order_of_others() -> None:
    desk = market_desk()
    desk.buy()
    [entry] = desk.orders()
    desk.core.situation.other_orders[SYMBOL, 70] = desk.shown(entry, "NEW", client_order_id="web")
    desk.report(
        entry, "FILLED", order_id=70, execution_type="TRADE", last_quantity=D("0.00249"), last_price=D(40000),
        trade_id=9, executed_quantity=D("0.00249"),
    )  # fmt: skip
    assert desk.core.situation.other_orders == {}
