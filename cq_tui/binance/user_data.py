"""The user data stream: a signed subscription on the WebSocket API that is renewed whenever it ends."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from cq_tui.binance.conflating_queue import ConflatingQueue
from cq_tui.binance.errors import AuthenticationFailed, BinanceError, MalformedMessage, RateLimited, error_from_status
from cq_tui.binance.reconnect import (
    ConnectionHandle,
    Disconnected,
    MalformedFrame,
    ReconnectPolicy,
    Renewing,
    SessionEnd,
    keep_connected,
    session_end,
)
from cq_tui.binance.shared_budget import LocalBudget, RequestBudget
from cq_tui.binance.signing import Credentials, signed_params
from cq_tui.binance.sockets import open_socket, open_within_budget
from cq_tui.binance.user_events import (
    ExecutionReport,
    ServerShutdown,
    StreamTerminated,
    UserEvent,
    parse_user_event,
)

_CONNECTION = 0
#: Request weight of connecting and of subscribing.
_WEIGHT = 4
#: Seconds before reconnecting with a refused key: sooner cannot help.
REFUSED_KEY_DELAY = 60.0


class Subscribed(NamedTuple):
    """Events flow from here on. Earlier changes have to be fetched over REST."""


class SubscriptionFailed(NamedTuple):
    """The exchange refused the subscription; it is retried. After TimestampRejected, measure its clock."""

    error: BinanceError


UserDataEvent = UserEvent | Subscribed | SubscriptionFailed | Disconnected | Renewing | MalformedFrame


class ExecutionDeduplicator:
    """Detects duplicate execution reports by execution id; remembers the ``capacity`` newest."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._seen: dict[tuple[str, int, int, int], None] = {}
        self._capacity = capacity

    def is_first(self, report: ExecutionReport) -> bool:
        """Whether this execution has not been seen yet; records it."""
        # Id and time: a test exchange that is reset counts from the beginning again.
        identity = report.symbol, report.order_id, report.execution_id, report.transaction_time
        if identity in self._seen:
            return False
        self._seen[identity] = None
        if len(self._seen) > self._capacity:
            del self._seen[next(iter(self._seen))]
        return True


