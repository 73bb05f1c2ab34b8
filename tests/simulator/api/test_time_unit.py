"""Times in microseconds, including rejected requests and ends of intervals."""

from typing import Any

import orjson
import pytest

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.access.rate_limits import RateLimits, RateLimitSettings
from cq_tui.simulator.api.rest import HttpRequest, HttpResponse, RestApi
from cq_tui.simulator.api.time_unit import response_in_microseconds
from cq_tui.simulator.api.ws_api import WsApiSession
from cq_tui.simulator.api.ws_request import WsRequest
from tests.simulator.streams.stage import Stage

ORDER = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=60000"


@pytest.fixture
def stage() -> Stage:
    return Stage("BTCUSDT")


def ask(stage: Stage, method: str, path: str, fields: str, unit: str = "MICROSECOND") -> HttpResponse:
    query = f"{fields}&timestamp={stage.now}".encode()
    query += f"&signature={sign_hmac('secret', query)}".encode()
    return RestApi(stage.exchange).handle(HttpRequest(method, f"/api/v3/{path}", query, b"", "key", unit))


@pytest.mark.parametrize(("unit", "scale"), [("", 1), ("microsecond", 1_000)])
def test_a_partially_failed_request_has_its_times_in_microseconds(stage: Stage, unit: str, scale: int) -> None:
    price = stage.exchange.market.last_price("BTCUSDT")
    near = f"price={price * 9 // 10:.2f}"
    order = orjson.loads(ask(stage, "POST", "order", ORDER.replace("price=60000", near)).body)
    replace = f"{ORDER.replace('quantity=1', 'quantity=90').replace('price=60000', near)}"
    stage.exchange.state.balances["USDT"].free *= 0
    answer = ask(
        stage, "POST", "order/cancelReplace",
        f"{replace}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId={order['orderId']}", unit,
    )  # fmt: skip
    data = orjson.loads(answer.body)["data"]
    assert (answer.status, data["cancelResult"], data["newOrderResult"]) == (409, "SUCCESS", "FAILURE")
    assert data["cancelResponse"]["transactTime"] == stage.now * scale


@pytest.mark.parametrize("scale", [1, 1_000])
def test_a_ban_reports_its_end(stage: Stage, scale: int) -> None:
    stage.exchange.limits = RateLimits(RateLimitSettings(weight=0))
    session = WsApiSession(stage.exchange, microseconds=scale > 1)
    error: Any = orjson.loads(session.handle(WsRequest(1, "ping", {})))["error"]
    assert error["data"]["serverTime"] == stage.now * scale
    assert error["data"]["retryAfter"] > stage.now * scale
    assert (error["data"]["retryAfter"] - error["data"]["serverTime"]) % (1_000 * scale) == 0


def test_an_interval_ends_a_microsecond_before_the_next() -> None:
    row = [60_000, "1", "2", "1", "2", "5", 119_999, "10", 3, "2", "4", "0"]
    assert response_in_microseconds([row])[0][:7:6] == [60_000_000, 119_999_999]
