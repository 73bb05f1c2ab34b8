"""One feeder session at one exchange: which symbols trade, their klines, tickers and streams.

Symbols come and go while it runs: those that the exchange halts or delists, that trade again, or that are wanted no
longer. The others are fed on without a break.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from structlog.typing import FilteringBoundLogger

from cq_tui.binance.errors import BinanceError, InvalidSymbol
from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate
from cq_tui.binance.reconnect import Connected, Disconnected, MalformedFrame, ReconnectPolicy
from cq_tui.binance.rest import SpotRest
from cq_tui.binance.rules_refresh import RulesChangeKind, RulesRefresh
from cq_tui.binance.stream_names import book_ticker_stream, kline_stream, mini_ticker_stream
from cq_tui.binance.streams import MarketStreams, StreamEvent, SubscriptionRefused
from cq_tui.binance.watchdog import Deadlines, SymbolActive, SymbolSilent
from cq_tui.contracts.events import KlinesRepaired
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.tickers import Ticker
from cq_tui.services.feeder.kline_feed import KlineFeed
from cq_tui.services.feeder.stream_follower import StreamFollower
from cq_tui.services.feeder.ticker_table import TickerTable
from cq_tui.services.runtime import Trace
from cq_tui.services.symbol_rules import SymbolRulesReader
from cq_tui.store.journal import JournalError

_CLOCK_INTERVAL = 60.0
#: Seconds between two readings of the status of symbols: no stream announces a halt, and one counts within 10 s.
_STATUS_INTERVAL = 8.0
#: Symbols whose status is read that often: each hundred costs a weight of 20, so these cost 1,500 of 6,000 a minute.
_MOST_READ_SO_OFTEN = 1_000


class FeederSession:
    """What the feeder knows and does while connected to one exchange."""

    def __init__(
        self,
        data: DataDir,
        rest: SpotRest,
        stream_url: str,
        symbols: Sequence[str],
        intervals: Sequence[str],
        log: FilteringBoundLogger,
        trace: Trace,
        *,
        repaired: Callable[[KlinesRepaired], None],
        last_tickers: Mapping[str, Ticker] | None = None,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        """``intervals``: of the klines, the base one first; its are waited for.

        ``last_tickers`` are of this market, from before: those of symbols that do not trade now are kept.

        ``repaired`` is called when stored klines are replaced by the exchange's.
        """
        self._rest = rest
        self._stream_url = stream_url
        self._log = log
        self._deadlines = deadlines or Deadlines()
        #: Seconds after which a symbol without messages is silent. Connections made from now on look at once.
        self.data_limit = self._deadlines.symbol
        self._policy = policy
        self._last_tickers = dict(last_tickers or {})
        self.rules = SymbolRulesReader(rest, RulesRefresh())
        #: By interval, the base one first.
        self.feeds = {
            interval: KlineFeed(data, rest, interval, log, trace, self.rules.note_refusal, repaired)
            for interval in intervals
        }
        self.klines = self.feeds[intervals[0]]
        self.streams = StreamFollower(self._open_streams, self._apply_stream_event, self._repair)
        self.ticker_table = TickerTable(())
        #: By symbol: why its journal cannot be opened.
        self._journal_problems: dict[str, str] = {}
        #: The symbols that are fed now.
        self._active: dict[str, None] = {}
        self._changed: Callable[[], None] = lambda: None
        self._clock_problem: str | None = None
        self._price_problem: str | None = None
        self.malformed = 0
        self._wanted: list[str] = []
        self.want(symbols)

    @property
    def symbols(self) -> list[str]:
        """The symbols that are fed."""
        return list(self._active)

    @property
    def wanted(self) -> list[str]:
        """The symbols that the feeder is asked for, each once."""
        return list(dict.fromkeys(self._wanted))

    def silent_since(self, now: float) -> dict[str, float]:
        """Return the fed symbols without a message within ``data_limit``, with the time of the last (Unix seconds)."""
        tickers = self.ticker_table.tickers
        last = {symbol: tickers[symbol].timestamp for symbol in self._active if symbol in tickers}
        return {symbol: moment for symbol, moment in last.items() if now - moment > self.data_limit}

    @property
    def rejected(self) -> dict[str, str]:
        """Wanted symbols that are left out, with the reason."""
        return self.rules.refresh.left_out | self._journal_problems

    @property
    def coming(self) -> list[str]:
        """Wanted symbols that are about to be fed: their rules or first prices are being read."""
        rejected = self.rejected
        return [symbol for symbol in self._wanted if symbol not in self._active and symbol not in rejected]

    @property
    def rest_problem(self) -> str | None:
        """Why a request failed, until one like it succeeds."""
        of_klines = next((feed.rest_problem for feed in self.feeds.values() if feed.rest_problem), None)
        return of_klines or self.rules.problem or self._price_problem or self._clock_problem

    @property
    def disk_problem(self) -> str | None:
        """Why klines cannot be stored now."""
        return next((feed.disk_problem for feed in self.feeds.values() if feed.disk_problem), None)

    @property
    def incomplete(self) -> list[str]:
        """The symbols whose klines are incomplete now."""
        return sorted({symbol for feed in self.feeds.values() for symbol in feed.problems})

    @property
    def filling(self) -> set[str]:
        """Fed symbols of which klines are being fetched, of any interval."""
        return set[str]().union(*(feed.filling for feed in self.feeds.values()))

    @property
    def clock_offset_ms(self) -> float:
        """How far the exchange's clock is ahead of ours."""
        return self._rest.clock.offset_ms

    def want(self, symbols: Sequence[str]) -> None:
        """Feed exactly these symbols from now on; those that stay are fed without a break."""
        if list(symbols) == self._wanted:
            return
        self._wanted = list(symbols)
        self.rules.refresh.period = _STATUS_INTERVAL * max(1, ceil(len(symbols) / _MOST_READ_SO_OFTEN))
        self.rules.want(symbols)

    async def run(self, changed: Callable[[], None]) -> None:
        """Prepare, then follow the streams until canceled. ``changed`` is called when health should be published.

        Raises BinanceError if the exchange is unreachable at the start, JournalError if no journal can be written;
        the caller retries.
        """
        self._changed = changed
        try:
            await self._rest.sync_clock()
            await self._read_rules()
            await self._apply_rules()
            if not self._active and self._journal_problems:
                raise JournalError(next(iter(self._journal_problems.values())))
            changed()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_rules())
                for feed in self.feeds.values():
                    tasks.create_task(feed.run(changed))
                tasks.create_task(self.streams.run())
                tasks.create_task(self._sync_clock_periodically())
        finally:
            for feed in self.feeds.values():
                feed.close_all()

    async def _sync_clock_periodically(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_INTERVAL)
            try:
                await self._rest.sync_clock(samples=1)
                self._clock_problem = None
            except BinanceError as error:
                self._clock_problem = str(error)

    # Which symbols are fed

    async def _keep_rules(self) -> None:
        """Read rules when they are due, and take symbols up or leave them out accordingly, until canceled."""
        while True:
            await self.rules.wait_until_due()
            before = self.symbols, self.rejected
            for step in (self._read_rules, self._apply_rules):
                try:
                    await step()
                except BinanceError as error:
                    self._log.warning("symbols not updated", problem=str(error))
            if (self.symbols, self.rejected) != before:
                self._changed()

    async def _read_rules(self) -> None:
        changes = await self.rules.read_due()
        left_out = self.rules.refresh.left_out
        for change in changes:
            if change.symbol in left_out:
                self._log.warning("symbol left out", symbol=change.symbol, reason=left_out[change.symbol])
            elif change.kind is RulesChangeKind.RULES:
                self._log.info("rules of symbol changed", symbol=change.symbol)

    async def _apply_rules(self) -> None:
        """Feed the wanted symbols that trade, no others. Raises BinanceError when new ones lack their first prices."""
        refresh = self.rules.refresh
        trading, left_out, rules = refresh.trading, refresh.left_out, refresh.rules
        for symbol in [symbol for symbol in self._active if symbol not in trading]:
            self._leave_out(symbol)
        for symbol in [symbol for symbol in self.ticker_table.symbols if symbol not in trading]:
            if symbol not in left_out:
                for feed in self.feeds.values():
                    feed.close(symbol)
                self.ticker_table.forget(symbol)
        for symbol in left_out.keys() & self._last_tickers.keys():
            if symbol not in self.ticker_table.tickers:
                self.ticker_table.recall(symbol, self._last_tickers[symbol])
        for symbol in self._active:
            self.ticker_table.set_rules(rules[symbol])
        self._journal_problems = {s: text for s, text in self._journal_problems.items() if s in trading}
        try:
            await self._take_up([symbol for symbol in trading if symbol not in self._active])
        finally:
            self._active = {symbol: None for symbol in trading if symbol in self._active}
            self.streams.follow(self.symbols)

    def _leave_out(self, symbol: str) -> None:
        """Feed a symbol no longer; its last price stays, with its time, and its journal, for when it trades again."""
        del self._active[symbol]
        for feed in self.feeds.values():
            feed.pause(symbol)

    async def _take_up(self, symbols: list[str]) -> None:
        """Feed symbols that trade, for the first time or again, from their first price on."""
        self._price_problem = None
        if not symbols:
            return
        try:
            day, books = await self._rest.tickers_24h(symbols), await self._rest.book_tickers(symbols)
        except BinanceError as error:
            self._price_problem = str(error)
            raise
        priced, wanted = {row.symbol for row in day}, set(self.rules.refresh.trading)
        for symbol in symbols:
            if symbol not in priced:
                self.rules.note_refusal(symbol, InvalidSymbol.CODE)
        opened = [symbol for symbol in symbols if symbol in wanted & priced and self._open_journal(symbol)]
        for symbol in opened:
            self.ticker_table.set_rules(self.rules.refresh.rules[symbol])
            self._active[symbol] = None
            self._log.info("symbol taken up", symbol=symbol)
        self.ticker_table.load_snapshot((row for row in day if row.symbol in opened), books, time.time())

    def _open_journal(self, symbol: str) -> bool:
        try:
            for feed in self.feeds.values():
                feed.open(symbol)
        except JournalError as error:
            if self._journal_problems.get(symbol) != str(error):
                self._log.error("symbol left out", symbol=symbol, reason=str(error))
            self._journal_problems[symbol] = str(error)
            return False
        self._journal_problems.pop(symbol, None)
        return True

    # Streams

    def _repair(self, symbols: Sequence[str]) -> None:
        for feed in self.feeds.values():
            feed.repair(symbols)

    def _open_streams(self, symbols: Sequence[str]) -> MarketStreams:
        names = [
            stream
            for symbol in symbols
            for stream in (
                *(kline_stream(symbol, interval) for interval in self.feeds),
                book_ticker_stream(symbol),
                mini_ticker_stream(symbol),
            )
        ]
        return MarketStreams(
            self._stream_url,
            names,
            deadlines=replace(self._deadlines, symbol=self.data_limit),
            policy=self._policy,
            budget=self._rest.budget,
            server_now_ms=self._rest.server_now_ms,
        )

    def _apply_stream_event(self, event: StreamEvent) -> None:
        if isinstance(event, (BookTickerUpdate, MiniTickerUpdate, KlineUpdate)):
            if event.symbol not in self._active:
                return
            self.ticker_table.apply_update(event, time.time())
            if isinstance(event, KlineUpdate) and event.closed and event.interval in self.feeds:
                self.feeds[event.interval].append_closed(event.symbol, event.kline)
        else:
            self._apply_notice(event)
            self._changed()

    def _apply_notice(self, event: StreamEvent) -> None:
        match event:
            case Connected(connection):
                self._log.info("stream connected", connection=connection)
                # After a maintenance all symbols come back at once.
                self.rules.hurry()
            case Disconnected(connection, reason, retry_in):
                self._log.warning("stream lost", connection=connection, reason=reason, seconds=retry_in)
            case SymbolSilent(symbol, seconds) if symbol in self._active:
                self._log.warning("symbol silent", symbol=symbol, seconds=seconds)
                self.rules.suspect(symbol)
            case SymbolActive(symbol, seconds):
                self._log.info("symbol heard again", symbol=symbol, seconds=seconds)
            case MalformedFrame(_, problem):
                self.malformed += 1
                self._log.warning("malformed message", problem=problem)
            case SubscriptionRefused(_, problem):
                self._log.error("subscription refused", problem=problem)
            case _:
                return
