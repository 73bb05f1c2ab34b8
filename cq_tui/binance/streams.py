"""Market streams: combined connections that stay up, watched for silence, as one iterator of events."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from functools import partial
from typing import NamedTuple, Self
from urllib.parse import quote

import orjson
from websockets.exceptions import ConnectionClosed

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.mailbox import Mailbox
from cq_tui.binance.market_events import (
    BookTickerUpdate,
    ControlReply,
    DepthUpdate,
    KlineUpdate,
    MarketEvent,
    MiniTickerUpdate,
    ShutdownNotice,
    TradeUpdate,
    parse_frame,
)
from cq_tui.binance.overlap import Overlap
from cq_tui.binance.reconnect import (
    Connected,
    Disconnected,
    Ending,
    Link,
    Malformed,
    ReconnectPolicy,
    Renewing,
    closed,
    keep_connected,
)
from cq_tui.binance.shared_weight import OwnWeight, WeightBudget
from cq_tui.binance.silence import Deadlines, SilenceWatch, SymbolActive, SymbolSilent
from cq_tui.binance.sockets import open_admitted, open_message_socket
from cq_tui.binance.stream_names import MAX_STREAMS, spread, symbol_of
from cq_tui.binance.wire import Deliver, MessageConnection

#: Names in the URL, and in each SUBSCRIBE after it.
BATCH = 200
#: Seconds between SUBSCRIBE messages: with a ping and a pong between them that stays below 5 messages a second.
SUBSCRIBE_PACE = 0.5


def unmeasured_ms() -> int:
    """Return this machine's Unix time in ms, for want of the exchange's."""
    return int(time.time() * 1000)


class SubscriptionRefused(NamedTuple):
    """The exchange refused a SUBSCRIBE; the streams that it named stay silent."""

    connection: int
    problem: str


#: A tuple: asking a union is three times as slow.
_MARKET_EVENTS = (BookTickerUpdate, TradeUpdate, DepthUpdate, KlineUpdate, MiniTickerUpdate)

StreamEvent = (
    MarketEvent | Connected | Disconnected | Renewing | SymbolSilent | SymbolActive | Malformed | SubscriptionRefused
)


def conflation_key(event: StreamEvent) -> Hashable | None:
    """Tell which waiting events a newer one makes superfluous: tickers and bars that are not closed."""
    if isinstance(event, BookTickerUpdate | MiniTickerUpdate):
        return type(event), event.symbol
    if isinstance(event, KlineUpdate) and not event.closed:
        return KlineUpdate, event.symbol, event.interval
    return None


class MarketStreams:
    """Streams spread over connections; ``async with`` starts them, ``async for`` reads the events.

    Every Connected may lie behind a gap: what closed meanwhile has to be fetched over REST. A connection that is to
    end is replaced while it lives: both are read for a while, and what both bring is told once. A reader that
    is slow gets the newest ticker of each symbol, and every closed bar, trade and change of an order book
    (``dropped`` counts the rest). ``budget`` is what all requests to this exchange share (SpotRest.budget): whoever
    is banned opens no connection either; ``server_now_ms`` is its time.
    """

    def __init__(
        self,
        base_url: str,
        streams: Iterable[str],
        *,
        per_connection: int = MAX_STREAMS,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
        budget: WeightBudget | None = None,
        server_now_ms: Callable[[], int] = unmeasured_ms,
        mailbox_limit: int = 8192,
    ) -> None:
        self._shares = spread(streams, per_connection)
        self._base_url = base_url
        self._budget = budget or OwnWeight()
        self._server_now_ms = server_now_ms
        self._deadlines = deadlines or Deadlines()
        self._policy = policy or ReconnectPolicy()
        self._mailbox: Mailbox[StreamEvent] = Mailbox(mailbox_limit, conflation_key)
        self._tasks: list[asyncio.Task[object]] = []

    @property
    def dropped(self) -> int:
        """How many events a slow reader has missed because newer ones replaced them."""
        return self._mailbox.dropped

    @property
    def waiting(self) -> int:
        """How many events wait to be read."""
        return len(self._mailbox)

    async def __aenter__(self) -> Self:
        for number, streams in enumerate(self._shares):
            connection = _Connection(number, streams, self._deadlines, self._policy, self._mailbox)
            task: asyncio.Task[object] = asyncio.create_task(connection.run(partial(self._open, connection.path)))
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _open(self, path: str) -> MessageConnection:
        url, policy = self._base_url + path, self._policy
        return await open_admitted(
            lambda: open_message_socket(url, policy), self._budget, 0, self._server_now_ms, policy
        )

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[object, object, StreamEvent]:
        return self._mailbox.get()

    def _ended(self, task: asyncio.Task[object]) -> None:
        # A connection runs for ever: only a defect ends it, and the reader has to hear of that.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._mailbox.fail(error)


class _Connection:
    """One connection of MarketStreams, and for a while two of them when it is renewed."""

    def __init__(
        self,
        number: int,
        streams: list[str],
        deadlines: Deadlines,
        policy: ReconnectPolicy,
        mailbox: Mailbox[StreamEvent],
    ) -> None:
        self.number = number
        self._first, *self.later = [streams[i : i + BATCH] for i in range(0, len(streams), BATCH)]
        self.symbols = {symbol_of(stream) for stream in streams}
        self.deadlines = deadlines
        self.policy = policy
        self.mailbox = mailbox
        #: Set while two sessions may bring the same.
        self.overlap: Overlap | None = None
        self._sessions = 0

    @property
    def path(self) -> str:
        """Where the first of its streams are."""
        return f"/stream?streams={quote('/'.join(self._first), safe='/@')}"

    async def run(self, opened: Callable[[], Awaitable[MessageConnection]]) -> None:
        await keep_connected(opened, self._session, self._down, self.policy)

    def _down(self, reason: str, retry_in: float) -> None:
        self.mailbox.put(Disconnected(self.number, reason, retry_in))
        if self._sessions:
            # The other one was there before this one was lost, and may have missed something all the same.
            self.mailbox.put(Connected(self.number))

    def renew(self, link: Link, reason: str) -> None:
        """Ask for another connection; from now on what both bring is told once."""
        if link.leaves(reason):
            self.overlap = Overlap()
            self.mailbox.put(Renewing(self.number, reason))

    async def _session(self, socket: MessageConnection, link: Link) -> Ending:
        self._sessions += 1
        try:
            return await _Session(self, socket, link).run()
        finally:
            self._sessions -= 1
            if self._sessions:
                self.overlap = None  # the other one has taken over


class _Session:
    """The life of one socket: its messages, its deadlines, its subscriptions."""

    def __init__(self, connection: _Connection, socket: MessageConnection, link: Link) -> None:
        self._connection = connection
        self._mailbox = connection.mailbox
        self._socket = socket
        self._link = link
        self._watch = SilenceWatch(connection.symbols, connection.deadlines, connection.policy.now())
        #: Set while the mailbox is full and the network waits.
        self._full = asyncio.Event()

    async def run(self) -> Ending:
        """Read until the end, and return it."""
        self._mailbox.put(Connected(self._connection.number))
        parts = (self._closed(), self._guard(), self._wait_for_the_reader(), self._subscribe())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            self._socket.listen(self._taker())
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            self._socket.listen(_leave_unread)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _taker(self) -> Deliver:
        """Return what takes in each message. Hot path: what is bound here is looked up once."""
        connection, put, heard, now = (
            self._connection,
            self._mailbox.put,
            self._watch.heard,
            self._connection.policy.now,
        )
        serves = False

        def take(message: bytes) -> None:
            nonlocal serves
            try:
                event = parse_frame(message)
            except MalformedMessage as error:
                put(Malformed(connection.number, str(error)))
                return
            if not isinstance(event, _MARKET_EVENTS):
                self._take_notice(event)
                return
            if not serves:
                serves = True
                self._link.serves()
            active = heard(event.symbol, now())
            if active is not None:
                put(active)
            if connection.overlap is not None and not connection.overlap.is_news(event):
                return
            if not put(event):
                self._socket.pause()
                self._full.set()

        return take

    def _take_notice(self, event: ShutdownNotice | ControlReply | None) -> None:
        if isinstance(event, ShutdownNotice):
            self._connection.renew(self._link, "the server is shutting down")
        elif isinstance(event, ControlReply) and event.error is not None:
            self._mailbox.put(SubscriptionRefused(self._connection.number, event.error))

    async def _wait_for_the_reader(self) -> Ending:
        """Let the network go on whenever a full mailbox has room again."""
        while True:
            await self._full.wait()
            await self._mailbox.room()
            self._full.clear()
            self._socket.resume()

    async def _closed(self) -> Ending:
        return closed(await self._socket.ended())

    async def _guard(self) -> Ending:
        """Look at the deadlines until one ends the connection; have it renewed before its time is over."""
        policy, deadlines = self._connection.policy, self._connection.deadlines
        life = policy.life()
        ends_at = policy.now() + life
        every = min(deadlines.check_every, life / 4)
        while True:
            await asyncio.sleep(every)
            moment = policy.now()
            for silent in self._watch.newly_silent(moment):
                self._mailbox.put(silent)
            reason = self._watch.dead(moment)
            if reason is not None:
                return Ending(reason)
            if moment >= ends_at:
                self._connection.renew(self._link, "renewed before the exchange ends it")

    async def _subscribe(self) -> Ending:
        """Ask for the streams that are not in the URL, slowly enough for the exchange's message limit."""
        for number, names in enumerate(self._connection.later, start=1):
            await asyncio.sleep(SUBSCRIBE_PACE)
            request = {"method": "SUBSCRIBE", "params": names, "id": number}
            try:
                await self._socket.send(orjson.dumps(request).decode())
            except ConnectionClosed as error:
                return closed(error)
        done: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        return await done  # never: the others end the session


def _leave_unread(message: bytes) -> None:
    """Take a message of a connection that is being closed."""
