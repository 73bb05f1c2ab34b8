"""A market order that no query finds is known by its trades: what it bought is protected at once, and booked once."""

from dataclasses import replace

import orjson
import pytest

from cq_tui.binance.types import AccountTrade
from cq_tui.binance.user_events import AccountPosition
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core import inputs as i
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.codec import from_event, to_event
from cq_tui.trading.core.effects import CancelList, FetchAccount, PlaceList, PlaceOrder, QueryOrder, ReplaceOrder
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.desk import OWNER, SYMBOL, D, Desk, market_desk


def trade(desk: Desk, order: OrderRecord, order_id: int, share: str = "1", trade_id: int = 5) -> AccountTrade:
    amount = order.quantity * D(share)
    is_buyer, now = order.side == "BUY", int(desk.now * 1000)
    return AccountTrade(
        SYMBOL, trade_id, order_id, D(40000), amount, amount * 40000, D(0), "USDT", now, is_buyer, False
    )  # fmt: skip


def lose_entry(desk: Desk, share: str = "1", foreign: str = "0") -> OrderRecord:
    """Lose the answer to an entry that was executed; no query finds it."""
    desk.lose(desk.buy())
    [entry] = desk.orders(Leg.ENTRY)
    desk.hold("BTC", str(entry.quantity * D(share) + D(foreign)))
    desk.trades = (trade(desk, entry, 77, share),)
    return entry


def miss_all(desk: Desk) -> None:
    """Answer every query with "no such order"."""
    for _ in range(4):
        for query in desk.sent(QueryOrder):
            desk.refuse(query, -2013, "Order does not exist.")


def test_an_entry_that_no_query_finds_is_protected_at_once_by_its_trades() -> None:
    desk = market_desk()
    entry, began = lose_entry(desk), desk.now
    miss_all(desk)
    assert desk.now == began
    placed = desk.one(PlaceList)
    assert placed.order_list.quantity == entry.quantity  # type: ignore[union-attr]
    known = desk.now_known(entry)
    assert (known.status, known.order_id, known.executed) == (OrderStatus.FILLED, 77, entry.quantity)
    assert not desk.core.situation.lane(SYMBOL).others, "they are ours"
    desk.protect()
    desk.report(entry, "FILLED", order_id=77, executed_quantity=entry.quantity, execution_type="TRADE",
                last_quantity=entry.quantity, last_price=D(40000), trade_id=5, commission_asset="USDT")  # fmt: skip
    assert len(desk.noted(f.OrderFilled)) == 1
    assert not desk.core.book.doubts


def test_a_query_that_finds_it_later_books_nothing_twice() -> None:
    desk = market_desk()
    entry = lose_entry(desk, "0.5")
    miss_all(desk)
    desk.tick(1.0)
    miss_all(desk)
    assert desk.now_known(entry).status is OrderStatus.PARTIALLY_FILLED
    desk.protect()
    desk.tick(2.0)
    desk.answer(desk.one(QueryOrder), desk.shown(entry, "EXPIRED", str(entry.quantity / 2), order_id=77))
    assert desk.now_known(entry).status is OrderStatus.EXPIRED
    assert len(desk.noted(f.OrderFilled)) == 1
    assert not desk.core.book.doubts


def test_a_part_is_protected_too_and_ends_without_a_doubt() -> None:
    desk = market_desk()
    entry = lose_entry(desk, "0.5")
    miss_all(desk)
    desk.tick(1.0)
    miss_all(desk)
    assert desk.one(PlaceList).order_list.quantity == D("0.00124")  # type: ignore[union-attr]
    desk.open_orders = tuple(desk.shown(one, "NEW") for one in desk.protect())
    for _ in range(60):
        desk.fresh()
        miss_all(desk)
        desk.tick(0.5)
    assert desk.now_known(entry).status is OrderStatus.EXPIRED
    assert not desk.core.book.doubts


def test_the_rest_of_its_trades_are_taken_when_they_are_told() -> None:
    desk = market_desk()
    entry = lose_entry(desk, "0.5")
    miss_all(desk)
    desk.tick(1.0)
    miss_all(desk)
    desk.protect()
    desk.trades += (trade(desk, entry, 77, "0.5", trade_id=6),)
    desk.hold("BTC", str(entry.quantity))
    for _ in range(8):
        miss_all(desk)
        desk.tick(0.5)
    assert desk.now_known(entry).status is OrderStatus.FILLED
    assert desk.one(ReplaceOrder).replace.new.quantity == entry.quantity


