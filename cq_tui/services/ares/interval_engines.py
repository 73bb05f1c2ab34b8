"""The strategies on bars of one interval: an engine for each symbol, its kline journal, and what starts over."""

import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.services.ares.bar_keeper import BarKeeper
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.held_positions import HeldPositions
from cq_tui.services.ares.retuning import Retuning
from cq_tui.services.ares.strategy_plan import StrategyPlan
from cq_tui.services.runtime import ServiceRuntime, elapsed_ms
from cq_tui.store.klines import KlineJournalReader, NewKlines
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Signal
from cq_tui.strategies.runner import Surroundings


class IntervalEngines:
    """Reads the journals of one interval and lets the strategies decide."""

    def __init__(
        self,
        interval: str,
        symbols: Sequence[str],
        runtime: ServiceRuntime,
        feeder: FeederView,
        plan: StrategyPlan,
        times: dict[str, CallTimes],
        held: HeldPositions,
    ) -> None:
        """``times`` collects how long the calls of each strategy took; ``held`` is what strategies are told of."""
        self.interval = interval
        self._runtime, self._feeder, self._plan, self._times = runtime, feeder, plan, times
        self._held = held
        self._keeper = BarKeeper(runtime.data, interval, symbols, runtime.log)
        self._retuning = Retuning(self._new_engine, self._keeper.before)
        self.engines = {symbol: self._make_engine(symbol) for symbol in symbols}
        self.readers = {symbol: KlineJournalReader(runtime.data.klines_of(symbol, interval)) for symbol in symbols}

    @property
    def is_busy(self) -> bool:
        """Whether strategies are being started over."""
        return bool(self._retuning)

    @property
    def paths(self) -> set[Path]:
        """The journals."""
        return {reader.path for reader in self.readers.values()}

    def changed_symbols(self, changed: Collection[Path]) -> list[str]:
        """Return the symbols whose journals are among these files."""
        return [symbol for symbol, reader in self.readers.items() if reader.path in changed]

    def start_over(self, names: Collection[str]) -> None:
        """Drop these strategies, and start those of them over that run here."""
        self._retuning.begin(names, self._plan.enabled_on(self.interval), self.engines)

    def go_on_starting_over(self) -> None:
        """Start strategies over for a while."""
        order = self._plan.enabled_on(self.interval)
        self._retuning.go_on(order, self.engines, self.readers, self._feeder.now_ms)

    def read(self, symbol: str) -> NewKlines:
        """Return the new klines of a symbol; of another market, they begin a new series."""
        new = self.readers[symbol].read_new(self._feeder.now_ms)
        for rejection in new.rejections:
            self._runtime.log.warning("kline line rejected", symbol=symbol, problem=rejection)
        if new.market_changed:
            self._runtime.log.warning("stored klines changed", symbol=symbol)
            self.engines[symbol] = self._make_engine(symbol)
            self._keeper.forget(symbol)
        return new

    def keep_bars(self) -> None:
        """Write the older bars of one symbol, if that is due."""
        self._keeper.save_one(time.monotonic(), self.readers, self._feeder.now_ms)

    def decide(self, symbol: str, klines: Sequence[Kline]) -> Iterator[Signal]:
        """Warm up with old klines, decide on fresh ones."""
        fresh_from = self._feeder.fresh_from_ms
        first_fresh = next((i for i, kline in enumerate(klines) if kline.close_time >= fresh_from), len(klines))
        engine = self.engines[symbol]
        if first_fresh and engine.last_open_time is None:
            history = klines[:first_fresh]
            engine.warm_up(history, self._keeper.before(symbol, history))
        else:
            for kline in klines[:first_fresh]:
                engine.on_kline(kline)
        for kline in klines[first_fresh:]:
            if engine.wants_position:
                engine.hold(self._held.read().get(symbol))
            key = f"{symbol}:{self.interval}:{kline.close_time}"
            self._runtime.trace("kline read", key, since_close_ms=self._feeder.now_ms - (kline.close_time + 1))
            began = time.perf_counter()
            signals = engine.on_kline(kline)
            self._runtime.trace("strategies decided", key, took_ms=elapsed_ms(began))
            yield from signals

    def _make_engine(self, symbol: str) -> SymbolEngine:
        self._retuning.forget(symbol)
        return self._new_engine(symbol, self._plan.enabled_on(self.interval))

    def _new_engine(self, symbol: str, names: Collection[str]) -> SymbolEngine:
        """Return an engine with those of the strategies that run on the symbol."""
        interval_ms = INTERVAL_MS[self.interval]
        surroundings = Surroundings(
            symbol, time.perf_counter, self._times, contained=BaseException, on_failure=self._log_stopped
        )
        here = [name for name in self._plan.enabled_on(self.interval) if name in names]
        return SymbolEngine(interval_ms, self._plan.make(symbol, interval_ms, here), surroundings)

    def _log_stopped(self, strategy: str, failure: str, traceback: str) -> None:
        self._runtime.log.error("strategy stopped", strategy=strategy, problem=failure, exception=traceback)
