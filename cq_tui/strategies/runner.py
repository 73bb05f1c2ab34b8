"""One strategy in the engine: its bar counts by frame, its warm-up, its calls and what they raise."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TypeVar, cast

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import BarColumns, Frame, History, interval_label
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.checking import checked_signal, writable
from cq_tui.strategies.choice import parameters_digest
from cq_tui.strategies.other_bars import OtherBars
from cq_tui.strategies.past_bars import PastBars, join_columns
from cq_tui.strategies.protocol import BatchStrategy, HeldPosition, PositionAware, ReadsOthers, Signal, Strategy
from cq_tui.strategies.raised import describe_error, format_traceback

Result = TypeVar("Result")

#: Divisor: bars that may be missing in one gap without a reset, as a share of the warm-up bars.
_BRIDGED_SHARE = 60
#: Values of a strategy that a signal carries.
_MAX_VALUES = 64
#: Characters of the name of such a value.
_MAX_NAME = 64
#: Read once for each bar of each symbol.
_TRIGGER = Frame.TRIGGER


def finite_values(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values that are known, as plain numbers; of a strategy that has very many, the first ones."""
    finite = ((writable(str(name))[:_MAX_NAME], float(value)) for name, value in values.items() if math.isfinite(value))
    return dict(islice(finite, _MAX_VALUES))


def max_bridged_bars(frame: Frame, warm_up: int) -> int:
    """Return how many missing bars are bridged: none in the trigger frame, else a twentieth of the longest period."""
    return 0 if frame is Frame.TRIGGER else warm_up // _BRIDGED_SHARE


