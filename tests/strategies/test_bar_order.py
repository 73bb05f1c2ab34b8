"""Bars of several symbols have one order, however they arrive."""

import random
from typing import NamedTuple

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.strategies.bar_order import BarOrder
from tests.strategies.walks import SECOND, kline


class Bar(NamedTuple):
    symbol: str
    kline: Kline


def bars(symbol: str, *numbers: int) -> list[Bar]:
    return [Bar(symbol, kline(number, 1.0)) for number in numbers]


def order(*others: str, most_waiting: int = 1_000) -> BarOrder[Bar]:
    return BarOrder("OWN", others, SECOND, most_waiting)


def taken(made: BarOrder[Bar], *offered: Bar) -> list[str]:
    found = []
    for bar in offered:
        made.offer(bar)
        found += [f"{each.symbol}{(each.kline.open_time - kline(0, 1.0).open_time) // SECOND}" for each in made.ready()]
    return found


def test_an_own_bar_comes_after_all_that_closed_before_it_and_before_those_that_close_with_it() -> None:
    offered = [*bars("B", 0, 1, 2), *bars("A", 0, 1, 2), *bars("OWN", 0, 1, 2)]
    assert taken(order("B", "A"), *offered) == ["OWN0", "A0", "B0", "OWN1", "A1", "B1", "OWN2"]


def test_it_waits_only_for_what_is_late_by_a_whole_bar() -> None:
    made = order("A")
    assert taken(made, *bars("A", 0), *bars("OWN", 1)) == ["A0", "OWN1"]
    assert taken(made, *bars("OWN", 2, 3)) == []
    assert made.awaited == made.overdue == ["A"]
    assert taken(made, *bars("A", 1)) == ["A1", "OWN2"]
    assert (made.awaited, made.overdue) == (["A"], []), "one that waits alone is no news"
    # Bar 2 is a hole: the next one says so.
    assert taken(made, *bars("A", 3)) == ["OWN3"]
    assert made.awaited == []
    assert taken(made, *bars("OWN", 4)) == ["A3", "OWN4"]


def test_bars_that_come_again_are_dropped_and_no_more_wait_than_allowed() -> None:
    made = order("A", most_waiting=3)
    assert taken(made, *bars("OWN", 5, 5, 4, 6, 7, 8), *bars("A", 20)) == ["OWN6", "OWN7", "OWN8"]
    assert taken(made, *bars("OWN", 8, 21)) == ["A20", "OWN21"]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_does_not_depend_on_the_arrival(seed: int) -> None:
    rng = random.Random(seed)
    symbols = ("OWN", "A", "B", "C")
    # With holes, each symbol its own.
    series = {symbol: bars(symbol, *sorted(rng.sample(range(200), 180))) for symbol in symbols}
    for symbol in symbols[1:]:
        series[symbol] += bars(symbol, 200)
    together = taken(order("A", "B", "C"), *(bar for symbol in symbols for bar in series[symbol]))
    for _ in range(20):
        waiting = {symbol: list(offered) for symbol, offered in series.items()}
        arrived = []
        while any(waiting.values()):
            arrived.append(waiting[rng.choice([symbol for symbol in symbols if waiting[symbol]])].pop(0))
        assert taken(order("A", "B", "C"), *arrived) == together
