"""A run: candles → strategies → the trader's core → the matching engine, in virtual time. No I/O, no clock.

At each moment first the candles close: prices are told, stops trail, the core looks after what it holds, and signals
are judged. Then the next candles open, and what was sent is carried out at their open. Then each goes its way
(``path``). So nothing is decided by a price that was not known.
"""

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from operator import itemgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cq_tui.lookback.agenda import Agenda
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.detail import FinerColumns
from cq_tui.lookback.plan import BacktestError, BacktestPlan
from cq_tui.lookback.playing import SymbolPlayer
from cq_tui.lookback.rehearsal import base_bars_needed
from cq_tui.lookback.result import BacktestResult, curves, paid_for
from cq_tui.lookback.stage import Stage
from cq_tui.lookback.track import Track
from cq_tui.lookback.trade_columns import TradeColumns
from cq_tui.lookback.trader import VirtualTrader
from cq_tui.simulator.market.symbols import UnknownSymbolError
from cq_tui.strategies.bars import interval_label
from cq_tui.strategies.protocol import HeldPosition, Signal, Strategy
from cq_tui.trading.core.inputs import BarClosed, Quote, QuotesSeen, SignalSeen
from cq_tui.trading.signals import parse_signal

#: Klines of the warm-up at least, as many as ARES begins with.
WARM_UP: Final = 9_600
_START_SECONDS = 120

#: Makes the chosen strategies for a symbol and a base interval (ms).
Makers = Callable[[str, int], Sequence[Strategy]]
Progress = Callable[[int, int], object]


def run(
    plan: BacktestPlan,
    columns: Mapping[str, KlineColumns],
    make: Makers,
    *,
    others: Mapping[str, KlineColumns] | None = None,
    detail: Mapping[str, FinerColumns] | None = None,
    progress: Progress = lambda done, whole: None,
    contained: type[BaseException] | tuple[type[BaseException], ...] = Exception,
) -> BacktestResult:
    """Run strategies over the columns of symbols, which share one wallet. Raises BacktestError.

    ``others`` are not traded: strategies may read them. ``detail`` are finer klines or trades: what came first in an
    ambiguous candle. ``progress`` is called with the klines played, and to be played. ``contained``: what a strategy
    may raise without ending more than itself.
    """
    return Run(plan, columns, make, others or {}, progress, contained, detail).result()


