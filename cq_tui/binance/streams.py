"""Market streams: combined connections that stay up, watched for silence, as one iterator of events."""

import asyncio
from collections.abc import Coroutine, Hashable, Iterable
from typing import NamedTuple, Self
from urllib.parse import quote

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from cq_tui.binance.errors import MalformedMessage
from cq_tui.binance.mailbox import Mailbox
from cq_tui.binance.market_events import (
    BookTickerUpdate,
    ControlReply,
    KlineUpdate,
    MarketEvent,
    MiniTickerUpdate,
    ShutdownNotice,
    parse_frame,
)
from cq_tui.binance.reconnect import (
    Connected,
    Disconnected,
    Ending,
    Malformed,
    ReconnectPolicy,
    closed,
    keep_connected,
)
from cq_tui.binance.silence import Deadlines, SilenceWatch, SymbolActive, SymbolSilent

#: The exchange's limit of streams on one connection.
MAX_STREAMS = 1024
#: Names in the URL, and in each SUBSCRIBE after it.
BATCH = 200
#: Seconds between SUBSCRIBE messages: with pings and pongs that stays below 5 messages a second.
SUBSCRIBE_PACE = 0.3


class SubscriptionRefused(NamedTuple):
    """The exchange refused a SUBSCRIBE; the streams that it named stay silent."""

    connection: int
    problem: str


#: A tuple: asking a union is three times as slow.
_MARKET_EVENTS = (BookTickerUpdate, KlineUpdate, MiniTickerUpdate)

StreamEvent = MarketEvent | Connected | Disconnected | SymbolSilent | SymbolActive | Malformed | SubscriptionRefused


def kline_stream(symbol: str, interval: str) -> str:
    """Return the name of a kline stream."""
    return f"{symbol.lower()}@kline_{interval}"


def book_ticker_stream(symbol: str) -> str:
    """Return the name of a best bid and ask stream."""
    return f"{symbol.lower()}@bookTicker"


