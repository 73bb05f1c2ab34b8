"""What is heard of orders becomes facts: each trade once, no state ever back, strangers named."""

import pytest

from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import FetchTrades, PlaceList, QueryOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import OWNER, SYMBOL, D, Desk, list_desk, market_desk


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
