"""The book changes by facts alone: what each of them does to orders, positions, money and memory."""

from dataclasses import replace

import pytest

from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import ANSWERED_KEPT, ENDED_KEPT, Book
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.order_life import OrderStatus
from cq_tui.trading.position_life import NakedKind, PositionState
from tests.trading.core.desk import SYMBOL, D

MS = 1_700_000_000_000
PLAN = Plan("key", "trend", "1m", D(90), D(120), cooldown_ms=60_000)


def order(name: str, leg: Leg = Leg.ENTRY, key: str = "key", **changes: object) -> OrderRecord:
    side = "BUY" if leg is Leg.ENTRY else "SELL"
    plain = OrderRecord(name, SYMBOL, side, "MARKET", leg, key, D(2), MS)  # type: ignore[arg-type]
    return plain._replace(**changes)  # type: ignore[arg-type]


def intended(book: Book, one: OrderRecord, plan: Plan | None = None) -> None:
    book.apply(f.OrderIntended(one, "BTC", "USDT", plan))


def fill(book: Book, name: str, trade_id: int, quantity: str, price: str, ms: int = MS, *, ended: bool = True) -> None:
    status = OrderStatus.FILLED if ended else OrderStatus.PARTIALLY_FILLED
    trade = TradeFill(trade_id, D(price), D(quantity), D(0), "USDT", ms)
    book.apply(f.OrderFilled(name, 7, trade, status))


def seen(book: Book, name: str, status: OrderStatus, ms: int = MS, **more: object) -> None:
    book.apply(f.OrderSeen(name, status, ms, **more))  # type: ignore[arg-type]


def held() -> Book:
    """A book with a position of two at 100, opened at MS."""
    book = Book("simulated:1", "owner")
    book.apply(f.AccountOpened("USDT", D(1000), MS))
    intended(book, order("e"), PLAN)
    book.apply(f.PositionMoved(SYMBOL, "key", PositionState.CLOSED, PositionState.OPENING, MS))
    fill(book, "e", 1, "2", "100")
    return book


def test_an_intent_is_remembered_and_its_signal_answered() -> None:
    book = Book("simulated:1", "owner")
    intended(book, order("e"), PLAN)
    intended(book, order("s", Leg.STOP))
    assert (book.plans, book.numbers, list(book.answered)) == ({"key": PLAN}, {"key": 2}, ["key"])
    assert book.last_entry == {SYMBOL: MS / 1000}
    assert list(book.live) == ["e", "s"]
    assert [one.client_order_id for one in book.orders_of(SYMBOL)] == ["e", "s"]
    assert (book.orders_count, book.symbols()) == (0, {SYMBOL})
    book.apply(f.OrderSent("e", MS + 5))
    assert (book.orders["e"].status, book.orders["e"].sent_ms) == (OrderStatus.SENT, MS + 5)
    assert (book.orders_count, book.last_order_time) == (1, (MS + 5) / 1000)
    seen(book, "s", OrderStatus.NEW)
    book.apply(f.OrderSent("s", MS + 1))
    assert book.orders["s"].status is OrderStatus.NEW
    assert (book.orders_count, book.last_order_time) == (2, (MS + 5) / 1000)


def test_an_order_is_not_sent_before_it_is() -> None:
    """Until then its age, by which the exchange's "not found" is believed, counts from the intent."""
    book = held()
    intended(book, order("s", Leg.STOP))
    assert (book.orders["s"].sent_ms, book.orders["s"].updated_ms) == (0, 0)
    book.apply(f.OrderSent("s", MS + 5))
    assert book.orders["s"].sent_ms == MS + 5


def test_what_was_seen_of_an_order_never_goes_back() -> None:
    book = held()
    intended(book, order("s", Leg.STOP))
    seen(book, "s", OrderStatus.UNKNOWN, MS + 9, reason="timed out")
    assert book.orders["s"].reason == "timed out"
    seen(book, "s", OrderStatus.PARTIALLY_FILLED, MS + 5, order_id=8, executed=D(1), quantity=D(3))
    one = book.orders["s"]
    assert (one.order_id, one.executed, one.quantity, one.updated_ms, one.reason) == (8, D(1), D(3), MS + 9, "")
    assert one.lacks_trades
    seen(book, "s", OrderStatus.CANCELED, MS + 20, reason="by us", code=-1)
    seen(book, "s", OrderStatus.EXPIRED, MS + 21, executed=D(0))
    one = book.orders["s"]
    assert (one.status, one.order_id, one.executed, one.reason) == (OrderStatus.CANCELED, 8, D(1), "by us")
    assert one.contradiction == "canceled here, but the exchange says expired"
    assert "s" in book.live, "its trades are not known"
    fill(book, "s", 2, "1", "101", MS + 30)
    assert book.orders["s"].status is OrderStatus.CANCELED
    assert "s" not in book.live


