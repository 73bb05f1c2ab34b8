"""ccxt, unmodified except for its URLs: market data, every order type, history and errors."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import pytest

from cq_tui.simulator.server import ExchangeEndpoint

SYMBOL = "BTC/USDT"
#: The exchange has only Spot.
SPOT = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
_PATIENCE = 20.0


def point_at(client: Any, endpoint: ExchangeEndpoint) -> Any:
    """Send all of a client's REST requests to ``endpoint``, paths unchanged."""
    for name, url in list(client.urls["api"].items()):
        if isinstance(url, str):
            client.urls["api"][name] = f"{endpoint.rest_url}/{url.split('/', 3)[3]}"
    return client


def keys_of(endpoint: ExchangeEndpoint, options: dict[str, Any]) -> dict[str, Any]:
    return {"apiKey": endpoint.api_key, "secret": endpoint.api_secret, "enableRateLimit": False, "options": options}


@pytest.fixture(scope="module")
def client(exchange: ExchangeEndpoint) -> Iterator[Any]:
    client = point_at(ccxt.binance(keys_of(exchange, SPOT)), exchange)
    client.load_markets()
    yield client
    client.close()


@pytest.fixture
def book(client: Any) -> Any:
    """The order book without orders of our own."""
    if client.fetch_open_orders(SYMBOL):
        client.cancel_all_orders(SYMBOL)
    return client.fetch_order_book(SYMBOL, 20)


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while not (result := found()):
        assert time.monotonic() < deadline, "did not come"
        time.sleep(0.05)
    return result


# Market data


