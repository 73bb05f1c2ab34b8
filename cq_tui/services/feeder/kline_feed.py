"""Keeps kline journals whole: backfill, closed klines from the stream, gaps fetched over REST."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import ApiError, BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline
from cq_tui.services.feeder.sequence import KlineSequence
from cq_tui.services.runtime import Trace
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import KlineJournalWriter

_PAGE_LIMIT = 1000
#: Symbols whose history is fetched concurrently: the exchange answers one while we read another.
_REPAIR_WORKERS = 4
_REPAIR_PAUSE = 1.0
#: Klines of a repair, the newest, that are traced: the others are too old to become signals.
_TRACED_AFTER_REPAIR = 10


class _Withdrawn(Exception):
    """The symbol was closed while its klines were fetched."""


@dataclass(slots=True, eq=False)
class _Series:
    """One symbol's klines: their journal and their sequence."""

    symbol: str
    journal: KlineJournalWriter
    sequence: KlineSequence
    #: Held during a repair.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Not while the exchange halts the symbol: nothing new comes, and nothing is fetched.
    active: bool = True
    closed: bool = False


class KlineFeed:
    """The kline journals of the symbols that are fed, at one exchange and interval."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        interval: str,
        log: FilteringBoundLogger,
        trace: Trace,
        refused: Callable[[str, int | None], None],
    ) -> None:
        """``refused`` is called when the exchange refuses klines of a symbol, with the code."""
        self._data = data
        self._rest = rest
        self._interval = interval
        self._interval_ms = INTERVAL_MS[interval]
        self._log = log
        self._trace = trace
        self._refused = refused
        self._series: dict[str, _Series] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        #: Active symbols whose history is not complete yet since they were taken up.
        self._backfilling: set[str] = set()
        #: Whether the history of all was complete once, since none was.
        self._was_whole = False
        #: By symbol: why its klines are incomplete now.
        self.problems: dict[str, str] = {}
        self.rest_problem: str | None = None
        self.disk_problem: str | None = None
        self.gaps_repaired = 0

    @property
    def active(self) -> list[str]:
        """The symbols that are fed now."""
        return [symbol for symbol, series in self._series.items() if series.active]

    @property
    def backfilled(self) -> bool:
        """Whether the history of all symbols was complete once, except where the exchange refuses it.

        Symbols taken up later do not count, as long as there are others.
        """
        active = set(self.active)
        return bool(active - self._backfilling) and (self._was_whole or not self._backfilling)

    @property
    def backfill_progress(self) -> str:
        """How much of the history is there; empty when all is."""
        count = len(self.active)
        return f"history of {count - len(self._backfilling)}/{count} symbols" if self._backfilling else ""

    # Symbols

    def open(self, symbol: str) -> None:
        """Take a symbol up, for the first time or again: its history is fetched from where its journal ends.

        Raises JournalError if the journal cannot be opened.
        """
        series = self._series.get(symbol)
        if series is None:
            try:
                journal = KlineJournalWriter(self._data, symbol, self._interval)
            except JournalError as error:
                self.disk_problem = str(error)
                raise
            series = self._series[symbol] = _Series(symbol, journal, KlineSequence(self._interval_ms))
        series.active = True
        self._backfilling.add(symbol)
        self._was_whole = self._was_whole and not self._backfilling.issuperset(self.active)
        self.repair([symbol])

    def pause(self, symbol: str) -> None:
        """Leave a symbol out for a while: its journal stays open."""
        self._series[symbol].active = False
        self._forget(symbol)

    def close(self, symbol: str) -> None:
        """Give a symbol up."""
        series = self._series.pop(symbol, None)
        if series is not None:
            series.active, series.closed = False, True
            series.journal.close()
        self._forget(symbol)

    def _forget(self, symbol: str) -> None:
        self._end_backfill(symbol)
        self.problems.pop(symbol, None)
        if not self.problems:
            self.rest_problem = self.disk_problem = None

    def _end_backfill(self, symbol: str) -> None:
        self._backfilling.discard(symbol)
        self._was_whole = self._was_whole or not self._backfilling

    def close_all(self) -> None:
        """Close all journals."""
        for symbol in list(self._series):
            self.close(symbol)

    # Klines of the streams

    def append_closed(self, symbol: str, kline: Kline) -> None:
        """Add a closed kline of the stream."""
        series = self._series.get(symbol)
        if series is None or not series.active:
            return
        try:
            released = series.sequence.offer(kline)
            series.journal.append(released)
            self._trace_journaled(symbol, released)
        except JournalError as error:
            # The journal lacks this kline now: fetch it again once the disk accepts it.
            self.problems[symbol] = self.disk_problem = str(error)
            series.sequence.reset()
        if series.sequence.has_gap or series.sequence.repair_from is None:
            self.repair([symbol])

    def _trace_journaled(self, symbol: str, klines: Sequence[Kline]) -> None:
        for kline in klines:
            since_close = self._rest.server_now_ms() - (kline.close_time + 1)
            self._trace("kline journaled", f"{symbol}:{self._interval}:{kline.close_time}", since_close_ms=since_close)

    # Klines over REST

    def repair(self, symbols: Iterable[str]) -> None:
        """Fetch what the journals of these symbols lack, soon."""
        for symbol in symbols:
            if symbol not in self._queued:
                self._queued.add(symbol)
                self._queue.put_nowait(symbol)

    async def run(self, changed: Callable[[], None]) -> None:
        """Backfill, then repair gaps as they are found, until canceled; ``changed`` is called after each backfill.

        One step per symbol and turn: a symbol that cannot be repaired does not delay the others.
        """
        async with asyncio.TaskGroup() as workers:
            for _ in range(_REPAIR_WORKERS):
                workers.create_task(self._work(changed))

    async def _work(self, changed: Callable[[], None]) -> None:
        while True:
            symbol = await self._queue.get()
            self._queued.discard(symbol)
            series = self._series.get(symbol)
            if series is None or not series.active:
                continue
            was_backfilling = bool(self._backfilling)
            async with series.lock:
                await self._repair_series(series)
            self._plan_next(series)
            if was_backfilling and not self._backfilling:
                changed()

    def _plan_next(self, series: _Series) -> None:
        if not series.active:
            return
        if self._is_complete(series):
            self._end_backfill(series.symbol)
        else:
            asyncio.get_running_loop().call_later(_REPAIR_PAUSE, self.repair, [series.symbol])

    def _is_complete(self, series: _Series) -> bool:
        sequence = series.sequence
        return sequence.repair_from is not None and not sequence.has_gap and series.symbol not in self.problems

    async def _repair_series(self, series: _Series) -> None:
        symbol = series.symbol
        try:
            start = series.sequence.repair_from
            if start is None:
                appended = await self._resume_journal(series)
            elif appended := series.sequence.repair(await self._fetch_klines(series, start)):
                series.journal.append(appended)
                self.gaps_repaired += 1
            self._trace_journaled(symbol, appended[-_TRACED_AFTER_REPAIR:])
            self.rest_problem = self.disk_problem = None
            self.problems.pop(symbol, None)
        except _Withdrawn:
            return
        except BinanceError as error:
            self._record_rest_error(series, error)
        except JournalError as error:
            # What was released is not stored: once the disk accepts it, the journal says where to resume.
            series.sequence.reset()
            self.problems[symbol] = self.disk_problem = str(error)
            self._log.error("klines not written", symbol=symbol, problem=str(error))

    def _record_rest_error(self, series: _Series, error: BinanceError) -> None:
        if not series.active:
            return
        self.problems[series.symbol] = str(error)
        self._log.warning("klines not fetched", symbol=series.symbol, problem=str(error))
        if error.is_about_symbol:
            self._end_backfill(series.symbol)
            self._refused(series.symbol, error.code if isinstance(error, ApiError) else None)
        else:
            self.rest_problem = str(error)

    async def _resume_journal(self, series: _Series) -> list[Kline]:
        """Resume after the stored klines if this exchange knows the last one, else replace the journal."""
        last = series.journal.last_kline()
        fetched: list[Kline] = []
        oldest = self._rest.server_now_ms() - KLINE_HISTORY * self._interval_ms
        if last is not None and last.open_time > oldest:
            fetched = await self._fetch_klines(series, last.open_time)
            if fetched and fetched[0] == last:
                series.sequence.last_open_time = last.open_time
                appended = series.sequence.repair(fetched[1:])
                series.journal.append(appended)
                return appended
        fetched = await self._fetch_klines(series, oldest - oldest % self._interval_ms)
        appended = series.sequence.repair(fetched)
        series.journal.replace_all(appended)
        return appended

    async def _fetch_klines(self, series: _Series, start: int) -> list[Kline]:
        """Return all closed klines from ``start`` (ms) on. Raises _Withdrawn if the symbol was closed meanwhile."""
        klines: list[Kline] = []
        while True:
            page = await self._rest.klines(series.symbol, self._interval, start_time=start, limit=_PAGE_LIMIT)
            # A changed clock must not make an open bar look closed.
            await self._rest.resync_changed_clock()
            if series.closed:
                raise _Withdrawn
            now = self._rest.server_now_ms()
            klines += (kline for kline in page if kline.close_time < now)
            if len(page) < _PAGE_LIMIT or page[-1].close_time >= now:
                return klines
            start = page[-1].open_time + self._interval_ms
