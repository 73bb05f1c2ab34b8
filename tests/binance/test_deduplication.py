"""Duplicates of two connections are removed, and nothing that only one of them delivers is lost."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.binance.deduplication import EventDeduplicator
from cq_tui.binance.market_events import MarketEvent
from tests.binance import samples
from tests.binance.test_market_events import parsed

#: The events that are identified by one of their fields, and that field.
TICKERS: list[tuple[Callable[..., Any], str]] = [(samples.book_ticker_event, "u"), (samples.mini_ticker_event, "E")]
NUMBERED: list[tuple[Callable[..., Any], str]] = [(samples.trade_event, "t"), (samples.depth_event, "u")]


def event(message: object) -> MarketEvent:
    read = parsed(message)
    assert isinstance(read, MarketEvent)
    return read


def test_only_a_newer_ticker_is_new() -> None:
    deduplicator = EventDeduplicator()
    for sample, field in TICKERS:
        assert [deduplicator.is_new(event(sample(**{field: mark}))) for mark in (5, 5, 4, 6)] == [
            True,
            False,
            False,
            True,
        ]
    assert deduplicator.is_new(event(samples.book_ticker_event("ETHUSDT", u=1)))


def test_the_closing_update_of_a_bar_is_new() -> None:
    deduplicator = EventDeduplicator()
    assert deduplicator.is_new(event(samples.kline_event()))
    assert deduplicator.is_new(event(samples.kline_event(x=True)))
    assert not deduplicator.is_new(event(samples.kline_event(x=True)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_trades_and_depth_pass_once_each(order: list[int], late: int, early: int) -> None:
    """One connection delivers a prefix, the other a suffix, in any interleaving."""
    for sample, field in NUMBERED:
        deduplicator, delivered = EventDeduplicator(), []
        sides = [list(range(late)), list(range(min(early, late), 31))]
        for choice in [*(number % 2 for number in order), *[0] * 31, *[1] * 31]:
            if sides[choice]:
                number = sides[choice].pop(0)
                if deduplicator.is_new(event(sample(**{field: number}))):
                    delivered.append(number)
        assert sorted(delivered) == list(range(31))


def test_memory_of_seen_events_is_bounded() -> None:
    deduplicator = EventDeduplicator(capacity=2)
    trades = [event(samples.trade_event(t=number)) for number in range(3)]
    assert all(map(deduplicator.is_new, trades))
    assert not deduplicator.is_new(trades[2])
    assert deduplicator.is_new(trades[0])