def test_fills_grow_the_position_and_the_money() -> None:
    book = held()
    position = book.positions[SYMBOL]
    assert (position.bought, position.spent, position.average_price, position.opened_ms) == (D(2), D(200), D(100), MS)
    assert book.money is not None
    assert book.money.quote == D(800)
    assert (book.quantity(SYMBOL), book.fills_count, book.orders["e"].order_id) == (D(2), 1, 7)
    intended(book, order("e2"), PLAN)
    fill(book, "e2", 2, "2", "110", MS + 9)
    position = book.positions[SYMBOL]
    assert (position.bought, position.spent, position.opened_ms) == (D(4), D(420), MS)
    assert Book().quantity(SYMBOL) == 0


def test_money_in_another_asset_stays() -> None:
    book = held()
    book.apply(f.FundsMoved("USDT", D(50), "deposit", MS))
    book.apply(f.FundsMoved("EUR", D(70), "deposit", MS))
    assert book.money is not None
    assert book.money.quote == D(850)


def test_a_stop_pauses_its_strategy_and_other_sales_do_not() -> None:
    for leg, expected in (
        (Leg.STOP, {("trend", SYMBOL): (MS + 500 + 60_000) / 1000}),
        (Leg.TARGET, {}),
        (Leg.EXIT, {}),
    ):
        book = held()
        intended(book, order("x", leg))
        fill(book, "x", 2, "2", "90", MS + 500)
        assert book.paused_until == expected
        assert book.quantity(SYMBOL) == 0


def test_naked_time_runs_from_the_purchase_to_the_stop() -> None:
    book = held()
    naked = book.positions[SYMBOL].naked
    assert naked is not None
    assert (naked.kind, naked.since_ms) == (NakedKind.ENTRY_OCO, MS)
    intended(book, order("s", Leg.STOP))
    seen(book, "s", OrderStatus.PENDING, MS + 100)
    assert book.positions[SYMBOL].naked == naked
    seen(book, "s", OrderStatus.NEW, MS + 250)
    assert book.positions[SYMBOL].naked is None
    assert book.positions[SYMBOL].was_naked == (NakedKind.ENTRY_OCO, 250)
    assert book.naked.times(NakedKind.ENTRY_OCO) == (1, 250, 250, 250)
    book.apply(f.PositionMoved(SYMBOL, "key", PositionState.OPENING, PositionState.PROTECTED, MS + 250))
    assert book.positions[SYMBOL].was_naked is None
    seen(book, "s", OrderStatus.CANCELED, MS + 300)
    lost = book.positions[SYMBOL].naked
    assert lost is not None
    assert (lost.kind, lost.since_ms) == (NakedKind.LOST, MS + 300)


def test_the_kind_of_naked_time_follows_from_what_happened() -> None:
    book = Book("simulated:1", "owner")
    intended(book, order("e"), PLAN)
    intended(book, order("s", Leg.STOP))
    book.apply(f.PositionMoved(SYMBOL, "key", PositionState.CLOSED, PositionState.OPENING, MS))
    fill(book, "e", 1, "2", "100")
    by_list = book.positions[SYMBOL].naked
    assert by_list is not None
    assert by_list.kind is NakedKind.ENTRY_LIST
    trailing = held()
    intended(trailing, order("s", Leg.STOP, stop_price=D(90)))
    seen(trailing, "s", OrderStatus.NEW)
    trailing.apply(f.StopMoved(SYMBOL, D(95), MS + 1))
    assert trailing.plans["key"].stop_loss == D(95)
    seen(trailing, "s", OrderStatus.CANCELED, MS + 2)
    moved = trailing.positions[SYMBOL].naked
    assert moved is not None
    assert moved.kind is NakedKind.TRAIL
    leaving = held()
    intended(leaving, order("s", Leg.STOP))
    seen(leaving, "s", OrderStatus.NEW)
    leaving.apply(f.ExitWanted(SYMBOL, "flatten", MS + 1, "sell key"))
    assert "sell key" in leaving.answered
    seen(leaving, "s", OrderStatus.CANCELED, MS + 2)
    out = leaving.positions[SYMBOL].naked
    assert out is not None
    assert out.kind is NakedKind.EXIT


def test_a_position_without_a_plan_has_no_stop() -> None:
    book = Book("simulated:1", "owner")
    book.apply(f.PositionMoved(SYMBOL, "lost", PositionState.CLOSED, PositionState.OPENING, MS))
    assert (book.positions[SYMBOL].plan.stop_loss, book.positions[SYMBOL].plan.signal_key) == (D(0), "lost")
    book.apply(f.PositionMoved(SYMBOL, "lost", PositionState.OPENING, PositionState.CLOSED, MS))
    assert book.positions == {}