class Run:
    """One run."""

    def __init__(
        self,
        plan: BacktestPlan,
        columns: Mapping[str, KlineColumns],
        make: Makers,
        others: Mapping[str, KlineColumns],
        progress: Progress,
        contained: type[BaseException] | tuple[type[BaseException], ...],
        detail: Mapping[str, FinerColumns] | None = None,
    ) -> None:
        self._plan = plan
        self._columns = {symbol: columns[symbol].between(None, plan.to_ms) for symbol in columns}
        self._readable = {**others, **self._columns}
        self._interval_ms = _common_interval(self._columns)
        self._tracks = _tracks(self._columns)
        self._from_ms, self._players = self._begin(make, contained)
        self._progress = progress
        #: Whose strategies are being played.
        self._playing: SymbolPlayer | None = None
        self._bars = sum(len(one.columns) - one.first for one in self._players.values())
        grid = _grid(self._columns.values(), self._from_ms, self._interval_ms)
        if len(grid) < 2:
            raise BacktestError("no klines are left after the warm-up; take a longer recording or an earlier --from")
        self._grid = grid
        self._end = int(grid[-1])
        self._quote_asset = quote = _common_quote(self._tracks)
        settings = replace(plan.settings, symbols=tuple(self._tracks), quote=quote)
        start = int(grid[0]) - (_START_SECONDS + len(self._tracks)) * 1000
        self._stage = Stage(self._tracks, plan.costs, {quote: plan.cash}, start, _finer(detail or {}, self._columns))
        self._trader = VirtualTrader(
            self._stage.fills,
            self._stage.clock,
            self._stage.set_clock,
            self._stage.closed_for,
            skips_routine=plan.skip_idle,
        )
        self._stage.limits, self._stage.tell = self._trader.limits, self._tell_price
        self._trader.begin(settings, int(grid[0]))
        self._agenda = Agenda(self._tracks, plan.costs, self._stage, self._trader, grid, skip_idle=plan.skip_idle)
        #: The candle whose close was told last, by symbol.
        self._told: dict[str, int] = {}
        self._ambiguous = 0

    def _begin(
        self, make: Makers, contained: type[BaseException] | tuple[type[BaseException], ...]
    ) -> tuple[int, dict[str, SymbolPlayer]]:
        """Return when signals begin to count, and the strategies of each symbol, warm by then."""
        strategies = {symbol: make(symbol, self._interval_ms) for symbol in self._columns}
        needed = max((base_bars_needed(one) for each in strategies.values() for one in each), default=0)
        from_ms = self._plan.from_ms
        if from_ms is None:
            from_ms = max(_after(columns, needed) for columns in self._columns.values())
        players = {}
        for symbol, columns in self._columns.items():
            first = int(columns.open_time.searchsorted(from_ms))
            if first < needed:
                raise BacktestError(_too_short(columns, first, needed))
            players[symbol] = SymbolPlayer(
                columns,
                strategies[symbol],
                self._readable,
                first,
                min(max(needed, WARM_UP), first),
                contained,
                self._plan.scan,
            )
        return from_ms, players

    @property
    def playing(self) -> tuple[str, int | None] | None:
        """The symbol whose strategies are being played, and the open time of their kline; None if none are."""
        player = self._playing
        return None if player is None else (player.columns.symbol, player.last_open_time)

    def result(self) -> BacktestResult:
        """Run, and return what came of it."""
        for player in self._players.values():
            self._playing = player
            player.begin()
        self._playing = None
        ahead = {symbol: one for symbol, one in self._players.items() if not one.wants_position}
        signals = self._play(ahead)
        aware = [one for one in self._players.values() if one.wants_position]
        made = self._trade(signals, aware)
        trades, slippage = self._stage.state.trades, self._stage.slippage
        moments = self._grid
        found = curves(self._tracks, self._plan.costs, float(self._plan.cash), moments, trades, slippage)
        return BacktestResult(
            facts=self._trader.facts,
            facts_ms=self._trader.facts_ms,
            signals=made,
            equity_ms=moments,
            equity=found.net,
            gross=found.gross,
            benchmark=found.benchmark,
            costs=paid_for(trades, slippage),
            stopped=[one for player in self._players.values() for one in player.stopped],
            ambiguous_bars=self._ambiguous,
            bars=self._bars,
            holes={symbol: one.between(self._from_ms, None).holes() for symbol, one in self._columns.items()},
            warm_up={symbol: player.warm_up for symbol, player in self._players.items()},
            quote=self._quote_asset,
            from_ms=int(self._grid[0]),
            to_ms=self._end,
        )

    def _play(self, players: Mapping[str, SymbolPlayer]) -> list[Signal]:
        """Return the signals of strategies that need not know what is held, in order."""
        done = 0

        def count(klines: int) -> None:
            nonlocal done
            done += klines
            self._progress(done, self._bars)

        found = []
        for player in players.values():
            self._playing = player
            found.append(list(player.play_all(count)))
        self._playing = None
        return list(merge(*found, key=lambda signal: signal.bar_close_time))

    def _trade(self, ahead: Sequence[Signal], aware: Sequence[SymbolPlayer]) -> list[Signal]:
        """Go from moment to moment; return all signals, in the order in which they reached the trader."""
        waiting = deque(sorted(((self._due(one), one) for one in ahead), key=itemgetter(0)))
        made: list[Signal] = []
        now = int(self._grid[0])
        self._visit(now, [])
        while now < self._end:
            until = self._agenda.next_moment(now, min(waiting[0][0], self._end) if waiting else self._end)
            now, late = self._play_aware(aware, now, until)
            for signal in late:
                insort(waiting, (self._due(signal), signal), key=itemgetter(0))
            signals = []
            while waiting and waiting[0][0] <= now:
                signals.append(waiting.popleft()[1])
            if now < self._end:
                self._visit(now, signals)
            made += signals
        return made

    def _play_aware(self, players: Sequence[SymbolPlayer], now: int, until: int) -> tuple[int, list[Signal]]:
        """Play strategies that know what is held, candle by candle; return when to go on, and their signals by then."""
        if not players:
            return until, []
        signals: list[Signal] = []
        while not signals and now < until:
            now = self._agenda.at_or_after(now + 1)
            for player in players:
                held = self._held(player.columns.symbol)
                self._playing = player
                while player.has_closed(now):
                    signals += player.play_one(held)
        self._playing = None
        return now, signals

    def _held(self, symbol: str) -> HeldPosition | None:
        book = self._trader.core.book
        position = book.positions.get(symbol)
        if position is None or not position.plan.strategy or not position.bought:
            return None
        target = position.plan.take_profit
        return HeldPosition(
            strategy=position.plan.strategy,
            quantity=float(book.quantity(symbol)),
            entry_price=float(position.average_price),
            opened_ms=position.opened_ms,
            stop_loss=float(position.plan.stop_loss),
            take_profit=None if target is None else float(target),
        )

    def _due(self, signal: Signal) -> int:
        """Return when a signal reaches the trader: as its bar closes, or after a hole of its symbol."""
        closed = signal.bar_close_time + 1
        following = self._tracks[signal.symbol].next_open(closed)
        return self._end if following is None else following

    # A moment

    def _visit(self, now: int, signals: Sequence[Signal]) -> None:
        stage, trader = self._stage, self._trader
        stage.set_clock(now)
        stage.end_candles()
        trader.put_off_routine()
        self._tell_prices(now, [signal.symbol for signal in signals])
        self._close_bars(now)
        trader.look(at_account=self._agenda.is_marking(now))
        if signals:
            trader.tell_health()
        for signal in signals:
            trader.feed(SignalSeen(parse_signal(signal.payload())))
            # What an order needs to know is read at once.
            trader.read()
        for symbol in self._at_work():
            stage.open_candle(symbol)
        trader.carry_out()
        self._ambiguous += stage.walk(
            self._at_work(), now, self._interval_ms, trader.settle, everywhere=not self._plan.skip_idle
        )
        trader.settle(self._agenda.at_or_after(now + 1))

    def _tell_prices(self, now: int, with_signals: Sequence[str]) -> None:
        """Tell the last prices of what is held, and of what signals are about."""
        book, quotes = self._trader.core.book, {}
        held = (symbol for symbol, holding in book.holdings.items() if holding.quantity)
        awaited = (wait.signal.symbol for wait in book.waits.values())
        concerned = {*with_signals, *book.positions, *held, *awaited}
        for symbol, track in self._tracks.items():
            if self._plan.skip_idle and symbol not in concerned:
                continue
            row = track.closed_by(now)
            if row >= 0 and self._told.get(symbol) != row:
                self._told[symbol] = row
                quotes[symbol] = self._quote(symbol, track, row)
        if quotes:
            self._trader.feed(QuotesSeen(quotes))

    def _quote(self, symbol: str, track: Track, row: int) -> Quote:
        last = track.close_ticks(row)
        bid, ask = self._plan.costs.worse(symbol, last)
        tick = track.tick_size
        return Quote(bid * tick, ask * tick, last * tick, (track.open_ms(row) + track.interval_ms) / 1000)

    def _at_work(self) -> list[str]:
        """Return the symbols with open orders, and those in which an entry waits for its limit."""
        waits = self._trader.core.book.waits.values()
        return list(dict.fromkeys((*self._stage.with_orders(), *(wait.signal.symbol for wait in waits))))

    def _tell_price(self, symbol: str) -> None:
        """Tell the price within a candle, where an entry waits for it."""
        tick, market = self._tracks[symbol].tick_size, self._stage.market
        bid, ask = market.best_ticks(symbol)
        quote = Quote(bid * tick, ask * tick, market.last_price(symbol), self._stage.now / 1000)
        self._trader.tell_health()
        self._trader.feed(QuotesSeen({symbol: quote}))

    def _close_bars(self, now: int) -> None:
        """Tell the bars of positions whose stop trails."""
        for symbol, position in list(self._trader.core.book.positions.items()):
            track = self._tracks[symbol]
            row = track.opens_at(now - self._interval_ms)
            if position.plan.trail is not None and row is not None:
                high = track.candle(row).high * track.tick_size
                self._trader.feed(BarClosed(symbol, interval_label(self._interval_ms), high, now - 1))


