"""The WebSocket API: endpoints as methods, sessions, and user data events on the same connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cq_tui.simulator.access.keys import ApiKey, invalid_key
from cq_tui.simulator.api.dispatch import dispatch
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import ROUTES, Route
from cq_tui.simulator.api.security import check_signature, check_timing, ws_api_payload
from cq_tui.simulator.api.time_unit import event_in_microseconds, response_in_microseconds
from cq_tui.simulator.api.user_data_publisher import UserDataPublisher
from cq_tui.simulator.api.ws_request import MalformedRequest, WsRequest
from cq_tui.simulator.connections.outbox import Outbox
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

#: Request weight of opening a connection.
CONNECT_WEIGHT = 2
_METHOD_WEIGHT = 2
#: Subscription ids per connection.
_MAX_SUBSCRIPTIONS = 65_535
_METHODS: Mapping[str, Route] = {route.ws_method: route for route in ROUTES if route.ws_method}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A user data subscription; one ``opened_by_session`` ends when the session logs out."""

    subscription_id: int
    opened_by_session: bool


class WsApiSession:
    """One connection's state: logged-on key, user data subscription and queued messages."""

    def __init__(
        self,
        exchange: Exchange,
        feed: UserDataPublisher | None = None,
        *,
        show_limits: bool = True,
        microseconds: bool = False,
    ) -> None:
        self.outbox = Outbox()
        self._exchange = exchange
        self._user_data = feed or UserDataPublisher(exchange)
        self._show_limits = show_limits
        self._microseconds = microseconds
        self._connected_since = exchange.clock()
        self._key: ApiKey | None = None
        self._authorized_since: int | None = None
        self._subscription: Subscription | None = None
        self._next_subscription = 0
        self._session_methods: dict[str, Callable[[WsRequest], Any]] = {
            "session.logon": self._log_on,
            "session.status": lambda request: self._status(),
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe_as_session,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def close(self) -> None:
        """End the subscription of a closed connection."""
        self._user_data.unsubscribe(self._enqueue_events)

    def _enqueue_events(self, events: list[dict[str, Any]]) -> None:
        if self._subscription is None:
            return
        for event in events:
            shown = event_in_microseconds(event) if self._microseconds else event
            self.outbox.put(_dump({"subscriptionId": self._subscription.subscription_id, "event": shown}))

    @property
    def is_subscribed(self) -> bool:
        """Whether user data events go to this connection."""
        return self._subscription is not None

    def shutdown_notice(self, now: int) -> str:
        """Return the serverShutdown frame, sent at ``now`` (Unix ms)."""
        return _dump({"event": {"e": "serverShutdown", "E": now * 1_000 if self._microseconds else now}})

    def handle(self, request: WsRequest) -> str:
        """Execute one request and return the response."""
        now = self._exchange.clock()
        try:
            result = self._execute(request, now)
        except RequestRejected as error:
            return self.error_response(request, error)
        if self._microseconds:
            result = response_in_microseconds(orjson.loads(orjson.dumps(result)))
        return self._response(request, {"id": request.request_id, "status": 200, "result": result})

    def error_response(self, request: WsRequest, error: RequestRejected) -> str:
        """Return the response for an error."""
        body, now = error.to_json(), self._exchange.clock()
        if error.retry_after is not None and error.data is None:
            body["data"] = {"serverTime": now, "retryAfter": now + error.retry_after * 1_000}
        if self._microseconds:
            body = response_in_microseconds(body)
        return self._response(request, {"id": request.request_id, "status": error.status, "error": body})

    @staticmethod
    def malformed_response(error: MalformedRequest) -> str:
        """Return the response to a frame that is not a valid request."""
        return _dump({"id": error.request_id, "status": error.status, "error": error.to_json()})

    def _response(self, request: WsRequest, response: dict[str, Any]) -> str:
        shown = request.values.get("returnRateLimits")
        if self._show_limits if shown is None else shown != "false":
            response["rateLimits"] = self._rate_limits(request.method)
        return _dump(response)

    def _rate_limits(self, method: str) -> list[dict[str, Any]]:
        limits, now = self._exchange.limits, self._exchange.clock()
        route = _METHODS.get(method)
        orders = limits.order_counts(now) if route is not None and route.order_count else []
        return [*orders, limits.weight.usage_json(now)]

    def _execute(self, request: WsRequest, now: int) -> Any:
        limits = self._exchange.limits
        if (session_method := self._session_methods.get(request.method)) is not None:
            limits.count_request(_METHOD_WEIGHT, now)
            return session_method(request)
        route = _METHODS.get(request.method)
        if route is None:
            limits.count_request(1, now)
            raise RequestRejected(-1020, "This operation is not supported: there is no such method.")
        parameters = Parameters(request.values)
        weight = route.weight(parameters)
        limits.count_request(weight, now)
        if route.signed:
            self._authorize(request.values, now)
        answer = dispatch(self._exchange, route, parameters, weight, now)
        if request.method == "exchangeInfo":
            answer["rateLimits"] = [*answer["rateLimits"], limits.connections.limit_json]
        return answer

    # Keys and sessions

    def _authorize(self, values: dict[str, str], now: int) -> ApiKey:
        """Return the key of a signed request; one that names no key uses the session's."""
        parameters = Parameters(values)
        if self._key is not None and "apiKey" not in values and "signature" not in values:
            check_timing(parameters, now)
            return self._key
        key = self._exchange.api_keys.find(values.get("apiKey"))
        parameters.text("signature")
        check_timing(parameters, now)
        check_signature(key, parameters, ws_api_payload(values.items()))
        return key

    def _log_on(self, request: WsRequest) -> Any:
        now = self._exchange.clock()
        account = self._exchange.api_keys
        if account.find(request.values.get("apiKey")).kind != "ED25519":
            raise invalid_key()
        self._key, self._authorized_since = self._authorize(request.values, now), now
        return self._status()

    def _log_out(self, request: WsRequest) -> Any:
        if self._subscription is not None and self._subscription.opened_by_session:
            self._end_subscription()
        self._key = self._authorized_since = None
        return self._status()

    def _status(self) -> dict[str, Any]:
        return {
            "apiKey": None if self._key is None else self._key.text,
            "authorizedSince": self._authorized_since,
            "connectedSince": self._connected_since,
            "returnRateLimits": self._show_limits,
            "serverTime": self._exchange.clock(),
            "userDataStream": self._subscription is not None,
        }

    # User data events

    def _subscribe_as_session(self, request: WsRequest) -> Any:
        if self._key is None:
            raise invalid_key()
        return self._subscribe(of_session=True)

    def _subscribe_signed(self, request: WsRequest) -> Any:
        for name in ("apiKey", "signature"):
            Parameters(request.values).text(name)
        self._authorize(request.values, self._exchange.clock())
        return self._subscribe(of_session=False)

    def _subscribe(self, *, of_session: bool) -> Any:
        if self._subscription is not None:
            raise RequestRejected(-2035, "User Data Stream subscription already active.")
        if self._next_subscription >= _MAX_SUBSCRIPTIONS:
            raise RequestRejected(-2042, "Maximum subscription ID reached for this connection.")
        self._subscription = Subscription(self._next_subscription, of_session)
        self._next_subscription += 1
        self._user_data.subscribe(self._enqueue_events)
        return {"subscriptionId": self._subscription.subscription_id}

    def _unsubscribe(self, request: WsRequest) -> Any:
        number = Parameters(request.values).integer("subscriptionId")
        if self._subscription is None or number not in (None, self._subscription.subscription_id):
            raise RequestRejected(-2036, "User Data Stream subscription not active.")
        self._end_subscription()
        return {}

    def _end_subscription(self) -> None:
        self._enqueue_events([{"e": "eventStreamTerminated", "E": self._exchange.clock()}])
        self.close()
        self._subscription = None

    def _subscriptions(self, request: WsRequest) -> Any:
        return [] if self._subscription is None else [{"subscriptionId": self._subscription.subscription_id}]


def _dump(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
