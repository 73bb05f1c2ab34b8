"""The engine: orders of every type against a market that the test moves."""

from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import EngineOrder, NewOrder, NewOrderList
from cq_tui.simulator.engine.outcome import OrderListReport, Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.conftest import COIN, HandMarket

ASSETS = {"COINUSDT": ("COIN", "USDT")}
ids = count()
DECIMALS = ("price", "stop_price", "quote_quantity", "iceberg_quantity")


def engine_on(market: HandMarket, usdt: str = "10000", coin: str = "0") -> Engine:
    engine = Engine(ExchangeState(ASSETS), market, lambda symbol: 0)
    for asset, quantity in (("USDT", usdt), ("COIN", coin)):
        engine.deposit(asset, Decimal(quantity), 1)
    return engine


def new(side: str, order_type: str, quantity: str | None = None, **fields: Any) -> NewOrder:
    decimals: dict[str, Any] = {name: Decimal(value) if name in DECIMALS else value for name, value in fields.items()}
    decimals.setdefault("client_order_id", f"c{next(ids)}")
    if quantity is not None:
        decimals["quantity"] = Decimal(quantity)
    return NewOrder(symbol=COIN.symbol, side=side, type=order_type, **decimals)


def oco(side: str, above: NewOrder, below: NewOrder) -> NewOrderList:
    return NewOrderList("OCO", COIN.symbol, f"l{next(ids)}", None, (above, below))


def held(engine: Engine, asset: str) -> tuple[Any, Any]:
    balance = engine.state.balances[asset]
    return balance.free, balance.locked


def live(engine: Engine, outcome: Outcome, number: int = 0) -> EngineOrder:
    order = outcome.orders[number]
    return engine.state.orders[order.symbol, order.order_id]


def list_statuses(outcome: Outcome) -> list[str]:
    return [report.status_type for report in outcome.user_events if isinstance(report, OrderListReport)]


def refused(call: Any, code: int, text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        call()
    assert (caught.value.code, caught.value.message) == (code, text)


# MARKET


def test_a_market_buy_pays_the_ask_and_its_fee_in_the_base_asset(market: HandMarket) -> None:
    engine = engine_on(market)
    outcome = engine.place(new("BUY", "MARKET", "2"), 5)
    order = outcome.orders[0]
    assert (order.status, order.executed, order.quote_executed) == ("FILLED", Decimal(2), Decimal("200.04"))
    assert held(engine, "USDT") == (Decimal("9799.96"), 0)
    assert held(engine, "COIN") == (Decimal("1.998"), 0)
    assert [report.execution_type for report in outcome.reports] == ["NEW", "TRADE"]


def test_a_market_sell_gets_the_bid_less_its_fee(market: HandMarket) -> None:
    engine = engine_on(market, coin="2")
    engine.place(new("SELL", "MARKET", "2"), 5)
    assert held(engine, "USDT") == (Decimal("10199.80000000"), 0)
    assert held(engine, "COIN") == (0, 0)


def test_a_large_market_order_slips(market: HandMarket) -> None:
    engine = engine_on(market, usdt="1000000")
    order = engine.place(new("BUY", "MARKET", "800"), 5).orders[0]
    assert order.status == "FILLED"
    assert order.quote_executed / order.executed > Decimal("100.02")


def test_consumed_liquidity_returns_at_the_next_tick(market: HandMarket) -> None:
    engine = engine_on(market, usdt="1000000")
    first = engine.place(new("BUY", "MARKET", "400"), 5).orders[0]
    second = engine.place(new("BUY", "MARKET", "400"), 5).orders[0]
    assert second.quote_executed > first.quote_executed


def test_quote_order_quantity_buys_whole_steps(market: HandMarket) -> None:
    engine = engine_on(market)
    order = engine.place(new("BUY", "MARKET", quote_quantity="100"), 5).orders[0]
    assert (order.status, order.executed, order.quantity) == ("FILLED", Decimal("0.999"), Decimal("0.999"))
    assert order.quote_executed <= 100


def test_insufficient_balance_rejects_the_whole_order(market: HandMarket) -> None:
    engine = engine_on(market, usdt="100")
    text = "Account has insufficient balance for requested action."
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 5), -2010, text)
    refused(lambda: engine.place(new("BUY", "MARKET", quote_quantity="100.01"), 5), -2010, text)
    refused(lambda: engine.place(new("SELL", "MARKET", "1"), 5), -2010, text)
    refused(lambda: engine.place(new("BUY", "LIMIT", "1.1", price="99"), 5), -2010, text)
    assert held(engine, "USDT") == (Decimal(100), 0)
    assert not engine.state.orders


