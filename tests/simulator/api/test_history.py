"""Past orders and trades, and the account itself."""

from decimal import Decimal
from typing import Any

import pytest

from cq_tui.binance.account_filters import AccountRules
from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from tests.simulator.api.conftest import START, Trader

ZERO = "0.00000000"
BUY = {"side": "BUY", "type": "MARKET", "quantity": "1"}
BAD = "Combination of optional parameters invalid."
TIMES = {"startTime": "1500000000000", "endTime": "1500000000000"}
DAY = {"startTime": "1500000000000", "endTime": "1500086400001"}
TOO_LONG = "More than 24 hours between startTime and endTime."


@pytest.fixture(scope="module")
def bought() -> Trader:
    """A trader with three purchases, ten milliseconds apart; read-only."""
    trader = Trader()
    for _ in range(3):
        trader.ask("POST", "order", BUY)
        trader.now += 10
    return trader


def test_a_trade_is_listed(bought: Trader) -> None:
    assert bought.ask("GET", "myTrades", orderId="1") == [
        {
            "symbol": "COINUSDT",
            "id": 1,
            "orderId": 1,
            "orderListId": -1,
            "price": "100.02000000",
            "qty": "1.00000000",
            "quoteQty": "100.02000000",
            "commission": "0.00100000",
            "commissionAsset": "COIN",
            "time": START,
            "isBuyer": True,
            "isMaker": False,
            "isBestMatch": True,
        }
    ]


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({}, [1, 2, 3]),
        ({"limit": "2"}, [2, 3]),
        ({"orderId": "2"}, [2]),
        ({"fromId": "2"}, [2, 3]),
        ({"fromId": "1", "limit": "1"}, [1]),
        ({"orderId": "3", "fromId": "2"}, [3]),
        ({"startTime": str(START + 10)}, [2, 3]),
        ({"endTime": str(START + 10)}, [1, 2]),
        ({"endTime": str(START + 10), "limit": "1"}, [2]),
        ({"startTime": str(START), "endTime": str(START), "limit": "1"}, [1]),
        ({"startTime": str((START + 10) * 1_000)}, [2, 3]),
    ],
)
def test_legal_combinations(bought: Trader, values: dict[str, str], ids: list[int]) -> None:
    assert [trade["id"] for trade in bought.ask("GET", "myTrades", values)] == ids


@pytest.mark.parametrize(
    ("path", "values", "code", "text"),
    [
        ("myTrades", {"orderId": "1", "startTime": "1"}, -1128, BAD),
        ("myTrades", {"orderId": "1", "endTime": "1"}, -1128, BAD),
        ("myTrades", {"fromId": "1", "startTime": "1"}, -1128, BAD),
        ("myTrades", {"fromId": "1"} | TIMES, -1128, BAD),
        ("myTrades", DAY, -1127, TOO_LONG),
        ("allOrders", DAY, -1127, TOO_LONG),
        ("myTrades", {"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ("allOrders", {"orderId": "x"}, -1100, None),
        (
            "myPreventedMatches",
            {},
            -1102,
            "Param 'preventedMatchId' or 'orderId' must be sent, but both were empty/null!",
        ),
        ("myPreventedMatches", {"preventedMatchId": "1", "orderId": "1"}, -1128, BAD),
        ("myPreventedMatches", {"preventedMatchId": "1", "fromPreventedMatchId": "1"}, -1128, BAD),
        ("myAllocations", DAY, -1127, TOO_LONG),
        ("order/amendments", {}, -1102, None),
    ],
)
def test_rejections(bought: Trader, path: str, values: dict[str, str], code: int, text: str | None) -> None:
    found = bought.refused("GET", path, values)
    assert found == (code, text if text is not None else found[1])


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        ({}, [1, 2, 3]),
        ({"limit": "1"}, [3]),
        ({"orderId": "2"}, [2, 3]),
        ({"orderId": "1", "limit": "1"}, [1]),
        ({"startTime": str(START + 10), "endTime": str(START + 20)}, [2, 3]),
        ({"endTime": str(START + 10)}, [1, 2]),
    ],
)
def test_all_orders(bought: Trader, values: dict[str, str], ids: list[int]) -> None:
    assert [order["orderId"] for order in bought.ask("GET", "allOrders", values)] == ids


