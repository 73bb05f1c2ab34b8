"""The strategy engine of one symbol: base klines in, signals out, with warm-up and gaps.

A gap in the base klines, by frame:

- trigger: the frame is reset. Crossings, setups and time windows count consecutive bars, and ATR and the bands would
  take the jump over the gap for movement.
- trend and tide: a bar that lacks a base kline is dropped. A gap of at most ``max_bridged_bars`` (a twentieth of the
  longest period) is bridged: slow averages barely change. A wider gap resets the frame.

A frame that was reset is warm again only after its full number of bars. While the latest closed bar of a frame is a
dropped one, there is no signal: the strategy would decide on the bar before it.
"""

from collections.abc import Mapping, Sequence

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarCounts, BarSeries, Frame
from cq_tui.strategies.past_bars import PastBars
from cq_tui.strategies.protocol import HeldPosition, Signal, Strategy
from cq_tui.strategies.runner import Runner, Surroundings


class SymbolEngine:
    """All strategies on one symbol. Only the frames that they declare are built."""

    def __init__(
        self, base_interval_ms: int, strategies: Sequence[Strategy], surroundings: Surroundings | None = None
    ) -> None:
        chosen = surroundings or Surroundings()
        self._runners = [Runner(base_interval_ms, strategy, chosen) for strategy in strategies]
        self._series = BarSeries(base_interval_ms, {frame for runner in self._runners for frame in runner.frames})
        self._others: dict[str, BarSeries] = {}
        self._base = base_interval_ms
        self._connect()

    def _connect(self) -> None:
        """Note which strategies get the bars of which frame."""
        self._takers = {frame: [runner for runner in self._runners if frame in runner.frames] for frame in Frame}
        self._deciding = self._takers[Frame.TRIGGER]
        self._holding = [runner for runner in self._runners if runner.wants_position]
        self._listening = {
            symbol: [runner for runner in self._runners if symbol in runner.others] for symbol in self.others
        }

    def warm_up(self, klines: Sequence[Kline], past: Mapping[Frame, PastBars] | None = None) -> None:
        """Process stored base klines, oldest first, without emitting signals.

        The resulting state is the same as after ``on_kline`` over the same klines. ``past`` are bars of frames older
        than the first that these klines make; strategies that warm up in a batch begin with them.
        """
        batches = [runner for runner in self._runners if runner.begin_batch()]
        for frame, bars in (past or {}).items():
            if self._series.follow_on(frame, bars.open_time):
                for runner in batches:
                    runner.precede(frame, bars)
        if len(batches) == len(self._runners) and (history := self._series.start(klines)) is not None:
            for runner in batches:
                runner.take_history(history)
            return
        for kline in klines:
            self.on_kline(kline)
        for runner in batches:
            runner.finish_batch()

    def on_kline(self, kline: Kline) -> list[Signal]:
        """Process the next closed base kline; return the signals that it triggers.

        A duplicate, late or invalid kline triggers none and changes only ``counts``.
        """
        series = self._series
        missing = series.accept(kline)
        if missing < 0:
            return []
        signals = []
        if series.closes_frames:
            for frame, bar, skipped in series.closed_frames():
                for runner in self._takers[frame]:
                    if (signal := runner.process(frame, bar, skipped)) is not None:
                        signals.append(signal)  # noqa: PERF401 - a comprehension takes longer where there is nothing
        for runner in self._deciding:
            if (signal := runner.decide(kline, missing)) is not None:
                signals.append(signal)  # noqa: PERF401 - as above
        return signals

    @property
    def others(self) -> tuple[str, ...]:
        """The other symbols whose klines some strategy gets. Whoever feeds the engine keeps to their ``BarOrder``."""
        return tuple(dict.fromkeys(symbol for runner in self._runners for symbol in runner.others))

    def on_other_kline(self, symbol: str, kline: Kline) -> None:
        """Process the next closed base kline of another symbol; one that is not to be used changes nothing."""
        listening = self._listening.get(symbol, ())
        series = self._others.get(symbol)
        if series is None:
            frames = {frame for runner in listening for frame in runner.frames}
            series = self._others[symbol] = BarSeries(self._base, frames)
        for frame, bar, missing in series.push(kline):
            for runner in listening:
                if frame in runner.frames:
                    runner.process_other(symbol, frame, bar, missing)

    @property
    def wants_position(self) -> bool:
        """Whether any strategy is to be told what it holds."""
        return bool(self._holding)

    def hold(self, position: HeldPosition | None) -> None:
        """Note what is held in the symbol before the next kline; a strategy whose position changed is told."""
        for runner in self._holding:
            runner.hold(position)

    @property
    def names(self) -> list[str]:
        """The strategies, as they decide on a bar."""
        return [runner.name for runner in self._runners]

    def drop(self, name: str) -> None:
        """Forget one strategy."""
        self._runners = [runner for runner in self._runners if runner.name != name]
        self._connect()

    def adopt(self, other: "SymbolEngine", order: Sequence[str]) -> None:
        """Take over the strategies of an engine that processed the same klines, up to the same one.

        So one strategy starts over while the others go on; ``order`` has the names of all, as they decide on a bar.
        Raises ValueError if the last klines differ.
        """
        if other.last_open_time != self.last_open_time:
            raise ValueError(f"klines up to {other.last_open_time} and up to {self.last_open_time}")
        self._runners = sorted((*self._runners, *other._runners), key=lambda runner: order.index(runner.name))
        self._series.follow(other._series)
        self._others |= other._others
        self._connect()

    @property
    def counts(self) -> BarCounts:
        """Counts of accepted, ignored and dropped klines."""
        return self._series.counts

    @property
    def last_open_time(self) -> int | None:
        """Open time of the last accepted kline, ms."""
        return self._series.last_open_time

    @property
    def warmup_by_strategy(self) -> dict[str, str]:
        """Warm-up progress by strategy, such as ``tide frame 412/600 bars``; empty when all are warm."""
        texts = {runner.name: runner.warmup_progress for runner in self._runners}
        return {name: text for name, text in texts.items() if text}

    @property
    def warmup_progress(self) -> str:
        """Warm-up progress of the slowest strategy; empty when all are warm."""
        behind = [runner for runner in self._runners if runner.warmup_progress]
        return max(behind, key=lambda runner: runner.base_bars_missing).warmup_progress if behind else ""

    @property
    def failures(self) -> dict[str, str]:
        """The error that stopped a strategy on this symbol, by strategy."""
        return {runner.name: runner.failure for runner in self._runners if runner.failure}

    def values(self) -> dict[str, dict[str, float]]:
        """Return the latest indicator values of each strategy."""
        found = {runner.name: runner.values() for runner in self._runners if not runner.failure}
        return {name: values for name, values in found.items() if values is not None}
