"""One strategy played over klines: its signals, what stopped it, and how long a bar took."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd, inf
from typing import NamedTuple

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bar_order import BarOrder
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import HeldPosition, ReadsOthers, Side, Signal, Strategy
from cq_tui.strategies.runner import Surroundings

_WEEK_MS = 7 * 86_400_000
#: Base bars of the widest frame.
_WIDEST = 15
#: Klines after which a position that reached neither stop nor target is given up.
_LONGEST_HELD = 50


@dataclass(frozen=True, slots=True)
class Subject:
    """The strategy that is checked."""

    name: str
    base_interval_ms: int
    #: Makes a fresh one for a symbol; may raise anything.
    make: Callable[[str], Strategy]
    #: Seconds of CPU time.
    clock: Callable[[], float]
    #: What of it is caught.
    contained: type[BaseException] | tuple[type[BaseException], ...] = Exception
    #: Klines of the other symbols that it reads, oldest first.
    others: Mapping[str, Sequence[Kline]] = field(default_factory=dict)

    def with_others(self, change: Callable[[Sequence[Kline]], Sequence[Kline]]) -> "Subject":
        """Return it with other klines of the other symbols."""
        return replace(self, others={symbol: change(klines) for symbol, klines in self.others.items()})


class _Bar(NamedTuple):
    symbol: str
    kline: Kline


class Played(NamedTuple):
    """What came of it."""

    signals: list[Signal]
    #: Why the strategy stopped; empty if it did not.
    failure: str
    #: The end of the traceback.
    traceback: str
    times: CallTimes


@dataclass(slots=True)
class Rehearsal:
    """A strategy on one symbol, which is fed kline by kline."""

    subject: Subject
    symbol: str
    _failures: list[tuple[str, str]] = field(default_factory=list)
    _times: dict[str, CallTimes] = field(default_factory=dict)
    _signals: list[Signal] = field(default_factory=list)
    _engine: SymbolEngine = field(init=False)
    _order: BarOrder[_Bar] = field(init=False)

    def __post_init__(self) -> None:
        surroundings = Surroundings(
            self.symbol,
            self.subject.clock,
            self._times,
            contained=self.subject.contained,
            on_failure=lambda _, failure, traceback: self._failures.append((failure, traceback)),
        )
        interval_ms = self.subject.base_interval_ms
        self._engine = SymbolEngine(interval_ms, [self.subject.make(self.symbol)], surroundings)
        self._order = BarOrder(self.symbol, self._engine.others, interval_ms, most_waiting=None)
        for symbol in self._engine.others:
            for kline in self.subject.others.get(symbol, ()):
                self._order.offer(_Bar(symbol, kline))

    def warm_up(self, klines: Sequence[Kline]) -> None:
        """Pass a history at once, as after a restart."""
        if self._engine.others:
            self._process(klines)
        else:
            self._engine.warm_up(klines)

    def feed(self, klines: Iterable[Kline]) -> None:
        """Pass klines one by one."""
        if self._engine.others:
            self._signals += self._process(klines)
            return
        for kline in klines:
            self._signals += self._engine.on_kline(kline)

    def _process(self, klines: Iterable[Kline]) -> list[Signal]:
        """Pass klines, and those of the other symbols in their order; return the signals."""
        signals = []
        for kline in klines:
            self._order.offer(_Bar(self.symbol, kline))
            for bar in self._order.ready():
                if bar.symbol == self.symbol:
                    signals += self._engine.on_kline(bar.kline)
                else:
                    self._engine.on_other_kline(bar.symbol, bar.kline)
        return signals

    @property
    def wants_position(self) -> bool:
        """Whether it is to be told what it holds."""
        return self._engine.wants_position

    def follow(self, klines: Sequence[Kline]) -> int:
        """Pass klines one by one, and hold what it buys; return how often what it holds changed.

        A position ends at its stop or target, with a SELL, or after some klines.
        """
        held: HeldPosition | None = None
        changes = since = 0
        for number, kline in enumerate(klines):
            before, known = held, len(self._signals)
            if held is not None and (number - since == _LONGEST_HELD or _ends(held, kline)):
                held = None
            self._engine.hold(held)
            self.feed([kline])
            for signal in self._signals[known:]:
                if signal.side is Side.SELL:
                    held = None
                elif held is None:
                    held, since = _bought(signal), number
            changes += held != before
        return changes

    def values(self) -> dict[str, float]:
        """Return its latest indicator values."""
        return self._engine.values().get(self.subject.name, {})

    @property
    def is_warm(self) -> bool:
        """Whether every frame has its bars."""
        return not self._engine.warmup_progress

    def end(self) -> Played:
        """Return what came of it."""
        failure, traceback = self._failures[0] if self._failures else ("", "")
        times = self._times.get(self.subject.name, CallTimes())
        return Played(self._signals, failure, traceback, times)


def _ends(held: HeldPosition, kline: Kline) -> bool:
    """Whether a kline reaches the stop or the target."""
    return kline.low <= (held.stop_loss or 0.0) or kline.high >= (held.take_profit or inf)


def _bought(signal: Signal) -> HeldPosition:
    opened_ms = signal.bar_close_time + 1
    return HeldPosition(signal.strategy, 1.0, signal.entry_price, opened_ms, signal.stop_loss, signal.take_profit)


def play(subject: Subject, klines: Sequence[Kline], symbol: str, *, history: int = 0) -> Played:
    """Play a fresh strategy over klines, the first ``history`` of them at once."""
    rehearsal = Rehearsal(subject, symbol)
    if history:
        rehearsal.warm_up(klines[:history])
    rehearsal.feed(klines[history:])
    return rehearsal.end()


def base_bars_needed(strategy: Strategy) -> int:
    """Return the base klines after which it is warm, wherever they begin between the bounds of its frames."""
    # Of bars that close together those of other symbols come after the own one.
    later = 1 if isinstance(strategy, ReadsOthers) else 0
    return max((frame * bars + frame - 1 + later for frame, bars in strategy.warm_up.items()), default=0)


def whole_weeks(base_interval_ms: int) -> int:
    """Return the shortest time of whole weeks that keeps the bounds of all frames, ms."""
    widest = base_interval_ms * _WIDEST
    return _WEEK_MS * (widest // gcd(_WEEK_MS, widest))


def moved(klines: Iterable[Kline], by_ms: int) -> list[Kline]:
    """Return klines at other times."""
    return [kline._replace(open_time=kline.open_time + by_ms, close_time=kline.close_time + by_ms) for kline in klines]


def moved_back(signals: Iterable[Signal], by_ms: int) -> list[Signal]:
    """Return signals as they would have been at the klines' own time."""
    return [
        replace(
            signal,
            bar_close_time=signal.bar_close_time - by_ms,
            bar=None if signal.bar is None else moved([signal.bar], -by_ms)[0],
        )
        for signal in signals
    ]
