"""The ARES service: reads closed klines, runs the strategies, and spools their signals."""

import asyncio
import time
from collections import deque
from pathlib import Path
from statistics import median

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.base import Status
from cq_tui.contracts.events import signal_key
from cq_tui.contracts.freshness import Ahead, Missing, Stale, judge_age
from cq_tui.contracts.health import AresHealth, FeederHealth
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.contracts.mode import base_interval
from cq_tui.services.runtime import Service, ServiceRuntime, elapsed_ms
from cq_tui.store.document import DocumentError, read_document, read_json, write_document
from cq_tui.store.klines import KlineJournalReader
from cq_tui.store.spools.spool_files import last_spooled_events
from cq_tui.store.watch import watch_folders
from cq_tui.strategies import default_signal as default_rule
from cq_tui.strategies.default_signal import DefaultSignalRule
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import Signal
from cq_tui.strategies.registry import load_strategies

#: Spooled lines searched at the start for signals already emitted.
_MAX_EMITTED_KEYS = 2_000
_LATENCY_SAMPLES = 200
_SWEEP_INTERVAL = 1.0


class AresService(Service):
    """The service process."""

    name = "ares"

    def __init__(self, runtime: ServiceRuntime) -> None:
        super().__init__(runtime)
        self._data = runtime.data
        self._catalog = load_strategies()
        for failure in self._catalog.failures:
            runtime.log.error("strategy not loaded", problem=str(failure))
        self._emitted_keys = self._read_emitted_keys()
        self._count, self._last_signal = self._read_state()
        self._last_activity = time.time()
        self._latencies: deque[float] = deque(maxlen=_LATENCY_SAMPLES)
        self._plan: tuple[tuple[str, ...], str] = ((), "")
        self._engines: dict[str, SymbolEngine] = {}
        self._readers: dict[str, KlineJournalReader] = {}
        self._feeder_state: tuple[bool, str] = (False, "feeder has not reported yet")
        #: Symbols that the feeder rejects, and the lead of the exchange's clock (ms), from the feeder's health.
        self._rejected_symbols: set[str] = set()
        self._published: tuple[bool | None, Status] | None = None
        self._clock_offset_ms = 0.0

    def _now_ms(self) -> float:
        """Return the exchange's time, Unix ms."""
        return time.time() * 1000 + self._clock_offset_ms

    async def run(self) -> None:
        """Build the engines, then follow the kline journals."""
        with watch_folders([self._data.klines, self._data.health]) as watch:
            changed: set[Path] = set()
            swept = 0.0
            while not self.runtime.stopping.is_set():
                self._apply_plan()
                now = time.time()
                if now - swept >= _SWEEP_INTERVAL or self._data.health_of("feeder") in changed:
                    self._feeder_state = self._check_feeder(now)
                if now - swept >= _SWEEP_INTERVAL:
                    swept, changed = now, {reader.path for reader in self._readers.values()}
                await self._read_klines(changed)
                self._make_default_signal()
                self._publish_health_if_changed()
                changed = await watch.changes(timeout=_SWEEP_INTERVAL)

    def _publish_health_if_changed(self) -> None:
        """Publish health at once when the status or readiness changed."""
        health = self.health(time.time())
        if (health.ready, health.status) != self._published:
            self._published = health.ready, health.status
            self.runtime.publish_health(health)

    def _apply_plan(self) -> None:
        """Start over if the symbols or the interval changed."""
        settings = self.runtime.settings
        plan = (tuple(settings.SYMBOLS), base_interval(settings, self.runtime.mode.mode))
        if plan == self._plan:
            return
        symbols, interval = self._plan = plan
        self._engines = {symbol: self._make_engine(symbol) for symbol in symbols}
        self._readers = {symbol: KlineJournalReader(self._data.klines_of(symbol, interval)) for symbol in symbols}

    def _make_engine(self, symbol: str) -> SymbolEngine:
        interval_ms = INTERVAL_MS[self._plan[1]]
        names = self._catalog.classes
        return SymbolEngine(interval_ms, [self._catalog.make(name, symbol, interval_ms) for name in names])

    # Klines

    async def _read_klines(self, changed: set[Path]) -> None:
        for symbol, reader in self._readers.items():
            if reader.path not in changed:
                continue
            klines, market_changed, rejections = reader.read_new(self._now_ms())
            for rejection in rejections:
                self.runtime.log.warning("kline line rejected", symbol=symbol, problem=rejection)
            if market_changed:
                self.runtime.log.warning("market changed", symbol=symbol)
                self._engines[symbol] = self._make_engine(symbol)
            if not klines:
                continue
            self._process_klines(symbol, klines)
            if len(klines) > 100:
                # Thousands of bars took a while: let the heartbeat and other tasks run.
                await asyncio.sleep(0)

    def _process_klines(self, symbol: str, klines: list[Kline]) -> None:
        """Warm up with old klines, decide on fresh ones."""
        fresh_from = self._fresh_cutoff_ms()
        first_fresh = next((i for i, kline in enumerate(klines) if kline.close_time >= fresh_from), len(klines))
        engine = self._engines[symbol]
        if first_fresh and engine.last_open_time is None:
            engine.warm_up(klines[:first_fresh])
        else:
            for kline in klines[:first_fresh]:
                engine.on_kline(kline)
        for kline in klines[first_fresh:]:
            since_close = self._now_ms() - (kline.close_time + 1)
            if engine.last_open_time is None or kline.open_time > engine.last_open_time:
                self._latencies.append(since_close)
            key = f"{symbol}:{self._plan[1]}:{kline.close_time}"
            self.runtime.trace("kline read", key, since_close_ms=since_close)
            began = time.perf_counter()
            signals = engine.on_kline(kline)
            self.runtime.trace("strategies decided", key, took_ms=elapsed_ms(began))
            for signal in signals:
                self._emit_signal(signal)

    def _fresh_cutoff_ms(self) -> float:
        return self._now_ms() - self.runtime.settings.ARES_FRESHNESS_THRESHOLD * 1000

    # Signals

    def _emit_signal(self, signal: Signal) -> None:
        """Spool a signal once; withhold it unless the feeder's data is known to be fresh."""
        key = signal.key
        if key in self._emitted_keys:
            return
        feeder_ok, reason = self._feeder_state
        if not feeder_ok:
            self.runtime.log.warning("signal withheld", symbol=signal.symbol, reason=reason)
            return
        self._emitted_keys[key] = None
        while len(self._emitted_keys) > _MAX_EMITTED_KEYS:
            del self._emitted_keys[next(iter(self._emitted_keys))]
        began = time.perf_counter()
        self.runtime.emit(
            "signal_generated",
            signal.payload(),
            metadata={
                "strategy": signal.strategy,
                "confidence": round(signal.confidence, 4),
                "mode": self.runtime.mode.mode,
            },
        )
        self.runtime.trace("signal spooled", key, took_ms=elapsed_ms(began))
        self._count += 1
        self._last_signal = self._last_activity = time.time()
        self.runtime.log.info("signal", symbol=signal.symbol, side=str(signal.side), strategy=signal.strategy)
        self._save_state()

    @property
    def _default_rule(self) -> DefaultSignalRule:
        allowed = self.runtime.settings.TEST_ALLOW_DEFAULT_SIGNAL
        return DefaultSignalRule(allowed=allowed, live=self.runtime.mode.mode == "live")

    def _make_default_signal(self) -> None:
        if self._default_rule.blocked or time.time() - self._last_activity < default_rule.QUIET_SECONDS:
            return
        held, fresh_from = self._held_symbols(), self._fresh_cutoff_ms()
        latest = ((symbol, self._readers[symbol].latest) for symbol in self._plan[0] if symbol not in held)
        fresh = [(symbol, bar) for symbol, bar in latest if bar is not None and bar.close_time >= fresh_from]
        signal = default_rule.default_signal(self._default_rule, time.time(), self._last_activity, fresh)
        if signal is not None:
            self._last_activity = time.time()
            self._emit_signal(signal)

    def _held_symbols(self) -> set[str]:
        try:
            return set(read_document(self._data.account, AccountState).positions)
        except DocumentError:
            return set()

    # The feeder's health, and state on disk

    def _check_feeder(self, now: float) -> tuple[bool, str]:
        try:
            feeder = read_document(self._data.health_of("feeder"), FeederHealth)
        except DocumentError as error:
            return False, f"feeder health {error.problem}"
        self._rejected_symbols = set(feeder.rejected_symbols or ())
        self._clock_offset_ms = feeder.clock_offset_ms or 0.0
        limit = self.runtime.settings.ARES_FRESHNESS_THRESHOLD
        match judge_age(feeder.last_update_ts, now, limit):
            case Missing():
                return False, "feeder has not reported yet"
            case Ahead(seconds):
                return False, f"feeder health is dated {seconds:.0f} s ahead"
            case Stale(age):
                return False, f"feeder health is {age:.0f} s old, limit {limit:.0f} s"
        if feeder.mode not in (None, self.runtime.mode.mode):
            return False, f"feeder still provides prices of {feeder.mode}"
        if feeder.status == "error":
            return False, f"feeder: {feeder.reason or 'error'}"
        return True, ""

    def _read_emitted_keys(self) -> dict[str, None]:
        """Natural keys of the newest signals in our own spool: a restart must not emit them again."""
        spooled = last_spooled_events(self._data.spool, self.name, _MAX_EMITTED_KEYS)
        return {signal_key(event.data): None for event in spooled if event.event_type == "signal_generated"}

    def _read_state(self) -> tuple[int, float]:
        try:
            state = read_json(self._data.state_of(self.name))
        except DocumentError:
            return len(self._emitted_keys), 0.0
        count, last = state.get("signal_count"), state.get("last_signal_time")
        # A kill between spooling and counting leaves the count too low.
        counted = max(count if isinstance(count, int) else 0, len(self._emitted_keys))
        return counted, (float(last) if isinstance(last, (int, float)) else 0.0)

    def _save_state(self) -> None:
        state = {"signal_count": self._count, "last_signal_time": self._last_signal}
        try:
            write_document(self._data.state_of(self.name), state, durable=False)
        except OSError as error:
            self.runtime.log.error("state not written", problem=str(error))

    def health(self, now: float) -> AresHealth:
        """Report the state of klines, feeder and strategies."""
        warming = {symbol: text for symbol, engine in self._engines.items() if (text := engine.warmup_progress)}
        readers = self._readers.items()
        unprimed = [s for s, reader in readers if reader.latest is None and s not in self._rejected_symbols]
        feeder_ok, feeder_reason = self._feeder_state
        waiting_for = f"the feeder: {feeder_reason.removeprefix('feeder').lstrip(': ')}" if feeder_reason else None
        status, reason = self._assess_status(warming, unprimed)
        newest = max((reader.latest.close_time for reader in self._readers.values() if reader.latest), default=0) / 1000
        return AresHealth(
            service="ares",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=round(max(0.0, now - newest), 3) if newest else 0.0,
            ready=bool(self._plan[0]) and not unprimed and feeder_ok,
            waiting_for=f"klines of {len(unprimed)} symbols" if unprimed else waiting_for,
            signal_count=self._count,
            last_signal_time=self._last_signal,
            feeder_health_ok=feeder_ok,
            default_signals_blocked=self._default_rule.blocked,
            active_strategies=list(self._catalog.classes),
            latency_ms_p50=round(median(self._latencies), 1) if self._latencies else 0.0,
            warming=warming or None,
        )

    def _assess_status(self, warming: dict[str, str], unprimed: list[str]) -> tuple[Status, str | None]:
        problems = [
            self._feeder_state[1],
            *(reader.problem for reader in self._readers.values() if reader.problem),
            f"waiting for klines of {', '.join(unprimed[:5])}" if unprimed else "",
            self._format_rejected_lines(),
            *map(str, self._catalog.failures),
            *self._format_stopped_strategies(),
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