def _common_interval(columns: Mapping[str, KlineColumns]) -> int:
    intervals = {one.interval_ms for one in columns.values()}
    if not intervals:
        raise BacktestError("no symbols: choose some that were recorded")
    if len(intervals) > 1:
        found = ", ".join(f"{symbol} {one.interval}" for symbol, one in columns.items())
        raise BacktestError(f"klines of different intervals: {found}; run each interval by itself")
    return intervals.pop()


def _tracks(columns: Mapping[str, KlineColumns]) -> dict[str, Track]:
    tracks = {}
    for symbol, one in columns.items():
        if not len(one):
            raise BacktestError(f"{symbol}: no klines in this period; choose another one or leave the symbol out")
        try:
            tracks[symbol] = Track(one)
        except UnknownSymbolError as error:
            raise BacktestError(str(error)) from None
    return tracks


def _finer(detail: Mapping[str, FinerColumns], columns: Mapping[str, KlineColumns]) -> dict[str, FinerColumns]:
    """Return the finer recordings of the symbols. Raises BacktestError for those that are not finer."""
    found = {symbol: one for symbol, one in detail.items() if symbol in columns}
    for symbol, one in found.items():
        coarse = columns[symbol]
        if isinstance(one, TradeColumns):
            continue
        if one.interval_ms >= coarse.interval_ms or coarse.interval_ms % one.interval_ms:
            raise BacktestError(f"{symbol}: klines of {one.interval} are no detail of klines of {coarse.interval}")
    return found


