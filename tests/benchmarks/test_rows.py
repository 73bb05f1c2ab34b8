"""The benchmarks that trade still get their answers: a new rule must not silently refuse them."""

from pathlib import Path

import pytest

from benchmarks.exchange import orders
from benchmarks.strategies import engine_speed
from benchmarks.trader import wire
from benchmarks.trader.core_speed import Lives


def test_positions_of_the_core_are_opened_and_closed() -> None:
    assert Lives().inputs_a_second(2) > 0


def test_the_strategies_decide_on_every_bar() -> None:
    rows = list(engine_speed.measure(quick=True))
    assert [row.ours.split()[-1] for row in rows] == ["us/bar", "us/bar", "bars/s", "bars/s", "us"]


@pytest.mark.stack
async def test_signals_become_orders(tmp_path: Path) -> None:
    rows = await wire.rows(tmp_path, signals=2, starts=1)
    assert len(rows) == 4


@pytest.mark.stack
def test_the_exchange_takes_orders() -> None:
    rows = list(orders.measure(count=8, rounds=1))
    assert [row.what for row in rows][:2] == [
        "exchange: signed MARKET orders over REST",
        "exchange: signed LIMIT orders and cancels over REST",
    ]
