"""Signals into the spool: each once, none on data that is not fresh; how many there were, and how soon."""

import time
from collections import deque
from statistics import median
from typing import Any

from cq_tui.contracts.events import SignalGenerated, signal_key
from cq_tui.services.ares.feeder_view import FeederView
from cq_tui.services.ares_state import read_other_symbols
from cq_tui.services.runtime import ServiceRuntime, elapsed_ms
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.spools.spool_files import last_spooled_events

#: Spooled lines searched at the start for signals already emitted.
_MAX_EMITTED_KEYS = 2_000
_LATENCY_SAMPLES = 200
#: Strategies whose signals are counted: those with the newest ones.
_MAX_STRATEGIES = 200


class SignalEmitter:
    """Emits signals, and keeps what ``state/ares.json`` counts."""

    def __init__(self, runtime: ServiceRuntime, feeder: FeederView) -> None:
        self._runtime, self._feeder = runtime, feeder
        self._emitted_keys = self._read_emitted_keys()
        #: Settings of strategies that held last, for the next start.
        self.good_settings: dict[str, dict[str, Any]] = {}
        #: Symbols that strategies read beside their own, by strategy: the feeder goes by them.
        self.other_symbols: dict[str, list[str]] = {}
        self.count, self.last_signal, self._by_strategy = self._read_state()
        #: When a signal was made last, the default one included; at the start, now. Unix seconds.
        self.last_activity = time.time()
        self._latencies: deque[float] = deque(maxlen=_LATENCY_SAMPLES)

    @property
    def latency_ms_p50(self) -> float:
        """From a kline's arrival to the append of a signal: half of the latest times were shorter; 0 without any."""
        return round(median(self._latencies), 3) if self._latencies else 0.0

    def signals_of(self, strategy: str) -> tuple[int, float | None]:
        """Return how many signals of a strategy were counted, and when the last was made, Unix seconds."""
        return self._by_strategy.get(strategy, (0, None))

    def emit(self, signal: SignalGenerated, arrived: float | None = None) -> None:
        """Spool a signal once; withhold it unless the feeder's data is known to be fresh.

        ``arrived``: when the kline behind it came, by time.perf_counter(); None if it is late for another reason.
        """
        key = signal_key(signal)
        if key in self._emitted_keys:
            return
        if self._feeder.problem:
            self._runtime.log.warning("signal withheld", symbol=signal.symbol, reason=self._feeder.problem)
            return
        self._emitted_keys[key] = None
        while len(self._emitted_keys) > _MAX_EMITTED_KEYS:
            del self._emitted_keys[next(iter(self._emitted_keys))]
        began = time.perf_counter()
        self._runtime.emit("signal_generated", signal, metadata=self.metadata_of(signal))
        if arrived is not None:
            self._latencies.append(elapsed_ms(arrived))
        self._runtime.trace("signal spooled", key, took_ms=elapsed_ms(began))
        self.note(signal)

    def note(self, signal: SignalGenerated) -> None:
        """Count a signal that was spooled, and log it."""
        now = time.time()
        self.count += 1
        self.last_signal = self.last_activity = now
        self._by_strategy[signal.strategy] = (self._by_strategy.pop(signal.strategy, (0, None))[0] + 1, now)
        while len(self._by_strategy) > _MAX_STRATEGIES:
            # Signals from outside come under any name.
            del self._by_strategy[next(iter(self._by_strategy))]
        self._runtime.log.info("signal", symbol=signal.symbol, side=signal.side, strategy=signal.strategy)
        self.save_state()

    def metadata_of(self, signal: SignalGenerated) -> dict[str, Any]:
        """Return the metadata of a signal's event."""
        return {
            "strategy": signal.strategy,
            "confidence": round(signal.confidence, 4),
            "mode": self._runtime.mode.mode,
        }

    def _read_emitted_keys(self) -> dict[str, None]:
        """Natural keys of the newest signals in our own spool: a restart must not emit them again."""
        spooled = last_spooled_events(self._runtime.data.spool, self._runtime.name, _MAX_EMITTED_KEYS)
        return {signal_key(event.data): None for event in spooled if event.event_type == "signal_generated"}

    def _read_state(self) -> tuple[int, float, dict[str, tuple[int, float | None]]]:
        try:
            state = read_json(self._runtime.data.state_of(self._runtime.name))
        except DocumentError:
            return len(self._emitted_keys), 0.0, {}
        count, last = state.get("signal_count"), state.get("last_signal_time")
        # A kill between spooling and counting leaves the count too low.
        counted = max(count if isinstance(count, int) else 0, len(self._emitted_keys))
        good = state.get("good_settings")
        self.other_symbols = read_other_symbols(state)
        if isinstance(good, dict):
            self.good_settings = {name: each for name, each in good.items() if isinstance(each, dict)}
        return counted, _time(last) or 0.0, _by_strategy(state.get("strategies"))

    def save_state(self) -> None:
        """Write ``state/ares.json``; what the disk refuses is written with the next signal."""
        counts = {name: {"signals": count, "last_signal_ts": last} for name, (count, last) in self._by_strategy.items()}
        state = {
            "signal_count": self.count,
            "last_signal_time": self.last_signal,
            "strategies": counts,
            "good_settings": self.good_settings,
            "other_symbols": self.other_symbols,
        }
        try:
            write_document(self._runtime.data.state_of(self._runtime.name), state, durable=False)
        except OSError as error:
            self._runtime.log.error("state not written", problem=str(error))


def _by_strategy(stored: Any) -> dict[str, tuple[int, float | None]]:
    """Return the counts of each strategy, those that are sound; an earlier version stored none."""
    if not isinstance(stored, dict):
        return {}
    sound = {name: each for name, each in stored.items() if isinstance(each, dict) and type(each.get("signals")) is int}
    return {name: (each["signals"], _time(each.get("last_signal_ts"))) for name, each in sound.items()}


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None