def test_a_filter_failure_is_named(market: HandMarket) -> None:
    engine = engine_on(market)
    refused(lambda: engine.place(new("BUY", "MARKET", "0.01"), 5), -1013, "Filter failure: NOTIONAL")
    refused(lambda: engine.place(new("BUY", "MARKET", "1.0001"), 5), -1013, "Filter failure: LOT_SIZE")
    refused(lambda: engine.place(new("BUY", "LIMIT", "1", price="99.999"), 5), -1013, "Filter failure: PRICE_FILTER")


def test_nothing_trades_once_the_market_has_ended(market: HandMarket) -> None:
    engine = engine_on(market)
    resting = live(engine, engine.place(new("BUY", "LIMIT", "1", price="99"), 5))
    market.ended = True
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 5), -2010, "Market is closed.")
    market.move("98.00", "98.02")
    assert not engine.on_tick(6).ledger_events
    assert engine.cancel(resting, "x", 7).orders[0].status == "CANCELED"


# LIMIT


def test_a_resting_limit_order_locks_and_fills_as_maker_at_its_price(market: HandMarket) -> None:
    engine = engine_on(market)
    outcome = engine.place(new("BUY", "LIMIT", "2", price="99.5"), 5)
    assert held(engine, "USDT") == (Decimal("9801.0"), Decimal("199.0"))
    market.move("99.40", "99.45")
    filled = engine.on_tick(6)
    assert live(engine, outcome).status == "FILLED"
    assert filled.reports[0].trade is not None
    assert filled.reports[0].trade.is_maker
    assert filled.reports[0].trade.price == Decimal("99.5")
    assert held(engine, "USDT") == (Decimal("9801.0"), 0)
    assert held(engine, "COIN") == (Decimal("1.998"), 0)


def test_a_better_fill_price_frees_the_difference(market: HandMarket) -> None:
    engine = engine_on(market)
    order = engine.place(new("BUY", "LIMIT", "2", price="105"), 5).orders[0]
    assert order.status == "FILLED"
    assert held(engine, "USDT") == (Decimal("9799.96"), 0)


def test_ioc_keeps_its_fills_and_expires(market: HandMarket) -> None:
    engine = engine_on(market, usdt="1000000")
    order = engine.place(new("BUY", "LIMIT", "900", price="100.03", time_in_force="IOC"), 5).orders[0]
    assert (order.status, order.expiry_reason) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert 0 < order.executed < 900
    assert held(engine, "USDT")[1] == 0


def test_fok_fills_completely_or_not_at_all(market: HandMarket) -> None:
    engine = engine_on(market, usdt="1000000")
    order = engine.place(new("BUY", "LIMIT", "900", price="100.03", time_in_force="FOK"), 5).orders[0]
    assert (order.status, order.expiry_reason) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    assert order.executed == 0
    assert held(engine, "USDT") == (Decimal(1000000), 0)
    assert engine.place(new("BUY", "LIMIT", "1", price="100.03", time_in_force="FOK"), 5).orders[0].status == "FILLED"


def test_limit_maker_must_not_take(market: HandMarket) -> None:
    engine = engine_on(market)
    refused(
        lambda: engine.place(new("BUY", "LIMIT_MAKER", "1", price="100.02"), 5),
        -2010,
        "Order would immediately match and take.",
    )
    assert engine.place(new("BUY", "LIMIT_MAKER", "1", price="100.01"), 5).orders[0].status == "NEW"


def test_a_client_order_id_is_unique_among_open_orders_only(market: HandMarket) -> None:
    engine = engine_on(market)
    first = engine.place(new("BUY", "LIMIT", "1", price="99", client_order_id="mine"), 5)
    again = new("BUY", "LIMIT", "1", price="98", client_order_id="mine")
    refused(lambda: engine.place(again, 6), -2010, "Duplicate order sent.")
    engine.cancel(live(engine, first), "x", 7)
    assert engine.place(again, 8).orders[0].status == "NEW"


def test_a_cancel_releases_the_lock_and_works_once(market: HandMarket) -> None:
    engine = engine_on(market)
    order = live(engine, engine.place(new("BUY", "LIMIT", "2", price="99"), 5))
    canceled = engine.cancel(order, "x", 6)
    assert (canceled.orders[0].status, canceled.reports[0].cancel_id) == ("CANCELED", "x")
    assert held(engine, "USDT") == (Decimal(10000), 0)
    refused(lambda: engine.cancel(order, "y", 7), -2011, "Unknown order sent.")


# Stops


