"""The price history: one price per second, none invented, bounded."""

import tracemalloc

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


@given(
    st.lists(st.tuples(st.integers(0, 200), st.floats(1e-9, 1e9)), min_size=1, max_size=60),
    st.integers(0, 80),
    st.integers(0, 100),
)
def test_each_bar_is_the_last_price_until_then(points: list[tuple[int, float]], width: int, later: int) -> None:
    prices, known = PriceHistory(), dict[int, float]()
    for second, price in points:
        prices.add("A", float(second), price)
        if second >= max(known, default=0):
            known[second] = price
    start = max(known) + later - SPAN_SECONDS
    ends = [start + SPAN_SECONDS * (slot + 1) / width for slot in range(width)]
    last = [[price for second, price in sorted(known.items()) if second <= end] for end in ends]
    assert prices.sample("A", start + SPAN_SECONDS, width) == [known[-1] if known else None for known in last]
    prices.retain([])
    assert prices.sample("A", start + SPAN_SECONDS, width) == [None] * width


def test_memory_does_not_grow_with_time() -> None:
    prices = PriceHistory()
    tracemalloc.start()
    try:
        sizes = []
        for second in range(200):
            for symbol in range(50):
                prices.add(str(symbol), 1e9 + second, float(second + symbol))
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[-1] - sizes[1] < 20_000