def test_there_are_no_allocations(bought: Trader) -> None:
    assert bought.ask("GET", "myAllocations") == []


def test_the_account_is_returned(trader: Trader) -> None:
    trader.ask("POST", "order", side="SELL", type="LIMIT", timeInForce="GTC", quantity="4", price="120")
    found = trader.ask("GET", "account")
    balances = found.pop("balances")
    assert balances == [
        {"asset": "COIN", "free": "996.00000000", "locked": "4.00000000"},
        {"asset": "USDT", "free": "100000.00000000", "locked": ZERO},
    ]
    assert found == {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": "0.00100000", "taker": "0.00100000", "buyer": ZERO, "seller": ZERO},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": START,
        "accountType": "SPOT",
        "permissions": ["SPOT"],
        "uid": 1,
    }


def test_zero_balances_can_be_omitted() -> None:
    poor = Trader(coin="0")
    assert [entry["asset"] for entry in poor.ask("GET", "account")["balances"]] == ["COIN", "USDT"]
    assert [entry["asset"] for entry in poor.ask("GET", "account", omitZeroBalances="true")["balances"]] == ["USDT"]
    assert poor.refused("GET", "account", omitZeroBalances="yes")[0] == -1130


def test_commission_rates_of_a_symbol(trader: Trader) -> None:
    nothing = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}
    assert trader.ask("GET", "account/commission") == {
        "symbol": "COINUSDT",
        "standardCommission": nothing | {"maker": "0.00100000", "taker": "0.00100000"},
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": False,
            "enabledForSymbol": False,
            "discountAsset": "BNB",
            "discount": ZERO,
        },
    }
    assert trader.refused("GET", "account/commission", symbol="NOPE") == (-1121, "Invalid symbol.")


def test_order_counts(trader: Trader) -> None:
    trader.exchange.limits = RateLimits(RateLimitSettings(orders_10s=50, orders_day=160_000))
    trader.exchange.limits.count_orders(3, trader.now)
    assert trader.ask("GET", "rateLimit/order") == [
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 3},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 160_000, "count": 3},
    ]


def test_filters_of_the_account(trader: Trader) -> None:
    found: Any = trader.ask("GET", "myFilters")
    assert (found["exchangeFilters"], found["assetFilters"]) == ([], [])
    assert {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200} in found["symbolFilters"]
    assert {entry["filterType"] for entry in found["symbolFilters"]} == {
        "MAX_NUM_ORDERS", "MAX_NUM_ORDER_LISTS", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ORDER_AMENDS",
    }  # fmt: skip


def test_account_wide_filters_are_listed_and_enforced(trader: Trader) -> None:
    over_all = [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1}]
    of_assets = [{"filterType": "MAX_ASSET", "asset": "COIN", "limit": "5.00000000"}]
    trader.exchange.engine.account_rules = AccountRules.from_filters(over_all, of_assets)
    found: Any = trader.ask("GET", "myFilters")
    assert (found["exchangeFilters"], found["assetFilters"]) == (over_all, of_assets)
    assert trader.refused("POST", "order", BUY | {"quantity": "6"}) == (-1013, "Filter failure: MAX_ASSET")
    trader.ask("POST", "order", side="BUY", type="LIMIT_MAKER", quantity="1", price="90")
    assert trader.refused("POST", "order", BUY) == (-1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS")


def test_small_balances_have_no_exponent() -> None:
    tiny = Trader(usdt="0.00000001", coin="100000000")
    texts = [entry["free"] for entry in tiny.ask("GET", "account")["balances"]]
    assert texts == ["100000000.00000000", "0.00000001"]
    assert all(Decimal(text) for text in texts)


def test_the_time_of_a_prevented_match_comes_last(trader: Trader) -> None:
    resting = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "100.01"}
    trader.ask("POST", "order", resting, side="SELL")
    trader.ask("POST", "order", resting, side="BUY", selfTradePreventionMode="EXPIRE_BOTH")
    (found,) = trader.ask("GET", "myPreventedMatches", orderId="1")
    assert list(found)[-4:] == ["price", "takerPreventedQuantity", "makerPreventedQuantity", "transactTime"]