def mini_ticker_stream(symbol: str) -> str:
    """Return the name of a 24 h mini ticker stream."""
    return f"{symbol.lower()}@miniTicker"


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream. Raises ValueError for a name without one."""
    symbol, at, kind = stream.partition("@")
    if not symbol or symbol.startswith("!") or not at or not kind:
        raise ValueError(f"stream {stream!r} has no symbol: <symbol>@<kind> is needed")
    return symbol.upper()


def spread(streams: Iterable[str], per_connection: int = MAX_STREAMS) -> list[list[str]]:
    """Share the streams out to as few connections as possible, those of a symbol together."""
    if not 1 <= per_connection <= MAX_STREAMS:
        raise ValueError(f"{per_connection} streams a connection: 1 to {MAX_STREAMS} are possible")
    by_symbol: dict[str, list[str]] = {}
    for stream in dict.fromkeys(streams):
        by_symbol.setdefault(symbol_of(stream), []).append(stream)
    shares: list[list[str]] = []
    for names in by_symbol.values():
        if not shares or len(shares[-1]) + len(names) > per_connection:
            shares.append([])
        for name in names:
            if len(shares[-1]) == per_connection:
                shares.append([])
            shares[-1].append(name)
    return shares


def conflation_key(event: StreamEvent) -> Hashable | None:
    """Tell which waiting events a newer one makes superfluous: tickers and bars that are not closed."""
    if isinstance(event, BookTickerUpdate | MiniTickerUpdate):
        return type(event), event.symbol
    if isinstance(event, KlineUpdate) and not event.closed:
        return KlineUpdate, event.symbol, event.interval
    return None


class MarketStreams:
    """Streams spread over connections; ``async with`` starts them, ``async for`` reads the events.

    Every Connected may lie behind a gap: what closed meanwhile has to be fetched over REST. A reader that
    is slow gets the newest ticker of each symbol and every closed bar (``dropped`` counts the rest).
    """

    def __init__(
        self,
        base_url: str,
        streams: Iterable[str],
        *,
        per_connection: int = MAX_STREAMS,
        deadlines: Deadlines | None = None,
        policy: ReconnectPolicy | None = None,
        mailbox_limit: int = 8192,
    ) -> None:
        self._shares = spread(streams, per_connection)
        self._base_url = base_url
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
            task: asyncio.Task[object] = asyncio.create_task(connection.run(self._base_url))
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Coroutine[object, object, StreamEvent]:
        return self._mailbox.get()

    def _ended(self, task: asyncio.Task[object]) -> None:
        # A connection runs for ever: only a defect ends it, and the reader has to hear of that.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._mailbox.fail(error)


class _Connection:
    """One connection of MarketStreams."""

    def __init__(
        self,
        number: int,
        streams: list[str],
        deadlines: Deadlines,
        policy: ReconnectPolicy,
        mailbox: Mailbox[StreamEvent],
    ) -> None:
        self._number = number
        self._first, *self._later = [streams[i : i + BATCH] for i in range(0, len(streams), BATCH)]
        self._symbols = {symbol_of(stream) for stream in streams}
        self._deadlines = deadlines
        self._policy = policy
        self._mailbox = mailbox

    async def run(self, base_url: str) -> None:
        names = quote("/".join(self._first), safe="/@")
        await keep_connected(f"{base_url}/stream?streams={names}", self._session, self._down, self._policy)

    def _down(self, reason: str, retry_in: float) -> None:
        self._mailbox.put(Disconnected(self._number, reason, retry_in))

    async def _session(self, socket: ClientConnection) -> Ending:
        watch = SilenceWatch(self._symbols, self._deadlines, self._policy.now())
        self._mailbox.put(Connected(self._number))
        parts = [
            asyncio.create_task(self._receive(socket, watch)),
            asyncio.create_task(self._guard(watch)),
        ]
        subscribing = asyncio.create_task(self._subscribe(socket))
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in (*parts, subscribing):
                task.cancel()
            await asyncio.gather(*parts, subscribing, return_exceptions=True)

    async def _receive(self, socket: ClientConnection, watch: SilenceWatch) -> Ending:
        """Read frames until the end. Hot path: what is bound here is looked up once."""
        receive, put, heard, now = socket.recv, self._mailbox.put, watch.heard, self._policy.now
        while True:
            try:
                event = parse_frame(await receive(decode=False))
            except MalformedMessage as error:
                put(Malformed(self._number, str(error)))
                continue
            except ConnectionClosed as error:
                return closed(error)
            if isinstance(event, _MARKET_EVENTS):
                active = heard(event.symbol, now())
                if active is not None:
                    put(active)
                if not put(event):
                    await self._mailbox.room()
            elif isinstance(event, ShutdownNotice):
                return Ending("the server is shutting down")
            elif isinstance(event, ControlReply) and event.error is not None:
                put(SubscriptionRefused(self._number, event.error))

    async def _guard(self, watch: SilenceWatch) -> Ending:
        """Look at the deadlines until one ends the connection."""
        now = self._policy.now
        ends_at = now() + self._policy.lifetime
        every = min(self._deadlines.check_every, self._policy.lifetime / 4)
        while True:
            await asyncio.sleep(every)
            moment = now()
            for silent in watch.newly_silent(moment):
                self._mailbox.put(silent)
            reason = watch.dead(moment)
            if reason is not None:
                return Ending(reason)
            if moment >= ends_at:
                return Ending("renewed before the exchange ends it")

    async def _subscribe(self, socket: ClientConnection) -> None:
        """Ask for the streams that are not in the URL, slowly enough for the exchange's message limit."""
        for number, names in enumerate(self._later, start=1):
            await asyncio.sleep(SUBSCRIBE_PACE)
            request = {"method": "SUBSCRIBE", "params": names, "id": number}
            try:
                await socket.send(orjson.dumps(request).decode())
            except ConnectionClosed:
                return  # _receive sees it too and tells why
