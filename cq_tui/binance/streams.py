"""Market streams: combined connections, kept up and watched for silence, as one iterator of events."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from functools import partial
from typing import NamedTuple, Self
from urllib.parse import quote

import orjson
from websockets.exceptions import ConnectionClosed

from cq_tui.binance.conflating_queue import ConflatingQueue
from cq_tui.binance.deduplication import EventDeduplicator
from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.market_events import (
    BookTickerUpdate,
    ControlReply,
    DepthUpdate,
    KlineUpdate,
    MarketEvent,
    MiniTickerUpdate,
    ShutdownNotice,
    TradeUpdate,
    parse_stream_message,
)
from cq_tui.binance.message_connection import MessageConnection, MessageHandler
from cq_tui.binance.reconnect import (
    Connected,
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
from cq_tui.binance.sockets import open_message_socket, open_within_budget
from cq_tui.binance.stream_names import MAX_STREAMS, in_batches, split_streams, symbol_of
from cq_tui.binance.watchdog import Deadlines, StreamWatchdog, SymbolActive, SymbolSilent

#: Seconds between SUBSCRIBE messages: with a ping and a pong in between, below 5 messages a second.
SUBSCRIBE_INTERVAL = 0.5


def local_now_ms() -> int:
    """Return this machine's Unix time in ms, in place of the exchange's."""
    return int(time.time() * 1000)


class SubscriptionRefused(NamedTuple):
    """The exchange refused a SUBSCRIBE; its streams stay silent."""

    connection: int
    problem: str


#: A tuple: ``isinstance`` with a union is three times as slow.
_MARKET_EVENTS = (BookTickerUpdate, TradeUpdate, DepthUpdate, KlineUpdate, MiniTickerUpdate)

StreamEvent = (
    MarketEvent
    | Connected
    | Disconnected
    | Renewing
    | SymbolSilent
    | SymbolActive
    | MalformedFrame
    | SubscriptionRefused
)


def conflation_key(event: StreamEvent) -> Hashable | None:
    """Return the key by which a newer event replaces a queued one: of tickers, and of bars that are not closed."""
    if isinstance(event, BookTickerUpdate | MiniTickerUpdate):
        return type(event), event.symbol
    if isinstance(event, KlineUpdate) and not event.closed:
        return KlineUpdate, event.symbol, event.interval
    return None


class MarketStreams:
    """Streams over several connections; ``async with`` starts them, ``async for`` reads the events.

    A gap may precede every Connected: bars closed meanwhile have to be fetched over REST. A connection about to end
    is replaced while it is up: both are read for a while, without duplicates. A slow reader gets the newest ticker
    of each symbol, and every closed bar, trade and change of an order book (``dropped`` counts the rest).
    ``budget`` is shared by all requests to this exchange (SpotRest.budget): during a ban no connection is opened;
    ``server_now_ms`` is the exchange's time.
    """

    def __init__(
        self,
        base_url: str,
        streams: Iterable[str],
        *,
        per_connection: int = MAX_STREAMS,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
        budget: RequestBudget | None = None,
        server_now_ms: Callable[[], int] = local_now_ms,
        queue_limit: int = 8192,
    ) -> None:
        self._groups = split_streams(streams, per_connection)
        self._base_url = base_url
        self._budget = budget or LocalBudget()
        self._server_now_ms = server_now_ms
        self._deadlines = deadlines or Deadlines()
        self._policy = policy or ReconnectPolicy()
        self._queue: ConflatingQueue[StreamEvent] = ConflatingQueue(queue_limit, conflation_key)
        self._tasks: list[asyncio.Task[object]] = []

    @property
    def connection_count(self) -> int:
        """How many connections the streams need."""
        return len(self._groups)

    @property
    def dropped(self) -> int:
        """How many events a slow reader has missed because newer ones replaced them."""
        return self._queue.dropped

    @property
    def pending_count(self) -> int:
        """How many events are queued."""
        return len(self._queue)

    async def __aenter__(self) -> Self:
        for number, streams in enumerate(self._groups):
            connection = _Connection(number, streams, self._deadlines, self._policy, self._queue)
            task: asyncio.Task[object] = asyncio.create_task(connection.run(partial(self._open, connection.path)))
            task.add_done_callback(self._on_task_done)
            self._tasks.append(task)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _open(self, path: str) -> MessageConnection:
        url, policy = self._base_url + path, self._policy
        return await open_within_budget(
            lambda: open_message_socket(url, policy), self._budget, 0, self._server_now_ms, policy
        )

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[object, object, StreamEvent]:
        return self._queue.get()

    def _on_task_done(self, task: asyncio.Task[object]) -> None:
        # A connection runs forever: only a defect ends it, and the reader must see it.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._queue.fail(error)


class _Connection:
    """One connection of MarketStreams; for a while two of them when it is renewed."""

    def __init__(
        self,
        number: int,
        streams: list[str],
        deadlines: Deadlines,
        policy: ReconnectPolicy,
        queue: ConflatingQueue[StreamEvent],
    ) -> None:
        self.number = number
        self._url_streams, *self.later_streams = in_batches(streams)
        self.symbols = {symbol_of(stream) for stream in streams}
        self.deadlines = deadlines
        self.policy = policy
        self.queue = queue
        #: Set while two sessions may deliver the same events.
        self.deduplicator: EventDeduplicator | None = None
        self._sessions = 0

    @property
    def path(self) -> str:
        """The URL path with its first streams."""
        return f"/stream?streams={quote('/'.join(self._url_streams), safe='/@')}"

    async def run(self, open_socket: Callable[[], Awaitable[MessageConnection]]) -> None:
        await keep_connected(open_socket, self._session, self._on_disconnect, self.policy)

    def _on_disconnect(self, reason: str, retry_in: float) -> None:
        self.queue.put(Disconnected(self.number, reason, retry_in))
        if self._sessions:
            # The other session was up before this one was lost, and may still have missed something.
            self.queue.put(Connected(self.number))

    def renew(self, handle: ConnectionHandle, reason: str) -> None:
        """Request a replacement; from now on duplicates of both connections are removed."""
        if handle.retire(reason):
            self.deduplicator = EventDeduplicator()
            self.queue.put(Renewing(self.number, reason))

    async def _session(self, socket: MessageConnection, handle: ConnectionHandle) -> SessionEnd:
        self._sessions += 1
        try:
            return await _Session(self, socket, handle).run()
        finally:
            self._sessions -= 1
            if self._sessions:
                self.deduplicator = None  # the other one has taken over


class _Session:
    """The session of one socket: its messages, deadlines and subscriptions."""

    def __init__(self, connection: _Connection, socket: MessageConnection, handle: ConnectionHandle) -> None:
        self._connection = connection
        self._queue = connection.queue
        self._socket = socket
        self._handle = handle
        self._watchdog = StreamWatchdog(connection.symbols, connection.deadlines, connection.policy.now())
        #: Set while the queue is full and reading is paused.
        self._full = asyncio.Event()

    async def run(self) -> SessionEnd:
        """Read until the session ends, and return why."""
        self._queue.put(Connected(self._connection.number))
        parts = (self._wait_closed(), self._watch_deadlines(), self._resume_when_drained(), self._subscribe())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            self._socket.set_handler(self._message_handler())
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            self._socket.set_handler(_discard)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _message_handler(self) -> MessageHandler:
        """Return the handler of each message. Hot path: names bound here are looked up once."""
        connection, put, record_data, now = (
            self._connection,
            self._queue.put,
            self._watchdog.record_data,
            self._connection.policy.now,
        )
        ready = False

        def handle(message: bytes) -> None:
            nonlocal ready
            try:
                event = parse_stream_message(message)
            except MalformedMessage as error:
                put(MalformedFrame(connection.number, str(error)))
                return
            if not isinstance(event, _MARKET_EVENTS):
                self._handle_control(event)
                return
            if not ready:
                ready = True
                self._handle.mark_ready()
            active = record_data(event.symbol, now())
            if active is not None:
                put(active)
            if connection.deduplicator is not None and not connection.deduplicator.is_new(event):
                return
            if not put(event):
                self._socket.pause()
                self._full.set()

        return handle

    def _handle_control(self, event: ShutdownNotice | ControlReply | None) -> None:
        if isinstance(event, ShutdownNotice):
            self._connection.renew(self._handle, "the server is shutting down")
        elif isinstance(event, ControlReply) and event.error is not None:
            self._queue.put(SubscriptionRefused(self._connection.number, event.error))

    async def _resume_when_drained(self) -> SessionEnd:
        """Resume reading whenever a full queue has room again."""
        while True:
            await self._full.wait()
            await self._queue.wait_for_room()
            self._full.clear()
            self._socket.resume()

    async def _wait_closed(self) -> SessionEnd:
        return session_end(await self._socket.wait_ended())

    async def _watch_deadlines(self) -> SessionEnd:
        """Check the deadlines until one ends the connection; renew it before its lifetime is over."""
        policy, deadlines = self._connection.policy, self._connection.deadlines
        lifetime = policy.next_lifetime()
        ends_at = policy.now() + lifetime
        interval = min(deadlines.check_interval, lifetime / 4)
        while True:
            await asyncio.sleep(interval)
            now = policy.now()
            for silent in self._watchdog.newly_silent(now):
                self._queue.put(silent)
            reason = self._watchdog.failure_reason(now)
            if reason is not None:
                return SessionEnd(reason)
            if now >= ends_at:
                self._connection.renew(self._handle, "renewed before the exchange ends it")

    async def _subscribe(self) -> SessionEnd:
        """Subscribe to the streams that are not in the URL, within the exchange's message limit."""
        for number, names in enumerate(self._connection.later_streams, start=1):
            await asyncio.sleep(SUBSCRIBE_INTERVAL)
            request = {"method": "SUBSCRIBE", "params": names, "id": number}
            try:
                await self._socket.send(orjson.dumps(request).decode())
            except ConnectionClosed as error:
                return session_end(error)
        done: asyncio.Future[SessionEnd] = asyncio.get_running_loop().create_future()
        return await done  # never: the others end the session


def _discard(message: bytes) -> None:
    """Ignore a message of a connection that is being closed."""
