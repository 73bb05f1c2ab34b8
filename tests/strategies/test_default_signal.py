"""The default test signal: only when allowed, never live, after a minute of silence, for a flat symbol."""

import pytest

from cq_tui.strategies.default_signal import DefaultSignalRule, default_signal
from cq_tui.strategies.protocol import Side
from tests.strategies.walks import kline

ALLOWED = DefaultSignalRule(allowed=True, live=False)
FLAT = [("ETHUSDT", kline(3, 200.0)), ("BTCUSDT", kline(4, 100.0))]


def test_it_buys_the_first_flat_symbol_after_a_minute() -> None:
    signal = default_signal(ALLOWED, 160.0, 100.0, FLAT)
    assert signal is not None
    assert (signal.symbol, signal.side, signal.strategy, signal.confidence) == ("ETHUSDT", Side.BUY, "default", 0.5)
    assert (signal.entry_price, signal.stop_loss, signal.take_profit) == (200.0, 198.0, 202.0)
    assert signal.bar_close_time == FLAT[0][1].close_time
    assert signal.frame == "1s"


def test_it_waits_for_a_minute_of_silence() -> None:
    assert default_signal(ALLOWED, 159.9, 100.0, FLAT) is None


def test_it_needs_a_flat_symbol() -> None:
    assert default_signal(ALLOWED, 160.0, 100.0, []) is None


@pytest.mark.parametrize(("allowed", "live"), [(False, False), (False, True), (True, True)])
def test_it_is_blocked_unless_allowed_and_not_live(allowed: bool, live: bool) -> None:
    rule = DefaultSignalRule(allowed, live)
    assert rule.blocked
    assert default_signal(rule, 1e9, 0.0, FLAT) is None


def test_it_is_not_blocked_when_allowed() -> None:
    assert not ALLOWED.blocked
