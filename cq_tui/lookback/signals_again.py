"""Signals made again from stored klines, compared with those of the history: same keys, equal numbers.

What cannot be known is left out and counted by its reason: an average remembers klines that are no longer stored, and a
live strategy decides only while its service and the data are well.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose
from typing import Any, NamedTuple

from cq_tui.contracts.events import signal_key
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.lookback.uptime import Uptime
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.past_bars import PastBars
from cq_tui.strategies.protocol import PositionAware, ReadsOthers, Signal, Strategy
from cq_tui.strategies.runner import Surroundings

#: Klines with which a strategy warms up where older bars are kept, as many as show that these are of the same series.
WARMED_UP_WITH = 32 * Frame.TIDE
#: After so many times its warm-up, no average depends any more on where it began: one of n bars forgets a share of 1/n
#: a bar, and a float has 53 bits.
_FORGOTTEN_AFTER = 40
#: Seconds from the end of a bar within which live decides on it, and the end of the history that is still written.
_DECIDED_WITHIN, _LEAST_AGE = 5.0, 15.0
#: How far two numbers may be apart, as a share, that differ by rounding.
_ROUNDING = 1e-9
_UNSETTLED = "their averages may remember klines that are no longer stored"


class StoredKlines(NamedTuple):
    """What is stored of one symbol and interval, oldest first. ``past``: bars of higher frames older than these."""

    symbol: str
    interval: str
    klines: Sequence[Kline]
    past: Mapping[Frame, PastBars]


class Recipe(NamedTuple):
    """A strategy with parameters that it has, or had."""

    strategy: str
    parameters_hash: str | None
    #: Makes a fresh one for a symbol and an interval (ms).
    make: Callable[[str, int], Strategy]
    #: When its signals are to be expected of a symbol and an interval (Unix seconds): from and to.
    in_force: Callable[[str, str], Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class SignalDifference:
    """A signal that is not the same. Payloads as the history has them; None for none."""

    key: str
    live: dict[str, Any] | None
    again: dict[str, Any] | None
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class SignalsAgain:
    """What came of it."""

    equal: int = 0
    #: Signals of which numbers differ in their last digits: sums that run on remember rounding from klines that are no
    #: longer stored.
    rounded: int = 0
    differences: list[SignalDifference] = field(default_factory=list)
    #: Signals of the history that cannot be compared, by the reason.
    left_out: Counter[str] = field(default_factory=Counter)
    #: Signals that live could not make, or may not have made, by the reason.
    not_live: Counter[str] = field(default_factory=Counter)


def make_signals_again(
    stored: Iterable[StoredKlines],
    recipes: Sequence[Recipe],
    live: Iterable[dict[str, Any]],
    uptime: Uptime,
    progress: Callable[[str], object] = lambda _name: None,
) -> SignalsAgain:
    """Compare the signals of the history, as payloads, with those that the stored klines give again."""
    found = SignalsAgain()
    waiting: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for payload in live:
        waiting.setdefault((str(payload.get("symbol")), str(payload.get("frame"))), []).append(payload)
    known = {recipe.strategy for recipe in recipes}
    for series in stored:
        progress(f"{series.symbol} {series.interval}")
        ours, others = _of_strategies(waiting.pop((series.symbol, series.interval), []), known)
        found.left_out.update(others)
        _compare_series(series, recipes, ours, uptime, found)
    for payloads in waiting.values():
        ours, others = _of_strategies(payloads, known)
        found.left_out.update(others)
        found.left_out["their klines are not stored"] += len(ours)
    # Without reasons that nothing has.
    found.left_out, found.not_live = +found.left_out, +found.not_live
    return found


def _of_strategies(payloads: Iterable[dict[str, Any]], known: set[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the signals of strategies, and why others cannot be made again."""
    ours: list[dict[str, Any]] = []
    others: list[str] = []
    for payload in payloads:
        if payload.get("source") not in (None, "strategy"):
            others.append("they came from outside")
        elif payload.get("strategy") not in known:
            others.append(f"{payload.get('strategy')} is no strategy that is installed")
        elif type(payload.get("bar_close_time")) is not int:
            others.append("they name no bar")
        else:
            ours.append(payload)
    return ours, others


def _compare_series(
    series: StoredKlines, recipes: Sequence[Recipe], live: list[dict[str, Any]], uptime: Uptime, found: SignalsAgain
) -> None:
    by_recipe: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for payload in live:
        by_recipe.setdefault((str(payload["strategy"]), payload.get("parameters_hash")), []).append(payload)
    keys = {signal_key(payload) for payload in live}
    for recipe in recipes:
        told = by_recipe.pop((recipe.strategy, recipe.parameters_hash), [])
        spans = recipe.in_force(series.symbol, series.interval)
        if (told or spans) and series.klines:
            _Comparison(series, recipe, found).run(told, keys, spans, uptime)
        else:
            found.left_out["their klines are not stored"] += len(told)
    for payloads in by_recipe.values():
        found.left_out["their parameters are neither set nor in a recorded change"] += len(payloads)


