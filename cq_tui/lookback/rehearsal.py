"""One strategy played over klines: its signals, what stopped it, and how long a bar took."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import NamedTuple

from cq_tui.contracts.market import Kline
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Signal, Strategy
from cq_tui.strategies.runner import Surroundings

_WEEK_MS = 7 * 86_400_000
#: Base bars of the widest frame.
_WIDEST = 15


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

    def __post_init__(self) -> None:
        surroundings = Surroundings(
            self.symbol,
            self.subject.clock,
            self._times,
            contained=self.subject.contained,
            on_failure=lambda _, failure, traceback: self._failures.append((failure, traceback)),
        )
        self._engine = SymbolEngine(self.subject.base_interval_ms, [self.subject.make(self.symbol)], surroundings)

    def warm_up(self, klines: Sequence[Kline]) -> None:
        """Pass a history at once, as after a restart."""
        self._engine.warm_up(klines)

    def feed(self, klines: Iterable[Kline]) -> None:
        """Pass klines one by one."""
        for kline in klines:
            self._signals += self._engine.on_kline(kline)

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


def play(subject: Subject, klines: Sequence[Kline], symbol: str, *, history: int = 0) -> Played:
    """Play a fresh strategy over klines, the first ``history`` of them at once."""
    rehearsal = Rehearsal(subject, symbol)
    if history:
        rehearsal.warm_up(klines[:history])
    rehearsal.feed(klines[history:])
    return rehearsal.end()


def base_bars_needed(strategy: Strategy) -> int:
    """Return the base klines after which it is warm, wherever they begin between the bounds of its frames."""
    return max((frame * bars + frame - 1 for frame, bars in strategy.warm_up.items()), default=0)


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
