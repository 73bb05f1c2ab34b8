"""One feeder session at one exchange: symbol rules, backfill, streams, gap repair."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate
from cq_tui.binance.reconnect import Connected, Disconnected, MalformedFrame, ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.stream_names import book_ticker_stream, kline_stream, mini_ticker_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent, SubscriptionRefused
from cq_tui.binance.watchdog import Deadlines, SymbolActive, SymbolSilent
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline
from cq_tui.services.feeder.sequence import KlineSequence
from cq_tui.services.feeder.ticker_table import TickerTable
from cq_tui.services.runtime import Trace
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import KlineJournalWriter

_PAGE_LIMIT = 1000
#: Symbols whose history is fetched concurrently: the exchange answers one while we read another.
_REPAIR_WORKERS = 4
_REPAIR_PAUSE = 1.0
#: Klines of a repair, the newest, that are traced: the others are too old to become signals.
_TRACED_AFTER_REPAIR = 10
_CLOCK_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class _Series:
    """One symbol's klines: their journal and their sequence."""

    symbol: str
    journal: KlineJournalWriter
    sequence: KlineSequence
    #: Held during a repair.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class FeederSession:
    """What the feeder knows and does while connected to one exchange."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        stream_url: str,
        symbols: list[str],
        interval: str,
        log: FilteringBoundLogger,
        trace: Trace,
        *,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self._data = data
        self._rest = rest
        self._stream_url = stream_url
        self._requested_symbols = symbols
        self._interval = interval
        self._interval_ms = INTERVAL_MS[interval]
        self._log = log
        self._trace = trace
        self._deadlines = deadlines
        self._policy = policy
        self._series: dict[str, _Series] = {}
        self._repair_queue: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._backfilling: set[str] = set()
        self._down: dict[int, str] = {}
        self._up: set[int] = set()
        self.ticker_table = TickerTable(())
        self.rejected: dict[str, str] = {}
        #: By symbol: why its klines are incomplete now.
        self.kline_problems: dict[str, str] = {}
        self.silent: dict[str, float] = {}
        self.rest_problem: str | None = None
        self.disk_problem: str | None = None
        self.reconnects = 0
        self.gaps_repaired = 0
        self.malformed = 0
        self._streams: MarketStreams | None = None

    @property
    def connected(self) -> bool:
        """Whether every stream connection is up."""
        return bool(self._up) and not self._down

    @property
    def backfilled(self) -> bool:
        """Whether every symbol's history is complete, except where the exchange refuses it."""
        return bool(self._series) and not self._backfilling

    @property
    def backfill_progress(self) -> str:
        """How much of the history is there; empty when all is."""
        done = len(self._series) - len(self._backfilling)
        return f"history of {done}/{len(self._series)} symbols" if self._backfilling else ""

    @property
    def down_reason(self) -> str:
        """Why a connection is down."""
        return next(iter(self._down.values()), "not connected yet")

    @property
    def dropped(self) -> int:
        """Ticker messages replaced by newer ones before they were read."""
        return 0 if self._streams is None else self._streams.dropped

    @property
    def clock_offset_ms(self) -> float:
        """How far the exchange's clock is ahead of ours."""
        return self._rest.clock.offset_ms

    async def run(self, changed: Callable[[], None]) -> None:
        """Prepare, then follow the streams until canceled. ``changed`` is called when health should be published.

        Raises BinanceError if the exchange is unreachable at the start, JournalError if no journal can be written;
        the caller retries.
        """
        try:
            await self._rest.sync_clock()
            await self._load_rules()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_streams(changed))
                tasks.create_task(self._run_repairs(changed))
                tasks.create_task(self._sync_clock_periodically())
        finally:
            for series in self._series.values():
                series.journal.close()

    async def _load_rules(self) -> None:
        info = await self._rest.exchange_info(self._requested_symbols)
        self.rejected = dict.fromkeys(info.unknown_symbols, "is not listed here") | dict(info.symbol_errors)
        rules = [info.symbols[name] for name in self._requested_symbols if name in info.symbols]
        for rule in rules:
            if rule.status != "TRADING":
                self.rejected[rule.symbol] = f"its status is {rule.status}"
            else:
                self._open_series(rule.symbol)
        if not self._series and self.disk_problem:
            raise JournalError(self.disk_problem)
        self._backfilling = set(self._series)
        symbols = list(self._series)
        table = TickerTable([rule for rule in rules if rule.symbol in self._series])
        table.load_snapshot(await self._rest.tickers_24h(symbols), await self._rest.book_tickers(symbols), time.time())
        self.ticker_table = table

    def _open_series(self, symbol: str) -> None:
        try:
            journal = KlineJournalWriter(self._data, symbol, self._interval)
        except JournalError as error:
            self.rejected[symbol] = self.disk_problem = str(error)
            self._log.error("symbol rejected", symbol=symbol, problem=str(error))
        else:
            self._series[symbol] = _Series(symbol, journal, KlineSequence(self._interval_ms))

    async def _sync_clock_periodically(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_INTERVAL)
            try:
                await self._rest.sync_clock(samples=1)
                self.rest_problem = None
            except BinanceError as error:
                self.rest_problem = str(error)

    # Klines over REST

    async def _run_repairs(self, changed: Callable[[], None]) -> None:
        """Backfill every journal, then repair gaps as they are found, until canceled.

        One step per symbol and turn: a symbol that cannot be repaired does not delay the others.
        """
        for symbol in self._series:
            self._enqueue_repair(symbol)
        async with asyncio.TaskGroup() as workers:
            for _ in range(_REPAIR_WORKERS):
                workers.create_task(self._repair_worker(changed))

    async def _repair_worker(self, changed: Callable[[], None]) -> None:
        while True:
            symbol = await self._repair_queue.get()
            self._queued.discard(symbol)
            was_backfilled = self.backfilled
            series = self._series[symbol]
            async with series.lock:
                await self._repair_series(series)
            if self._is_complete(symbol):
                self._backfilling.discard(symbol)
            else:
                asyncio.get_running_loop().call_later(_REPAIR_PAUSE, self._enqueue_repair, symbol)
            if self.backfilled and not was_backfilled:
                changed()

    def _is_complete(self, symbol: str) -> bool:
        sequence = self._series[symbol].sequence
        return sequence.repair_from is not None and not sequence.has_gap and symbol not in self.kline_problems

    async def _repair_series(self, series: _Series) -> None:
        symbol = series.symbol
        try:
            start = series.sequence.repair_from
            if start is None:
                appended = await self._resume_journal(series)
            elif appended := series.sequence.repair(await self._fetch_klines(symbol, start)):
                series.journal.append(appended)
                self.gaps_repaired += 1
            self._trace_journaled(symbol, appended[-_TRACED_AFTER_REPAIR:])
            self.rest_problem = self.disk_problem = None
            self.kline_problems.pop(symbol, None)
        except BinanceError as error:
            self._record_rest_error(symbol, error)
        except JournalError as error:
            # What was released is not stored: once the disk accepts it, the journal says where to resume.
            series.sequence.reset()
            self.kline_problems[symbol] = self.disk_problem = str(error)
            self._log.error("klines not written", symbol=symbol, problem=str(error))

    def _record_rest_error(self, symbol: str, error: BinanceError) -> None:
        self.kline_problems[symbol] = str(error)
        self._log.warning("klines not fetched", symbol=symbol, problem=str(error))
        if error.is_about_symbol:
            self._backfilling.discard(symbol)
        else:
            self.rest_problem = str(error)

    async def _resume_journal(self, series: _Series) -> list[Kline]:
        """Resume after the stored klines if this exchange knows the last one, else replace the journal."""
        last = series.journal.last_kline()
        fetched: list[Kline] = []
        oldest = self._rest.server_now_ms() - KLINE_HISTORY * self._interval_ms
        if last is not None and last.open_time > oldest:
            fetched = await self._fetch_klines(series.symbol, last.open_time)
            if fetched and fetched[0] == last:
                series.sequence.last_open_time = last.open_time
                appended = series.sequence.repair(fetched[1:])
                series.journal.append(appended)
                return appended
        fetched = await self._fetch_klines(series.symbol, oldest - oldest % self._interval_ms)
        appended = series.sequence.repair(fetched)
        series.journal.replace_all(appended)
        return appended

    async def _fetch_klines(self, symbol: str, start: int) -> list[Kline]:
        """Return all closed klines from ``start`` (ms) on."""
        klines: list[Kline] = []
        while True:
            page = await self._rest.klines(symbol, self._interval, start_time=start, limit=_PAGE_LIMIT)
            # A changed clock must not make an open bar look closed.
            await self._rest.resync_changed_clock()
            now = self._rest.server_now_ms()
            klines += (kline for kline in page if kline.close_time < now)
            if len(page) < _PAGE_LIMIT or page[-1].close_time >= now:
                return klines
            start = page[-1].open_time + self._interval_ms

    # Streams

    async def _follow_streams(self, changed: Callable[[], None]) -> None:
        names = [
            stream
            for symbol in self.ticker_table.symbols
            for stream in (
                kline_stream(symbol, self._interval),
                book_ticker_stream(symbol),
                mini_ticker_stream(symbol),
            )
        ]
        async with MarketStreams(
            self._stream_url,
            names,
            deadlines=self._deadlines,
            policy=self._policy,
            budget=self._rest.budget,
            server_now_ms=self._rest.server_now_ms,
        ) as streams:
            self._streams = streams
            async for event in streams:
                if isinstance(event, (BookTickerUpdate, MiniTickerUpdate, KlineUpdate)):
                    self.ticker_table.apply_update(event, time.time())
                    if self.silent:
                        # A new connection starts its watchdog afresh: it does not know that this ends a silence.
                        self.silent.pop(event.symbol, None)
                    if isinstance(event, KlineUpdate) and event.closed:
                        self._append_closed(event.symbol, event.kline)
                else:
                    self._apply_stream_event(event)
                    changed()

    def _append_closed(self, symbol: str, kline: Kline) -> None:
        series = self._series.get(symbol)
        if series is None:
            return
        try:
            released = series.sequence.offer(kline)
            series.journal.append(released)
            self._trace_journaled(symbol, released)
        except JournalError as error:
            # The journal lacks this kline now: fetch it again once the disk accepts it.
            self.kline_problems[symbol] = self.disk_problem = str(error)
            series.sequence.reset()
        if series.sequence.has_gap or series.sequence.repair_from is None:
            self._enqueue_repair(symbol)

    def _trace_journaled(self, symbol: str, klines: Sequence[Kline]) -> None:
        for kline in klines:
            since_close = self._rest.server_now_ms() - (kline.close_time + 1)
            self._trace("kline journaled", f"{symbol}:{self._interval}:{kline.close_time}", since_close_ms=since_close)

    def _enqueue_repair(self, symbol: str) -> None:
        if symbol not in self._queued:
            self._queued.add(symbol)
            self._repair_queue.put_nowait(symbol)

    def _apply_stream_event(self, event: StreamEvent) -> None:
        match event:
            case Connected(connection):
                self._down.pop(connection, None)
                self._up.add(connection)
                self._log.info("stream connected", connection=connection)
                for symbol in self._series:
                    self._enqueue_repair(symbol)
            case Disconnected(connection, reason, retry_in):
                self._up.discard(connection)
                self._down[connection] = reason
                self.reconnects += 1
                self._log.warning("stream lost", connection=connection, reason=reason, seconds=retry_in)
            case SymbolSilent(symbol, seconds):
                self.silent[symbol] = seconds
                self._log.warning("symbol silent", symbol=symbol, seconds=seconds)
            case SymbolActive(symbol, _):
                self.silent.pop(symbol, None)
            case MalformedFrame(_, problem):
                self.malformed += 1
                self._log.warning("malformed message", problem=problem)
            case SubscriptionRefused(_, problem):
                self._log.error("subscription refused", problem=problem)
            case _:
                return
