"""Local order books of several symbols, built from the events of MarketStreams and snapshots over REST."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Self

from cq_tui.binance.errors import BinanceError, BudgetExhausted, MalformedMessage, RateLimited
from cq_tui.binance.market_events import DepthUpdate
from cq_tui.binance.order_book import BookSync, DepthSnapshot, OrderBook
from cq_tui.binance.reconnect import Disconnected
from cq_tui.binance.streams import StreamEvent

#: Seconds before fetching again after a snapshot that was too old or failed.
RETRY_DELAY = 1.0


class OrderBooks:
    """Books that exist only while they are in sync; ``async with`` fetches the snapshots they need.

    ``fetch`` returns a snapshot of a symbol (``SpotRest.depth``) and waits for the request weight it costs;
    one is fetched at a time. Pass every event of the streams to ``apply``.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        fetch: Callable[[str], Awaitable[DepthSnapshot]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._syncs = {symbol: BookSync(symbol) for symbol in symbols}
        self._fetch = fetch
        self._sleep = sleep
        self._snapshot_requests: asyncio.Queue[str] = asyncio.Queue()
        self._requested: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        #: How many gaps and unparsable messages there were; each restarted a book.
        self.gaps = 0
        self.malformed = 0
        #: Why the last snapshot could not be fetched.
        self.last_error: str | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._fetch_snapshots())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (defect := self._task.exception()) is not None:
                raise defect

    def book(self, symbol: str) -> OrderBook | None:
        """Return the live book; None while it is out of sync. The next event changes it."""
        return self._syncs[symbol].book

    def apply(self, event: StreamEvent) -> None:
        """Apply an event of the streams. A lost connection drops all books: changes may be missing."""
        if isinstance(event, DepthUpdate):
            if event.symbol in self._syncs:
                self._apply_change(event)
        elif isinstance(event, Disconnected):
            for sync in self._syncs.values():
                sync.reset()

    def _apply_change(self, change: DepthUpdate) -> None:
        sync = self._syncs[change.symbol]
        try:
            if sync.apply_change(change) is not None:
                self.gaps += 1
        except MalformedMessage:
            self.malformed += 1
            sync.reset()
        if sync.needs_snapshot:
            self._request_snapshot(change.symbol)

    def _request_snapshot(self, symbol: str) -> None:
        if symbol not in self._requested:
            self._requested.add(symbol)
            self._snapshot_requests.put_nowait(symbol)

    async def _fetch_snapshots(self) -> None:
        while True:
            symbol = await self._snapshot_requests.get()
            pause = await self._fetch_snapshot(symbol)
            self._requested.discard(symbol)
            if pause and self._syncs[symbol].needs_snapshot:
                await self._sleep(pause)
                self._request_snapshot(symbol)

    async def _fetch_snapshot(self, symbol: str) -> float:
        """Fetch a snapshot and start the book; returns the seconds to wait before retrying, 0 when done."""
        sync = self._syncs[symbol]
        try:
            snapshot = await self._fetch(symbol)
            self.last_error = None
            # If the stream was lost meanwhile, the next change requests another.
            if not sync.needs_snapshot or sync.apply_snapshot(snapshot):
                return 0.0
        except MalformedMessage as error:
            self.malformed += 1
            self.last_error = str(error)
        except (RateLimited, BudgetExhausted) as error:
            self.last_error = str(error)
            return max(RETRY_DELAY, error.retry_after)
        except BinanceError as error:
            self.last_error = str(error)
        return RETRY_DELAY
