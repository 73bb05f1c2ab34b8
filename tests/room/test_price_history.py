"""The price history: one price per second, none invented, bounded."""

from hypothesis import given
from hypothesis import strategies as st

from cq_tui.room.price_history import SPAN_SECONDS, PriceHistory


def test_the_last_price_of_each_second_is_kept() -> None:
    prices = PriceHistory()
    for at, price in ((100.1, 1.0), (100.9, 2.0), (101.0, 3.0), (99.0, 9.0)):
        prices.add("A", at, price)
    assert prices.sample("A", 101.0, SPAN_SECONDS) == [*[None] * 58, 2.0, 3.0]


def test_a_silent_second_repeats_the_previous_price() -> None:
    prices = PriceHistory()
    prices.add("A", 100.0, 1.0)
    prices.add("A", 130.0, 2.0)
    assert prices.sample("A", 160.0, 6) == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_recorded_prices_go_before_live_ones() -> None:
    prices = PriceHistory()
    prices.add("A", 100.0, 5.0)
    prices.seed("A", [(98.0, 1.0), (99.0, 2.0), (100.0, 3.0), (101.0, 4.0)])
    assert prices.sample("A", 100.0, SPAN_SECONDS) == [*[None] * 57, 1.0, 2.0, 5.0]


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(1e-9, 1e9)), max_size=200), st.integers(0, 80))
def test_memory_is_bounded_and_any_width_works(points: list[tuple[float, float]], width: int) -> None:
    prices = PriceHistory()
    for at, price in points:
        prices.add("A", at, price)
    assert len(prices._seconds.get("A", ())) <= SPAN_SECONDS + 1
    assert len(prices.sample("A", 1e9, width)) == width
    prices.retain([])
    assert "A" not in prices._seconds
