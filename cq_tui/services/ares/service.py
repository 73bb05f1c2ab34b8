"""The ARES service: reads closed klines, runs the strategies, and spools their signals."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import AresHealth, StrategyHealth
from cq_tui.contracts.mode import base_interval, fed_intervals
from cq_tui.services.ares.emission import SignalEmitter
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares.held_positions import HeldPositions
from cq_tui.services.ares.interval_engines import IntervalEngines
from cq_tui.services.ares.other_journals import OtherJournals
from cq_tui.services.ares.outside.door import OutsideDoor
from cq_tui.services.ares.plug_ins.keeper import PlugInKeeper
from cq_tui.services.ares.strategy_health import judge, measure
from cq_tui.services.ares.strategy_plan import StrategyPlan
from cq_tui.services.runtime import Service, ServiceRuntime
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.klines import KlineJournalReader
from cq_tui.store.watch import FolderWatch, watch_folders
from cq_tui.strategies import default_signal as default_rule
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.default_signal import DefaultSignalRule
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.registry import load_strategies, offered_plug_ins

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
        self._held = HeldPositions(self._data, lambda: runtime.mode.mode)
        self._plug_ins = PlugInKeeper(
            runtime, self._feeder, self._held, offered_plug_ins(), self._emitter.other_symbols, lambda: self._wake()
        )
        self._other_journals = OtherJournals(self._data)
        self._strategies = StrategyPlan(self._catalog, self._emitter.good_settings, self._plug_ins.names)
        self._named_faults: tuple[str, ...] = ()
        self._plan: tuple[tuple[str, ...], str] = ((), "")
        #: By interval, the base one first.
        self._lanes: dict[str, IntervalEngines] = {}
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
            for lane in self._lanes.values():
                lane.go_on_starting_over()
            if now - swept >= _SWEEP_INTERVAL:
                followed = (lane.paths for lane in self._lanes.values())
                swept, changed = now, {self._data.signals}.union(self._other_journals.paths, *followed)
                for lane in self._lanes.values():
                    lane.keep_bars()
            await self._read_klines(changed, arrived)
            for signal, kline_at in self._plug_ins.take_signals():
                self._emitter.emit(signal, kline_at)
            has_more = self._take_signals_from_outside(changed, has_more=has_more)
            self._make_default_signal()
            self._publish_health_if_changed()
            is_busy = has_more or any(lane.is_busy for lane in self._lanes.values())
            changed = await watch.changes(timeout=0.0 if is_busy else _SWEEP_INTERVAL)

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
        intervals = fed_intervals(settings, self.runtime.mode.mode, self._emitter.good_settings)
        if plan == self._plan:
            self._start_over(changed, intervals)
            self._plug_ins.follow(settings.STRATEGIES)
            self._other_journals.follow(self._plug_ins.other_series)
            return
        symbols, interval = self._plan = plan
        self._lanes = {each: self._new_lane(each) for each in intervals}
        await self._plug_ins.apply(symbols, interval, settings.STRATEGIES, self._emitter.good_settings)

    def _start_over(self, names: Collection[str], intervals: tuple[str, ...]) -> None:
        """Start these strategies over, each on the interval that it has now; ``intervals`` are all that are fed."""
        for lane in self._lanes.values() if names else ():
            lane.start_over(names)
        if tuple(self._lanes) != intervals:
            self._lanes = {each: self._lanes.get(each) or self._new_lane(each) for each in intervals}

    def _new_lane(self, interval: str) -> IntervalEngines:
        symbols = self._plan[0]
        return IntervalEngines(interval, symbols, self.runtime, self._feeder, self._strategies, self._times, self._held)

    def _follow_settings(self, symbols: tuple[str, ...], interval: str) -> set[str]:
        """Return the strategies whose settings changed; log what is wrong with them, once."""
        changed = self._strategies.follow(self.runtime.settings.STRATEGIES, symbols, interval)
        good = self._strategies.last_good | self._plug_ins.last_good
        others = {name: list(symbols) for name, symbols in self._plug_ins.other_symbols.items()}
        if (good, others) != (self._emitter.good_settings, self._emitter.other_symbols):
            self._emitter.good_settings, self._emitter.other_symbols = good, others
            self._emitter.save_state()
        faults = (*self._strategies.faults, *self._plug_ins.faults)
        for fault in faults:
            if fault not in self._named_faults:
                self.runtime.log.warning("setting of a strategy not applied", problem=fault)
        self._named_faults = faults
        return changed

    # Klines

    async def _read_klines(self, changed: set[Path], arrived: float) -> None:
        for lane in list(self._lanes.values()):
            for symbol in lane.changed_symbols(changed):
                klines, market_changed, _ = lane.read(symbol)
                if market_changed:
                    self._plug_ins.forget_market(symbol, lane.interval)
                if klines:
                    self._plug_ins.feed(symbol, lane.interval, klines, arrived)
                for signal in lane.decide(symbol, klines):
                    self._emitter.emit(signal.payload(), arrived)
                if len(klines) > 100:
                    # Thousands of bars took a while: let the heartbeat and other tasks run.
                    await asyncio.sleep(0)

        for (symbol, interval), new in self._other_journals.read(changed, self._feeder.now_ms):
            if new.market_changed:
                self._plug_ins.forget_market(symbol, interval)
            if new.klines:
                self._plug_ins.feed(symbol, interval, new.klines, arrived)

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

    @property
    def _engines(self) -> list[tuple[str, SymbolEngine]]:
        """All engines, each with its symbol."""
        return [pair for lane in self._lanes.values() for pair in lane.engines.items()]

    @property
    def _all_readers(self) -> list[tuple[str, KlineJournalReader]]:
        return [pair for lane in self._lanes.values() for pair in lane.readers.items()]

    @property
    def _readers(self) -> dict[str, KlineJournalReader]:
        """The journals of the base interval."""
        return self._lanes[self._plan[1]].readers if self._lanes else {}

    def _warming(self) -> dict[str, str]:
        """How far the slowest warm-up is, by symbol that is not warm yet."""
        return {symbol: text for symbol, engine in self._fed_engines if (text := engine.warmup_progress)}

    @property
    def _fed_engines(self) -> list[tuple[str, SymbolEngine]]:
        """Without those of symbols that the feeder leaves out: no bars of them will come."""
        return [(s, engine) for s, engine in self._engines if s not in self._feeder.rejected_symbols]

    def _unprimed(self) -> list[str]:
        """Symbols without any kline of the base interval yet, which the feeder does not reject."""
        return self._without_klines(self._readers)

    def _without_klines(self, readers: Mapping[str, KlineJournalReader]) -> list[str]:
        rejected = self._feeder.rejected_symbols
        return [symbol for symbol, reader in readers.items() if reader.latest is None and symbol not in rejected]

    def _format_awaited_intervals(self) -> list[str]:
        """Format which other intervals have symbols without any kline yet."""
        lanes = list(self._lanes.values())[1:]
        awaited = {lane.interval: self._without_klines(lane.readers) for lane in lanes}
        return [f"waiting for klines of {each}: {', '.join(found[:5])}" for each, found in awaited.items() if found]

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
            *(reader.problem for _, reader in self._all_readers if reader.problem),
            *self._other_journals.problems,
            f"waiting for klines of {', '.join(unprimed[:5])}" if unprimed else "",
            *self._format_awaited_intervals(),
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
        rejecting = [(symbol, reader) for symbol, reader in self._all_readers if reader.rejected_count]
        if not rejecting:
            return ""
        symbol, last = rejecting[-1]
        count = sum(reader.rejected_count for _, reader in rejecting)
        return f"{count} kline lines rejected, {symbol}: {last.last_rejection}"

    def _format_stopped_strategies(self) -> list[str]:
        """Format which strategies stopped because of an error, once each."""
        texts: dict[str, str] = {}
        for symbol, engine in self._engines:
            for name, failure in engine.failures.items():
                texts.setdefault(name, f"{symbol}: {failure}")
        return list(texts.values())


def _format_warmup(warming: dict[str, str]) -> str:
    if not warming:
        return ""
    symbol, text = next(iter(warming.items()))
    return f"warming up: {len(warming)} symbols, {symbol} {text}"