def test_markets_carry_precision_limits_and_kinds_of_orders(client: Any) -> None:
    market = client.market(SYMBOL)
    assert (market["id"], market["base"], market["quote"], market["spot"]) == ("BTCUSDT", "BTC", "USDT", True)
    assert market["active"] is True
    assert 0 < market["precision"]["price"] < 1
    assert 0 < market["limits"]["amount"]["min"] < market["limits"]["amount"]["max"]
    assert market["limits"]["cost"]["min"] > 0
    assert {"LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "TAKE_PROFIT_LIMIT"} <= set(market["info"]["orderTypes"])


def test_markets_load_with_default_options(exchange: ExchangeEndpoint) -> None:
    client = point_at(ccxt.binance(keys_of(exchange, {})), exchange)
    assert SYMBOL in client.load_markets()
    client.close()


def test_time_and_status(client: Any) -> None:
    assert abs(client.fetch_time() - time.time() * 1_000) < 5_000
    assert client.fetch_status()["status"] == "ok"


def test_tickers(client: Any) -> None:
    ticker = client.fetch_ticker(SYMBOL)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert 0 < ticker["bid"] < ticker["ask"]
    assert set(client.fetch_tickers([SYMBOL, "ETH/USDT"])) == {SYMBOL, "ETH/USDT"}
    assert client.fetch_bids_asks([SYMBOL])[SYMBOL]["bid"] > 0
    assert client.fetch_last_prices()[SYMBOL]["price"] > 0


def test_the_order_book_is_sorted(client: Any, book: Any) -> None:
    bids, asks = book["bids"], book["asks"]
    assert len(bids) == len(asks) == 20
    assert bids == sorted(bids, key=lambda level: -level[0])
    assert asks == sorted(asks, key=lambda level: level[0])
    assert bids[0][0] < asks[0][0]


def test_trades_and_candles(client: Any) -> None:
    trades = client.fetch_trades(SYMBOL, limit=50)
    assert len(trades) > 1
    assert [int(trade["id"]) for trade in trades] == sorted(int(trade["id"]) for trade in trades)
    for interval in ("1s", "1m", "5m", "1h", "1d"):
        candles = client.fetch_ohlcv(SYMBOL, interval, limit=5)
        assert candles
        assert all(
            low <= min(opened, close) <= max(opened, close) <= high for _, opened, high, low, close, _ in candles
        )
    assert len(client.fetch_ohlcv(SYMBOL, "1m", since=0, limit=1)) == 1


# Account


def test_balance_and_fees(client: Any) -> None:
    balance = client.fetch_balance()
    assert balance["USDT"]["total"] > 0
    assert balance["USDT"]["free"] + balance["USDT"]["used"] == pytest.approx(balance["USDT"]["total"])
    assert client.fetch_trading_fee(SYMBOL)["taker"] == 0.001
    assert client.fetch_trading_fees()[SYMBOL]["maker"] == 0.001


# Orders


def test_a_limit_order_rests_locks_funds_is_found_and_is_canceled(client: Any, book: Any) -> None:
    price = round(book["bids"][0][0] * 0.98, 2)
    used = client.fetch_balance()["USDT"]["used"]
    order = client.create_order(SYMBOL, "limit", "buy", 0.01, price)
    assert (order["status"], order["filled"], order["timeInForce"]) == ("open", 0, "GTC")
    assert client.fetch_balance()["USDT"]["used"] - used == pytest.approx(0.01 * price, abs=0.01)
    assert [entry["id"] for entry in client.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert client.fetch_order(order["id"], SYMBOL)["price"] == price
    assert price in [level[0] for level in client.fetch_order_book(SYMBOL, 5_000)["bids"]]
    assert client.cancel_order(order["id"], SYMBOL)["status"] == "canceled"
    assert client.fetch_open_orders(SYMBOL) == []
    assert client.fetch_order(order["id"], SYMBOL)["status"] == "canceled"


def test_market_orders_by_quantity_and_by_cost(client: Any, book: Any) -> None:
    bought = client.create_order(SYMBOL, "market", "buy", 0.02)
    assert (bought["status"], bought["filled"]) == ("closed", 0.02)
    # The price may have moved since: by a lot, under load.
    assert bought["average"] == pytest.approx(book["asks"][0][0], rel=0.1)
    assert bought["fees"][0]["currency"] == "BTC"
    spent = client.create_market_buy_order_with_cost(SYMBOL, 500)
    assert spent["status"] == "closed"
    assert 0 < spent["cost"] <= 500
    sold = client.create_order(SYMBOL, "market", "sell", 0.02)
    assert sold["status"] == "closed"
    assert sold["fees"][0]["currency"] == "USDT"
    mine = client.fetch_my_trades(SYMBOL)
    assert {trade["order"] for trade in mine} >= {bought["id"], spent["id"], sold["id"]}
    assert {entry["id"] for entry in client.fetch_closed_orders(SYMBOL)} >= {bought["id"], spent["id"], sold["id"]}


def test_a_large_order_has_slippage(client: Any, book: Any) -> None:
    amount = client.amount_to_precision(SYMBOL, sum(quantity for _, quantity in book["asks"][:3]))
    order = client.create_order(SYMBOL, "market", "buy", float(amount))
    prices = {trade["price"] for trade in order["trades"]}
    assert len(prices) > 1
    assert order["average"] > min(prices)


def test_ioc_and_fok_orders_expire_when_unfilled(client: Any, book: Any) -> None:
    below = round(book["bids"][0][0] * 0.99, 2)
    for time_in_force in ("IOC", "FOK"):
        order = client.create_order(SYMBOL, "limit", "buy", 0.01, below, {"timeInForce": time_in_force})
        assert (order["status"], order["filled"]) == ("expired", 0)
    crossing = round(book["asks"][0][0] * 1.01, 2)
    taken = client.create_order(SYMBOL, "limit", "buy", 0.01, crossing, {"timeInForce": "FOK"})
    assert (taken["status"], taken["filled"]) == ("closed", 0.01)
    assert taken["average"] < crossing


def test_a_post_only_order_is_rejected_when_it_would_take(client: Any, book: Any) -> None:
    resting = client.create_order(SYMBOL, "limit", "buy", 0.01, round(book["bids"][0][0] * 0.98, 2), {"postOnly": True})
    assert resting["info"]["orderId"]
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        client.create_order(SYMBOL, "limit", "buy", 0.01, round(book["asks"][0][0] * 1.01, 2), {"postOnly": True})
    client.cancel_order(resting["id"], SYMBOL)


@pytest.mark.parametrize("kind", ["market", "limit"])
@pytest.mark.parametrize(("side", "trigger", "factor"), [
    ("sell", "stopLossPrice", 0.97), ("buy", "stopLossPrice", 1.03),
    ("sell", "takeProfitPrice", 1.03), ("buy", "takeProfitPrice", 0.97),
])  # fmt: skip
def test_stop_and_take_profit_orders_wait_for_their_price(
    client: Any, book: Any, kind: str, side: str, trigger: str, factor: float
) -> None:
    at = round(book["bids"][0][0] * factor, 2)
    order = client.create_order(SYMBOL, kind, side, 0.01, at if kind == "limit" else None, {trigger: at})
    stored = client.fetch_order(order["id"], SYMBOL)
    assert (stored["status"], stored["triggerPrice"]) == ("open", at)
    assert stored["info"]["isWorking"] is False
    assert client.cancel_order(order["id"], SYMBOL)["status"] == "canceled"


def test_a_stop_on_the_wrong_side_is_rejected(client: Any, book: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="trigger immediately"):
        client.create_order(
            SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": round(book["asks"][0][0] * 1.03, 2)}
        )


def test_an_order_is_edited(client: Any, book: Any) -> None:
    price = round(book["bids"][0][0] * 0.98, 2)
    order = client.create_order(SYMBOL, "limit", "buy", 0.01, price)
    edited = client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.02, round(price * 0.99, 2))
    assert (edited["status"], edited["amount"]) == ("open", 0.02)
    assert [entry["id"] for entry in client.fetch_open_orders(SYMBOL)] == [edited["id"]]
    client.cancel_all_orders(SYMBOL)
    assert client.fetch_open_orders(SYMBOL) == []


def test_one_cancels_the_other(client: Any, book: Any) -> None:
    last = book["bids"][0][0]
    answer = client.privatePostOrderListOco({
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER",
        "abovePrice": f"{last * 1.02:.2f}", "belowType": "STOP_LOSS", "belowStopPrice": f"{last * 0.98:.2f}",
    })  # fmt: skip
    assert answer["contingencyType"] == "OCO"
    assert len(client.fetch_open_orders(SYMBOL)) == 2
    client.cancel_order(answer["orders"][0]["orderId"], SYMBOL)
    assert client.fetch_open_orders(SYMBOL) == []


def test_a_test_order_leaves_nothing(client: Any, book: Any) -> None:
    client.create_order(SYMBOL, "limit", "buy", 0.01, round(book["bids"][0][0] * 0.98, 2), {"test": True})
    assert client.fetch_open_orders(SYMBOL) == []


# Errors


def test_errors_map_to_ccxt_exceptions(client: Any, exchange: ExchangeEndpoint, book: Any) -> None:
    price = round(book["bids"][0][0] * 0.98, 2)
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order(SYMBOL, "limit", "sell", 50, round(price * 1.05, 2))
    with pytest.raises(ccxt.OrderNotFound):
        client.cancel_order("999999", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order("999999", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        client.create_order(SYMBOL, "limit", "buy", 0.00002, price)
    stranger = point_at(ccxt.binance(keys_of(exchange, SPOT) | {"apiKey": "stranger"}), exchange)
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()
    forger = point_at(ccxt.binance(keys_of(exchange, SPOT) | {"secret": "wrong"}), exchange)
    with pytest.raises(ccxt.AuthenticationError):
        forger.fetch_balance()
    stranger.close()
    forger.close()


def test_history_contains_the_orders_and_trades(client: Any, book: Any) -> None:
    order = client.create_order(SYMBOL, "market", "buy", 0.01)
    trades = until(lambda: client.fetch_my_trades(SYMBOL, params={"orderId": order["id"]}))
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.01)
    assert order["id"] in {entry["id"] for entry in client.fetch_orders(SYMBOL)}
