"""What a person accepts stays accepted, as it was then; what comes later is doubted anew."""

from decimal import Decimal

import pytest

from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg, client_order_id
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.commands import take_command
from cq_tui.trading.core.effects import FetchOpenOrders, Record, Urgency
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.inquiring import not_found
from cq_tui.trading.core.lane import Flight
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.reconciling import take_open_orders
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.order_life import OrderStatus
from tests.trading.core.situations import NOW, SYMBOL, reconciled

D = Decimal
PLAN = Plan("sample:BTCUSDT:1s:1:BUY", "sample", "1s", D(39000), D(42000))


def accept(s: Situation, symbol: str = SYMBOL) -> tuple[bool, str]:
    return take_command(s, Command("accept", symbol, "kim", "looked at it"))


def open_order(owner: str, number: int) -> Order:
    name = client_order_id(owner, "k", Leg.TARGET, number)
    zero = D(0)
    return Order(
        SYMBOL, number, -1, name, "SELL", "LIMIT_MAKER", "NEW", "GTC", D(42000), zero, D(1), zero, zero, int(NOW * 1000)
    )


def see_open(s: Situation, *orders: Order) -> None:
    """Reconcile with these orders open at the exchange."""
    request = FetchOpenOrders(number=s.next_number(), symbol="", urgency=Urgency.ROUTINE)
    take_open_orders(s, orders, Flight(request, (), s.now))


def bought(s: Situation) -> None:
    """Have a position of two coins in the book."""
    s.record(f.PositionAdopted(SYMBOL, "BTC", "USDT", D(2), D(40000), PLAN, s.ms, "kim"))


@pytest.mark.parametrize(("owner", "symbol"), [("0ther", ""), ("7k3qz", SYMBOL)])
def test_strangers_with_our_mark_are_accepted_all_at_once_and_for_good(owner: str, symbol: str) -> None:
    s = reconciled()
    strangers = [open_order(owner, number) for number in (1, 2)]
    see_open(s, *strangers)
    assert len(s.book.doubts[symbol]) == 1
    told = accept(s, symbol)
    assert told[0], told
    for _ in range(2):
        see_open(s, *strangers)
        assert s.book.doubts == {}, "what was accepted is not doubted again"
    see_open(s, *strangers, open_order(owner, 3))
    assert len(s.book.doubts[symbol]) == 1, "what came since is"


def test_it_is_told_by_facts_and_survives_in_a_snapshot() -> None:
    s = reconciled()
    book = Book("simulated:7", "7k3qz")
    book.apply(f.AccountOpened("USDT", D(1000), s.ms))
    see_open(s, open_order("0ther", 1), open_order("0ther", 2))
    accept(s, "")
    facts = [fact for effect in s.take_effects() if isinstance(effect, Record) for fact in effect.facts]
    for fact in facts:
        book.apply(fact)
    assert book == s.book
    assert [fact.person for fact in facts if isinstance(fact, f.DoubtEnded)] == ["kim", "kim"]
    assert book_from_plain(book_to_plain(book)) == book
    before = {key: value for key, value in book_to_plain(book).items() if key != "accepted"}
    assert book_from_plain(before).accepted == {}, "a snapshot of before can be read"


def test_evidence_that_a_doubt_ended_by_itself_took_along_is_not_accepted_later() -> None:
    s = reconciled()
    see_open(s, open_order("7k3qz", 1))
    see_open(s)
    assert s.book.doubts == {}
    see_open(s, open_order("7k3qz", 2))
    accept(s)
    see_open(s, open_order("7k3qz", 1))
    assert "unknown_order" in s.book.doubts[SYMBOL]


def test_missing_coins_leave_the_book_and_are_doubted_again_when_more_are_missing() -> None:
    s = reconciled(free="0.5", locked="0.7")
    bought(s)
    s.doubt(SYMBOL, "balance", "the book has 2 BTC, the account holds 1.2")
    assert accept(s) == (True, "accepted for BTCUSDT: balance; 0.8 BTC left the book")
    assert s.book.quantity(SYMBOL) == D("1.2")
    s.doubt(SYMBOL, "balance", "the book has 2 BTC, the account holds 1.2")
    assert s.book.doubts[SYMBOL], "equal words about other coins are another doubt"


def test_coins_that_came_back_stay() -> None:
    s = reconciled(free="2")
    bought(s)
    s.doubt(SYMBOL, "balance", "the book has 2 BTC, the account holds 1.2")
    assert accept(s) == (True, "accepted for BTCUSDT: balance")
    assert s.book.quantity(SYMBOL) == D(2)


def intended(s: Situation, leg: Leg, status: OrderStatus) -> OrderRecord:
    order = OrderRecord(
        client_order_id=client_order_id("7k3qz", PLAN.signal_key, leg, 1), symbol=SYMBOL, side="SELL",
        order_type="MARKET", leg=leg, signal_key=PLAN.signal_key, quantity=D(2), intended_ms=s.ms - 60_000,
        sent_ms=s.ms - 60_000, status=status,
    )  # fmt: skip
    s.book.put(order)
    return order


def test_an_order_that_no_query_finds_counts_as_never_executed() -> None:
    s = reconciled(free="0")
    bought(s)
    sale = intended(s, Leg.EXIT, OrderStatus.UNKNOWN)
    s.inquire(sale.client_order_id)
    assert accept(s) == (False, "nothing about BTCUSDT is in doubt")
    for _ in range(20):
        not_found(s, sale.client_order_id)
    assert "outcome" in s.book.doubts[SYMBOL]
    assert accept(s) == (True, "accepted for BTCUSDT: outcome; the exit order counts as never executed")
    assert s.book.orders[sale.client_order_id].status.is_terminal
    assert s.lane(SYMBOL).inquiries == {}


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.UNKNOWN])
def test_while_an_outcome_is_awaited_nothing_is_written_off(status: OrderStatus) -> None:
    s = reconciled(free="0")
    bought(s)
    intended(s, Leg.EXIT, status)
    s.doubt(SYMBOL, "balance", "the book has 2 BTC, the account holds 0")
    told = accept(s)
    assert told == (False, "the outcome of the exit order in BTCUSDT is awaited; try again when it has ended")
    assert s.book.quantity(SYMBOL) == D(2)


def test_before_the_first_reconciliation_nothing_can_be_accepted() -> None:
    s = reconciled()
    s.doubt("", "history", "a gap")
    s.is_reconciled = False
    assert not accept(s, "")[0]
    s.is_reconciled = True
    assert accept(s, "") == (True, "accepted for the account: history")
    assert accept(s, "") == (False, "nothing about the account is in doubt")
