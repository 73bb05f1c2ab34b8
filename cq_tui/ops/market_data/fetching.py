"""``data fetch``: klines over REST into the columns of a data directory, page by page; goes on where it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple

from cq_tui.binance.errors import Banned, ConnectionLost, NotSent, RateLimited, ServerError
from cq_tui.binance.request_budget import MINUTE_MS
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.ops.market_data.column_folder import read_columns, read_summary
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.journals import table_of_klines
from cq_tui.ops.market_data.writing import Added, add_klines, folder_of
from cq_tui.strategies.bars import interval_label

_PAGE: Final = 1000
#: Pages between two writes, which a kill loses. Each rewrites all: with many klines it is done less often.
_PAGES_A_WRITE: Final = 25
_KLINES_A_PAGE_MORE: Final = 20_000
#: The share of the request weight that is used at most: the stack's own requests come first.
_SHARE: Final = 0.5
#: Seconds before a request that failed in transit is tried again.
_RETRIES: Final = (1.0, 5.0, 15.0)
_RETRIED: Final = (NotSent, ConnectionLost, ServerError)


class Stretch(NamedTuple):
    """Times of which no klines are kept, Unix ms: ``stop`` is not included."""

    start: int
    stop: int


class Fetch:
    """Klines of one symbol and interval that are to be fetched."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        venue: str,
        symbol: str,
        interval_ms: int,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """The caller is the only writer. Raises MarketDataError if klines of another exchange are kept."""
        self.symbol = symbol
        self._data = data
        self._rest = rest
        self._venue = venue
        self._interval_ms = interval_ms
        self._sleep = sleep
        self._pending = list[Kline]()
        folder = folder_of(data, symbol, interval_ms)
        self._kept = read_columns(folder)
        summary = read_summary(folder)
        # Imported klines are taken for the real exchange's.
        if summary is not None and (summary.venue or "production") != venue:
            raise MarketDataError(
                f"{folder}: holds klines of {summary.venue or 'imported files'}, and these would be of {venue}; "
                "choose another --data-dir, or remove that folder"
            )

    def missing(self, from_ms: int, to_ms: int) -> list[Stretch]:
        """Return the times of which there are no klines yet."""
        return list(missing_stretches(self._kept, self._interval_ms, from_ms, to_ms))

    async def run(self, stretches: list[Stretch], progress: Callable[[int], object]) -> list[Added]:
        """Fetch the closed klines of these times; ``progress`` hears how many ms of them are done.

        What came is kept, however this ends. Raises MarketDataError, BinanceError and OSError.
        """
        written = list[Added]()
        pages, count = 0, 0 if self._kept is None else len(self._kept)
        try:
            for stretch in stretches:
                at = stretch.start
                while at < stretch.stop:
                    after = await self._fetch_page(at, stretch.stop)
                    progress(after - at)
                    at, pages = after, pages + 1
                    if pages >= max(_PAGES_A_WRITE, count // _KLINES_A_PAGE_MORE):
                        written += self._write()
                        pages, count = 0, written[-1].kept if written else count
        finally:
            written += self._write()
        return written

    def in_all(self, written: Sequence[Added]) -> Added:
        """Return several writes as one."""
        kept = read_summary(folder_of(self._data, self.symbol, self._interval_ms))
        return Added(
            self.symbol,
            interval_label(self._interval_ms),
            kept.klines if kept else 0,
            sum(each.added for each in written),
            0,
            sum(each.left_out for each in written),
            0,
            tuple(finding for each in written for finding in each.findings),
        )

    def _write(self) -> list[Added]:
        if not self._pending:
            return []
        source = f"{self._venue} exchange"
        table = table_of_klines(source, self.symbol, self._interval_ms, self._pending)
        self._pending = []
        return [add_klines(self._data, [table], self._interval_ms, venue=self._venue)]

    async def _fetch_page(self, start: int, stop: int) -> int:
        """Fetch the klines from ``start``; return the time up to which they are known."""
        await self._leave_room()
        page = await self._ask(start, stop)
        if not page:
            return stop
        now = self._rest.server_now_ms()
        self._pending += [kline for kline in page if start <= kline.open_time < stop and kline.close_time < now]
        return min(stop, max(start, page[-1].open_time) + self._interval_ms) if len(page) >= _PAGE else stop

    async def _ask(self, start: int, stop: int) -> list[Kline]:
        label = interval_label(self._interval_ms)
        for pause in (*_RETRIES, None):
            try:
                return await self._rest.klines(self.symbol, label, start_time=start, end_time=stop - 1, limit=_PAGE)
            except Banned:
                raise
            except RateLimited as error:
                if pause is None:
                    raise
                await self._sleep(error.retry_after)
            except _RETRIED:
                if pause is None:
                    raise
                await self._sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    async def _leave_room(self) -> None:
        """Wait for the next minute while half of the weight is used."""
        now = self._rest.server_now_ms()
        if (wait := self._rest.budget.state().weight.wait_ms(2, now, _SHARE)) > 0:
            await self._sleep(min(wait, MINUTE_MS) / 1000)


def missing_stretches(kept: KlineColumns | None, interval_ms: int, from_ms: int, to_ms: int) -> Iterator[Stretch]:
    """Yield the times between two, Unix ms, at which a kline opens that is not kept."""
    columns = None if kept is None else kept.between(from_ms, to_ms)
    if columns is None or not len(columns):
        yield from _stretch(from_ms, to_ms)
        return
    yield from _stretch(from_ms, int(columns.open_time[0]))
    for hole in columns.holes():
        yield Stretch(hole.open_time, hole.open_time + hole.missing * interval_ms)
    yield from _stretch(int(columns.open_time[-1]) + interval_ms, to_ms)


def _stretch(start: int, stop: int) -> Iterator[Stretch]:
    if start < stop:
        yield Stretch(start, stop)
