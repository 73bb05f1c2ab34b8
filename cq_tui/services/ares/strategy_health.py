"""The state of each strategy, as ``health/ares.json`` tells it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cq_tui.contracts.health import StrategyHealth
from cq_tui.strategies.call_times import CallTimes
from cq_tui.strategies.engine import SymbolEngine


class Measured(NamedTuple):
    """What the engines of all symbols say of one strategy."""

    #: On how many symbols it runs, or stopped.
    symbols: int
    #: Why it stopped, by symbol.
    failures: Mapping[str, str] = {}
    #: How far its warm-up is, by symbol that is not warm yet.
    warming: Mapping[str, str] = {}
    #: Half of its calls were shorter, seconds.
    p50: float | None = None
    slowest: float = 0.0


def measure(
    names: Iterable[str], engines: Sequence[tuple[str, SymbolEngine]], times: Mapping[str, CallTimes]
) -> dict[str, Measured]:
    """Return what the engines, each given with its symbol, say of each of their strategies."""
    failures = [(symbol, found) for symbol, engine in engines if (found := engine.failures)]
    warming = [(symbol, found) for symbol, engine in engines if (found := engine.warmup_by_strategy)]
    return {
        name: Measured(
            sum(name in engine.names for _, engine in engines),
            {symbol: texts[name] for symbol, texts in failures if name in texts},
            {symbol: texts[name] for symbol, texts in warming if name in texts},
            times[name].p50 if name in times else None,
            times[name].slowest if name in times else 0.0,
        )
        for name in names
    }


def judge(
    measured: Measured, signals: int, last_signal_ts: float | None, faults: Sequence[str] = (), *, is_off: bool = False
) -> StrategyHealth:
    """Return a strategy's state: stopped where it stopped on all of its symbols. ``faults`` are of its settings."""
    stopped = (f"{symbol}: {failure}" if symbol else failure for symbol, failure in measured.failures.items())
    reasons = [*stopped, *faults]
    if is_off:
        state = StrategyHealth(state="off", reason=faults[0] if faults else None)
    elif measured.failures and len(measured.failures) == measured.symbols:
        state = StrategyHealth(state="stopped", reason=reasons[0])
    elif measured.warming:
        symbol, text = next(iter(measured.warming.items()))
        state = StrategyHealth(state="warming", reason=reasons[0] if reasons else f"{symbol} {text}".lstrip())
    else:
        state = StrategyHealth(state="running", reason=reasons[0] if reasons else None)
    figures = {
        "last_signal_ts": last_signal_ts,
        "signals": signals,
        "p50_us": None if measured.p50 is None else round(measured.p50 * 1e6, 1),
        "slowest_ms": round(measured.slowest * 1e3, 3) if measured.slowest else None,
    }
    return state.model_copy(update=figures)
