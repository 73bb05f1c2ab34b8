"""Deposits, withdrawals, commission, a reset venue and changed rules over the port, as a client sees them."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.faults.test_admin import ADMIN, BUY, ask
from tests.simulator.test_server import AsyncClient, exchange, refused
from tests.simulator.ws_client import ws_client

REPLACE = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1}
ONE = replace(ADMIN, symbols=("ETHUSDT", "BNBUSDT"))


async def free(client: AsyncClient, asset: str) -> Decimal:
    account = await client.signed("GET", "account")
    return Decimal({entry["asset"]: entry["free"] for entry in account["balances"]}[asset])


async def test_a_deposit_and_a_withdrawal_are_told_to_the_user() -> None:
    async with exchange(ONE) as client, ws_client(client.endpoint) as api:
        await api.subscribe()
        status, shown = await ask(client, "POST", "account", deposit={"BNB": "1.5"}, withdraw={"USDT": "100"})
        assert (status, shown["balances"]["BNB"]) == (200, {"free": "1.50000000", "locked": "0.00000000"})
        events = [await api.next_event() for _ in range(4)]
        assert [(event["e"], event.get("a"), event.get("d")) for event in events] == [
            ("balanceUpdate", "BNB", "1.50000000"),
            ("outboundAccountPosition", None, None),
            ("balanceUpdate", "USDT", "-100.00000000"),
            ("outboundAccountPosition", None, None),
        ]
        assert [await free(client, asset) for asset in ("BNB", "USDT")] == [Decimal("1.5"), Decimal(9_900)]
        assert (await ask(client, "GET", "account"))[1] == shown


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        ("account", {"withdraw": {"USDT": "10000.00000001"}}, "withdraw.USDT"),
        ("account", {"deposit": {"BNB": "1"}, "withdraw": {"ETH": "1"}}, "withdraw.ETH"),
        ("account", {"deposit": {"BNB": "-1"}}, "deposit.BNB"),
        ("account", {"deposit": {"BNB": "NaN"}}, "deposit.BNB"),
        ("account", {"deposit": {"BNB": "0.000000001"}}, "8 decimals"),
        ("account", {"deposit": {"b n b": "1"}}, "deposit"),
        ("account", {"deposits": {}}, "deposits"),
        ("commission", {"symbol": "NOPE"}, "NOPE"),
        ("commission", {"standard": {"maker": "1"}}, "standard.maker"),
        ("commission", {"discount": "0"}, "discount"),
        ("wipe", {}, "Invalid JSON"),
        ("wipe", {"balances": {"USDT": "-1"}}, "balances.USDT"),
    ],
)
async def test_a_wrong_control_changes_nothing_and_is_named(path: str, fields: dict[str, Any], named: str) -> None:
    async with exchange(ONE) as client:
        before = (await ask(client, "GET", "account"))[1]
        status, answer = await ask(client, "POST", path, **fields)
        assert status == 400
        assert named in answer["error"]
        assert (await ask(client, "GET", "account"))[1] == before


async def test_commission_is_reported_as_it_is_charged() -> None:
    rates = {"maker": "0.002", "taker": "0.004", "buyer": "0.001", "seller": "0"}
    async with exchange(ONE) as client:
        await ask(client, "POST", "commission", symbol="ETHUSDT", standard=rates, tax={"taker": "0.0005"})
        shown = await client.signed("GET", "account/commission", symbol="ETHUSDT")
        assert shown["standardCommission"] == {name: f"{value:0<10}" for name, value in rates.items()} | {
            "seller": "0.00000000"
        }
        assert shown["taxCommission"]["taker"] == "0.00050000"
        bought = await client.signed("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="1")
        paid = sum(Decimal(fill["commission"]) for fill in bought["fills"])
        assert paid == Decimal("0.0055")
        test = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "computeCommissionRates": "true"}
        for_order = await client.signed("POST", "order/test", **test)
        assert for_order["standardCommissionForOrder"] == {"maker": "0.00300000", "taker": "0.00500000"}
        other = await client.signed("GET", "account/commission", symbol="BNBUSDT")
        assert other["standardCommission"]["taker"] == "0.00100000"


async def test_commission_is_paid_in_bnb_where_that_is_on() -> None:
    async with exchange(ONE) as client:
        await ask(client, "POST", "commission", standard={"maker": "0.001", "taker": "0.001"}, discount="0.75")
        discount = (await client.signed("GET", "account/commission", symbol="ETHUSDT"))["discount"]
        assert discount == {
            "enabledForAccount": True,
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        }
        without = await client.signed("POST", "order", **BUY)
        assert {fill["commissionAsset"] for fill in without["fills"]} == {"ETH"}
        await ask(client, "POST", "account", deposit={"BNB": "1"})
        paid = await client.signed("POST", "order", **BUY)
        assert {fill["commissionAsset"] for fill in paid["fills"]} == {"BNB"}
        assert await free(client, "BNB") == 1 - sum(Decimal(fill["commission"]) for fill in paid["fills"])


async def test_a_reset_venue_keeps_the_account_and_its_ids() -> None:
    async with exchange(ONE) as client:
        uid = (await client.signed("GET", "account"))["uid"]
        bought = await client.signed("POST", "order", **BUY, newClientOrderId="gone")
        status, shown = await ask(client, "POST", "wipe", balances={"USDT": "777"})
        assert (status, shown["uid"], shown["balances"]["USDT"]["free"]) == (200, uid, "777.00000000")
        assert await refused(client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="gone")) == (400, -2013)
        assert await client.signed("GET", "myTrades", symbol="ETHUSDT") == []
        assert await client.signed("GET", "openOrders") == []
        again = await client.signed("POST", "order", **BUY, newClientOrderId="gone")
        assert again["orderId"] > bought["orderId"]
        assert again["fills"][0]["tradeId"] > bought["fills"][-1]["tradeId"]
        assert (await client.signed("GET", "account"))["uid"] == uid


async def test_all_of_it_outlives_the_exchange(tmp_path: Path) -> None:
    config = replace(ONE, ledger=tmp_path / "exchange/ledger.ndjson")
    async with exchange(config) as client:
        await client.signed("POST", "order", **BUY)
        await ask(client, "POST", "wipe", balances={"USDT": "500"})
        await ask(client, "POST", "account", deposit={"BNB": "2"}, withdraw={"USDT": "50"})
        await ask(client, "POST", "commission", standard={"taker": "0.01"})
        first = await client.signed("POST", "order", **BUY)
        before = (await ask(client, "GET", "account"))[1]
    async with exchange(config) as client:
        assert (await ask(client, "GET", "account"))[1] == before
        rates = await client.signed("GET", "account/commission", symbol="ETHUSDT")
        assert rates["standardCommission"]["taker"] == "0.01000000"
        # That of the account itself, if nobody else has traded since.
        public = (await client.get("trades", symbol="ETHUSDT", limit=1))[0]["id"]
        second = await client.signed("POST", "order", **BUY)
        assert second["fills"][0]["tradeId"] > public >= first["fills"][-1]["tradeId"]


@pytest.mark.parametrize(
    ("rules", "path", "fields"),
    [
        ({"cancelReplaceAllowed": False}, "order/cancelReplace", REPLACE),
        ({"orderTypes": ["LIMIT"]}, "order", {}),
        ({"quoteOrderQtyMarketAllowed": False}, "order", {}),
    ],
)
async def test_changed_rules_are_shown_and_enforced(rules: dict[str, Any], path: str, fields: dict[str, Any]) -> None:
    async with exchange(ONE) as client:
        status, fault = await ask(client, "POST", "faults", action="rules", symbol="ETHUSDT", rules=rules)
        assert (status, fault["rules"]) == (200, rules)
        info = (await client.get("exchangeInfo", symbol="ETHUSDT"))["symbols"][0]
        assert {name: info[name] for name in rules} == rules
        assert info["icebergAllowed"] is True
        assert await refused(client.signed("POST", path, **BUY, **fields)) == (400, -1013)
        await ask(client, "DELETE", f"faults/{fault['id']}")
        assert (await client.signed("POST", "order", **BUY))["status"] == "FILLED"


@pytest.mark.parametrize("kind", ["ocoAllowed", "otoAllowed", "opoAllowed"])
async def test_a_kind_of_list_can_be_forbidden(kind: str) -> None:
    async with exchange(ONE) as client:
        price = Decimal((await client.get("ticker/price", symbol="ETHUSDT"))["price"])
        opoco = {
            "symbol": "ETHUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingQuantity": "0.1",
            "workingPrice": f"{price * Decimal('1.01'):.2f}", "workingTimeInForce": "FOK", "pendingSide": "SELL",
            "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": f"{price * 2:.2f}",
            "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": f"{price / 2:.2f}",
        }  # fmt: skip
        await ask(client, "POST", "faults", action="rules", symbol="ETHUSDT", rules={kind: False})
        assert await refused(client.signed("POST", "orderList/opoco", **opoco)) == (400, -1013)
        await ask(client, "DELETE", "faults")
        placed = await client.signed("POST", "orderList/opoco", **opoco)
        assert placed["contingencyType"] == "OTO"


@pytest.mark.parametrize("rules", [{"permissionSets": [["SPOT"], ["TRD_GRP_005"]]}, {"isSpotTradingAllowed": False}])
async def test_a_symbol_that_the_account_may_not_trade(rules: dict[str, Any]) -> None:
    async with exchange(ONE) as client:
        await ask(client, "POST", "faults", action="rules", symbol="ETHUSDT", rules=rules)
        assert await refused(client.signed("POST", "order", **BUY)) == (400, -2010)
        assert (await client.signed("POST", "order", **BUY | {"symbol": "BNBUSDT"}))["status"] == "FILLED"


async def test_filters_and_rules_change_together() -> None:
    async with exchange(ONE) as client:
        notional = {"filterType": "NOTIONAL", "minNotional": "100.00000000"}
        await ask(client, "POST", "faults", action="rules", symbol="ETHUSDT", rules={"amendAllowed": False})
        await ask(client, "POST", "faults", action="filters", symbol="ETHUSDT", filters=[notional])
        info = (await client.get("exchangeInfo", symbol="ETHUSDT"))["symbols"][0]
        assert info["amendAllowed"] is False
        assert "100.00000000" in {entry.get("minNotional") for entry in info["filters"]}
        unknown = await ask(client, "POST", "faults", action="rules", symbol="ETHUSDT", rules={"olocoAllowed": True})
        assert (unknown[0], "olocoAllowed" in unknown[1]["error"]) == (400, True)
