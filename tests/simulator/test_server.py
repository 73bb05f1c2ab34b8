"""The complete exchange over its port: REST, signatures, streams and the WebSocket API."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import websockets

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.server import ExchangeEndpoint, PortInUseError, SimulatorConfig, run
from tests.simulator.conftest import SHORT_HISTORY

CONFIG = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT", "DOGEUSDT"), seed=4, history_ms=SHORT_HISTORY)


class Refused(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message = status, code, message


def signed_text(secret: str, fields: dict[str, Any]) -> str:
    payload = urlencode(fields | {"timestamp": int(time.time() * 1_000)})
    return f"{payload}&signature={sign_hmac(secret, payload.encode())}"


def read(response: httpx.Response) -> Any:
    content = response.json()
    if response.status_code != 200:
        raise Refused(response.status_code, content["code"], content["msg"])
    return content


class Client:
    """A plain client; the project's own client is tested elsewhere."""

    def __init__(self, rest_url: str, key: str, secret: str) -> None:
        self._http = httpx.Client(base_url=f"{rest_url}/api/v3/", headers={"X-MBX-APIKEY": key}, verify=False)
        self._secret = secret

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **fields: Any) -> Any:
        return read(self._http.get(path, params=fields))

    def signed(self, method: str, path: str, **fields: Any) -> Any:
        return read(self._http.request(method, f"{path}?{signed_text(self._secret, fields)}"))


class AsyncClient:
    def __init__(self, endpoint: ExchangeEndpoint) -> None:
        self.endpoint = endpoint
        headers = {"X-MBX-APIKEY": endpoint.api_key}
        # Nothing is encrypted here, and loading the system's certificates would take as long as a test.
        self.http = httpx.AsyncClient(base_url=f"{endpoint.rest_url}/api/v3/", headers=headers, verify=False)

    async def get(self, path: str, **fields: Any) -> Any:
        return read(await self.http.get(path, params=fields))

    async def signed(self, method: str, path: str, **fields: Any) -> Any:
        return read(await self.http.request(method, f"{path}?{signed_text(self.endpoint.api_secret, fields)}"))


@asynccontextmanager
async def exchange(config: SimulatorConfig = CONFIG) -> AsyncIterator[AsyncClient]:
    ready: asyncio.Future[ExchangeEndpoint] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    running = asyncio.create_task(run(config, on_ready=ready.set_result, stop=stop))
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    client = AsyncClient(await ready)
    try:
        yield client
    finally:
        await client.http.aclose()
        stop.set()
        await running


async def refused(call: Any) -> tuple[int, int]:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.status, caught.value.code


async def test_public_endpoints_have_the_exchanges_fields() -> None:
    async with exchange(replace(CONFIG, history_ms=1_200_000)) as client:
        assert await client.get("ping") == {}
        assert abs((await client.get("time"))["serverTime"] - time.time() * 1_000) < 5_000
        info = await client.get("exchangeInfo", symbols='["BTCUSDT","DOGEUSDT"]')
        assert [entry["symbol"] for entry in info["symbols"]] == ["BTCUSDT", "DOGEUSDT"]
        assert len((await client.get("exchangeInfo"))["symbols"]) == 3
        klines = await client.get("klines", symbol="BTCUSDT", interval="1s", limit=1000)
        assert len(klines) == 1_000
        assert all(len(kline) == 12 for kline in klines)
        assert [kline[0] for kline in klines] == list(range(klines[0][0], klines[-1][0] + 1, 1_000))
        ticker = await client.get("ticker/24hr", symbol="BTCUSDT")
        assert {"priceChangePercent", "bidPrice", "askQty", "count", "firstId"} <= set(ticker)
        assert len(await client.get("ticker/24hr", type="MINI")) == 3
        book = await client.get("depth", symbol="ETHUSDT", limit=5)
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
        assert Decimal(book["asks"][0][0]) < Decimal(book["asks"][4][0])
        touch = await client.get("ticker/bookTicker", symbol="ETHUSDT")
        assert Decimal(touch["bidPrice"]) < Decimal(touch["askPrice"])
        assert len(await client.get("ticker/price")) == 3
        assert (await client.get("avgPrice", symbol="ETHUSDT"))["mins"] == 5


