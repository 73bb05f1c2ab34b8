"""The default test signal: a BUY when no strategy has fired for a while, never in live mode."""

from collections.abc import Iterable
from dataclasses import dataclass

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bars import interval_label
from cq_tui.strategies.protocol import Side, Signal

NAME = "default"
#: Seconds without any signal before a default signal is emitted.
QUIET_SECONDS = 60.0
_DISTANCE = 0.01


@dataclass(frozen=True, slots=True)
class DefaultSignalRule:
    """Whether default signals are allowed."""

    #: TEST_ALLOW_DEFAULT_SIGNAL.
    allowed: bool
    live: bool

    @property
    def blocked(self) -> bool:
        """``default_signals_blocked`` of the ARES health file."""
        return self.live or not self.allowed


def default_signal(
    rule: DefaultSignalRule,
    now: float,
    last_signal_at: float,
    flat_symbols: Iterable[tuple[str, Kline]],
) -> Signal | None:
    """Return the test signal, or None if it is blocked or not due.

    ``now`` and ``last_signal_at`` are Unix seconds; the latter is the time of the last signal of any strategy, this
    one included, else of the start. ``flat_symbols`` are the symbols without a position, in the order of the
    settings, each with its last closed base kline; the first one is bought, with stop and target 1 % away. Call it
    just after klines have closed: the trader counts a signal's age from the close of its bar.
    """
    if rule.blocked or now - last_signal_at < QUIET_SECONDS:
        return None
    for symbol, bar in flat_symbols:
        return Signal(
            symbol=symbol,
            side=Side.BUY,
            entry_price=bar.close,
            stop_loss=bar.close * (1 - _DISTANCE),
            take_profit=bar.close * (1 + _DISTANCE),
            confidence=0.5,
            strategy=NAME,
            frame=interval_label(bar.close_time - bar.open_time + 1),
            bar_close_time=bar.close_time,
            reason=f"no strategy fired for {QUIET_SECONDS:.0f} s",
            bar=bar,
        )
    return None
