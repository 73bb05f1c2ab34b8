"""An order that only its number tells of is asked for its name, and that ends: also at a venue whose past was wiped."""

from dataclasses import replace

import pytest

from cq_tui.binance.types import AccountTrade
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.effects import CancelList, CancelOrder, PlaceList, PlaceOrder, QueryOrder, ReplaceOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import SYMBOL, D, Desk, list_desk, market_desk

ORDER_ID = 77


def bought(desk: Desk, entry: OrderRecord, share: str = "1") -> AccountTrade:
    """A trade that bought a share of an entry."""
    amount, now = entry.quantity * D(share), int(desk.now * 1000)
    return AccountTrade(SYMBOL, 5, ORDER_ID, D(40000), amount, amount * 40000, D(0), "USDT", now, True, False)


def lost_and_read(desk: Desk, share: str = "1") -> OrderRecord:
    """Lose the answer to an entry by a list; its trade is read, and no query finds it."""
    desk.lose(desk.buy())
    [entry] = desk.orders(Leg.ENTRY)
    desk.trades = (bought(desk, entry, share),)
    desk.look()
    miss_all(desk, 2)
    assert list(desk.core.situation.lane(SYMBOL).strange) == [ORDER_ID]
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    return entry


def miss_all(desk: Desk, seconds: int) -> int:
    """Let time pass in which no query finds an order; return how many asked by the number."""
    by_number = 0
    for _ in range(seconds):
        for query in desk.sent(QueryOrder):
            by_number += query.order_id is not None
            desk.refuse(query, -2013, "Order does not exist.")
        desk.tick(1.0)
    return by_number


def wipe(desk: Desk) -> None:
    """Have the venue forget everything."""
    desk.trades, desk.open_orders = (), ()
    desk.balances.clear()
    desk.hold("USDT", "1000")


def changes(desk: Desk) -> list[object]:
    return [
        one for one in desk.waiting if isinstance(one, PlaceOrder | PlaceList | ReplaceOrder | CancelOrder | CancelList)
    ]


def test_trades_that_were_read_before_their_order_was_known_are_booked_when_it_is() -> None:
    desk = list_desk()
    entry = lost_and_read(desk)
    desk.hold("BTC", str(entry.quantity))
    desk.trades = ()
    while not (by_name := [one for one in desk.sent(QueryOrder) if one.client_order_id == entry.client_order_id]):
        miss_all(desk, 1)
    desk.answer(by_name[0], desk.shown(entry, "FILLED", str(entry.quantity), order_id=ORDER_ID))
    known = desk.now_known(entry)
    assert (known.status, known.lacks_trades, [one.trade_id for one in known.fills]) == (OrderStatus.FILLED, False, [5])
    assert desk.core.book.quantity(SYMBOL) == entry.quantity
    assert not desk.core.situation.lane(SYMBOL).strange
    desk.trade(known, str(entry.quantity), "40000", 5)
    assert len(desk.noted(f.OrderFilled)) == 1


@pytest.mark.parametrize("changed", [{"is_buyer": False}, {"time": 1_600_000_000_000}, {"quantity": D(9)}])
def test_trades_that_do_not_fit_an_order_with_their_number_are_not_booked_as_its_own(
    changed: dict[str, object],
) -> None:
    """A venue that was wiped counts its orders anew."""
    desk = list_desk()
    entry = lost_and_read(desk)
    lane = desk.core.situation.lane(SYMBOL)
    lane.strange[ORDER_ID] = {5: replace(bought(desk, entry), **changed)}  # type: ignore[arg-type]
    desk.trades = ()
    desk.report(entry, "FILLED", order_id=ORDER_ID, executed_quantity=entry.quantity)
    assert desk.now_known(entry).lacks_trades
    assert not desk.noted(f.OrderFilled)


def test_an_entry_whose_trade_was_read_before_the_venue_was_wiped_ends_and_its_symbol_is_free() -> None:
    desk = list_desk()
    entry = lost_and_read(desk)
    wipe(desk)
    asked = miss_all(desk, 180)
    assert asked < 100
    assert all(order.status.is_terminal for order in desk.orders())
    assert desk.position_or_none() is None
    assert not desk.noted(f.OrderFilled)
    assert changes(desk) == []
    assert list(desk.core.book.doubts) == [""]
    assert f"no longer knows the order {ORDER_ID} of {SYMBOL}" in desk.core.book.doubts[""]["venue_wiped"]
    assert miss_all(desk, 120) == 0, "nothing is asked for any more"
    desk.tell(i.Command("accept", "", "kim", "the testnet was reset"))
    assert desk.core.book.doubts == {}
    desk.buy()
    assert desk.orders()[-1].signal_key != entry.signal_key