def test_the_oldest_ended_orders_are_dropped_with_what_belongs_to_them() -> None:
    book = Book("simulated:1", "owner")
    for number in range(ENDED_KEPT + 3):
        key = f"key{number // 2}"
        intended(book, order(f"e{number}", key=key), replace(PLAN, signal_key=key))
        seen(book, f"e{number}", OrderStatus.EXPIRED)
    assert len(book.orders) == ENDED_KEPT
    assert "e2" not in book.orders
    assert "e3" in book.orders
    assert ("key0" in book.plans, "key0" in book.numbers) == (False, False)
    assert ("key1" in book.plans, "key1" in book.numbers) == (True, True)


def test_the_orders_of_an_open_position_are_kept() -> None:
    book = held()
    for number in range(ENDED_KEPT + 3):
        intended(book, order(f"x{number}", key="other"))
        seen(book, f"x{number}", OrderStatus.EXPIRED)
    assert "e" in book.orders
    assert "key" in book.plans


def test_the_oldest_answered_signals_are_forgotten() -> None:
    book = Book()
    for number in range(ANSWERED_KEPT + 2):
        book.apply(f.SignalDenied(f"key{number}", SYMBOL, "BUY", "trend", "exposure", "too much"))
    assert len(book.answered) == ANSWERED_KEPT
    assert next(iter(book.answered)) == "key2"
    assert book.denials_count == ANSWERED_KEPT + 2


def test_failures_count_until_a_position_is_protected() -> None:
    book = Book()
    intended(book, order("e"), PLAN)
    seen(book, "e", OrderStatus.REJECTED, counts=True)
    intended(book, order("e2"), PLAN)
    seen(book, "e2", OrderStatus.EXPIRED)
    assert book.quarantine.failures_of(SYMBOL) == 1
    book.apply(f.PositionMoved(SYMBOL, "key", PositionState.OPENING, PositionState.EXPOSED, MS))
    assert book.quarantine.failures_of(SYMBOL) == 1
    book.apply(f.PositionMoved(SYMBOL, "key", PositionState.EXPOSED, PositionState.PROTECTED, MS))
    assert book.quarantine.failures_of(SYMBOL) == 0


def test_a_probe_of_a_strategy_that_bought_nothing_was_none() -> None:
    book = Book()
    book.apply(f.QuarantineBegan("", "stops", 3, MS / 1000 - 900, MS / 1000, strategy=PLAN.strategy, cause="stops"))
    intended(book, order("e"), PLAN)
    assert book.strategy_quarantine.block_reason(PLAN.strategy, MS / 1000) == "a probe is pending"
    seen(book, "e", OrderStatus.EXPIRED)
    assert book.strategy_quarantine.block_reason(PLAN.strategy, MS / 1000) is None


def test_a_probe_that_bought_nothing_was_none() -> None:
    book = Book()
    book.apply(f.QuarantineBegan(SYMBOL, "refused", 3, MS / 1000 - 900, MS / 1000))
    intended(book, order("e"), PLAN)
    entry = book.quarantine.get(SYMBOL)
    assert entry is not None
    assert entry.probing
    seen(book, "e", OrderStatus.NEW)
    assert book.quarantine.block_reason(SYMBOL, MS / 1000) == "a probe is pending"
    seen(book, "e", OrderStatus.EXPIRED)
    assert book.quarantine.block_reason(SYMBOL, MS / 1000) is None
    book.apply(f.QuarantineEnded(SYMBOL, "by ada"))
    assert book.quarantine.get(SYMBOL) is None


def test_coins_that_a_person_adopts_or_gives_up() -> None:
    book = Book()
    book.apply(f.PositionAdopted(SYMBOL, "BTC", "USDT", D(3), D(100), PLAN, MS, "ada"))
    position = book.positions[SYMBOL]
    assert (position.bought, position.spent, position.opened_ms) == (D(3), D(300), MS)
    assert (book.quantity(SYMBOL), book.plans["key"]) == (D(3), PLAN)
    assert position.naked is not None
    book.apply(f.HoldingAccepted(SYMBOL, D(1), "ada", "gone", MS))
    assert book.quantity(SYMBOL) == D(2)


def test_doubts_are_kept_by_symbol_and_kind() -> None:
    book = Book()
    for kind in ("balance", "status"):
        book.apply(f.DoubtRaised(SYMBOL, kind, f"{kind} text", MS))
    book.apply(f.DoubtEnded(SYMBOL, "balance", "found", MS))
    assert book.doubts == {SYMBOL: {"status": "status text"}}
    book.apply(f.DoubtEnded(SYMBOL, "status", "found", MS))
    assert book.doubts == {}


@pytest.mark.parametrize(("asset", "start"), [("USDT", "1000"), ("USDC", "900")])
def test_an_account_is_opened_with_what_is_held_in_its_asset(asset: str, start: str) -> None:
    book = Book("simulated:1", "owner")
    book.holdings["BTCUSDT"] = Holding("BTCUSDT", "BTC", "USDT", D(1), D(100))
    book.apply(f.AccountOpened(asset, D(900), 1))
    assert book.money is not None
    assert book.money.start == D(start)
