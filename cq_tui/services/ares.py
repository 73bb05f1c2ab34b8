"""ARES: follows the closed klines, asks the strategies, and spools their signals."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import orjson

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.base import Status
from cq_tui.contracts.health import AresHealth, FeederHealth
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline, KlineLineError, kline_from_line
from cq_tui.contracts.mode import base_interval
from cq_tui.services.frame import Frame, Service
from cq_tui.store.document import DocumentError, read_document, read_json, write_document
from cq_tui.store.journal import JournalError, JournalReader, last_lines
from cq_tui.store.watch import watch_folders
from cq_tui.strategies.default_signal import DefaultSignalRule, default_signal
from cq_tui.strategies.engine import StrategyEngine
from cq_tui.strategies.protocol import Signal, Strategy
from cq_tui.strategies.registry import load_strategies

#: Spooled lines that are searched at the start for signals that were made already.
_REMEMBERED = 2_000
_LATENCIES = 200
_SWEEP = 1.0


class AresService(Service):
    """The service."""

    name = "ares"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = frame.data
        self._catalogue = load_strategies()
        for failure in self._catalogue.failures:
            frame.log.error("strategy not loaded", problem=str(failure))
        self._signalled = self._signals_made()
        self._count, self._last_signal = self._read_state()
        self._last_activity = time.time()
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._plan: tuple[tuple[str, ...], str] = ((), "")
        self._engine: StrategyEngine | None = None
        self._readers: dict[str, JournalReader] = {}
        self._latest: dict[str, Kline] = {}
        self._primed: set[str] = set()
        self._bad_lines = 0
        self._feeder: tuple[bool, str] = (False, "feeder has not reported yet")
        self._withheld = 0

    async def run(self) -> None:
        """Build the engine, then follow the kline journals."""
        with watch_folders([self._data.klines, self._data.health]) as watch:
            changed: set[Path] = set()
            swept = 0.0
            while not self.frame.stopping.is_set():
                self._follow_plan()
                now = time.time()
                if now - swept >= _SWEEP or self._data.health_of("feeder") in changed:
                    self._feeder = self._judge_feeder(now)
                if now - swept >= _SWEEP:
                    swept, changed = now, {self._data.klines_of(s, self._plan[1]) for s in self._plan[0]}
                await self._take_in(changed)
                self._make_default_signal()
                changed = await watch.changes(timeout=_SWEEP)

    def _follow_plan(self) -> None:
        """Start over when symbols or interval are others than before."""
        settings = self.frame.settings
        plan = (tuple(settings.SYMBOLS), base_interval(settings, self.frame.mode.mode))
        if plan == self._plan:
            return
        symbols, interval = self._plan = plan
        interval_ms = INTERVAL_MS[interval]

        def strategies_for(symbol: str) -> Sequence[Strategy]:
            return [self._catalogue.make(name, symbol, interval_ms) for name in self._catalogue.classes]

        self._engine = StrategyEngine(interval_ms, symbols, strategies_for)
        self._readers = {symbol: JournalReader(self._data.klines_of(symbol, interval)) for symbol in symbols}
        self._latest.clear()
        self._primed.clear()

    # Klines

    async def _take_in(self, changed: set[Path]) -> None:
        for symbol, reader in self._readers.items():
            if reader.path not in changed:
                continue
            try:
                klines = self._parse(symbol, reader.read_new(limit=KLINE_HISTORY * 400))
            except JournalError as error:
                self.frame.log.error("klines not read", symbol=symbol, problem=str(error))
                continue
            if not klines:
                continue
            self._feed(symbol, klines)
            if len(klines) > 100:
                # Thousands of bars of one symbol took a while: let heartbeat and signals have their turn.
                await asyncio.sleep(0)

    def _parse(self, symbol: str, lines: list[bytes]) -> list[Kline]:
        klines = []
        for line in lines:
            try:
                klines.append(kline_from_line(line))
            except KlineLineError as error:
                self._bad_lines += 1
                self.frame.log.warning("kline line refused", symbol=symbol, problem=str(error))
        return klines

    def _feed(self, symbol: str, klines: list[Kline]) -> None:
        """Warm up with what is old, decide on what is fresh."""
        assert self._engine is not None
        fresh_from = (time.time() - self.frame.settings.ARES_FRESHNESS_THRESHOLD) * 1000
        first_fresh = next((i for i, kline in enumerate(klines) if kline.close_time >= fresh_from), len(klines))
        engine = self._engine[symbol]
        if first_fresh and engine.last_open_time is None:
            engine.warm_up(klines[:first_fresh])
        else:
            for kline in klines[:first_fresh]:
                engine.on_kline(kline)
        self._primed.add(symbol)
        for kline in klines[first_fresh:]:
            signals = engine.on_kline(kline)
            self._latencies.append(time.time() * 1000 - (kline.close_time + 1))
            for signal in signals:
                self._publish(signal)
        self._latest[symbol] = klines[-1]

    # Signals

    def _publish(self, signal: Signal) -> None:
        """Spool a signal once. Nothing is said on data that is not known to be fresh."""
        key = str(signal.key)
        if key in self._signalled:
            return
        feeder_ok, reason = self._feeder
        if not feeder_ok:
            self._withheld += 1
            self.frame.log.warning("signal withheld", symbol=signal.symbol, reason=reason)
            return
        self._signalled[key] = None
        while len(self._signalled) > _REMEMBERED:
            del self._signalled[next(iter(self._signalled))]
        self.frame.emit(
            "signal_generated",
            signal.payload(),
            metadata={"strategy": signal.strategy, "confidence": round(signal.confidence, 4)},
        )
        self._count += 1
        self._last_signal = self._last_activity = time.time()
        self.frame.log.info("signal", symbol=signal.symbol, side=str(signal.side), strategy=signal.strategy)
        self._save_state()

    @property
    def _default_rule(self) -> DefaultSignalRule:
        allowed = self.frame.settings.TEST_ALLOW_DEFAULT_SIGNAL
        return DefaultSignalRule(allowed=allowed, live=self.frame.mode.mode == "live")

    def _make_default_signal(self) -> None:
        if self._default_rule.blocked:
            return
        held = self._held_symbols()
        flat = [
            (symbol, self._latest[symbol]) for symbol in self._plan[0] if symbol in self._latest and symbol not in held
        ]
        signal = default_signal(self._default_rule, time.time(), self._last_activity, flat)
        if signal is not None:
            self._last_activity = time.time()
            self._publish(signal)

    def _held_symbols(self) -> set[str]:
        try:
            return set(read_document(self._data.account, AccountState).positions)
        except DocumentError:
            return set()

    # What others say, and what was before

    def _judge_feeder(self, now: float) -> tuple[bool, str]:
        try:
            feeder = read_document(self._data.health_of("feeder"), FeederHealth)
        except DocumentError as error:
            return False, f"feeder health {error.problem}"
        age = now - feeder.last_update_ts
        limit = self.frame.settings.ARES_FRESHNESS_THRESHOLD
        if age > limit:
            return False, f"feeder health is {age:.0f} s old, limit {limit:.0f} s"
        if feeder.status == "error":
            return False, f"feeder: {feeder.reason or 'error'}"
        return True, ""

    def _signals_made(self) -> dict[str, None]:
        """Natural keys of the newest signals in our own spool: a restart must not make them again."""
        made: dict[str, None] = {}
        for line in last_lines(self._data.spool / f"{self.name}.ndjson", _REMEMBERED):
            try:
                event = orjson.loads(line)
                data = event["data"]
                if event["event_type"] == "signal_generated":
                    parts = (data["strategy"], data["symbol"], data["frame"], data["bar_close_time"], data["side"])
                    made[":".join(map(str, parts))] = None
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue
        return made

    def _read_state(self) -> tuple[int, float]:
        try:
            state = read_json(self._data.state_of(self.name))
        except DocumentError:
            return len(self._signalled), 0.0
        count, last = state.get("signal_count"), state.get("last_signal_time")
        return (count if isinstance(count, int) else 0), (float(last) if isinstance(last, (int, float)) else 0.0)

    def _save_state(self) -> None:
        state = {"signal_count": self._count, "last_signal_time": self._last_signal}
        try:
            write_document(self._data.state_of(self.name), state, durable=False)
        except OSError as error:
            self.frame.log.error("state refused", problem=str(error))

    def health(self, now: float) -> AresHealth:
        """Say what signals rest on."""
        waiting = self._engine.waiting_for() if self._engine else {}
        unprimed = [symbol for symbol in self._plan[0] if symbol not in self._primed]
        feeder_ok, feeder_reason = self._feeder
        status, reason = self._judge(waiting, unprimed)
        newest = max((kline.close_time for kline in self._latest.values()), default=0) / 1000
        return AresHealth(
            service="ares",
            status=status,
            reason=reason,
            last_update_ts=now,
            updated_within_sec=round(max(0.0, now - newest), 3) if newest else 0.0,
            ready=bool(self._plan[0]) and not unprimed and feeder_ok,
            waiting_for=f"klines of {len(unprimed)} symbols" if unprimed else feeder_reason or None,
            signal_count=self._count,
            last_signal_time=self._last_signal,
            feeder_health_ok=feeder_ok,
            default_signals_blocked=self._default_rule.blocked,
            active_strategies=list(self._catalogue.classes),
            latency_ms_p50=round(median(self._latencies), 1) if self._latencies else 0.0,
            warming=waiting or None,
        )

    def _judge(self, waiting: dict[str, str], unprimed: list[str]) -> tuple[Status, str | None]:
        feeder_ok, reason = self._feeder
        if not feeder_ok:
            return "degraded", reason
        if unprimed:
            return "degraded", f"waits for klines of {', '.join(unprimed[:5])}"
        if waiting:
            symbol, text = next(iter(waiting.items()))
            return "degraded", f"warming up: {len(waiting)} symbols, {symbol} {text}"
        if self._catalogue.failures:
            return "degraded", str(self._catalogue.failures[0])
        return "ok", None