def test_coins_that_are_there_keep_an_entry_asked_for_by_its_name_and_it_is_protected_when_it_is_found() -> None:
    desk = list_desk()
    entry = lost_and_read(desk)
    desk.hold("BTC", str(entry.quantity))
    told, desk.trades = desk.trades, ()
    miss_all(desk, 180)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    assert "outcome" in desk.core.book.doubts[SYMBOL]
    assert miss_all(desk, 60) == 0, "the number is asked for no more"
    while not (by_name := [one for one in desk.sent(QueryOrder) if one.client_order_id == entry.client_order_id]):
        miss_all(desk, 1)
    desk.trades = told
    desk.answer(by_name[0], desk.shown(entry, "FILLED", str(entry.quantity), order_id=ORDER_ID))
    miss_all(desk, 20)
    assert desk.core.book.quantity(SYMBOL) == entry.quantity
    miss_all(desk, 180)
    assert [one.urgency for one in desk.sent(PlaceList)] == [0]


def test_where_the_reset_gave_coins_a_person_s_word_ends_the_entry() -> None:
    desk = list_desk()
    lost_and_read(desk)
    wipe(desk)
    desk.hold("BTC", "1")
    miss_all(desk, 180)
    assert {*desk.core.book.doubts} == {"", SYMBOL}
    for symbol in (SYMBOL, ""):
        desk.tell(i.Command("accept", symbol, "kim", "the testnet was reset"))
    assert desk.core.book.doubts == {}
    assert desk.position_or_none() is None
    assert changes(desk) == []


def test_a_replica_that_is_behind_is_asked_until_it_names_the_order() -> None:
    desk = list_desk()
    entry = lost_and_read(desk)
    miss_all(desk, 40)
    assert "" not in desk.core.book.doubts
    while not (by_number := [one for one in desk.sent(QueryOrder) if one.order_id == ORDER_ID]):
        miss_all(desk, 1)
    desk.hold("BTC", str(entry.quantity))
    desk.answer(by_number[0], desk.shown(entry, "FILLED", str(entry.quantity), order_id=ORDER_ID))
    assert desk.core.book.quantity(SYMBOL) == entry.quantity
    lane = desk.core.situation.lane(SYMBOL)
    assert (lane.strange, lane.nameless) == ({}, {})


def test_a_claim_that_nothing_can_confirm_any_more_ends() -> None:
    desk = market_desk()
    desk.lose(desk.buy())
    [entry] = desk.orders(Leg.ENTRY)
    desk.hold("BTC", str(entry.quantity))
    desk.trades = (bought(desk, entry),)
    miss_all(desk, 3)
    assert desk.now_known(entry).is_claimed
    wipe(desk)
    asked = miss_all(desk, 120)
    assert 3 <= asked < 20
    assert not desk.now_known(entry).is_claimed
    assert not desk.core.book.claimed
    assert "its past was wiped" in desk.core.book.doubts[""]["venue_wiped"]


def test_an_order_that_was_reported_and_is_known_no_more_is_not_asked_for_for_ever() -> None:
    desk = market_desk()
    desk.core.situation.lane(SYMBOL).strange[55] = {}
    desk.core.situation.touch(SYMBOL)
    desk.tick(1.0)
    assert 3 <= miss_all(desk, 120) < 100
    assert miss_all(desk, 60) == 0
    assert "venue_wiped" in desk.core.book.doubts[""]


def test_answers_that_say_nothing_about_an_order_do_not_end_its_questions() -> None:
    desk = market_desk()
    desk.core.situation.lane(SYMBOL).strange[55] = {}
    desk.core.situation.touch(SYMBOL)
    desk.tick(1.0)
    for _ in range(120):
        for query in desk.sent(QueryOrder):
            desk.refuse(query, -1000, "An unknown error occurred while processing the request.")
        desk.tick(1.0)
    assert list(desk.core.situation.lane(SYMBOL).strange) == [55]
    assert desk.core.book.doubts == {}
