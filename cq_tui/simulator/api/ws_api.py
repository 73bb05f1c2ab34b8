"""The WebSocket API face: every endpoint as a method, and the account's events on the same connection."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.rate_limits import RateLimits
from cq_tui.simulator.api.routes import ENDPOINTS, Endpoint
from cq_tui.simulator.api.security import check_key, check_signature, check_timing
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.streams.outbox import Outbox
from cq_tui.simulator.streams.stream_face import talk

_METHODS: Mapping[str, Endpoint] = {endpoint.ws_method: endpoint for endpoint in ENDPOINTS}
_CONNECT_WEIGHT = 2
_METHOD_WEIGHT = 2


def ws_api_routes(exchange: Exchange, limits: RateLimits) -> list[WebSocketRoute]:
    """Return the route of the WebSocket API."""

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        limits.weight.add(_CONNECT_WEIGHT, exchange.clock())
        show = b"returnRateLimits=false" not in websocket.scope["query_string"]
        session = Session(exchange, limits, Outbox(), show)
        try:
            await talk(websocket, session.outbox, session.answer)
        finally:
            session.close()

    return [WebSocketRoute("/ws-api/v3", serve)]


class Session:
    """One connection: its subscription to the account's events, and its answers."""

    def __init__(self, exchange: Exchange, limits: RateLimits, outbox: Outbox, show_limits: bool) -> None:
        self._exchange = exchange
        self._limits = limits
        self._show_limits = show_limits
        self.outbox = outbox
        self._subscription: int | None = None
        self._next_subscription = 0
        self._own: dict[str, Callable[[dict[str, str]], Any]] = {
            "userDataStream.subscribe.signature": self._subscribe,
            "userDataStream.unsubscribe": self._unsubscribe,
            "session.subscriptions": self._subscriptions,
        }

    def close(self) -> None:
        """End the subscription."""
        self._exchange.user_listeners.discard(self._tell)

    def _tell(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            self.outbox.put(_dump({"subscriptionId": self._subscription, "event": event}))

    def answer(self, content: str | bytes) -> str:
        """Carry out one request and return the response."""
        try:
            # Numbers keep the text in which they were written: that is what was signed.
            request = json.loads(content, parse_float=str)
        except ValueError:
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _dump(_failure(None, ApiError(-1135, "Invalid JSON Request")))
        number, params = request.get("id"), request.get("params") or {}
        try:
            if not isinstance(params, dict):
                raise ApiError(-1135, "Invalid JSON Request")
            values = {str(name): _as_text(value) for name, value in params.items()}
            response = {"id": number, "status": 200, "result": self._call(request["method"], values)}
        except ApiError as error:
            values = {}
            response = _failure(number, error, self._exchange.clock())
        if values.get("returnRateLimits", str(self._show_limits).lower()) != "false":
            response["rateLimits"] = self._counts()
        return _dump(response)

    def _call(self, method: str, values: dict[str, str]) -> Any:
        name = method.removeprefix("v3/")
        if (own := self._own.get(name)) is not None:
            self._limits.spend(_METHOD_WEIGHT, self._exchange.clock())
            return own(values)
        if (endpoint := _METHODS.get(name)) is None:
            raise ApiError(-1020, f"This operation is not supported: {method!r}.")
        parameters, now = Parameters(values), self._exchange.clock()
        weight = endpoint.weight(parameters)
        self._limits.spend(weight, now)
        if endpoint.signed:
            self._check(values, now)
        self._limits.check_orders(endpoint.orders or 0, now)
        result = endpoint.handler(self._exchange, parameters)
        if endpoint.orders is not None:
            self._limits.weight.add(-weight, now)
            self._limits.count_orders(endpoint.orders, now)
        return result

    def _check(self, values: dict[str, str], now: int) -> None:
        parameters, account = Parameters(values), self._exchange.account
        check_key(account, values.get("apiKey"))
        check_timing(parameters, now)
        pairs = sorted((name, value) for name, value in values.items() if name != "signature")
        check_signature(account, parameters, "&".join(f"{name}={value}" for name, value in pairs).encode())

    def _subscribe(self, values: dict[str, str]) -> Any:
        self._check(values, self._exchange.clock())
        if self._subscription is not None:
            raise ApiError(-2035, "User Data Stream subscription already active.")
        self._subscription = self._next_subscription
        self._next_subscription += 1
        self._exchange.user_listeners.add(self._tell)
        return {"subscriptionId": self._subscription}

    def _unsubscribe(self, values: dict[str, str]) -> Any:
        if self._subscription is None or values.get("subscriptionId", str(self._subscription)) != str(
            self._subscription
        ):
            raise ApiError(-2036, "User Data Stream subscription not active.")
        self.close()
        event = {"e": "eventStreamTerminated", "E": self._exchange.clock()}
        self.outbox.put(_dump({"subscriptionId": self._subscription, "event": event}))
        self._subscription = None
        return {}

    def _subscriptions(self, values: dict[str, str]) -> Any:
        return [] if self._subscription is None else [{"subscriptionId": self._subscription}]

    def _counts(self) -> list[dict[str, Any]]:
        window = self._limits.weight
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": window.limit}
        return [limit | {"count": window.count(self._exchange.clock())}]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _failure(number: Any, error: ApiError, now: int = 0) -> dict[str, Any]:
    body = error.to_json()
    if error.retry_after is not None:
        body["data"] = {"serverTime": now, "retryAfter": now + error.retry_after * 1_000}
    return {"id": number, "status": error.status, "error": body}


def _dump(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
