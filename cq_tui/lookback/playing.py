"""Strategies played over the columns of one symbol: their signals, and what stopped them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple

from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.plan import BacktestError
from cq_tui.strategies.bar_order import BarOrder
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.frames import BaseColumns
from cq_tui.strategies.protocol import HeldPosition, Signal, Strategy
from cq_tui.strategies.runner import Surroundings
from cq_tui.strategies.scanning import can_scan, scan

#: Klines made at once, and played between two reports of progress.
CHUNK = 8_192


class Stopped(NamedTuple):
    """A strategy that stopped on a symbol: at the kline that opened then (Unix ms), and why."""

    strategy: str
    symbol: str
    open_time: int
    text: str
    traceback: str


@dataclass(slots=True)
class SymbolPlayer:
    """The strategies on one symbol, and how far they are. ``first`` is the row of the first kline that counts."""

    columns: KlineColumns
    strategies: Sequence[Strategy]
    #: Of other symbols, which strategies may read.
    others: Mapping[str, KlineColumns]
    first: int
    #: Klines before it that warm up.
    warm_up: int
    #: What of a strategy is caught.
    contained: type[BaseException] | tuple[type[BaseException], ...] = Exception
    #: Whether whole recordings are scanned where all strategies can: the signals are the same.
    may_scan: bool = False
    stopped: list[Stopped] = field(default_factory=list)
    #: The next row to be played.
    row: int = 0
    _engine: SymbolEngine = field(init=False)
    #: What strategies read of other symbols; None if they read none.
    _reading: "_Reading | None" = None
    _surroundings: Surroundings = field(init=False)
    _chunk: list[Kline] = field(default_factory=list)
    _chunk_from: int = 0

    def __post_init__(self) -> None:
        self._surroundings = Surroundings(self.columns.symbol, contained=self.contained, on_failure=self._note)
        self._engine = SymbolEngine(self.columns.interval_ms, self.strategies, self._surroundings)
        self.row = self.first

    def begin(self) -> None:
        """Warm the strategies up. Raises BacktestError if a symbol that they read is missing."""
        if self._scans:
            return
        klines = self.columns.klines(self.first - self.warm_up, self.first)
        if not self._engine.others:
            self._engine.warm_up(klines)
            return
        if missing := [symbol for symbol in self._engine.others if symbol not in self.others]:
            names = ", ".join(strategy.name for strategy in self.strategies)
            raise BacktestError(f"{names} reads {missing[0]}, of which there are no klines; add a recording of it")
        first_ms = int(self.columns.open_time[self.first - self.warm_up])
        self._reading = _Reading(self._engine, self.columns, self.others, first_ms)
        for kline in klines:
            self._reading.on_kline(kline)

    @property
    def _on_kline(self) -> Callable[[Kline], list[Signal]]:
        return self._engine.on_kline if self._reading is None else self._reading.on_kline

    @property
    def last_open_time(self) -> int | None:
        """Open time of the kline that was passed to them last (Unix ms)."""
        return self._engine.last_open_time

    @property
    def wants_position(self) -> bool:
        """Whether a strategy is to be told what it holds: then it can only be played as trading goes on."""
        return self._engine.wants_position

    def play_all(self, progress: Callable[[int], object]) -> Iterator[Signal]:
        """Yield all signals that are left; report how many klines were played."""
        if self._scans:
            yield from self._scan_all()
            progress(len(self.columns) - self.first)
            return
        on_kline = self._on_kline
        for start in range(self.row, len(self.columns), CHUNK):
            klines = self.columns.klines(start, start + CHUNK)
            for kline in klines:
                if signals := on_kline(kline):
                    yield from signals
            progress(len(klines))
        self.row = len(self.columns)

    @property
    def _scans(self) -> bool:
        return (
            self.may_scan
            and bool(self.strategies)
            and all(map(can_scan, self.strategies))
            and not self._engine.wants_position
            and not self._engine.others
        )

    def _scan_all(self) -> Iterator[Signal]:
        """Yield the signals in the order in which the engine finds them."""
        columns = self.columns.rows(self.first - self.warm_up, len(self.columns))
        base = BaseColumns(columns.open_time, columns.open, columns.high, columns.low, columns.close, columns.volume)
        found = [
            scan(strategy, base, columns.interval_ms, lambda row: columns.klines(row, row + 1)[0], self._surroundings)
            for strategy in self.strategies
        ]
        begin = int(self.columns.open_time[self.first])
        for signal in merge(*found, key=lambda signal: signal.bar_close_time):
            if signal.bar_close_time > begin:
                yield signal

    def has_closed(self, now: int) -> bool:
        """Whether the next kline has closed by then (Unix ms)."""
        times = self.columns.open_time
        return self.row < len(times) and int(times[self.row]) + self.columns.interval_ms <= now

    def play_one(self, position: HeldPosition | None) -> list[Signal]:
        """Play the next kline with what is held."""
        if not self._chunk_from <= self.row < self._chunk_from + len(self._chunk):
            self._chunk_from, self._chunk = self.row, self.columns.klines(self.row, self.row + CHUNK)
        self._engine.hold(position)
        kline = self._chunk[self.row - self._chunk_from]
        self.row += 1
        return self._on_kline(kline)

    def _note(self, strategy: str, text: str, traceback: str) -> None:
        self.stopped.append(Stopped(strategy, self.columns.symbol, self._engine.last_open_time or 0, text, traceback))


class _Bar(NamedTuple):
    symbol: str
    kline: Kline


class _Reading:
    """Passes klines of other symbols to an engine, in the order in which they are passed live."""

    def __init__(
        self, engine: SymbolEngine, own: KlineColumns, others: Mapping[str, KlineColumns], from_ms: int
    ) -> None:
        self._engine, self._own = engine, own.symbol
        self._order = BarOrder[_Bar](own.symbol, engine.others, own.interval_ms)
        read = [_bars(others[symbol].between(from_ms, None)) for symbol in engine.others]
        self._coming = merge(*read, key=lambda bar: bar.kline.close_time)
        self._next = next(self._coming, None)

    def on_kline(self, kline: Kline) -> list[Signal]:
        """Pass all that has closed by now; return the signals of this kline.

        One that had to wait for another symbol makes none: it would come too late.
        """
        while self._next is not None and self._next.kline.close_time <= kline.close_time:
            self._order.offer(self._next)
            self._next = next(self._coming, None)
        self._order.offer(_Bar(self._own, kline))
        signals: list[Signal] = []
        for bar in self._order.ready():
            if bar.symbol != self._own:
                self._engine.on_other_kline(bar.symbol, bar.kline)
            elif (found := self._engine.on_kline(bar.kline)) and bar.kline is kline:
                signals = found
        return signals


def _bars(columns: KlineColumns) -> Iterator[_Bar]:
    for start in range(0, len(columns), CHUNK):
        for kline in columns.klines(start, start + CHUNK):
            yield _Bar(columns.symbol, kline)
