"""The WebSocket API: every endpoint as a method, sessions, and the account's events on the same connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cq_tui.simulator.access.keys import ApiKey
from cq_tui.simulator.api.account_feed import AccountFeed
from cq_tui.simulator.api.carry_out import carry_out
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import ENDPOINTS, Endpoint
from cq_tui.simulator.api.security import check_signature, check_timing, ws_api_payload
from cq_tui.simulator.api.time_unit import answer_in_microseconds, event_in_microseconds
from cq_tui.simulator.api.ws_request import NoRequest, WsRequest
from cq_tui.simulator.connections.outbox import Outbox
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange

#: What opening a connection weighs.
CONNECT_WEIGHT = 2
_METHOD_WEIGHT = 2
#: Subscriptions over a connection's life.
_MOST_SUBSCRIPTIONS = 65_535
_METHODS: Mapping[str, Endpoint] = {endpoint.ws_method: endpoint for endpoint in ENDPOINTS if endpoint.ws_method}


@dataclass(frozen=True, slots=True)
class Subscription:
    """The account's events on a connection; one that the session's key opened ends with the session."""

    number: int
    of_session: bool


class Session:
    """One connection: who is logged on, its subscription to the account's events, and its answers."""

    def __init__(
        self,
        exchange: Exchange,
        feed: AccountFeed | None = None,
        *,
        show_limits: bool = True,
        microseconds: bool = False,
    ) -> None:
        self.outbox = Outbox()
        self._exchange = exchange
        self._feed = feed or AccountFeed(exchange)
        self._show_limits = show_limits
        self._microseconds = microseconds
        self._connected = exchange.clock()
        self._key: ApiKey | None = None
        self._authorized: int | None = None
        self._subscription: Subscription | None = None
        self._next_subscription = 0
        self._own: dict[str, Callable[[WsRequest], Any]] = {
            "session.logon": self._log_on,
            "session.status": lambda request: self._status(),
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe_as_session,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def close(self) -> None:
        """Forget the subscription of a connection that has ended."""
        self._feed.leave(self._tell)

    def _tell(self, events: list[dict[str, Any]]) -> None:
        if self._subscription is None:
            return
        for event in events:
            shown = event_in_microseconds(event) if self._microseconds else event
            self.outbox.put(_dump({"subscriptionId": self._subscription.number, "event": shown}))

    @property
    def is_subscribed(self) -> bool:
        """Whether the account's events go to this connection."""
        return self._subscription is not None

    def shutdown_notice(self, now: int) -> str:
        """Return the frame that tells of the connection's end, at ``now`` (Unix ms)."""
        return _dump({"event": {"e": "serverShutdown", "E": now * 1_000 if self._microseconds else now}})

    def answer(self, request: WsRequest) -> str:
        """Carry out one request and return the response."""
        now = self._exchange.clock()
        try:
            result = self._call(request, now)
        except ApiError as error:
            return self.refusal(request, error)
        if self._microseconds:
            result = answer_in_microseconds(orjson.loads(orjson.dumps(result)))
        return self._response(request, {"id": request.number, "status": 200, "result": result})

    def refusal(self, request: WsRequest, error: ApiError) -> str:
        """Return the response that tells of an error."""
        body, now = error.to_json(), self._exchange.clock()
        if error.retry_after is not None and error.data is None:
            body["data"] = {"serverTime": now, "retryAfter": now + error.retry_after * 1_000}
        if self._microseconds:
            body = answer_in_microseconds(body)
        return self._response(request, {"id": request.number, "status": error.status, "error": body})

    @staticmethod
    def refusal_of_frame(error: NoRequest) -> str:
        """Return the response to a frame that is no request."""
        return _dump({"id": error.number, "status": error.status, "error": error.to_json()})

    def _response(self, request: WsRequest, response: dict[str, Any]) -> str:
        shown = request.values.get("returnRateLimits")
        if self._show_limits if shown is None else shown != "false":
            response["rateLimits"] = self._counts(request.method)
        return _dump(response)

    def _counts(self, method: str) -> list[dict[str, Any]]:
        limits, now = self._exchange.limits, self._exchange.clock()
        endpoint = _METHODS.get(method)
        orders = limits.order_counts(now) if endpoint is not None and endpoint.orders else []
        return [*orders, limits.weight.shown(now)]

    def _call(self, request: WsRequest, now: int) -> Any:
        limits = self._exchange.limits
        if (own := self._own.get(request.method)) is not None:
            limits.spend(_METHOD_WEIGHT, now)
            return own(request)
        endpoint = _METHODS.get(request.method)
        if endpoint is None:
            limits.spend(1, now)
            raise ApiError(-1020, "This operation is not supported: there is no such method.")
        parameters = Parameters(request.values)
        weight = endpoint.weight(parameters)
        limits.spend(weight, now)
        if endpoint.signed:
            self._authorize(request.values, now)
        answer = carry_out(self._exchange, endpoint, parameters, weight, now)
        if request.method == "exchangeInfo":
            answer["rateLimits"] = [*answer["rateLimits"], limits.connections.plain]
        return answer

    # Keys and sessions

    def _authorize(self, values: dict[str, str], now: int) -> ApiKey:
        """Return the key that a request is signed with; one that names none is the session's."""
        parameters = Parameters(values)
        if self._key is not None and "apiKey" not in values and "signature" not in values:
            check_timing(parameters, now)
            return self._key
        key = self._exchange.account.find(values.get("apiKey"))
        parameters.text("signature")
        check_timing(parameters, now)
        check_signature(key, parameters, ws_api_payload(values.items()))
        return key

    def _log_on(self, request: WsRequest) -> Any:
        now = self._exchange.clock()
        account = self._exchange.account
        if account.find(request.values.get("apiKey")).kind != "ED25519":
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        self._key, self._authorized = self._authorize(request.values, now), now
        return self._status()

    def _log_out(self, request: WsRequest) -> Any:
        if self._subscription is not None and self._subscription.of_session:
            self._end_subscription()
        self._key = self._authorized = None
        return self._status()

    def _status(self) -> dict[str, Any]:
        return {
            "apiKey": None if self._key is None else self._key.text,
            "authorizedSince": self._authorized,
            "connectedSince": self._connected,
            "returnRateLimits": self._show_limits,
            "serverTime": self._exchange.clock(),
            "userDataStream": self._subscription is not None,
        }

    # The account's events

    def _subscribe_as_session(self, request: WsRequest) -> Any:
        if self._key is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return self._subscribe(of_session=True)

    def _subscribe_signed(self, request: WsRequest) -> Any:
        for name in ("apiKey", "signature"):
            Parameters(request.values).text(name)
        self._authorize(request.values, self._exchange.clock())
        return self._subscribe(of_session=False)

    def _subscribe(self, *, of_session: bool) -> Any:
        if self._subscription is not None:
            raise ApiError(-2035, "User Data Stream subscription already active.")
        if self._next_subscription >= _MOST_SUBSCRIPTIONS:
            raise ApiError(-2042, "Maximum subscription ID reached for this connection.")
        self._subscription = Subscription(self._next_subscription, of_session)
        self._next_subscription += 1
        self._feed.join(self._tell)
        return {"subscriptionId": self._subscription.number}

    def _unsubscribe(self, request: WsRequest) -> Any:
        number = Parameters(request.values).integer("subscriptionId")
        if self._subscription is None or number not in (None, self._subscription.number):
            raise ApiError(-2036, "User Data Stream subscription not active.")
        self._end_subscription()
        return {}

    def _end_subscription(self) -> None:
        self._tell([{"e": "eventStreamTerminated", "E": self._exchange.clock()}])
        self.close()
        self._subscription = None

    def _subscriptions(self, request: WsRequest) -> Any:
        return [] if self._subscription is None else [{"subscriptionId": self._subscription.number}]


def _dump(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