@pytest.mark.parametrize(
    "changes",
    [{"is_buyer": False}, {"time": 1}, {"quantity": D("0.00001")}, {"quantity": D(7)}, {"order_id": 2}],
    ids=["a sale", "long ago", "a part, where others own coins", "more than ordered", "an older order"],
)
def test_trades_that_do_not_fit_are_not_taken(changes: dict[str, object]) -> None:
    desk = market_desk()
    desk.core.book.forgotten[SYMBOL] = 2
    entry = lose_entry(desk, foreign="1")
    desk.trades = (replace(desk.trades[0], **changes),)  # type: ignore[arg-type]
    for _ in range(8):
        miss_all(desk)
        desk.tick(0.5)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    assert not desk.sent(PlaceList)


def test_of_two_that_fit_none_is_taken_until_one_is_named() -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    desk.trades += (trade(desk, entry, 78, trade_id=6),)
    miss_all(desk)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    desk.tick(1.0)
    desk.refuse(desk.one(QueryOrder), -2013, "Order does not exist.")
    query = desk.one(QueryOrder)
    name = "somebody"
    desk.answer(query, desk.shown(entry, "FILLED", str(entry.quantity), order_id=query.order_id, client_order_id=name))
    for _ in range(3):
        miss_all(desk)
        desk.tick(1.0)
    assert desk.now_known(entry).order_id == ({77, 78} - {query.order_id}).pop()
    assert desk.one(PlaceList).symbol == SYMBOL


@pytest.mark.parametrize("is_accepted", [False, True])
def test_where_another_directory_trades_the_account_only_names_tell(*, is_accepted: bool) -> None:
    """By the same signals it buys and sells the same at once: its trades fit our order."""
    desk = market_desk()
    entry = lose_entry(desk)
    desk.report(entry, "NEW", client_order_id=client_order_id("other", "key", Leg.STOP), order_id=70)
    assert "other_owner" in desk.core.book.doubts[""]
    if is_accepted:
        desk.tell(i.Command("accept", "", "ada", "both are mine", {}))
        assert not desk.core.book.doubts
    miss_all(desk)
    desk.tick(1.0)
    miss_all(desk)
    assert not desk.noted(f.OrderFilled)


