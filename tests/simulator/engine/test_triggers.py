"""Trailing stops follow Binance's documented examples; triggered orders."""

from decimal import Decimal

import pytest

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import EngineOrder
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import engine_on, live, new, refused


def linear(engine: Engine, market: HandMarket, prices: list[str], now: int = 10) -> None:
    """Move the price through these points in ten equal steps each."""
    last = market.last_price("")
    for point in map(Decimal, prices):
        for part in range(1, 11):
            price = last + (point - last) * part / 10
            market.move(str(price), str(price + Decimal("0.02")), str(price))
            engine.on_tick(now)
        last = point


def placed(engine: Engine, side: str, kind: str, delta: int, price: str, stop: str | None) -> EngineOrder:
    new_order = new(side, kind, "1", price=price, trailing_delta=delta, **({"stop_price": stop} if stop else {}))
    return live(engine, engine.place(new_order, 5))


@pytest.mark.parametrize(
    ("side", "kind", "delta", "price", "stop", "path", "short_of", "trigger"),
    [
        ("BUY", "STOP_LOSS_LIMIT", 500, "45000", "44000", ["37000", "45000", "46000", "42000"], "44099.99", "44100"),
        ("SELL", "STOP_LOSS_LIMIT", 1000, "38000", "39000", ["41500", "37000", "41000"], "36900.01", "36900"),
        ("BUY", "TAKE_PROFIT_LIMIT", 850, "38500", "38000", ["42000", "37000", "39000", "38000"], "40144.99", "40145"),
        (
            "SELL", "TAKE_PROFIT_LIMIT", 750, "41000", "42000",
            ["41500", "39000", "45000", "44000", "46500"], "43012.51", "43012.50",
        ),
        ("SELL", "STOP_LOSS_LIMIT", 700, "39000", None, ["42000", "39500", "45500"], "42315.01", "42315"),
    ],
)  # fmt: skip
def test_trailing_stops_follow_the_documented_examples(
    side: str, kind: str, delta: int, price: str, stop: str | None, path: list[str], short_of: str, trigger: str
) -> None:
    market = HandMarket("40000", "40000.02", "40000")
    engine = engine_on(market, usdt="100000", coin="1")
    order = placed(engine, side, kind, delta, price, stop)
    assert (order.trailing_time, order.is_working) == (-1, False)
    linear(engine, market, [*path, short_of])
    assert not order.is_working
    assert order.trailing_time == 10
    linear(engine, market, [trigger], now=77)
    assert order.working_time == 77


def test_a_trailing_stop_without_stop_price_starts_with_the_next_trade() -> None:
    market = HandMarket("100.00", "100.02", "100.00")
    engine = engine_on(market, coin="1")
    order = placed(engine, "SELL", "STOP_LOSS_LIMIT", 100, "90", None)
    assert order.trailing_extreme == 0
    engine.on_tick(6)
    assert (order.trailing_time, order.trailing_extreme) == (6, Decimal("100.00"))


def test_the_trailing_delta_has_limits(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    text = "Filter failure: TRAILING_DELTA"
    refused(lambda: engine.place(new("SELL", "STOP_LOSS", "1", trailing_delta=1), 5), -1013, text)
    refused(lambda: engine.place(new("SELL", "STOP_LOSS", "1", trailing_delta=9_999), 5), -1013, text)


def test_a_trailing_market_stop_to_buy_locks_at_the_last_price(market: HandMarket) -> None:
    engine = engine_on(market, usdt="200")
    order = live(engine, engine.place(new("BUY", "STOP_LOSS", "1", trailing_delta=100), 5))
    assert order.locked == Decimal("100.01")


def test_a_triggered_order_that_now_violates_a_filter_expires(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    order = live(engine, engine.place(new("SELL", "STOP_LOSS_LIMIT", "1", stop_price="90", price="400"), 5))
    market.move("60.00", "60.02", "60.00")
    engine.on_tick(6)
    assert (order.status, order.expiry_reason) == ("EXPIRED", "REJECTED")
    assert engine.state.balances["COIN"].free == 1


def test_a_triggered_limit_order_keeps_its_time_in_force(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    new_order = new("SELL", "STOP_LOSS_LIMIT", "1", stop_price="99", price="99.50", time_in_force="IOC")
    order = live(engine, engine.place(new_order, 5))
    market.move("98.90", "98.92", "98.90")
    outcome = engine.on_tick(6)
    assert (order.status, order.expiry_reason) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert [report.execution_type for report in outcome.reports] == ["NEW", "EXPIRED"]


def test_an_own_trade_triggers_a_stop_immediately(market: HandMarket) -> None:
    engine = engine_on(market, usdt="100000", coin="10")
    first = live(engine, engine.place(new("BUY", "STOP_LOSS", "1", stop_price="100.02"), 5))
    second = live(engine, engine.place(new("SELL", "TAKE_PROFIT", "1", stop_price="100.02"), 5))
    untouched = live(engine, engine.place(new("BUY", "STOP_LOSS", "1", stop_price="100.03"), 5))
    outcome = engine.place(new("BUY", "MARKET", "1"), 6)
    assert [trade.price for report in outcome.reports if (trade := report.trade)] == [
        Decimal("100.02"), Decimal("100.02"), Decimal("100.00"),
    ]  # fmt: skip
    assert (first.status, second.status, untouched.status) == ("FILLED", "FILLED", "NEW")
    assert outcome.orders[0].order_id == 4


def test_a_fill_of_a_resting_order_triggers_a_stop_as_well(market: HandMarket) -> None:
    engine = engine_on(market, usdt="100000", coin="10")
    engine.place(new("BUY", "LIMIT", "1", price="99"), 5)
    stop = live(engine, engine.place(new("SELL", "STOP_LOSS", "1", stop_price="99"), 5))
    market.move("98.50", "98.60", "99.50")
    engine.on_tick(6)
    assert stop.status == "FILLED"