async def test_public_errors() -> None:
    async with exchange() as client:
        assert await refused(client.get("klines", symbol="NOPE", interval="1s")) == (400, -1121)
        assert await refused(client.get("klines", symbol="BTCUSDT", interval="7s")) == (400, -1120)
        assert await refused(client.get("klines", symbol="BTCUSDT")) == (400, -1102)
        assert await refused(client.get("ticker/24hr", symbol="BTCUSDT", symbols='["BTCUSDT"]')) == (400, -1128)
        assert (await client.http.get("nothing")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_listen_keys_get_the_web_servers_410_page(method: str) -> None:
    async with exchange() as client:
        response = await client.http.request(method, "userDataStream")
        assert (response.status_code, response.headers["content-type"]) == (410, "text/html;charset=UTF-8")
        assert response.text.startswith("<html>\r\n<head><title>410 Gone</title></head>")
        assert len(response.content) == 136


async def test_orders_from_market_to_cancel() -> None:
    async with exchange() as client:
        bought = await client.signed(
            "POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quoteOrderQty="500", newClientOrderId="b1"
        )
        assert (bought["status"], bought["clientOrderId"]) == ("FILLED", "b1")
        fills = bought["fills"]
        assert sum(Decimal(fill["qty"]) for fill in fills) == Decimal(bought["executedQty"])
        account = await client.signed("GET", "account", omitZeroBalances="true")
        held = {entry["asset"]: entry for entry in account["balances"]}
        received = Decimal(bought["executedQty"]) - sum(Decimal(fill["commission"]) for fill in fills)
        assert Decimal(held["ETH"]["free"]) == received
        assert Decimal(held["USDT"]["free"]) == 10_000 - Decimal(bought["cummulativeQuoteQty"])
        price = Decimal((await client.get("ticker/price", symbol="ETHUSDT"))["price"])
        limit = await client.signed(
            "POST", "order", symbol="ETHUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.1",
            price=str((price * Decimal("0.8")).quantize(Decimal("0.01"))),
        )  # fmt: skip
        assert limit["status"] == "NEW"
        assert len(await client.signed("GET", "openOrders", symbol="ETHUSDT")) == 1
        canceled = await client.signed("DELETE", "order", symbol="ETHUSDT", orderId=limit["orderId"])
        assert canceled["status"] == "CANCELED"
        assert canceled["origClientOrderId"] == limit["clientOrderId"]
        queried = await client.signed("GET", "order", symbol="ETHUSDT", origClientOrderId="b1")
        assert (queried["orderId"], queried["isWorking"]) == (bought["orderId"], True)
        trades = await client.signed("GET", "myTrades", symbol="ETHUSDT", orderId=bought["orderId"])
        assert [trade["id"] for trade in trades] == [fill["tradeId"] for fill in fills]
        orders = await client.signed("GET", "allOrders", symbol="ETHUSDT")
        assert [order["status"] for order in orders] == ["FILLED", "CANCELED"]


async def test_an_oco_over_rest() -> None:
    async with exchange() as client:
        bought = await client.signed("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
        price = Decimal(bought["fills"][0]["price"])
        fields = {
            "symbol": "ETHUSDT", "side": "SELL", "quantity": "0.0999",
            "aboveType": "LIMIT_MAKER", "abovePrice": (price * 2).quantize(Decimal("0.01")),
            "belowType": "STOP_LOSS", "belowStopPrice": (price / 2).quantize(Decimal("0.01")),
        }  # fmt: skip
        placed = await client.signed("POST", "orderList/oco", **fields, newOrderRespType="RESULT")
        assert (placed["listStatusType"], len(placed["orderReports"])) == ("EXEC_STARTED", 2)
        assert sorted(report["workingTime"] == -1 for report in placed["orderReports"]) == [False, True]
        found = await client.signed("GET", "orderList", orderListId=placed["orderListId"])
        assert found["listOrderStatus"] == "EXECUTING"
        gone = await client.signed("DELETE", "orderList", symbol="ETHUSDT", orderListId=placed["orderListId"])
        assert gone["listOrderStatus"] == "ALL_DONE"
        assert [report["status"] for report in gone["orderReports"]] == ["CANCELED", "CANCELED"]
        again = await client.signed("POST", "orderList/oco", **fields)
        assert set(again["orderReports"][0]) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
        swept = await client.signed("DELETE", "openOrders", symbol="ETHUSDT")
        assert swept[0]["contingencyType"] == "OCO"
        assert await refused(client.signed("DELETE", "openOrders", symbol="ETHUSDT")) == (400, -2011)


async def test_signatures_in_query_body_and_both() -> None:
    async with exchange() as client:
        now, secret = int(time.time() * 1_000), client.endpoint.api_secret
        form = {"content-type": "application/x-www-form-urlencoded"}
        order = "symbol=ETHUSDT&side=BUY&type=MARKET&quoteOrderQty=10"
        whole = f"{order}&timestamp={now}"
        assert (
            await client.http.post(
                "order", content=f"{whole}&signature={sign_hmac(secret, whole.encode())}", headers=form
            )
        ).status_code == 200
        mixed = sign_hmac(secret, f"{order}timestamp={now}".encode())
        response = await client.http.post(f"order?{order}", content=f"timestamp={now}&signature={mixed}", headers=form)
        assert response.status_code == 200
        # Both were filled immediately: none is unfilled.
        assert response.headers["x-mbx-order-count-10s"] == "0"
        wrong = await client.http.post("order", content=f"{whole}&signature={'0' * 64}", headers=form)
        assert (wrong.status_code, wrong.json()["code"]) == (400, -1022)
        bare = await client.http.get(f"account?timestamp={now}", headers={"X-MBX-APIKEY": ""})
        assert (bare.status_code, bare.json()["code"]) == (401, -2014)
        other = await client.http.get(f"account?timestamp={now}", headers={"X-MBX-APIKEY": "x"})
        assert (other.status_code, other.json()["code"]) == (401, -2015)


async def test_trading_errors() -> None:
    async with exchange() as client:
        buy = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET"}
        assert await refused(client.signed("POST", "order", **buy, quoteOrderQty="1")) == (400, -1013)
        assert await refused(client.signed("POST", "order", **buy, quantity="100")) == (400, -2010)
        assert await refused(client.signed("GET", "order", symbol="ETHUSDT", orderId=9)) == (400, -2013)
        assert await refused(client.signed("DELETE", "order", symbol="ETHUSDT", orderId=9)) == (400, -2011)
        assert await refused(client.signed("GET", "order", symbol="ETHUSDT")) == (400, -1102)


async def test_weight_is_counted_and_limited() -> None:
    async with exchange() as client:
        first = await client.http.get("exchangeInfo")
        second = await client.http.get("klines", params={"symbol": "BTCUSDT", "interval": "1m", "limit": 1})
        used = [int(response.headers["x-mbx-used-weight-1m"]) for response in (first, second)]
        assert used[1] in (used[0] + 2, 2)  # 2 alone when a minute began in between
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": 10}
        order = await client.http.post(f"order?{signed_text(client.endpoint.api_secret, fields)}")
        assert int(order.headers["x-mbx-used-weight-1m"]) in (used[1], 0)


async def test_klines_of_rest_and_stream_join_without_a_gap() -> None:
    async with (
        exchange() as client,
        websockets.connect(
            f"{client.endpoint.stream_url}/stream?streams=btcusdt@kline_1s/ethusdt@bookTicker/ethusdt@miniTicker"
        ) as stream,
    ):
        closed: list[dict[str, Any]] = []
        seen: set[str] = set()
        while len(closed) < 2 or len(seen) < 3:
            message = json.loads(await asyncio.wait_for(stream.recv(), 10))
            seen.add(message["stream"])
            if message["stream"] == "btcusdt@kline_1s":
                assert message["data"]["k"]["x"] is True
                closed.append(message["data"]["k"])
            elif message["stream"] == "ethusdt@bookTicker":
                assert set(message["data"]) == {"u", "s", "b", "B", "a", "A"}
        history = await client.get("klines", symbol="BTCUSDT", interval="1s", limit=20)
        served = {kline[0]: kline for kline in history}
        for kline in closed:
            assert served[kline["t"]][1:6] == [kline["o"], kline["h"], kline["l"], kline["c"], kline["v"]]
            assert served[kline["t"]][6] == kline["T"]
            assert served[kline["t"]][8] == kline["n"] == kline["L"] - kline["f"] + 1
        assert closed[1]["t"] == closed[0]["t"] + 1_000
        assert closed[1]["f"] == closed[0]["L"] + 1


async def test_streams_are_subscribed_and_unsubscribed_on_a_connection() -> None:
    async with exchange() as client, websockets.connect(f"{client.endpoint.stream_url}/ws/0") as stream:

        async def ask(text: str) -> Any:
            await stream.send(text)
            while True:
                message = json.loads(await asyncio.wait_for(stream.recv(), 10))
                if "id" in message or "error" in message:
                    return message

        assert await ask('{"method":"SUBSCRIBE","params":["btcusdt@trade","nope@trade"],"id":"a-1"}') == {
            "result": None,
            "id": "a-1",
        }
        trades = [json.loads(await asyncio.wait_for(stream.recv(), 10)) for _ in range(3)]
        assert [trade["t"] for trade in trades] == list(range(trades[0]["t"], trades[0]["t"] + 3))
        assert await ask('{"method":"LIST_SUBSCRIPTIONS","id":2}') == {
            "result": ["0", "btcusdt@trade", "nope@trade"],
            "id": 2,
        }
        assert (await ask('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":3}'))["id"] == 3
        assert (await ask('{"method":"DANCE","id":4}'))["error"]["code"] == 2
        assert (await ask("not json"))["error"]["code"] == 3


async def test_user_data_events_come_over_the_websocket_api() -> None:
    async with exchange() as client, websockets.connect(client.endpoint.ws_api_url) as api:
        endpoint = client.endpoint

        async def call(method: str, number: int, **params: Any) -> Any:
            fields = params | {"apiKey": endpoint.api_key, "timestamp": int(time.time() * 1_000)}
            texts = {name: json.dumps(value) if not isinstance(value, str) else value for name, value in fields.items()}
            payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
            fields["signature"] = sign_hmac(endpoint.api_secret, payload.encode())
            await api.send(json.dumps({"id": number, "method": method, "params": fields}))

        async def receive() -> Any:
            return json.loads(await asyncio.wait_for(api.recv(), 10))

        await call("userDataStream.subscribe.signature", 1)
        answer = await receive()
        assert (answer["id"], answer["status"], answer["result"]) == (1, 200, {"subscriptionId": 0})
        await call("userDataStream.subscribe.signature", 2)
        assert (await receive())["error"]["code"] == -2035
        await client.signed("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quoteOrderQty="20")
        events = [(await receive())["event"] for _ in range(3)]
        assert [event["e"] for event in events] == ["executionReport", "executionReport", "outboundAccountPosition"]
        assert [event.get("x") for event in events] == ["NEW", "TRADE", None]
        assert events[0]["I"] < events[1]["I"]
        assert events[1]["X"] == "FILLED"
        assert {entry["a"] for entry in events[2]["B"]} == {"ETH", "USDT"}
        await call("order.place", 3, symbol="ETHUSDT", side="SELL", type="MARKET", quantity=0.005)
        messages = [await receive() for _ in range(4)]
        answers = [message for message in messages if message.get("id") == 3]
        assert answers[0]["result"]["status"] == "FILLED", messages
        await api.send('{"id":"t","method":"time"}')
        assert "serverTime" in (await receive())["result"]
        await api.send("nonsense")
        assert (await receive())["error"]["code"] == -1135


async def test_a_port_in_use_is_named() -> None:
    async with exchange() as client:
        port = int(client.endpoint.rest_url.rpartition(":")[2])
        with pytest.raises(PortInUseError, match=f"port {port} .* in use; .* choose another port"):
            await run(replace(CONFIG, port=port), on_ready=lambda endpoint: None, stop=asyncio.Event())