def others_of(strategy: Strategy, symbol: str | None) -> list[str]:
    """Return the other symbols that a strategy reads beside this one, each once."""
    named = strategy.other_symbols if isinstance(strategy, ReadsOthers) else ()
    return [each for each in dict.fromkeys(named) if each != symbol]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine is told of where it runs."""

    #: The symbol that its signals must be of; None allows any.
    symbol: str | None = None
    #: Seconds, for measuring each call of a strategy; None measures none.
    clock: Callable[[], float] | None = None
    #: Where the measured times go, by strategy: the engines of all symbols may share one.
    times: dict[str, CallTimes] = field(default_factory=dict)
    #: What a strategy may raise without ending more than itself.
    contained: type[BaseException] | tuple[type[BaseException], ...] = Exception
    #: Called once for each strategy that stops, with its name, the failure and the traceback.
    on_failure: Callable[[str, str, str], object] = lambda *_: None


class Runner:
    """One strategy and its bar counts."""

    def __init__(self, base_interval_ms: int, strategy: Strategy, surroundings: Surroundings) -> None:
        self.strategy = strategy
        self.name = strategy.name
        self.failure = ""
        self._times = surroundings.times.setdefault(self.name, CallTimes())
        self._surroundings = surroundings
        self._interval = interval_label(base_interval_ms)
        self._needed = dict(strategy.warm_up)
        self._seen = dict.fromkeys(self._needed, 0)
        #: Close time of the latest bar of each frame above the trigger frame, and how long its bars are.
        self._latest = {frame: 0 for frame in self._needed if frame is not Frame.TRIGGER}
        self._length = {frame: frame * base_interval_ms for frame in self._needed}
        self._bridged = {frame: max_bridged_bars(frame, needed) for frame, needed in self._needed.items()}
        self._others = OtherBars(others_of(strategy, surroundings.symbol), self._needed, base_interval_ms)
        self._batch: dict[Frame, list[Kline]] | None = None
        #: What a batch begins with.
        self._past: dict[Frame, PastBars] = {}
        self._digest: str | None = None
        #: The position that it was told of last.
        self._held: HeldPosition | None = None
        self._on_bar = strategy.on_bar if surroundings.clock is None else self._measured(surroundings.clock)
        self._settle()

    @property
    def frames(self) -> frozenset[Frame]:
        """The frames whose bars it gets."""
        return frozenset(self._needed)

    @property
    def others(self) -> tuple[str, ...]:
        """The other symbols whose bars it gets."""
        return self._others.symbols

    def bridged(self, frame: Frame) -> int:
        """Return how many missing bars of a frame reset nothing."""
        return self._bridged[frame]

    @property
    def base_bars_missing(self) -> int:
        """Base bars until it is warm."""
        own = max(frame * (needed - self._seen[frame]) for frame, needed in self._needed.items())
        return max(own, self._others.slowest[0])

    @property
    def warmup_progress(self) -> str:
        """What it waits for, such as ``tide frame 412/600 bars``; empty when it is warm or has stopped."""
        if self.is_warm or self.failure:
            return ""
        frame = max(self._needed, key=lambda frame: frame * (self._needed[frame] - self._seen[frame]))
        missing, of_others = self._others.slowest
        if missing > frame * (self._needed[frame] - self._seen[frame]):
            return of_others
        return f"{frame.label} frame {self._seen[frame]}/{self._needed[frame]} bars"

    @property
    def wants_position(self) -> bool:
        """Whether it is to be told what it holds."""
        return isinstance(self.strategy, PositionAware)

    def hold(self, position: HeldPosition | None) -> None:
        """Tell it of the position in its symbol, if that is its own and changed."""
        own = position if position is not None and position.strategy == self.name else None
        if own != self._held and not self.failure and isinstance(self.strategy, PositionAware):
            self._held = own
            self._call_strategy(partial(self.strategy.on_position, own))

    def begin_batch(self) -> bool:
        """Collect bars from now on, if the strategy is fresh and supports batches."""
        if isinstance(self.strategy, BatchStrategy) and not self.others and not any(self._seen.values()):
            self._batch = {frame: [] for frame in self._needed}
            self._settle()
        return self._batch is not None

    def precede(self, frame: Frame, past: PastBars) -> None:
        """Begin the batch of a frame with bars from before, those after their last wide gap."""
        if frame in self._needed:
            length = self._length[frame]
            self._past[frame] = past.after_last_gap(length, self._bridged[frame], int(past.open_time[-1]) + length)
            self._seen[frame] = len(self._past[frame].open_time)

    def finish_batch(self) -> None:
        """Pass the collected bars to the strategy."""
        batch, self._batch = self._batch or {}, None
        self._settle()
        self._warm_strategy({frame: BarColumns.of(bars) for frame, bars in batch.items()})

    def take_history(self, history: Mapping[Frame, History]) -> None:
        """Pass a whole history to the strategy, in place of a batch."""
        self._batch = None
        for frame, (columns, last_close_time) in history.items():
            if frame not in self._needed:
                continue
            first = last_close_time + 1 - len(columns.close) * self._length[frame]
            if (past := self._past.get(frame)) is not None:
                self._past[frame] = past.after_last_gap(self._length[frame], self._bridged[frame], first)
                self._seen[frame] = len(self._past[frame].open_time)
            self._seen[frame] += len(columns.close)
            if frame in self._latest:
                self._latest[frame] = last_close_time
        self._settle()
        self._warm_strategy({frame: history[frame].columns for frame in self._needed})

    def _settle(self) -> None:
        """Note what is asked far more often than it changes: whether every frame has its bars, and all is well."""
        own = all(self._seen[frame] >= needed for frame, needed in self._needed.items())
        self.is_warm = own and self._others.is_warm
        self._is_settled = self.is_warm and self._batch is None and not self.failure

    def _warm_strategy(self, columns: Mapping[Frame, BarColumns]) -> None:
        """Pass the columns to the strategy, after those of the past, widest frame first."""
        strategy, past = self.strategy, self._past
        self._past = {}
        for frame in sorted(columns, reverse=True):
            bars = columns[frame] if frame not in past else join_columns(past[frame].columns, columns[frame])
            if len(bars.close) and isinstance(strategy, BatchStrategy):
                self._call_strategy(partial(strategy.warm, frame, bars))

    def decide(self, bar: Kline, missing: int) -> Signal | None:
        """Process a bar of the trigger frame: ``process`` in short where nothing has to be counted."""
        if missing or not self._is_settled:
            return self.process(Frame.TRIGGER, bar, missing)
        try:
            signal = self._on_bar(_TRIGGER, bar)
        except self._surroundings.contained as error:
            self._stop(error)
            return None
        return None if signal is None else self._publish(signal, bar)

    def process(self, frame: Frame, bar: Kline, missing: int) -> Signal | None:
        """Process a closed bar of one of its frames; return the signal of a warm strategy."""
        if self.failure:
            return None
        if missing > self._bridged[frame]:
            self._reset_frame(frame)
        self._seen[frame] += 1
        if frame in self._latest:
            self._latest[frame] = bar.close_time
        if not self.is_warm:
            self._settle()
        if self._batch is not None:
            self._batch[frame].append(bar)
            return None
        try:
            signal = self._on_bar(frame, bar)
        except self._surroundings.contained as error:
            self._stop(error)
            return None
        return self._publish(signal, bar) if signal is not None and self.is_warm else None

    def process_other(self, symbol: str, frame: Frame, bar: Kline, missing: int) -> None:
        """Process a closed bar of another symbol, in one of its frames."""
        if self.failure:
            return
        if missing > self._bridged[frame]:
            self._reset_frame(frame)
        self._others.note(symbol, frame, bar.close_time)
        if not self.is_warm:
            self._settle()
        self._call_strategy(partial(self._hear, symbol, frame, bar))

    def _hear(self, symbol: str, frame: Frame, bar: Kline) -> None:
        """Pass on a bar of another symbol, measured."""
        clock = self._surroundings.clock or (lambda: 0.0)
        began = clock()
        try:
            cast(ReadsOthers, self.strategy).on_other_bar(symbol, frame, bar)
        finally:
            self._times.add(clock() - began)

    def _measured(self, clock: Callable[[], float]) -> Callable[[Frame, Kline], Signal | None]:
        """Return its ``on_bar``, measured."""
        on_bar, add = self.strategy.on_bar, self._times.add

        def measured(frame: Frame, bar: Kline) -> Signal | None:
            began = clock()
            try:
                return on_bar(frame, bar)
            finally:
                add(clock() - began)

        return measured

    def _publish(self, signal: object, bar: Kline) -> Signal | None:
        """Return a signal that is right and rests on complete frames."""
        if any(latest + self._length[frame] <= bar.close_time for frame, latest in self._latest.items()):
            # The latest bar that could have closed by then is not there.
            return None
        if self._others.lacks(bar.close_time):
            return None
        return self.checked(signal, bar)

    def checked(self, signal: object, bar: Kline) -> Signal | None:
        """Return a signal of a trigger bar with what justified it; None, and it has stopped, if it is wrong."""
        return self._call_strategy(partial(self._check, signal, bar))

    def _check(self, signal: object, bar: Kline) -> Signal:
        """Return the checked signal with its bar, the strategy's values after it, and the hash of its parameters."""
        symbol = self._surroundings.symbol
        checked = checked_signal(signal, strategy=self.name, symbol=symbol, interval=self._interval, bar=bar)
        if self._digest is None:
            self._digest = parameters_digest(getattr(self.strategy, "parameters", None))
        values = finite_values(self.strategy.values())
        return replace(checked, bar=bar, values=values, parameters_hash=self._digest)

    def values(self) -> dict[str, float] | None:
        """Return the strategy's latest indicator values; None if that stopped it."""
        return self._call_strategy(self.strategy.values)

    def _reset_frame(self, frame: Frame) -> None:
        self._seen[frame] = 0
        self._others.reset(frame)
        self._past.pop(frame, None)
        self._settle()
        if self._batch is not None:
            self._batch[frame].clear()
        else:
            self._call_strategy(partial(self.strategy.reset, frame))

    def _call_strategy(self, call: Callable[[], Result]) -> Result | None:
        """Call the strategy; an error stops this strategy on this symbol only."""
        try:
            return call()
        except self._surroundings.contained as error:
            self._stop(error)
            return None

    def _stop(self, error: BaseException) -> None:
        self.failure = f"{self.name} stopped: {describe_error(error)}"
        self._settle()
        self._surroundings.on_failure(self.name, self.failure, format_traceback(error))
