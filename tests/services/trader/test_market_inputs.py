"""The market as the core is told of it: quotes by the exchange's clock, bars of a plan's frame since the entry."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.services.trader.market_inputs import BarReader, QuoteReader
from cq_tui.store.document import write_document
from cq_tui.store.klines import KlineJournalWriter
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.inputs import BarClosed, Quote
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.position import Position
from cq_tui.trading.position_life import PositionState

D = Decimal
BASE = 1_700_000_100_000
PLAN = Plan("key", "sample", "1s", D(90), trail=D(2), trail_bars=3)


def write(data: DataDir, **tickers: Ticker) -> None:
    write_document(data.tickers, tickers_to_bytes(1.0, tickers), durable=False)


def ticker(price: float, timestamp: float = 50.0) -> Ticker:
    return Ticker(price, 0.0, price - 0.5, price + 0.5, 1.0, timestamp, 2)


def test_only_changed_quotes_are_told_by_the_exchanges_clock(data: DataDir) -> None:
    reader = QuoteReader(data)
    assert reader.read(0.0) is None
    write(data, BTCUSDT=ticker(100.0), ETHUSDT=ticker(10.0))
    seen = reader.read(2.5)
    assert seen is not None
    assert seen.quotes["BTCUSDT"] == Quote(D("99.5"), D("100.5"), D("100"), 52.5)
    assert reader.read(2.5) is None
    write(data, BTCUSDT=ticker(101.0, 51.0), ETHUSDT=ticker(10.0))
    changed = reader.read(2.5)
    assert changed is not None
    assert list(changed.quotes) == ["BTCUSDT"]
    data.tickers.write_bytes(b"{")
    assert reader.read(0.0) is None
    write(data, BTCUSDT=ticker(102.0, 52.0))
    assert reader.read(0.0) is not None


def bar(number: int, high: float, length: int = 1_000) -> Kline:
    start = BASE + number * length
    return Kline(start, start + length - 1, high - 1, high, high - 2, high - 1, 1.0, 1.0, 1)


def book(plan: Plan = PLAN, opened_ms: int = BASE + 1_500) -> Book:
    held = Book("simulated:7", "abcde")
    held.positions["BTCUSDT"] = Position("BTCUSDT", PositionState.PROTECTED, plan, opened_ms=opened_ms)
    return held


def told(bars: list[BarClosed]) -> list[tuple[int, Decimal]]:
    return [((one.close_time + 1 - BASE) // 1_000, one.high) for one in bars]


@pytest.fixture
def journal(data: DataDir) -> KlineJournalWriter:
    return KlineJournalWriter(data, "BTCUSDT", "1s")


def test_bars_count_from_the_first_that_began_after_the_entry(data: DataDir, journal: KlineJournalWriter) -> None:
    journal.append([bar(number, 100.0 + number) for number in range(4)])
    reader, held = BarReader(data, "1s"), book()
    assert told(reader.read(held, BASE + 9_000)) == [(3, D("102")), (4, D("103"))]
    assert reader.read(held, BASE + 9_000) == []
    journal.append([bar(4, 99.0)])
    assert told(reader.read(held, BASE + 9_000)) == [(5, D("99"))]


def test_no_more_bars_are_read_than_the_plan_looks_back(data: DataDir, journal: KlineJournalWriter) -> None:
    journal.append([bar(number, 100.0 + number) for number in range(50)])
    bars = told(BarReader(data, "1s").read(book(), BASE + 99_000))
    assert bars == [(number + 1, D(100 + number)) for number in range(46, 50)]


def test_a_frame_without_a_journal_is_made_of_the_base_klines(data: DataDir, journal: KlineJournalWriter) -> None:
    journal.append([bar(number, 100.0 + number % 7) for number in range(12)])
    reader, held = BarReader(data, "1s"), book(replace(PLAN, frame="5s"), opened_ms=BASE)
    assert told(reader.read(held, BASE + 99_000)) == [(5, D("104")), (10, D("106"))]
    journal.append([bar(number, 90.0 + number) for number in range(12, 15)])
    assert told(reader.read(held, BASE + 99_000)) == [(15, D("104"))]


def test_positions_without_a_trail_are_not_followed_and_problems_are_named(data: DataDir) -> None:
    reader = BarReader(data, "1m")
    assert reader.read(book(replace(PLAN, trail=None)), BASE) == []
    assert reader.problems == {}
    assert reader.read(book(replace(PLAN, frame="90s")), BASE) == []
    assert "no klines of 90s" in reader.problems["BTCUSDT"]
    assert reader.read(book(replace(PLAN, frame="soon")), BASE) == []
    assert "frame is 'soon'" in reader.problems["BTCUSDT"]
    assert reader.read(Book("simulated:7", "abcde"), BASE) == []
    assert reader.problems == {}


def test_a_new_position_in_the_symbol_begins_again(data: DataDir, journal: KlineJournalWriter) -> None:
    journal.append([bar(number, 100.0 + number) for number in range(6)])
    reader = BarReader(data, "1s")
    assert len(reader.read(book(), BASE + 99_000)) == 4
    assert told(reader.read(book(opened_ms=BASE + 4_000), BASE + 99_000)) == [(5, D("104")), (6, D("105"))]
