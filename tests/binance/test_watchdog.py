"""The watchdog: first data, silence of the connection, silence of one symbol."""

import pytest

from cq_tui.binance.watchdog import Deadlines, StreamWatchdog, SymbolActive, SymbolSilent

DEADLINES = Deadlines(first_data=10, connection=20, symbol=60)


def watch() -> StreamWatchdog:
    return StreamWatchdog(["BTCUSDT", "ETHUSDT"], DEADLINES, now=100.0)


def test_no_first_data() -> None:
    assert watch().failure_reason(109.9) is None
    assert watch().failure_reason(110.0) == "no first data in 10.0 s"


def test_a_silent_connection() -> None:
    watched = watch()
    watched.record_data("BTCUSDT", 105.0)
    assert watched.failure_reason(124.9) is None
    assert watched.failure_reason(125.0) == "silent for 20.0 s"


def test_a_silent_symbol_is_reported_once_and_its_return_too() -> None:
    watched = watch()
    for now in (105.0, 130.0, 159.0):
        watched.record_data("BTCUSDT", now)
    assert watched.newly_silent(159.9) == []
    assert watched.newly_silent(160.0) == [SymbolSilent("ETHUSDT", 60.0)]
    assert watched.newly_silent(170.0) == []
    assert watched.record_data("ETHUSDT", 175.0) == SymbolActive("ETHUSDT", 75.0)
    assert watched.record_data("ETHUSDT", 176.0) is None
    assert watched.newly_silent(236.0) == [SymbolSilent("BTCUSDT", 77.0), SymbolSilent("ETHUSDT", 60.0)]


def test_other_symbols_do_not_count_as_ours() -> None:
    watched = watch()
    assert watched.record_data("DOGEUSDT", 101.0) is None
    assert [event.symbol for event in watched.newly_silent(200.0)] == ["BTCUSDT", "ETHUSDT"]


def test_deadlines_are_above_zero() -> None:
    with pytest.raises(ValueError, match="symbol is 0"):
        Deadlines(symbol=0)


def test_checks_are_frequent_enough() -> None:
    assert DEADLINES.check_interval == 1.0
    assert Deadlines(connection=0.4).check_interval == 0.1