class UserDataStream:
    """Events of one account; ``async with`` starts it, ``async for`` reads the events.

    ``budget`` is shared by all requests to this exchange (SpotRest.budget).
    ``server_now_ms`` is the exchange's time (SpotRest.server_now_ms). Events come in order, none is
    dropped and no execution repeated. Reconcile orders and balances over REST after each Subscribed, and
    regularly: a stream can fall silent unnoticed.
    """

    def __init__(
        self,
        ws_api_url: str,
        credentials: Credentials,
        server_now_ms: Callable[[], int],
        *,
        budget: RequestBudget | None = None,
        recv_window: int = 5000,
        reply_timeout: float = 10.0,
        policy: ReconnectPolicy | None = None,
        queue_limit: int = 8192,
    ) -> None:
        self._url = ws_api_url
        self._credentials = credentials
        self._server_now_ms = server_now_ms
        self._budget = budget or LocalBudget()
        self._recv_window = recv_window
        self._reply_timeout = reply_timeout
        self._policy = policy or ReconnectPolicy()
        self._queue: ConflatingQueue[UserDataEvent] = ConflatingQueue(queue_limit, lambda event: None)
        self._executions = ExecutionDeduplicator()
        self._task: asyncio.Task[object] | None = None
        #: Of the newest connection that is subscribed.
        self._handle: ConnectionHandle | None = None

    @property
    def pending_count(self) -> int:
        """How many events are queued."""
        return len(self._queue)

    def renew(self, reason: str) -> None:
        """Subscribe on another connection; this one is read until then. Without a connection nothing changes."""
        if self._handle is not None:
            self._renew(self._handle, reason)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(keep_connected(self._open, self._session, self._on_disconnect, self._policy))
        self._task.add_done_callback(self._on_task_done)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> UserDataEvent:
        return await self._queue.get()

    def _on_task_done(self, task: asyncio.Task[object]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._queue.fail(error)

    def _on_disconnect(self, reason: str, retry_in: float) -> None:
        self._queue.put(Disconnected(_CONNECTION, reason, retry_in))

    async def _open(self) -> ClientConnection:
        url, policy = self._url, self._policy
        return await open_within_budget(
            lambda: open_socket(url, policy), self._budget, _WEIGHT, self._server_now_ms, policy
        )

    async def _session(self, socket: ClientConnection, handle: ConnectionHandle) -> SessionEnd:
        try:
            async with asyncio.timeout(self._reply_timeout):
                refused = await self._subscribe(socket, handle)
        except TimeoutError:
            return SessionEnd(f"no reply to the subscription in {self._reply_timeout:.0f} s")
        except ConnectionClosed as error:
            return session_end(error)
        if refused is not None:
            if isinstance(refused, RateLimited):
                self._budget.block(refused.retry_after, self._server_now_ms())
            self._queue.put(SubscriptionFailed(refused))
            return SessionEnd(f"subscription refused: {refused}", _retry_delay(refused))
        self._queue.put(Subscribed())
        handle.mark_ready()
        self._handle = handle
        renewal = asyncio.get_running_loop().call_later(
            self._policy.next_lifetime(), self._renew, handle, "renewed before the exchange ends it"
        )
        try:
            return await self._receive(socket, handle)
        finally:
            renewal.cancel()

    def _renew(self, handle: ConnectionHandle, reason: str) -> None:
        """Request a replacement; this connection is read until that one is subscribed."""
        if handle.retire(reason):
            self._queue.put(Renewing(_CONNECTION, reason))

    async def _subscribe(self, socket: ClientConnection, handle: ConnectionHandle) -> BinanceError | None:
        """Send the subscription and return None, or why it was refused."""
        params = signed_params({"timestamp": self._server_now_ms(), "recvWindow": self._recv_window}, self._credentials)
        request = {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
        await socket.send(orjson.dumps(request).decode())
        while True:
            message = self._parse_message(await socket.recv(decode=False))
            if message is None:
                continue
            if "event" in message:
                await self._deliver(message["event"], handle)  # may overtake the reply
            elif "status" in message:
                return self._response_error(message)

    async def _receive(self, socket: ClientConnection, handle: ConnectionHandle) -> SessionEnd:
        while True:
            try:
                message = self._parse_message(await socket.recv(decode=False))
            except ConnectionClosed as error:
                return session_end(error)
            if message is None:
                continue
            if "event" in message:
                end = await self._deliver(message["event"], handle)
                if end is not None:
                    return end
            elif (refused := self._response_error(message)) is not None:
                return SessionEnd(f"ended by the exchange: {refused}", _retry_delay(refused))

    async def _deliver(self, raw: object, handle: ConnectionHandle) -> SessionEnd | None:
        """Queue an event, an execution only once; returns the session's end when it is the last event."""
        try:
            event = parse_user_event(raw)
        except MalformedMessage as error:
            self._queue.put(MalformedFrame(_CONNECTION, str(error)))
            return None
        if isinstance(event, ExecutionReport) and not self._executions.is_first(event):
            return None
        if not self._queue.put(event):
            await self._queue.wait_for_room()
        if isinstance(event, StreamTerminated):
            return SessionEnd("the exchange ended the subscription")
        if isinstance(event, ServerShutdown):
            self._renew(handle, "the server is shutting down")
        return None

    def _parse_message(self, frame: bytes | str) -> dict[str, Any] | None:
        """Return the frame's object; an unreadable one is reported and skipped."""
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError as error:
            self._queue.put(MalformedFrame(_CONNECTION, f"frame is not JSON: {error}"))
            return None
        if not isinstance(message, dict):
            self._queue.put(MalformedFrame(_CONNECTION, "frame is not a JSON object"))
            return None
        return message

    def _response_error(self, message: dict[str, Any]) -> BinanceError | None:
        """Return the error of a WebSocket API response, None when it is a success or no response."""
        status = message.get("status")
        if status == 200 or not isinstance(status, int):
            return None
        error = _dict_or_empty(message.get("error"))
        code = error.get("code")
        until_ms = _dict_or_empty(error.get("data")).get("retryAfter")  # absolute here, unlike REST
        wait = 60.0 if not isinstance(until_ms, int) else max(0.0, (until_ms - self._server_now_ms()) / 1000)
        return error_from_status(
            status,
            code if isinstance(code, int) else None,
            str(error.get("msg", "")),
            retry_after=wait,
        )


def _dict_or_empty(raw: object) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _retry_delay(error: BinanceError) -> float:
    if isinstance(error, RateLimited):
        return error.retry_after
    return REFUSED_KEY_DELAY if isinstance(error, AuthenticationFailed) else 0.0
