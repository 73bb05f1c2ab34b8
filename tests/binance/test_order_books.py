"""Books of several symbols: snapshots are fetched once changes arrive, and again after gaps, losses and refusals."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from cq_tui.binance.errors import BinanceError, ConnectionLost, MalformedMessage, RateLimited
from cq_tui.binance.market_events import DepthUpdate
from cq_tui.binance.order_book import DepthSnapshot, PriceLevel
from cq_tui.binance.order_books import RETRY_DELAY, OrderBooks
from cq_tui.binance.reconnect import Connected, Disconnected
from tests.binance.scripted_server import within


def snapshot(last: int) -> DepthSnapshot:
    return DepthSnapshot(last, (PriceLevel(Decimal(10), Decimal(1)),), (PriceLevel(Decimal(11), Decimal(1)),))


def change(first: int, last: int, symbol: str = "BTCUSDT", price: str = "9") -> DepthUpdate:
    return DepthUpdate(symbol, 0, first, last, [[price, "1"]], [])


class Rest:
    """Scripted snapshots, each released on demand, and the sleeps requested."""

    def __init__(self, *answers: DepthSnapshot | BinanceError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.slept: list[float] = []
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, symbol: str) -> DepthSnapshot:
        self.asked.append(symbol)
        await self.open.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, BinanceError):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def books(self, *symbols: str) -> OrderBooks:
        return OrderBooks(symbols or ("BTCUSDT",), self.fetch, sleep=self.sleep)


async def until(true: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not true():
            await asyncio.sleep(0)

    await within(5, wait())


def standing(books: OrderBooks, symbol: str = "BTCUSDT") -> Callable[[], bool]:
    return lambda: books.book(symbol) is not None


async def test_nothing_is_fetched_before_the_first_change() -> None:
    rest = Rest(snapshot(100))
    async with rest.books() as books:
        books.apply(Connected(0))
        for _ in range(5):
            await asyncio.sleep(0)
        assert rest.asked == []
        books.apply(change(99, 101))
        await until(standing(books))
    book = books.book("BTCUSDT")
    assert book is not None
    assert book.last_update_id == 101
    assert rest.slept == []


async def test_a_snapshot_that_is_too_old_is_fetched_again_after_a_pause() -> None:
    rest = Rest(snapshot(90), snapshot(100))
    async with rest.books() as books:
        books.apply(change(101, 101))
        await until(standing(books))
    assert rest.slept == [RETRY_DELAY]


async def test_a_gap_restarts_the_book() -> None:
    rest = Rest(snapshot(100), snapshot(105))
    async with rest.books() as books:
        books.apply(change(101, 101))
        await until(standing(books))
        books.apply(change(103, 104))
        assert books.book("BTCUSDT") is None
        assert books.gaps == 1
        await until(standing(books))
    assert len(rest.asked) == 2


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (ConnectionLost("x"), RETRY_DELAY),
        (RateLimited(429, -1003, "x", 30.0), 30.0),
        (MalformedMessage("depth", "bids", "x"), RETRY_DELAY),
    ],
    ids=repr,
)
async def test_a_snapshot_that_fails_is_fetched_again(error: BinanceError, pause: float) -> None:
    rest = Rest(error, snapshot(100))
    async with rest.books() as books:
        books.apply(change(101, 101))
        await until(standing(books))
    assert rest.slept == [pause]
    assert books.last_error is None


async def test_a_lost_connection_drops_the_books_and_an_earlier_snapshot_does_not_restore_them() -> None:
    rest = Rest(snapshot(100), snapshot(200))
    rest.open.clear()
    async with rest.books() as books:
        books.apply(change(101, 101))
        await until(lambda: len(rest.asked) == 1)
        books.apply(Disconnected(0, "lost", 1.0))
        rest.open.set()
        await until(lambda: len(rest.answers) == 1)
        await asyncio.sleep(0)
        assert books.book("BTCUSDT") is None
        books.apply(change(200, 201))
        await until(standing(books))
        books.apply(Disconnected(0, "lost", 1.0))
        assert books.book("BTCUSDT") is None


async def test_an_unparsable_change_restarts_the_book() -> None:
    rest = Rest(snapshot(100), snapshot(102))
    async with rest.books() as books:
        books.apply(change(101, 101))
        await until(standing(books))
        books.apply(change(102, 102, price="x"))
        assert books.book("BTCUSDT") is None
        assert books.malformed == 1
        books.apply(change(103, 103))
        await until(standing(books))


async def test_each_symbol_has_its_own_book() -> None:
    rest = Rest(snapshot(100), snapshot(200))
    async with rest.books("BTCUSDT", "ETHUSDT") as books:
        books.apply(change(101, 101))
        books.apply(change(201, 201, "ETHUSDT"))
        books.apply(change(1, 1, "SOLUSDT"))
        await until(lambda: standing(books)() and standing(books, "ETHUSDT")())
    assert rest.asked == ["BTCUSDT", "ETHUSDT"]


async def test_a_defect_is_not_swallowed() -> None:
    async def broken(symbol: str) -> DepthSnapshot:
        raise ZeroDivisionError

    async def use(books: OrderBooks) -> None:
        async with books:
            books.apply(change(101, 101))
            for _ in range(5):
                await asyncio.sleep(0)

    with pytest.raises(ZeroDivisionError):
        await use(OrderBooks(["BTCUSDT"], broken))
