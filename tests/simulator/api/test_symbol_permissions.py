"""Symbol permissions: in exchangeInfo, and rejected orders where they are missing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.api.conftest import Trader
from tests.simulator.api.requests import OPO, OPOCO, OTO, OTOCO, SELL_OCO
from tests.simulator.conftest import COIN

LIMIT = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "99"}
STOP = {"side": "SELL", "type": "STOP_LOSS", "quantity": "1", "stopPrice": "95"}
TRAILING = STOP | {"trailingDelta": "50"}
BY_QUOTE = {"side": "BUY", "type": "MARKET", "quoteOrderQty": "100"}
REPLACE = LIMIT | {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1"}
NO_OTO = "OTO orders are not supported for this symbol"


def test_exchange_info_has_every_field_of_the_live_exchange(shared: Path) -> None:
    live = json.loads((shared / "binance/fixtures/live_exchangeinfo_2026.json").read_text())
    theirs = live["binance_com_spot"]["symbols"][0]
    ours = COIN.exchange_info()
    assert list(ours) == list(theirs)
    assert [list(entry) for entry in ours["filters"]] == [list(entry) for entry in theirs["filters"]]
    assert [e["filterType"] for e in ours["filters"]] == [e["filterType"] for e in theirs["filters"]]
    # Neither margin nor pegged orders are simulated.
    unlike = {name for name in theirs if name.endswith("llowed") and ours[name] != theirs[name]}
    assert unlike == {"pegInstructionsAllowed", "isMarginTradingAllowed"}
    for name in ("orderTypes", "defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes"):
        assert ours[name] == theirs[name]


@pytest.mark.parametrize(
    ("rules", "path", "values", "text"),
    [
        ({"iceberg_allowed": False}, "order", LIMIT | {"icebergQty": "0.5"}, "Iceberg orders are not supported"),
        ({"trailing_allowed": False}, "order", TRAILING, "Trailing stop orders are not supported"),
        ({"quote_quantity_allowed": False}, "order", BY_QUOTE, "Quote order qty market orders are not support"),
        ({"cancel_replace_allowed": False}, "order/cancelReplace", REPLACE, "Order cancel-replace is not supported"),
        ({"order_types": frozenset({"LIMIT"})}, "order", STOP, "Stop loss orders are not supported"),
        ({"order_types": frozenset({"LIMIT"})}, "order", BY_QUOTE, "Market orders are not supported"),
        ({"oco_allowed": False}, "orderList/oco", SELL_OCO, "OCO orders are not supported for this symbol"),
        ({"oco_allowed": False}, "orderList/otoco", OTOCO, "OCO orders are not supported for this symbol"),
        ({"oto_allowed": False}, "orderList/oto", OTO, NO_OTO),
        ({"oto_allowed": False}, "orderList/opo", OPO, NO_OTO),
        ({"opo_allowed": False}, "orderList/opo", OPO, "OPO orders are not supported for this symbol."),
        ({"opo_allowed": False}, "orderList/opoco", OPOCO, "OPO orders are not supported for this symbol."),
    ],
)  # fmt: skip
def test_what_a_symbol_does_not_allow_is_rejected(
    trader: Trader, rules: dict[str, Any], path: str, values: dict[str, str], text: str
) -> None:
    engine = trader.exchange.engine
    engine.set_rules(replace(engine.rules(COIN.symbol), **rules))
    whole = f"{text} for this symbol." if text.endswith(("supported", "support")) else text
    assert trader.refused("POST", path, values) == (-1013, whole)


def test_amends_may_be_disallowed(trader: Trader) -> None:
    trader.ask("POST", "order", LIMIT)
    engine = trader.exchange.engine
    engine.set_rules(replace(engine.rules(COIN.symbol), amend_allowed=False))
    found = trader.refused("PUT", "order/amend/keepPriority", orderId="1", newQty="0.5")
    assert found == (-2038, "Order amend is not supported for this symbol.")


@pytest.mark.parametrize("mode", ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"])
def test_every_listed_self_trade_prevention_mode_is_accepted(trader: Trader, mode: str) -> None:
    answer = trader.ask("POST", "order", LIMIT | {"selfTradePreventionMode": mode})
    assert answer["selfTradePreventionMode"] == mode


def test_a_halted_symbol_accepts_no_orders(trader: Trader) -> None:
    trader.exchange.engine.set_phase("HALT", COIN.symbol)
    found = trader.refused("POST", "order", LIMIT)
    assert found == (-2010, "This order type is not possible in this trading phase.")
