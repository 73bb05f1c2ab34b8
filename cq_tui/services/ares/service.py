"""The ARES service: reads closed klines, runs the strategies, and spools their signals."""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import AresHealth, StrategyHealth
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.contracts.mode import base_interval
from cq_tui.services.ares.emission import SignalEmitter
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.outside.door import OutsideDoor
from cq_tui.services.ares.plug_ins.keeper import PlugInKeeper
from cq_tui.services.ares.retuning import Retuning
from cq_tui.services.ares.strategy_health import judge, measure
from cq_tui.services.ares.strategy_plan import StrategyPlan
from cq_tui.services.runtime import Service, ServiceRuntime, elapsed_ms
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.klines import KlineJournalReader
from cq_tui.store.watch import FolderWatch, watch_folders
from cq_tui.strategies import default_signal as default_rule
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.default_signal import DefaultSignalRule
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.registry import load_strategies, offered_plug_ins
from cq_tui.strategies.runner import Surroundings

_SWEEP_INTERVAL = 1.0


class AresService(Service):
    """The service process."""

    name = "ares"

    def __init__(self, runtime: ServiceRuntime) -> None:
        super().__init__(runtime)
        self._data = runtime.data
        self._catalog = load_strategies([])
        self._feeder = FeederView(runtime)
        self._emitter = SignalEmitter(runtime, self._feeder)
        #: Ends the wait for changed files.
        self._wake: Callable[[], object] = lambda: None
        self._plug_ins = PlugInKeeper(runtime, self._feeder, offered_plug_ins(), lambda: self._wake())
        self._strategies = StrategyPlan(self._catalog, self._emitter.good_settings, self._plug_ins.names)
        self._retuning = Retuning(self._new_engine)
        self._named_faults: tuple[str, ...] = ()
        self._plan: tuple[tuple[str, ...], str] = ((), "")
        self._engines: dict[str, SymbolEngine] = {}
        self._readers: dict[str, KlineJournalReader] = {}
        #: How long the calls of each strategy took, on all symbols.
        self._times: dict[str, CallTimes] = {}
        self._published: tuple[bool, Status] | None = None
        self._door = OutsideDoor(
            runtime,
            self._emitter,
            self._feeder,
            reserved=lambda: {*self._catalog.classes, *self._plug_ins.names, default_rule.NAME},
            interval=lambda: self._plan[1],
        )

    async def run(self) -> None:
        """Build the engines, then follow the kline journals."""
        data = self._data
        with closing(self._door), watch_folders([data.klines, data.health, data.signals]) as watch:
            self._wake = watch.wake
            try:
                await self._follow(watch)
            finally:
                await self._plug_ins.close()

    async def _follow(self, watch: FolderWatch) -> None:
        changed: set[Path] = set()
        has_more = True
        swept = 0.0
        while not self.runtime.stopping.is_set():
            now, arrived = time.time(), time.perf_counter()
            if now - swept >= _SWEEP_INTERVAL or self._feeder.path in changed:
                self._feeder.look(now)
            await self._apply_plan()
            self._retuning.go_on(self._strategies.enabled, self._engines, self._readers, self._feeder.now_ms)
            if now - swept >= _SWEEP_INTERVAL:
                swept, changed = now, {reader.path for reader in self._readers.values()} | {self._data.signals}
            await self._read_klines(changed, arrived)
            for signal, kline_at in self._plug_ins.take_signals():
                self._emitter.emit(signal, kline_at)
            has_more = self._take_signals_from_outside(changed, has_more=has_more)
            self._make_default_signal()
            self._publish_health_if_changed()
            changed = await watch.changes(timeout=0.0 if self._retuning or has_more else _SWEEP_INTERVAL)

    def _take_signals_from_outside(self, changed: set[Path], *, has_more: bool) -> bool:
        """Take some if there may be any; return whether there may be more."""
        folder = self._data.signals
        if has_more or any(folder in (path, path.parent) for path in changed):
            return self._door.look()
        return False

    def _publish_health_if_changed(self) -> None:
        """Publish health at once when the status or readiness changed."""
        warming, unprimed = self._warming(), self._unprimed()
        state = self._is_ready(unprimed), self._assess_status(warming, unprimed)[0]
        if state != self._published:
            self._published = state
            self.runtime.publish_health(self.health(time.time()))

    async def _apply_plan(self) -> None:
        """Start over what changed: all, if the symbols or the interval did, else single strategies."""
        settings = self.runtime.settings
        plan = (tuple(settings.SYMBOLS), base_interval(settings, self.runtime.mode.mode))
        changed = self._follow_settings(*plan)
        if plan == self._plan:
            self._retuning.begin(changed, self._engines)
            self._plug_ins.follow(settings.STRATEGIES)
            return
        symbols, interval = self._plan = plan
        self._engines = {symbol: self._make_engine(symbol) for symbol in symbols}
        self._readers = {symbol: KlineJournalReader(self._data.klines_of(symbol, interval)) for symbol in symbols}
        await self._plug_ins.apply(symbols, interval, settings.STRATEGIES, self._emitter.good_settings)

    def _follow_settings(self, symbols: tuple[str, ...], interval: str) -> set[str]:
        """Return the strategies whose settings changed; log what is wrong with them, once."""
        changed = self._strategies.follow(self.runtime.settings.STRATEGIES, symbols, interval)
        if (good := self._strategies.last_good | self._plug_ins.last_good) != self._emitter.good_settings:
            self._emitter.good_settings = good
            self._emitter.save_state()
        faults = (*self._strategies.faults, *self._plug_ins.faults)
        for fault in faults:
            if fault not in self._named_faults:
                self.runtime.log.warning("setting of a strategy not applied", problem=fault)
        self._named_faults = faults
        return changed

    def _make_engine(self, symbol: str) -> SymbolEngine:
        self._retuning.forget(symbol)
        return self._new_engine(symbol, self._strategies.enabled)

    def _new_engine(self, symbol: str, names: Collection[str]) -> SymbolEngine:
        """Return an engine with those of the strategies that run on the symbol."""
        interval_ms = INTERVAL_MS[self._plan[1]]
        surroundings = Surroundings(symbol, time.perf_counter, self._times, on_failure=self._log_stopped)
        return SymbolEngine(interval_ms, self._strategies.make(symbol, interval_ms, names), surroundings)

    def _log_stopped(self, strategy: str, failure: str, traceback: str) -> None:
        self.runtime.log.error("strategy stopped", strategy=strategy, problem=failure, exception=traceback)

    # Klines

    async def _read_klines(self, changed: set[Path], arrived: float) -> None:
        for symbol, reader in self._readers.items():
            if reader.path not in changed:
                continue
            klines, market_changed, rejections = reader.read_new(self._feeder.now_ms)
            for rejection in rejections:
                self.runtime.log.warning("kline line rejected", symbol=symbol, problem=rejection)
            if market_changed:
                self.runtime.log.warning("stored klines changed", symbol=symbol)
                self._engines[symbol] = self._make_engine(symbol)
                self._plug_ins.forget_market(symbol)
            if not klines:
                continue
            self._plug_ins.feed(symbol, klines, arrived)
            self._process_klines(symbol, klines, arrived)
            if len(klines) > 100:
                # Thousands of bars took a while: let the heartbeat and other tasks run.
                await asyncio.sleep(0)

    def _process_klines(self, symbol: str, klines: list[Kline], arrived: float) -> None:
        """Warm up with old klines, decide on fresh ones."""
        fresh_from = self._feeder.fresh_from_ms
        first_fresh = next((i for i, kline in enumerate(klines) if kline.close_time >= fresh_from), len(klines))
        engine = self._engines[symbol]
        if first_fresh and engine.last_open_time is None:
            engine.warm_up(klines[:first_fresh])
        else:
            for kline in klines[:first_fresh]:
                engine.on_kline(kline)
        for kline in klines[first_fresh:]:
            key = f"{symbol}:{self._plan[1]}:{kline.close_time}"
            self.runtime.trace("kline read", key, since_close_ms=self._feeder.now_ms - (kline.close_time + 1))
            began = time.perf_counter()
            signals = engine.on_kline(kline)
            self.runtime.trace("strategies decided", key, took_ms=elapsed_ms(began))
            for signal in signals:
                self._emitter.emit(signal.payload(), arrived)

    # The default signal

    @property
    def _default_rule(self) -> DefaultSignalRule:
        allowed = self.runtime.settings.TEST_ALLOW_DEFAULT_SIGNAL
        return DefaultSignalRule(allowed=allowed, live=self.runtime.mode.mode == "live")

    def _make_default_signal(self) -> None:
        last_activity = self._emitter.last_activity
        if self._default_rule.blocked or time.time() - last_activity < default_rule.QUIET_SECONDS:
            return
        held, fresh_from = self._held_symbols(), self._feeder.fresh_from_ms
        latest = ((symbol, self._readers[symbol].latest) for symbol in self._plan[0] if symbol not in held)
        fresh = [(symbol, bar) for symbol, bar in latest if bar is not None and bar.close_time >= fresh_from]
        signal = default_rule.default_signal(self._default_rule, time.time(), last_activity, fresh)
        if signal is not None:
            self._emitter.last_activity = time.time()
            self._emitter.emit(signal.payload())

    def _held_symbols(self) -> set[str]:
        try:
            return set(read_document(self._data.account, AccountState).positions)
        except DocumentError:
            return set()

    # Health

    def health(self, now: float) -> AresHealth:
        """Report the state of klines, feeder and strategies."""
        warming, unprimed = self._warming(), self._unprimed()
        status, reason = self._assess_status(warming, unprimed)
        newest = max((reader.latest.close_time for reader in self._readers.values() if reader.latest), default=0) / 1000
        return AresHealth(
            service="ares",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=round(max(0.0, now - newest), 3) if newest else 0.0,
            ready=self._is_ready(unprimed),
            waiting_for=f"klines of {len(unprimed)} symbols" if unprimed else self._feeder.waiting_for,
            signal_count=self._emitter.count,
            last_signal_time=self._emitter.last_signal,
            feeder_health_ok=not self._feeder.problem,
            default_signals_blocked=self._default_rule.blocked,
            active_strategies=[*self._strategies.enabled, *self._plug_ins.active],
            latency_ms_p50=self._emitter.latency_ms_p50,
            warming=warming or None,
            strategies=self._judge_strategies(),
            outside_signals=self._door.health(),
        )

    def _warming(self) -> dict[str, str]:
        """How far the slowest warm-up is, by symbol that is not warm yet."""
        return {symbol: text for symbol, engine in self._fed_engines.items() if (text := engine.warmup_progress)}

    @property
    def _fed_engines(self) -> dict[str, SymbolEngine]:
        """Without those of symbols that the feeder leaves out: no bars of them will come."""
        return {s: engine for s, engine in self._engines.items() if s not in self._feeder.rejected_symbols}

    def _unprimed(self) -> list[str]:
        """Symbols without any kline yet, which the feeder does not reject."""
        rejected = self._feeder.rejected_symbols
        return [s for s, reader in self._readers.items() if reader.latest is None and s not in rejected]

    def _is_ready(self, unprimed: list[str]) -> bool:
        return bool(self._plan[0]) and not unprimed and not self._feeder.problem

    def _judge_strategies(self) -> dict[str, StrategyHealth]:
        plan = self._strategies
        measured = measure(self._catalog.classes, self._fed_engines, self._times)
        built_in = {
            name: judge(each, *self._emitter.signals_of(name), plan.faults_of(name), is_off=name not in plan.enabled)
            for name, each in measured.items()
        }
        return built_in | self._plug_ins.judge(self._emitter.signals_of)

    def _assess_status(self, warming: dict[str, str], unprimed: list[str]) -> tuple[Status, str | None]:
        problems = [
            self._feeder.problem,
            *(reader.problem for reader in self._readers.values() if reader.problem),
            f"waiting for klines of {', '.join(unprimed[:5])}" if unprimed else "",
            self._format_rejected_lines(),
            *self._format_stopped_strategies(),
            *self._plug_ins.problems,
            *self._strategies.faults,
            self._door.problem or "",
            *self._plug_ins.faults,
            _format_warmup(warming),
        ]
        reason = "; ".join(problem for problem in problems if problem)
        return ("degraded", reason) if reason else ("ok", None)

    def _format_rejected_lines(self) -> str:
        """Format the number of rejected kline lines and the last reason."""
        rejecting = [(symbol, reader) for symbol, reader in self._readers.items() if reader.rejected_count]
        if not rejecting:
            return ""
        symbol, last = rejecting[-1]
        count = sum(reader.rejected_count for _, reader in rejecting)
        return f"{count} kline lines rejected, {symbol}: {last.last_rejection}"

    def _format_stopped_strategies(self) -> list[str]:
        """Format which strategies stopped because of an error, once each."""
        texts: dict[str, str] = {}
        for symbol, engine in self._engines.items():
            for name, failure in engine.failures.items():
                texts.setdefault(name, f"{symbol}: {failure}")
        return list(texts.values())


def _format_warmup(warming: dict[str, str]) -> str:
    if not warming:
        return ""
    symbol, text = next(iter(warming.items()))
    return f"warming up: {len(warming)} symbols, {symbol} {text}"
