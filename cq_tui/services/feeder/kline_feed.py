"""Keeps kline journals whole: backfill, closed klines from the stream, gaps fetched over REST."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import ApiError, BinanceError
from cq_tui.binance.rest import SpotRest
from cq_tui.contracts.events import KlinesRepaired
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline
from cq_tui.services.feeder.kline_history import History, Withdrawn, fetch_history
from cq_tui.services.feeder.sequence import KlineSequence
from cq_tui.services.runtime import Trace
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import KlineJournalWriter

#: Symbols whose history is fetched concurrently: the exchange answers one while we read another.
_REPAIR_WORKERS = 4
_REPAIR_PAUSE = 1.0
#: Klines of a repair, the newest, that are traced: the others are too old to become signals.
_TRACED_AFTER_REPAIR = 10
#: Stored klines, the newest, of which the exchange must know one: otherwise they are of another market.
_KNOWN_BY = 10
#: Seconds between two requests while stored klines are compared: nobody waits for that.
_CHECK_PAUSE = 0.2
#: Seconds after which a comparison that failed is tried again.
_CHECK_AGAIN_AFTER = 60.0
#: Requests for a bar that should be closed, each after twice the time of the last, until it counts as closed.
_MAX_UNSETTLED = 7


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
    #: Whether the exchange's newest bar should be closed, but is not shown to be, and how often in a row.
    is_unsettled: bool = False
    unsettled_count: int = 0


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
        repaired: Callable[[KlinesRepaired], None],
    ) -> None:
        """``refused`` is called when the exchange refuses klines of a symbol, with the code; ``repaired`` when stored
        klines are replaced by the exchange's.
        """
        self._data = data
        self._rest = rest
        self._interval = interval
        self._interval_ms = INTERVAL_MS[interval]
        self._log = log
        self._trace = trace
        self._refused = refused
        self._repaired = repaired
        self._unchecked: asyncio.Queue[_Series] = asyncio.Queue()
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

    @property
    def filling(self) -> set[str]:
        """Fed symbols whose klines are not complete now: history or a gap is being fetched."""
        gaps = {symbol for symbol, series in self._series.items() if series.sequence.has_gap}
        return (self._backfilling | gaps | self.problems.keys()) & set(self.active)

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
            workers.create_task(self._check_stored())

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
        loop = asyncio.get_running_loop()
        series.unsettled_count = series.unsettled_count + 1 if series.is_unsettled else 0
        if not self._is_complete(series):
            loop.call_later(_REPAIR_PAUSE, self.repair, [series.symbol])
            return
        self._end_backfill(series.symbol)
        if 0 < series.unsettled_count <= _MAX_UNSETTLED:
            loop.call_later(_REPAIR_PAUSE * 2 ** (series.unsettled_count - 1), self.repair, [series.symbol])

    def _is_complete(self, series: _Series) -> bool:
        sequence = series.sequence
        return sequence.repair_from is not None and not sequence.has_gap and series.symbol not in self.problems

    async def _repair_series(self, series: _Series) -> None:
        symbol = series.symbol
        try:
            start = series.sequence.repair_from
            if start is None:
                appended = await self._resume_journal(series)
            elif appended := series.sequence.repair((await self._fetch(series, start)).klines):
                series.journal.append(appended)
                self.gaps_repaired += 1
            self._trace_journaled(symbol, appended[-_TRACED_AFTER_REPAIR:])
            self.rest_problem = self.disk_problem = None
            self.problems.pop(symbol, None)
        except Withdrawn:
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
        """Resume after the stored klines if this exchange knows some of the last ones, else replace the journal."""
        oldest = self._rest.server_now_ms() - KLINE_HISTORY * self._interval_ms
        tail = series.journal.newest(_KNOWN_BY)
        if tail and tail[-1].open_time > oldest:
            fetched = await self._fetch(series, tail[0].open_time)
            known = _klines_to_keep(tail, fetched)
            if known:
                self._mend(series, known, to_end=True)
                series.sequence.last_open_time = known[-1].open_time
                appended = series.sequence.repair(fetched.klines[len(known) :])
                series.journal.append(appended)
                self._unchecked.put_nowait(series)
                return appended
        fetched = await self._fetch(series, oldest - oldest % self._interval_ms)
        appended = series.sequence.repair(fetched.klines)
        series.journal.replace_all(appended)
        return appended

    async def _fetch(self, series: _Series, start: int) -> History:
        history = await fetch_history(self._rest, series.symbol, self._interval, start, lambda: not series.closed)
        series.is_unsettled = history.is_unsettled
        return history

    # Klines that were stored wrongly

    def _mend(self, series: _Series, truth: Sequence[Kline], *, to_end: bool) -> None:
        """Make the stored klines equal the exchange's, where they differ. Raises JournalError."""
        difference = series.journal.compare(truth, to_end=to_end)
        if difference is None:
            return
        # Told first: a repair that a kill interrupts is found and told again, none is left untold.
        self._tell_repair(series.symbol, difference.open_times)
        series.journal.mend(difference)

    def _tell_repair(self, symbol: str, open_times: Sequence[int]) -> None:
        first, last = open_times[0], open_times[-1]
        repair = KlinesRepaired(
            symbol=symbol, interval=self._interval, count=len(open_times), first_open_time=first, last_open_time=last
        )
        self._repaired(repair)
        self._log.warning("stored klines repaired", symbol=symbol, count=len(open_times), first=first, last=last)

    async def _check_stored(self) -> None:
        """Compare the klines stored before this start with the exchange's, one symbol after the other."""
        while True:
            series = await self._unchecked.get()
            while not self.backfilled:
                await asyncio.sleep(_REPAIR_PAUSE)
            if not await self._check_series(series):
                asyncio.get_running_loop().call_later(_CHECK_AGAIN_AFTER, self._unchecked.put_nowait, series)

    async def _check_series(self, series: _Series) -> bool:
        """Compare one symbol's klines; return whether that is done, or need not be."""
        if not series.active:
            return series.closed
        try:
            stored = series.journal.newest()
            if stored:
                start = stored[0].open_time
                truth = await fetch_history(
                    self._rest, series.symbol, self._interval, start, lambda: series.active, pause=_CHECK_PAUSE
                )
                self._mend(series, truth.klines, to_end=False)
        except Withdrawn:
            return series.closed
        except (BinanceError, JournalError) as error:
            self._log.warning("stored klines not compared", symbol=series.symbol, problem=str(error))
            return False
        return True


def _klines_to_keep(tail: Sequence[Kline], fetched: History) -> list[Kline]:
    """Return the exchange's klines until the last stored one; none if the exchange knows none of the stored ones.

    Single ones may have been stored wrongly, the last one while it was forming.
    """
    last = tail[-1]
    known = [kline for kline in fetched.klines if kline.open_time <= last.open_time]
    if fetched.newest == last and fetched.newest not in known and fetched.may_be_closed:
        known.append(last)
    return known if not set(known).isdisjoint(tail) else []