class _Comparison:
    """One strategy on one series."""

    def __init__(self, series: StoredKlines, recipe: Recipe, found: SignalsAgain) -> None:
        self._series, self._recipe, self._found = series, recipe, found
        strategy = recipe.make(series.symbol, INTERVAL_MS[series.interval])
        self._failures: list[str] = []
        surroundings = Surroundings(series.symbol, on_failure=lambda _, failure, __: self._failures.append(failure))
        self._engine = SymbolEngine(INTERVAL_MS[series.interval], [strategy], surroundings)
        self._needs = ""
        if isinstance(strategy, PositionAware):
            self._needs = f"{recipe.strategy} looks at what it holds"
        elif isinstance(strategy, ReadsOthers):
            self._needs = f"{recipe.strategy} reads other symbols"
        kept = set(series.past)
        bars = max((frame * count for frame, count in strategy.warm_up.items() if frame not in kept), default=0)
        index = bars * _FORGOTTEN_AFTER
        last = len(series.klines)
        #: Close time of the kline from which on nothing is left of where the averages began (ms).
        self._settled = series.klines[index].close_time if index < last else series.klines[-1].close_time + 1

    def run(
        self, live: list[dict[str, Any]], keys: set[str], spans: Sequence[tuple[float, float]], uptime: Uptime
    ) -> None:
        """Compare its signals."""
        if self._needs:
            self._found.left_out[self._needs] += len(live)
            return
        again = {signal.key: signal for signal in self._signals()}
        bars = {kline.close_time: kline for kline in self._series.klines}
        for payload in live:
            self._judge_live(payload, again.get(signal_key(payload)), bars)
        for key, signal in again.items():
            if key not in keys:
                self._judge_again(key, signal, spans, uptime)

    def _signals(self) -> Iterator[Signal]:
        klines, past = self._series.klines, self._series.past
        begun = WARMED_UP_WITH if past else 0
        if begun:
            self._engine.warm_up(klines[:begun], past)
        for kline in klines[begun:]:
            yield from self._engine.on_kline(kline)

    def _judge_live(self, payload: dict[str, Any], again: Signal | None, bars: Mapping[int, Kline]) -> None:
        found, end = self._found, int(payload["bar_close_time"])
        kline = bars.get(end)
        if kline is None or not _is_bar(payload.get("bar"), kline):
            found.left_out["their bars are no longer stored, or others are"] += 1
            return
        made = None if again is None else again.payload().model_dump(mode="json", exclude_none=True)
        told = {name: value for name, value in payload.items() if value is not None}
        if made == told:
            found.equal += 1
        elif made is not None and is_rounded(told, made):
            found.rounded += 1
        elif end < self._settled:
            found.left_out[_UNSETTLED] += 1
        else:
            names = tuple(name for name in {**told, **(made or {})} if told.get(name) != (made or {}).get(name))
            found.differences.append(SignalDifference(signal_key(payload), told, made, names if made else ()))

    def _judge_again(self, key: str, signal: Signal, spans: Sequence[tuple[float, float]], uptime: Uptime) -> None:
        not_live, end = self._found.not_live, (signal.bar_close_time + 1) / 1000
        if signal.bar_close_time < self._settled:
            not_live[_UNSETTLED] += 1
        elif not any(begin <= end < until for begin, until in spans):
            not_live["these parameters were not in force, or not for long"] += 1
        elif end > uptime.until - _LEAST_AGE:
            not_live["the history does not reach so far"] += 1
        elif reason := uptime.problem(end, end + _DECIDED_WITHIN):
            not_live[reason] += 1
        else:
            made = signal.payload().model_dump(mode="json", exclude_none=True)
            self._found.differences.append(SignalDifference(key, None, made))


def is_rounded(one: Any, other: Any) -> bool:
    """Whether two payloads are equal but for the last digits of numbers."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_rounded(one[name], other[name]) for name in one)
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    return bool(one == other)


def _is_bar(told: Any, kline: Kline) -> bool:
    """Whether a signal's bar, if it tells one, is this kline."""
    names = ("open", "high", "low", "close", "volume")
    return not isinstance(told, dict) or all(told.get(name, value) == value for name, value in _named(kline, names))


def _named(kline: Kline, names: Iterable[str]) -> Iterator[tuple[str, float]]:
    return ((name, getattr(kline, name)) for name in names)