@pytest.mark.parametrize(
    ("side", "order_type", "bad", "good", "reached"),
    [
        ("SELL", "STOP_LOSS", "100.01", "99.00", "98.99"),
        ("BUY", "STOP_LOSS", "100.01", "101.00", "101.00"),
        ("SELL", "TAKE_PROFIT", "100.01", "101.00", "101.00"),
        ("BUY", "TAKE_PROFIT", "100.01", "99.00", "99.00"),
    ],
)
def test_stops_trigger_when_the_last_price_crosses_from_the_right_side(
    market: HandMarket, side: str, order_type: str, bad: str, good: str, reached: str
) -> None:
    engine = engine_on(market, coin="5")
    refused(
        lambda: engine.place(new(side, order_type, "1", stop_price=bad), 5), -2010, "Order would trigger immediately."
    )
    outcome = engine.place(new(side, order_type, "1", stop_price=good), 5)
    assert (outcome.orders[0].status, outcome.orders[0].is_working) == ("NEW", False)
    assert not engine.on_tick(6).ledger_events
    market.move(reached, str(Decimal(reached) + Decimal("0.02")), reached)
    triggered = engine.on_tick(7)
    assert live(engine, outcome).status == "FILLED"
    assert [report.execution_type for report in triggered.reports] == ["NEW", "TRADE"]
    assert all(held(engine, asset)[1] == 0 for asset in ("USDT", "COIN"))


def test_a_stop_limit_rests_at_its_price_once_triggered(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = engine.place(new("SELL", "STOP_LOSS_LIMIT", "1", price="98.5", stop_price="99"), 5)
    market.move("98.00", "98.02", "98.00")
    engine.on_tick(6)
    order = live(engine, outcome)
    assert (order.status, order.is_working, held(engine, "COIN")) == ("NEW", True, (0, 1))
    market.move("98.60", "98.62")
    engine.on_tick(7)
    assert live(engine, outcome).status == "FILLED"


def test_a_stop_without_funds_expires_when_triggered(market: HandMarket) -> None:
    engine = engine_on(market, usdt="101")
    outcome = engine.place(new("BUY", "STOP_LOSS", "1", stop_price="101"), 5)
    market.move("110.00", "110.02", "110.00")
    engine.on_tick(6)
    order = live(engine, outcome)
    assert (order.status, order.expiry_reason) == ("EXPIRED", "REJECTED")
    assert held(engine, "USDT") == (Decimal(101), 0)


# OCO


def sell_oco(engine: Engine, quantity: str = "1") -> Outcome:
    above = new("SELL", "LIMIT_MAKER", quantity, price="102")
    below = new("SELL", "STOP_LOSS_LIMIT", quantity, price="98.5", stop_price="99")
    return engine.place_list(oco("SELL", above, below), 5)


def test_an_oco_locks_its_quantity_once(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    assert held(engine, "COIN") == (0, 1)
    assert [order.is_working for order in outcome.orders] == [False, True]
    assert list_statuses(outcome) == ["EXEC_STARTED"]


@pytest.mark.parametrize(("bid", "ask", "winner", "loser"), [("102.00", "102.02", 1, 0), ("98.90", "98.92", 0, 1)])
def test_a_filled_leg_of_an_oco_expires_the_other(
    market: HandMarket, bid: str, ask: str, winner: int, loser: int
) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    market.move(bid, ask)
    ended = engine.on_tick(6)
    assert live(engine, outcome, winner).status == "FILLED"
    assert (live(engine, outcome, loser).status, live(engine, outcome, loser).expiry_reason) == (
        "EXPIRED",
        "OCO_TRIGGER",
    )
    assert list_statuses(ended) == ["ALL_DONE"]
    assert held(engine, "COIN") == (0, 0)


def test_a_triggered_leg_expires_the_other_before_it_fills(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    market.move("98.00", "98.02", "98.00")
    engine.on_tick(6)
    stop, limit = live(engine, outcome, 0), live(engine, outcome, 1)
    assert (stop.status, stop.is_working, stop.executed) == ("NEW", True, Decimal(0))
    assert (limit.status, limit.expiry_reason) == ("EXPIRED", "OCO_TRIGGER")
    assert held(engine, "COIN") == (0, 1)


def test_a_buy_oco_locks_the_more_expensive_leg(market: HandMarket) -> None:
    engine = engine_on(market)
    above = new("BUY", "STOP_LOSS_LIMIT", "2", price="103", stop_price="102")
    below = new("BUY", "LIMIT_MAKER", "2", price="98")
    outcome = engine.place_list(oco("BUY", above, below), 5)
    assert held(engine, "USDT")[1] == 206
    market.move("97.90", "97.95")
    engine.on_tick(6)
    assert live(engine, outcome, 1).status == "FILLED"
    assert held(engine, "USDT") == (Decimal("9804"), 0)


def test_oco_prices_must_enclose_the_market(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    above = new("SELL", "LIMIT_MAKER", "1", price="100")
    below = new("SELL", "STOP_LOSS", "1", stop_price="99")
    text = "The relationship of the prices for the orders is not correct."
    refused(lambda: engine.place_list(oco("SELL", above, below), 5), -2010, text)


def test_canceling_one_leg_cancels_the_list(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    engine.cancel(live(engine, outcome, 1), "x", 6)
    assert [live(engine, outcome, leg).status for leg in (0, 1)] == ["CANCELED", "CANCELED"]
    assert held(engine, "COIN") == (1, 0)
    assert engine.state.lists[0].done
