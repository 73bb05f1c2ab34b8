"""Any sequence of orders conserves assets, respects limits, and is rebuilt from the ledger's events alone."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger_codec import decode_event, encode_event
from cq_tui.simulator.engine.ledger_events import Deposited
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import ASSETS, engine_on, held, new, oco

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
        except RequestRejected as error:
            refusals.add(error.code)
            continue
        for event in outcome.ledger_events:
            replayed.apply(decode_event(encode_event(event)))
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