def _common_quote(tracks: Mapping[str, Track]) -> str:
    quotes = {track.symbol.quote_asset for track in tracks.values()}
    if len(quotes) > 1:
        raise BacktestError(
            f"symbols in {', '.join(sorted(quotes))}: one wallet counts in one asset; run each by itself"
        )
    return quotes.pop()


def _after(columns: KlineColumns, needed: int) -> int:
    """Return when the kline opens that follows so many. Raises BacktestError if there are too few."""
    if len(columns) <= needed:
        raise BacktestError(_too_short(columns, len(columns), needed))
    return int(columns.open_time[needed])


def _too_short(columns: KlineColumns, found: int, needed: int) -> str:
    remedy = f"begin {needed - found:,} klines later" if len(columns) > needed else "take a longer recording"
    return (
        f"{columns.symbol}: {needed:,} klines of {columns.interval} are needed to warm up, and {found:,} are there "
        f"before the start; {remedy}"
    )


def _grid(columns: Iterable[KlineColumns], from_ms: int, interval_ms: int) -> NDArray[np.int64]:
    """Return when candles open or close, ascending."""
    opens = np.unique(np.concatenate([one.open_time[one.open_time.searchsorted(from_ms) :] for one in columns]))
    return np.union1d(opens, opens + interval_ms)
