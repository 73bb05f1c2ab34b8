"""The engine: orders of every type against a market that the test moves; money and assets are conserved."""

from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.facts import Deposited
from cq_tui.simulator.engine.orders import NewList, NewOrder, Order
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.plain import fact_from_plain, fact_to_plain
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import ApiError
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


def oco(side: str, above: NewOrder, below: NewOrder) -> NewList:
    return NewList("OCO", COIN.symbol, f"l{next(ids)}", None, (above, below))


def held(engine: Engine, asset: str) -> tuple[Any, Any]:
    balance = engine.state.balances[asset]
    return balance.free, balance.locked


def live(engine: Engine, outcome: Outcome, number: int = 0) -> Order:
    order = outcome.orders[number]
    return engine.state.orders[order.symbol, order.order_id]


def refused(call: Any, code: int, text: str) -> None:
    with pytest.raises(ApiError) as caught:
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
    assert [report.execution for report in outcome.reports] == ["NEW", "TRADE"]


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


def test_what_one_order_took_is_gone_until_the_next_tick(market: HandMarket) -> None:
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


def test_nothing_trades_when_the_market_is_over(market: HandMarket) -> None:
    engine = engine_on(market)
    resting = live(engine, engine.place(new("BUY", "LIMIT", "1", price="99"), 5))
    market.over = True
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 5), -2010, "Market is closed.")
    market.move("98.00", "98.02")
    assert not engine.on_tick(6).facts
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


def test_a_better_price_gives_the_difference_back(market: HandMarket) -> None:
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


def test_fok_fills_wholly_or_not_at_all(market: HandMarket) -> None:
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


def test_cancel_frees_what_was_locked_and_works_once(market: HandMarket) -> None:
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
def test_stops_trigger_on_the_last_price_from_the_right_side(
    market: HandMarket, side: str, order_type: str, bad: str, good: str, reached: str
) -> None:
    engine = engine_on(market, coin="5")
    refused(
        lambda: engine.place(new(side, order_type, "1", stop_price=bad), 5), -2010, "Order would trigger immediately."
    )
    outcome = engine.place(new(side, order_type, "1", stop_price=good), 5)
    assert (outcome.orders[0].status, outcome.orders[0].is_working) == ("NEW", False)
    assert not engine.on_tick(6).facts
    market.move(reached, str(Decimal(reached) + Decimal("0.02")), reached)
    triggered = engine.on_tick(7)
    assert live(engine, outcome).status == "FILLED"
    assert [report.execution for report in triggered.reports] == ["NEW", "TRADE"]
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


def test_a_stop_that_cannot_be_paid_when_it_triggers_expires(market: HandMarket) -> None:
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
    assert [order.is_working for order in outcome.orders] == [True, False]
    assert [report.status_type for report in outcome.list_reports] == ["EXEC_STARTED"]


@pytest.mark.parametrize(("bid", "ask", "winner", "loser"), [("102.00", "102.02", 0, 1), ("98.90", "98.92", 1, 0)])
def test_one_leg_of_an_oco_ends_the_other(market: HandMarket, bid: str, ask: str, winner: int, loser: int) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    market.move(bid, ask)
    ended = engine.on_tick(6)
    assert live(engine, outcome, winner).status == "FILLED"
    assert (live(engine, outcome, loser).status, live(engine, outcome, loser).expiry_reason) == (
        "EXPIRED",
        "OCO_TRIGGER",
    )
    assert [report.status_type for report in ended.list_reports] == ["ALL_DONE"]
    assert held(engine, "COIN") == (0, 0)


def test_a_buy_oco_locks_the_dearer_leg(market: HandMarket) -> None:
    engine = engine_on(market)
    above = new("BUY", "STOP_LOSS_LIMIT", "2", price="103", stop_price="102")
    below = new("BUY", "LIMIT_MAKER", "2", price="98")
    outcome = engine.place_list(oco("BUY", above, below), 5)
    assert held(engine, "USDT")[1] == 206
    market.move("97.90", "97.95")
    engine.on_tick(6)
    assert live(engine, outcome, 0).status == "FILLED"
    assert held(engine, "USDT") == (Decimal("9804"), 0)


