"""Halted, suspended and delisted symbols, changing rules, and unsupported orders."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cq_tui.binance.account_filters import AccountRules
from tests.simulator.conftest import COIN, HandMarket
from tests.simulator.engine.test_engine import engine_on, held, list_statuses, live, new, refused, sell_oco


@pytest.mark.parametrize("phase", ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY"])
def test_outside_trading_orders_are_rejected_wait_and_can_be_canceled(market: HandMarket, phase: str) -> None:
    engine = engine_on(market)
    order, waiting = (live(engine, engine.place(new("BUY", "LIMIT", "1", price=price), 5)) for price in ("99", "90"))
    engine.set_phase(phase, COIN.symbol)
    assert engine.phase(COIN.symbol) == phase
    text = "This order type is not possible in this trading phase."
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 6), -2010, text)
    market.move("98.00", "98.02")
    assert not engine.on_tick(7).ledger_events
    assert engine.cancel(waiting, "x", 7).orders[0].status == "CANCELED"
    engine.set_phase("TRADING")
    assert engine.on_tick(8).reports[0].order.order_id == order.order_id


def test_delisting_expires_orders_and_lists(market: HandMarket) -> None:
    engine = engine_on(market, coin="1")
    single = live(engine, engine.place(new("BUY", "LIMIT", "1", price="99"), 5))
    listed = sell_oco(engine)
    outcome = engine.expire_all(COIN.symbol, 6)
    assert (single.status, single.expiry_reason) == ("EXPIRED", "EXCHANGE_CANCELED")
    assert [live(engine, listed, leg).status for leg in (0, 1)] == ["EXPIRED", "EXPIRED"]
    assert list_statuses(outcome) == ["ALL_DONE"]
    assert (held(engine, "COIN"), held(engine, "USDT")) == ((1, 0), (Decimal(10_000), 0))


def test_rules_change_at_run_time(market: HandMarket) -> None:
    engine = engine_on(market)
    engine.set_rules(replace(engine.rules(COIN.symbol), min_notional=Decimal(500)))
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 5), -1013, "Filter failure: NOTIONAL")


@pytest.mark.parametrize(
    ("change", "order", "text"),
    [
        ({"iceberg_allowed": False}, {"price": "99", "iceberg_quantity": "0.5"}, "Iceberg orders are not supported"),
        ({"trailing_allowed": False}, {"trailing_delta": 100}, "Trailing stop orders are not supported"),
        ({"order_types": frozenset({"LIMIT"})}, {"stop_price": "101"}, "Stop loss orders are not supported"),
    ],
)
def test_unsupported_order_types_are_rejected(
    market: HandMarket, change: dict[str, object], order: dict[str, object], text: str
) -> None:
    engine = engine_on(market)
    engine.set_rules(replace(engine.rules(COIN.symbol), **change))  # type: ignore[arg-type]
    kind = "LIMIT" if "price" in order else "STOP_LOSS"
    refused(lambda: engine.place(new("BUY", kind, "1", **order), 5), -1013, f"{text} for this symbol.")


def test_account_filters(market: HandMarket) -> None:
    engine = engine_on(market, coin="3")
    engine.set_rules(replace(engine.rules(COIN.symbol), max_position=Decimal(5), max_iceberg_orders=1))
    engine.place(new("BUY", "LIMIT", "1", price="99", iceberg_quantity="0.5"), 5)
    many = new("BUY", "LIMIT", "1", price="99", iceberg_quantity="0.5")
    refused(lambda: engine.place(many, 5), -1013, "Filter failure: MAX_NUM_ICEBERG_ORDERS")
    refused(lambda: engine.place(new("BUY", "LIMIT", "2", price="99"), 5), -1013, "Filter failure: MAX_POSITION")
    large = new("BUY", "LIMIT", "1", price="99", iceberg_quantity="2")
    refused(lambda: engine.place(large, 5), -1013, "IcebergQty exceeds QTY.")
    engine.account_rules = AccountRules(max_orders=1)
    refused(lambda: engine.place(new("BUY", "MARKET", "1"), 5), -1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS")
