"""The same seed and requests at the same times since the start give the same bytes, whenever it starts."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.server import SimulatorConfig
from tests.simulator.clients.conftest import exchange_in_a_thread
from tests.simulator.conftest import SHORT_HISTORY

_DAY_MS = 86_400_000
_START = 1_790_000_000_000 // _DAY_MS * _DAY_MS + 50_000_250
#: Numbers from here on are times.
_FIRST_TIME = 1_500_000_000_000


def played(start: int, seed: int) -> list[bytes]:
    """Return the response bodies of a fixed list of requests."""
    config = SimulatorConfig(
        symbols=("BTCUSDT", "ETHUSDT"), seed=seed, api_key="key", api_secret="secret", uid=7, admin=True,
        frozen_at=start, history_ms=SHORT_HISTORY,
    )  # fmt: skip
    now, answers = start, list[bytes]()
    with exchange_in_a_thread(config) as endpoint, httpx.Client(base_url=endpoint.rest_url) as http:
        http.headers["X-MBX-APIKEY"] = "key"

        def ask(method: str, path: str, **fields: Any) -> Any:
            answer = http.request(method, f"/api/v3/{path}", params=fields)
            answers.append(answer.content)
            return answer.json()

        def order(method: str, path: str, **fields: Any) -> Any:
            payload = urlencode(fields | {"timestamp": now})
            signature = sign_hmac("secret", payload.encode())
            answer = http.request(method, f"/api/v3/{path}?{payload}&signature={signature}")
            answers.append(answer.content)
            return answer.json()

        def wait(milliseconds: int) -> None:
            nonlocal now
            now += milliseconds
            http.post("/admin/clock", json={"advance_ms": milliseconds}).raise_for_status()

        for _ in range(3):
            bid = float(ask("GET", "depth", symbol="BTCUSDT", limit=20)["bids"][0][0])
            order("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
            limit = {"type": "LIMIT", "timeInForce": "GTC", "price": f"{bid:.2f}"}
            order("POST", "order", symbol="BTCUSDT", side="BUY", quantity="0.01", **limit)
            above = {"aboveType": "LIMIT_MAKER", "abovePrice": f"{bid * 1.01:.2f}"}
            below = {"belowType": "STOP_LOSS", "belowStopPrice": f"{bid * 0.99:.2f}"}
            order("POST", "orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.005", **above, **below)
            wait(7_250)
            order("POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quoteOrderQty="50")
            order("GET", "openOrders")
            wait(60_000)
        for path in ("trades", "aggTrades", "klines", "ticker/24hr", "avgPrice"):
            ask("GET", path, symbol="BTCUSDT", **({"interval": "1m"} if path == "klines" else {}))
        order("GET", "myTrades", symbol="BTCUSDT")
        order("GET", "allOrders", symbol="BTCUSDT")
        order("GET", "account")
        order("DELETE", "openOrders", symbol="BTCUSDT")
    return answers


def since(start: int, answer: bytes) -> Any:
    """Return a response with times relative to ``start``."""

    def counted(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: counted(entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [counted(entry) for entry in value]
        is_time = type(value) is int and value >= _FIRST_TIME
        return value - start if is_time else value

    return counted(json.loads(answer))


@pytest.fixture(scope="module")
def first() -> list[bytes]:
    return played(_START, seed=4)


def test_the_same_requests_get_the_same_bytes(first: list[bytes]) -> None:
    assert played(_START, seed=4) == first


def test_another_day_gets_the_same_but_for_the_time(first: list[bytes]) -> None:
    other = _START + 3 * _DAY_MS
    again = played(other, seed=4)
    assert [since(other, answer) for answer in again] == [since(_START, answer) for answer in first]


def test_another_seed_is_another_market(first: list[bytes]) -> None:
    assert played(_START, seed=5) != first
