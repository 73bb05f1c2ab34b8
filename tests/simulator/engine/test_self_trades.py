"""Orders of the account that match each other: self-trades and their prevention."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.orders import EngineOrder
from cq_tui.simulator.engine.outcome import Outcome
from tests.simulator.conftest import HandMarket
from tests.simulator.engine.test_engine import engine_on, held, live, new

D = Decimal


@pytest.fixture
def engine(market: HandMarket) -> Engine:
    """An account with a bid of 2 at 100.01, ahead of background."""
    engine = engine_on(market, coin="50")
    engine.place(new("BUY", "LIMIT", "2", price="100.01"), 5)
    return engine


def sell(engine: Engine, quantity: str, mode: str, **fields: Any) -> Outcome:
    return engine.place(new("SELL", "LIMIT", quantity, price="100.01", stp_mode=mode, **fields), 6)


def maker(engine: Engine) -> EngineOrder:
    return engine.state.orders["COINUSDT", 1]


def test_without_prevention_both_sides_trade_under_one_id(engine: Engine) -> None:
    outcome = sell(engine, "3", "NONE")
    first, second = engine.state.trades
    assert first.trade_id == second.trade_id
    assert [(t.is_maker, t.is_buyer, t.counter_order_id) for t in (first, second)] == [
        (False, False, 1),
        (True, True, 2),
    ]
    assert (first.commission, second.commission) == (D("0.20002000"), D("0.00200000"))
    assert (maker(engine).status, live(engine, outcome).status) == ("FILLED", "PARTIALLY_FILLED")
    assert held(engine, "USDT") == (D(10_000) - D("0.20002"), 0)
    assert held(engine, "COIN") == (D("48.998"), D(1))
    assert [(fill.order_id, fill.is_maker) for fill in outcome.first_fills] == [(2, False), (1, True)]
    after = engine.place(new("SELL", "MARKET", "1"), 7)
    assert after.reports[1].trade is not None
    assert after.reports[1].trade.trade_id == first.trade_id + 1


@pytest.mark.parametrize(
    ("mode", "quantity", "makers", "takers", "lost"),
    [
        ("EXPIRE_MAKER", "3", ("EXPIRED_IN_MATCH", "2"), ("NEW", "0"), ("0", "2")),
        ("EXPIRE_TAKER", "3", ("NEW", "0"), ("EXPIRED_IN_MATCH", "3"), ("3", "0")),
        ("EXPIRE_BOTH", "3", ("EXPIRED_IN_MATCH", "2"), ("EXPIRED_IN_MATCH", "3"), ("3", "2")),
        ("DECREMENT", "3", ("EXPIRED_IN_MATCH", "2"), ("NEW", "2"), ("2", "2")),
        ("DECREMENT", "1", ("NEW", "1"), ("EXPIRED_IN_MATCH", "1"), ("1", "1")),
        ("DECREMENT", "2", ("EXPIRED_IN_MATCH", "2"), ("EXPIRED_IN_MATCH", "2"), ("2", "2")),
        ("TRANSFER", "1", ("NEW", "1"), ("EXPIRED_IN_MATCH", "1"), ("1", "1")),
    ],
)
def test_prevention_follows_the_mode_of_the_taker(
    engine: Engine, mode: str, quantity: str, makers: tuple[str, str], takers: tuple[str, str], lost: tuple[str, str]
) -> None:
    outcome = sell(engine, quantity, mode)
    order = live(engine, outcome)
    assert (maker(engine).status, maker(engine).prevented_quantity) == (makers[0], D(makers[1]))
    assert (order.status, order.prevented_quantity) == (takers[0], D(takers[1]))
    [match] = outcome.prevented
    assert (match.match_id, match.taker_order_id, match.maker_order_id, match.price) == (1, 2, 1, D("100.01"))
    assert (match.taker_quantity, match.maker_quantity) == (D(lost[0]), D(lost[1]))
    assert list(engine.state.prevented) == [match]
    prevented = [report.order.order_id for report in outcome.reports if report.execution_type == "TRADE_PREVENTION"]
    assert prevented == [number for number, quantity in ((1, lost[1]), (2, lost[0])) if quantity != "0"]
    assert not engine.state.trades
    assert held(engine, "COIN")[1] == order.locked == (order.remaining if order.is_open else 0)
    assert held(engine, "USDT")[1] == maker(engine).locked


def test_a_market_order_whose_makers_expire_continues_with_background(engine: Engine) -> None:
    outcome = engine.place(new("SELL", "MARKET", "3", stp_mode="EXPIRE_MAKER"), 6)
    assert [report.execution_type for report in outcome.reports] == ["NEW", "TRADE_PREVENTION", "TRADE"]
    assert (live(engine, outcome).status, live(engine, outcome).quote_executed) == ("FILLED", D("300.00"))


def test_an_unfilled_fok_leaves_own_orders_alone(engine: Engine) -> None:
    outcome = sell(engine, "3", "EXPIRE_MAKER", time_in_force="FOK")
    assert outcome.orders[0].expiry_reason == "UNFILLED_FOK_ORDER_EXPIRED"
    assert (maker(engine).status, outcome.prevented) == ("NEW", [])


def test_a_quote_amount_is_decremented_by_own_orders(engine: Engine) -> None:
    outcome = engine.place(new("SELL", "MARKET", quote_quantity="100.01", stp_mode="DECREMENT"), 6)
    order = outcome.orders[0]
    assert (order.status, order.quantity, order.prevented_quantity) == ("EXPIRED_IN_MATCH", D(1), D(1))
