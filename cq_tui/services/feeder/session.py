"""One stay at one exchange: rules, backfill, streams, gap repair. It ends when the venue does."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import (
    ApiError,
    AuthenticationFailed,
    BinanceError,
    RateLimited,
    ServerFault,
    TimestampRejected,
)
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate
from cq_tui.binance.reconnect import Connected, Disconnected, Malformed, ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.silence import Deadlines, SymbolActive, SymbolSilent
from cq_tui.binance.stream_names import book_ticker_stream, kline_stream, mini_ticker_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent, SubscriptionRefused
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline
from cq_tui.services.feeder.archive import KlineArchive
from cq_tui.services.feeder.board import TickerBoard
from cq_tui.services.feeder.sequence import KlineSequence
from cq_tui.store.journal import JournalError

#: Refusals that say nothing about the symbol that was asked for.
_NOT_THE_SYMBOLS_FAULT = (AuthenticationFailed, RateLimited, ServerFault, TimestampRejected)
_PAGE = 1000
#: Symbols whose history is fetched side by side: the exchange answers one while we read another.
_AT_ONCE = 4
_REPAIR_PAUSE = 1.0
_CLOCK_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class _Series:
    """One symbol's klines: where they go and where they stand."""

    symbol: str
    archive: KlineArchive
    sequence: KlineSequence
    #: One repair at a time.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class FeederSession:
    """What the feeder knows and does while it is connected to one exchange."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        stream_url: str,
        symbols: list[str],
        interval: str,
        log: FilteringBoundLogger,
        *,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self._data = data
        self._rest = rest
        self._stream_url = stream_url
        self._wanted = symbols
        self._interval = interval
        self._interval_ms = INTERVAL_MS[interval]
        self._log = log
        self._deadlines = deadlines
        self._policy = policy
        self._series: dict[str, _Series] = {}
        self._gaps: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._unfinished: set[str] = set()
        self._down: dict[int, str] = {}
        self._up: set[int] = set()
        self.board = TickerBoard(())
        self.rejected: dict[str, str] = {}
        #: Why the klines of a symbol are not whole at the moment.
        self.lacking: dict[str, str] = {}
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
        """Whether the history of every symbol is there, but for those that the exchange refuses."""
        return bool(self._series) and not self._unfinished

    @property
    def backfill_note(self) -> str:
        """How far the history is; empty when it is there."""
        done = len(self._series) - len(self._unfinished)
        return f"history of {done}/{len(self._series)} symbols" if self._unfinished else ""

    @property
    def down_reason(self) -> str:
        """Why a connection is down."""
        return next(iter(self._down.values()), "not connected yet")

    @property
    def dropped(self) -> int:
        """Ticker messages that newer ones replaced before they were read."""
        return 0 if self._streams is None else self._streams.dropped

    @property
    def clock_offset_ms(self) -> float:
        """How far the exchange's clock is ahead of ours."""
        return self._rest.clock.offset_ms

    async def run(self, changed: Callable[[], None]) -> None:
        """Prepare, then follow the streams until cancelled. ``changed`` is called when health should be told.

        Raises BinanceError when the exchange cannot be reached at the start, JournalError when no journal can be
        written; the caller tries again.
        """
        try:
            await self._rest.sync_clock()
            await self._learn_rules()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(changed))
                tasks.create_task(self._keep_whole(changed))
                tasks.create_task(self._keep_clock())
        finally:
            for series in self._series.values():
                series.archive.close()

    async def _learn_rules(self) -> None:
        info = await self._rest.exchange_info(self._wanted)
        self.rejected = dict.fromkeys(info.unknown, "is not listed here") | dict(info.faults)
        rules = [info.symbols[name] for name in self._wanted if name in info.symbols]
        for rule in rules:
            if rule.status != "TRADING":
                self.rejected[rule.symbol] = f"its status is {rule.status}"
            else:
                self._open_series(rule.symbol)
        if not self._series and self.disk_problem:
            raise JournalError(self.disk_problem)
        self._unfinished = set(self._series)
        symbols = list(self._series)
        board = TickerBoard([rule for rule in rules if rule.symbol in self._series])
        board.start(await self._rest.tickers_24h(symbols), await self._rest.book_tickers(symbols), time.time())
        self.board = board

    def _open_series(self, symbol: str) -> None:
        try:
            archive = KlineArchive(self._data, symbol, self._interval)
        except JournalError as error:
            self.rejected[symbol] = self.disk_problem = str(error)
            self._log.error("symbol left out", symbol=symbol, problem=str(error))
        else:
            self._series[symbol] = _Series(symbol, archive, KlineSequence(self._interval_ms))

    async def _keep_clock(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_INTERVAL)
            try:
                await self._rest.sync_clock(samples=1)
                self.rest_problem = None
            except BinanceError as error:
                self.rest_problem = str(error)

    # Klines over REST

    async def _keep_whole(self, changed: Callable[[], None]) -> None:
        """Bring every journal up to now, then repair gaps as they are found, until cancelled.

        One step a symbol and turn: a symbol that cannot be brought up holds up no other.
        """
        for symbol in self._series:
            self._queue_repair(symbol)
        async with asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE):
                workers.create_task(self._repair_in_turn(changed))

    async def _repair_in_turn(self, changed: Callable[[], None]) -> None:
        while True:
            symbol = await self._gaps.get()
            self._queued.discard(symbol)
            was_backfilled = self.backfilled
            series = self._series[symbol]
            async with series.turn:
                await self._bring_up(series)
            if self._is_whole(symbol):
                self._unfinished.discard(symbol)
            else:
                asyncio.get_running_loop().call_later(_REPAIR_PAUSE, self._queue_repair, symbol)
            if self.backfilled and not was_backfilled:
                changed()

    def _is_whole(self, symbol: str) -> bool:
        sequence = self._series[symbol].sequence
        return sequence.repair_from is not None and not sequence.has_gap and symbol not in self.lacking

    async def _bring_up(self, series: _Series) -> None:
        symbol = series.symbol
        try:
            start = series.sequence.repair_from
            if start is None:
                await self._take_up(series)
            elif fetched := series.sequence.repair(await self._fetch(symbol, start)):
                series.archive.append(fetched)
                self.gaps_repaired += 1
            self.rest_problem = self.disk_problem = None
            self.lacking.pop(symbol, None)
        except BinanceError as error:
            self._note_refusal(symbol, error)
        except JournalError as error:
            # What was released is not stored: the journal tells where to go on when the disk takes it.
            series.sequence.forget()
            self.lacking[symbol] = self.disk_problem = str(error)
            self._log.error("klines not written", symbol=symbol, problem=str(error))

    def _note_refusal(self, symbol: str, error: BinanceError) -> None:
        self.lacking[symbol] = str(error)
        self._log.warning("klines not fetched", symbol=symbol, problem=str(error))
        if isinstance(error, ApiError) and not isinstance(error, _NOT_THE_SYMBOLS_FAULT):
            self._unfinished.discard(symbol)
        else:
            self.rest_problem = str(error)

    async def _take_up(self, series: _Series) -> None:
        """Go on behind the stored klines if this exchange knows the last of them, else start the journal over."""
        last = series.archive.last()
        fetched: list[Kline] = []
        oldest = self._rest.server_now_ms() - KLINE_HISTORY * self._interval_ms
        if last is not None and last.open_time > oldest:
            fetched = await self._fetch(series.symbol, last.open_time)
            if fetched and fetched[0] == last:
                series.sequence.last_open_time = last.open_time
                series.archive.append(series.sequence.repair(fetched[1:]))
                return
        fetched = await self._fetch(series.symbol, oldest - oldest % self._interval_ms)
        series.archive.start_over(series.sequence.repair(fetched))

    async def _fetch(self, symbol: str, start: int) -> list[Kline]:
        """Return all closed klines from ``start`` (ms) on."""
        klines: list[Kline] = []
        while True:
            page = await self._rest.klines(symbol, self._interval, start_time=start, limit=_PAGE)
            # A clock that was set must not make a bar closed that is not.
            await self._rest.trust_clock()
            now = self._rest.server_now_ms()
            klines += (kline for kline in page if kline.close_time < now)
            if len(page) < _PAGE or page[-1].close_time >= now:
                return klines
            start = page[-1].open_time + self._interval_ms

    # Streams

    async def _follow(self, changed: Callable[[], None]) -> None:
        names = [
            stream
            for symbol in self.board.symbols
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
                    self.board.take(event, time.time())
                    if self.silent:
                        # A new connection watches from anew: it does not know whose silence this ends.
                        self.silent.pop(event.symbol, None)
                    if isinstance(event, KlineUpdate) and event.closed:
                        self._take_closed(event.symbol, event.kline)
                else:
                    self._take_notice(event)
                    changed()

    def _take_closed(self, symbol: str, kline: Kline) -> None:
        series = self._series.get(symbol)
        if series is None:
            return
        try:
            series.archive.append(series.sequence.offer(kline))
        except JournalError as error:
            # The journal lacks this kline now: fetch it again when the disk takes it.
            self.lacking[symbol] = self.disk_problem = str(error)
            series.sequence.forget()
        if series.sequence.has_gap or series.sequence.repair_from is None:
            self._queue_repair(symbol)

    def _queue_repair(self, symbol: str) -> None:
        if symbol not in self._queued:
            self._queued.add(symbol)
            self._gaps.put_nowait(symbol)

    def _take_notice(self, event: StreamEvent) -> None:
        match event:
            case Connected(connection):
                self._down.pop(connection, None)
                self._up.add(connection)
                self._log.info("stream connected", connection=connection)
                for symbol in self._series:
                    self._queue_repair(symbol)
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
            case Malformed(_, problem):
                self.malformed += 1
                self._log.warning("malformed message", problem=problem)
            case SubscriptionRefused(_, problem):
                self._log.error("subscription refused", problem=problem)
            case _:
                return