def test_an_exit_that_no_query_finds_is_known_by_its_trades() -> None:
    desk = market_desk(cancel_replace_allowed=False).protected()
    desk.sell()
    desk.answer(desk.one(CancelList), desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED")
    desk.lose(desk.one(PlaceOrder))
    exit_order = desk.orders(Leg.EXIT)[-1]
    desk.hold("BTC", "0")
    desk.trades += (trade(desk, exit_order, 990, trade_id=9),)
    miss_all(desk)
    assert desk.now_known(exit_order).status is OrderStatus.FILLED
    assert desk.position_or_none() is None
    assert not desk.sent(PlaceList)
    assert not desk.sent(PlaceOrder)


def test_a_claim_is_asked_for_until_it_is_named_and_a_wrong_one_is_a_doubt() -> None:
    for name, doubts in (("", {}), ("somebody", {"claim"})):
        desk = market_desk()
        entry = lose_entry(desk)
        miss_all(desk)
        desk.protect()
        desk.tick(6.0)
        query = desk.one(QueryOrder)
        assert (query.order_id, query.client_order_id) == (77, None)
        named = {"client_order_id": name} if name else {}
        desk.answer(query, desk.shown(desk.now_known(entry), "FILLED", str(entry.quantity), **named))
        assert set(desk.core.book.doubts.get(SYMBOL, ())) == set(doubts)
        desk.tick(6.0)
        assert not desk.sent(QueryOrder), "once is enough"


@pytest.mark.parametrize("by", ["snapshot", "events"])
@pytest.mark.parametrize(("name", "doubts"), [("", set()), ("somebody", {"claim"})])
def test_a_claim_is_asked_for_after_a_restart_too(by: str, name: str, doubts: set[str]) -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    miss_all(desk)
    desk.open_orders = tuple(desk.shown(one, "NEW") for one in desk.protect())
    told = [*desk.facts]
    desk = restarted(desk, told if by == "events" else None)
    query = desk.one(QueryOrder)
    assert (query.order_id, query.client_order_id) == (77, None)
    desk.refuse(query, -2013, "Order does not exist.")
    desk.tick(6.0)
    query = desk.one(QueryOrder)
    named = {"client_order_id": name} if name else {}
    desk.answer(query, desk.shown(desk.now_known(entry), "FILLED", str(entry.quantity), **named))
    assert set(desk.core.book.doubts.get(SYMBOL, ())) == doubts
    told += desk.facts
    for _ in range(2):
        desk.tick(6.0)
        assert not desk.sent(QueryOrder), "once is enough"
        desk = restarted(desk, told if by == "events" else None)
        told += desk.facts


def restarted(desk: Desk, told: list[f.Fact] | None) -> Desk:
    """The same account with a core that reads the snapshot, or these facts from their events."""
    book = Book("simulated:1", OWNER)
    if told is None:
        book = book_from_plain(orjson.loads(orjson.dumps(book_to_plain(desk.core.book))))
    for fact in told or ():
        event = to_event(fact, desk.core.book.orders)
        assert from_event(event.event_type, orjson.loads(orjson.dumps(event.data))) == fact
        book.apply(fact)
    again = Desk(*desk.rules.values(), book=book)
    again.now, again.balances, again.open_orders, again.trades = desk.now, desk.balances, desk.open_orders, desk.trades
    return again.ready()


def test_a_claim_that_the_stream_names_is_asked_for_no_more() -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    miss_all(desk)
    desk.protect()
    desk.report(entry, "FILLED", order_id=77, executed_quantity=entry.quantity)
    desk.tick(6.0)
    assert not desk.sent(QueryOrder)
    assert not desk.core.book.doubts


def test_what_the_stream_names_as_another_directory_s_is_not_taken() -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    name = client_order_id("other", entry.signal_key, Leg.ENTRY)
    other = entry._replace(client_order_id=name, order_id=77)
    desk.report(other, "FILLED")
    for _ in range(8):
        miss_all(desk)
        desk.tick(0.5)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
    assert "other_owner" in desk.core.book.doubts[""]


def test_a_doubt_about_the_outcome_ends_with_trades_that_are_told_late() -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    late, desk.trades = desk.trades, ()
    for _ in range(30):
        miss_all(desk)
        desk.tick(1.0)
    assert "outcome" in desk.core.book.doubts[SYMBOL]
    desk.trades = late
    desk.tick(10.0)
    miss_all(desk)
    assert desk.now_known(entry).status is OrderStatus.FILLED
    [ended] = [one for one in desk.noted(f.DoubtEnded) if one.kind == "outcome"]
    assert ended.how == "its trades were found"


def test_an_order_older_than_one_that_is_known_is_not_ours() -> None:
    desk = market_desk(cancel_replace_allowed=False).bought()
    between = desk.order_id()
    desk.protect()
    desk.sell()
    desk.answer(desk.one(CancelList), desk.list_answer_of(desk.orders(Leg.STOP)[-1]))
    for leg in (Leg.STOP, Leg.TARGET):
        desk.report(desk.orders(leg)[-1], "CANCELED")
    desk.lose(desk.one(PlaceOrder))
    sale = desk.orders(Leg.EXIT)[-1]
    known = sorted(one.order_id for one in desk.orders() if one.order_id is not None)
    assert known[0] < between < known[-1]
    desk.trades += (trade(desk, sale, between, trade_id=9),)
    miss_all(desk)
    assert desk.now_known(sale).status is OrderStatus.UNKNOWN


def test_a_part_waits_for_balances_newer_than_each_of_its_trades() -> None:
    desk = market_desk()
    entry = lose_entry(desk, "0.5")
    first = trade(desk, entry, 77, "0.25")
    desk.trades = first, replace(first, trade_id=6, time=first.time + 1_000)
    desk.unread = (FetchAccount,)
    desk.tell(i.Reported(AccountPosition(first.time + 500, first.time + 500, (desk.balances["BTC"],))))
    miss_all(desk)
    desk.tick(1.0)
    miss_all(desk)
    assert not desk.now_known(entry).executed
    desk.unread = ()
    for _ in range(3):
        desk.tick(1.0)
        miss_all(desk)
    assert desk.now_known(entry).executed == entry.quantity / 2


def test_trades_are_timed_from_when_the_order_was_sent() -> None:
    desk = market_desk()
    request = desk.buy()
    desk.now += 30
    desk.lose(request)
    [entry] = desk.orders(Leg.ENTRY)
    desk.hold("BTC", str(entry.quantity))
    desk.trades = (trade(desk, entry, 77),)
    miss_all(desk)
    assert desk.now_known(entry).status is OrderStatus.FILLED


@pytest.mark.parametrize(("after_ms", "is_taken"), [(-1_001, False), (-1_000, True), (6_000, True), (6_001, False)])
def test_a_trade_is_taken_from_a_second_before_the_order_until_it_can_arrive_no_more(
    after_ms: int, is_taken: bool
) -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    desk.trades = (replace(desk.trades[0], time=desk.trades[0].time + after_ms),)
    miss_all(desk)
    assert (desk.now_known(entry).status is OrderStatus.FILLED) is is_taken


def test_each_trade_of_an_order_has_to_fit() -> None:
    desk = market_desk()
    entry = lose_entry(desk)
    half = trade(desk, entry, 77, "0.5")
    desk.trades = half, replace(half, trade_id=6, time=half.time - 60_000)
    miss_all(desk)
    assert desk.now_known(entry).status is OrderStatus.UNKNOWN