def test_oco_prices_have_to_enclose_the_market(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    above = new("SELL", "LIMIT_MAKER", "1", price="100")
    below = new("SELL", "STOP_LOSS", "1", stop_price="99")
    text = "The relationship of the prices for the orders is not correct."
    refused(lambda: engine.place_list(oco("SELL", above, below), 5), -2010, text)


def test_cancelling_one_leg_cancels_the_list(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    outcome = sell_oco(engine)
    engine.cancel(live(engine, outcome, 1), "x", 6)
    assert [live(engine, outcome, leg).status for leg in (0, 1)] == ["CANCELED", "CANCELED"]
    assert held(engine, "COIN") == (1, 0)
    assert engine.state.lists[0].done


# Properties

steps = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(9_500, 10_500), st.integers(1, 30)),
        st.tuples(st.just("market"), st.booleans(), st.integers(60, 40_000)),
        st.tuples(st.just("quote"), st.booleans(), st.integers(6, 3_000)),
        st.tuples(st.sampled_from(["GTC", "IOC", "FOK", "MAKER"]), st.booleans(), st.integers(9_500, 10_500)),
        st.tuples(st.just("stop"), st.booleans(), st.integers(9_500, 10_500)),
        st.tuples(st.just("stop_limit"), st.booleans(), st.integers(9_500, 10_500)),
        st.tuples(st.just("oco"), st.booleans(), st.integers(10, 400)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
    ),
    max_size=40,
)


def act(engine: Engine, market: HandMarket, step: tuple[str, Any, int], now: int) -> Outcome:
    kind, first, second = step
    side = "BUY" if first is True else "SELL"
    price = str(Decimal(second) / 100)
    match kind:
        case "move":
            market.move(str(Decimal(first) / 100), str(Decimal(first + second) / 100))
            return engine.on_tick(now)
        case "market":
            return engine.place(new(side, "MARKET", str(Decimal(second) / 1000)), now)
        case "quote":
            return engine.place(new(side, "MARKET", quote_quantity=str(second)), now)
        case "GTC" | "IOC" | "FOK":
            return engine.place(new(side, "LIMIT", "3.5", price=price, time_in_force=kind), now)
        case "MAKER":
            return engine.place(new(side, "LIMIT_MAKER", "1.25", price=price), now)
        case "stop":
            return engine.place(new(side, "STOP_LOSS", "2", stop_price=price), now)
        case "stop_limit":
            return engine.place(new(side, "TAKE_PROFIT_LIMIT", "2", stop_price=price, price=price), now)
        case "oco":
            last, width = market.last_price(""), Decimal(second) / 100
            limit = new(side, "LIMIT_MAKER", "2", price=str(last + (-width if first else width)))
            stop = new(side, "STOP_LOSS", "2", stop_price=str(last + (width if first else -width)))
            return engine.place_list(oco(side, *((stop, limit) if first else (limit, stop))), now)
        case _:
            orders = list(engine.state.open_orders.values())
            return engine.cancel(orders[first], "x", now) if first < len(orders) else Outcome()


@settings(max_examples=150, deadline=None)
@given(steps)
def test_money_and_assets_are_conserved_and_limits_kept(taken: list[tuple[str, Any, int]]) -> None:
    market = HandMarket()
    engine = engine_on(market, usdt="5000", coin="20")
    replayed = ExchangeState(ASSETS)
    for asset, quantity in (("USDT", "5000"), ("COIN", "20")):
        replayed.apply(Deposited(asset, Decimal(quantity), 1))
    refusals: set[int] = set()
    for now, step in enumerate(taken, 10):
        try:
            outcome = act(engine, market, step, now)
        except ApiError as error:
            refusals.add(error.code)
            continue
        for fact in outcome.facts:
            replayed.apply(fact_from_plain(fact_to_plain(fact)))
    assert refusals <= {-1013, -2010}
    state = engine.state
    usdt, coin = Decimal(5000), Decimal(20)
    for trade in state.trades:
        sign = 1 if trade.is_buyer else -1
        usdt -= sign * trade.quote
        coin += sign * trade.quantity
        if trade.commission_asset == "USDT":
            usdt -= trade.commission
        else:
            coin -= trade.commission
    assert sum(held(engine, "USDT")) == usdt
    assert sum(held(engine, "COIN")) == coin
    for balance in state.balances.values():
        assert balance.free >= 0
        assert balance.locked >= 0
    for asset in ("USDT", "COIN"):
        owned = sum(o.locked for o in state.open_orders.values() if state.spending_asset(o) == asset)
        assert owned == state.balances[asset].locked
    for trade in state.trades:
        order = state.orders[trade.symbol, trade.order_id]
        if order.price and trade.is_buyer:
            assert trade.price <= order.price
        elif order.price:
            assert trade.price >= order.price
    for order in state.orders.values():
        assert 0 <= order.executed <= order.quantity
        assert order.is_open == ((order.symbol, order.order_id) in state.open_orders)
    assert replayed.balances == state.balances
    assert replayed.orders == state.orders
