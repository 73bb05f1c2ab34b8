"""WebSocket API sessions: logon with an Ed25519 key, and subscriptions that end with the session."""

import base64
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cq_tui.binance.signing import sign_hmac
from cq_tui.simulator.access.keys import ApiKeys, public_api_key
from cq_tui.simulator.api.security import ws_api_payload
from cq_tui.simulator.api.ws_api import WsApiSession
from cq_tui.simulator.api.ws_request import MalformedRequest, read_request
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.server import SimulatorConfig, open_exchange
from tests.simulator.conftest import SHORT_HISTORY

NOW = 1_700_000_040_000
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = public_api_key(PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "key.pem")
ACCOUNT = ApiKeys("the-key", "the-secret", (PUBLIC,))


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    config = SimulatorConfig(symbols=("BTCUSDT", "ETHUSDT"), history_ms=SHORT_HISTORY)
    return open_exchange(config, ACCOUNT, lambda: NOW)


def call(session: WsApiSession, method: str, **params: Any) -> Any:
    frame = orjson.dumps({"id": "x", "method": method, "params": params})
    return orjson.loads(session.handle(read_request(frame)))


def signed(session: WsApiSession, method: str, key: str, **params: Any) -> Any:
    params |= {"apiKey": key, "timestamp": str(NOW)}
    payload = ws_api_payload(params.items())
    signature = (
        sign_hmac("the-secret", payload) if key == "the-key" else base64.b64encode(PRIVATE.sign(payload)).decode()
    )
    return call(session, method, **params, signature=signature)


def test_a_logged_on_session_need_not_sign(exchange: Exchange) -> None:
    session = WsApiSession(exchange)
    assert call(session, "account.status", timestamp=NOW)["error"]["code"] == -2014
    assert signed(session, "session.logon", "the-key")["error"]["code"] == -2015
    status = signed(session, "session.logon", PUBLIC.text)["result"]
    assert (status["apiKey"], status["authorizedSince"], status["userDataStream"]) == (PUBLIC.text, NOW, False)
    assert call(session, "account.status", timestamp=NOW)["status"] == 200
    assert call(session, "account.status")["error"]["code"] == -1102
    assert call(session, "account.status", timestamp=NOW - 5_001)["error"]["code"] == -1021
    assert call(session, "session.logout")["result"]["apiKey"] is None
    assert call(session, "account.status", timestamp=NOW)["status"] == 401


def test_a_subscription_ends_with_the_session_that_opened_it(exchange: Exchange) -> None:
    session = WsApiSession(exchange)
    assert call(session, "userDataStream.subscribe")["status"] == 401
    signed(session, "session.logon", PUBLIC.text)
    assert call(session, "userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert signed(session, "userDataStream.subscribe.signature", "the-key")["error"]["code"] == -2035
    assert call(session, "session.subscriptions")["result"] == [{"subscriptionId": 0}]
    call(session, "session.logout")
    assert call(session, "session.subscriptions")["result"] == []
    assert call(session, "userDataStream.unsubscribe")["error"]["code"] == -2036
    assert signed(session, "userDataStream.subscribe.signature", "the-key")["result"] == {"subscriptionId": 1}
    call(session, "session.logout")
    assert call(session, "userDataStream.unsubscribe", subscriptionId=0)["error"]["code"] == -2036
    assert call(session, "userDataStream.unsubscribe", subscriptionId=1)["result"] == {}


def test_numbers_are_signed_in_their_original_text(exchange: Exchange) -> None:
    values = read_request(b'{"id":7,"method":"v3/order.place","params":{"quantity":0.20,"price":1e-05,"flag":true}}')
    assert values == (7, "order.place", {"quantity": "0.20", "price": "1e-05", "flag": "true"})
    with pytest.raises(MalformedRequest):
        read_request(b"[]")


def test_rate_limits_are_included_unless_disabled(exchange: Exchange) -> None:
    session = WsApiSession(exchange, show_limits=False)
    assert "rateLimits" not in call(session, "time")
    limits = call(session, "time", returnRateLimits=True)["rateLimits"]
    assert [limit["rateLimitType"] for limit in limits] == ["REQUEST_WEIGHT"]
    order = call(session, "order.place", returnRateLimits=True)["rateLimits"]
    assert [limit["rateLimitType"] for limit in order] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    kinds = [limit["rateLimitType"] for limit in call(session, "exchangeInfo")["result"]["rateLimits"]]
    assert kinds[-1] == "CONNECTIONS"
    assert call(session, "userDataStream.start")["status"] == 410


def test_times_in_microseconds(exchange: Exchange) -> None:
    session = WsApiSession(exchange, microseconds=True)
    assert call(session, "time")["result"] == {"serverTime": NOW * 1_000}
    kline = call(session, "klines", symbol="BTCUSDT", interval="1m", limit=1)["result"][0]
    assert kline[0] == NOW * 1_000
