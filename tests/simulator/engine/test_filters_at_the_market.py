"""Filters that depend on the market: their reference price, and what a quote amount buys."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cq_tui.simulator.errors import RequestRejected
from tests.simulator.conftest import COIN, HandMarket
from tests.simulator.engine.test_engine import engine_on, new


class _AverageApart(HandMarket):
    def average_price(self, symbol: str) -> Decimal:
        return Decimal(1_000)


@pytest.mark.parametrize(("minutes", "fails"), [(5, "PERCENT_PRICE_BY_SIDE"), (0, None)])
def test_filters_over_zero_minutes_compare_with_the_last_price(minutes: int, fails: str | None) -> None:
    engine = engine_on(_AverageApart())
    engine.set_rules(replace(engine.rules(COIN.symbol), average_price_minutes=minutes))
    order = new("BUY", "LIMIT", "1", price="99")
    if fails is None:
        engine.check_filters(order)
        return
    with pytest.raises(RequestRejected) as caught:
        engine.check_filters(order)
    assert (caught.value.code, caught.value.message) == (-1013, f"Filter failure: {fails}")


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"quote_quantity": "100.02"}, True),
        ({"quote_quantity": "101"}, False),
        ({"quantity": "1"}, True),
        ({"quantity": "1.001"}, False),
    ],
)
def test_max_position_applies_to_every_way_of_buying(market: HandMarket, fields: dict[str, Any], allowed: bool) -> None:
    engine = engine_on(market, coin="1")
    engine.set_rules(replace(engine.rules(COIN.symbol), max_position=Decimal(3)))
    engine.place(new("BUY", "LIMIT", "1", price="99"), 1)
    order = new("BUY", "MARKET", **fields)
    if allowed:
        assert engine.place(order, 2).orders[0].status == "FILLED"
        return
    with pytest.raises(RequestRejected) as caught:
        engine.place(order, 2)
    assert (caught.value.code, caught.value.message) == (-1013, "Filter failure: MAX_POSITION")
