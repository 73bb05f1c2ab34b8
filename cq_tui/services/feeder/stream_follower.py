"""Follows the market streams of a set of symbols that may change while it runs.

A changed set gets connections of its own. The old ones are left once the new ones have delivered data of every symbol
that both have, so nobody's data is interrupted for a symbol that comes or goes. Until then messages arrive twice:
whoever takes them must not mind.
"""

import asyncio
from collections.abc import Callable, Sequence

from cq_tui.binance.market_events import BookTickerUpdate, KlineUpdate, MiniTickerUpdate
from cq_tui.binance.reconnect import Connected, Disconnected
from cq_tui.binance.streams import MarketStreams, StreamEvent

#: Seconds that connected streams have to deliver data of every symbol before the old ones are left anyway.
_HANDOVER_LIMIT = 5.0

_DATA = (BookTickerUpdate, MiniTickerUpdate, KlineUpdate)


class _Generation:
    """The connections of one set of symbols."""

    def __init__(self, symbols: tuple[str, ...], streams: MarketStreams, carried_over: frozenset[str]) -> None:
        self.symbols = symbols
        self.streams = streams
        #: Symbols that older connections feed until these take over.
        self.carried_over = carried_over
        self.unheard = set(carried_over)
        self.up: set[int] = set()
        self.down: dict[int, str] = {}
        self.task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return len(self.up) == self.streams.connection_count and not self.down

    def gap_after(self, event: StreamEvent) -> Sequence[str]:
        """Note a connection that comes or goes; return the symbols of which it may have missed data."""
        match event:
            case Connected(connection):
                is_first = connection not in self.down and connection not in self.up
                self.down.pop(connection, None)
                self.up.add(connection)
                # What older connections still feed has no gap.
                return [s for s in self.symbols if s not in self.carried_over] if is_first else self.symbols
            case Disconnected(connection, reason, _):
                self.up.discard(connection)
                self.down[connection] = reason
        return ()


class StreamFollower:
    """The streams of the symbols given to ``follow`` last."""

    def __init__(
        self,
        open_streams: Callable[[Sequence[str]], MarketStreams],
        handle: Callable[[StreamEvent], None],
        note_gap: Callable[[Sequence[str]], None],
    ) -> None:
        """``note_gap`` is called with the symbols of which data may be missing from now on backwards."""
        self._open_streams = open_streams
        self._handle = handle
        self._note_gap = note_gap
        self._wanted: tuple[str, ...] = ()
        self._wake = asyncio.Event()
        #: The connections whose state counts, and those that shall take over.
        self._serving: _Generation | None = None
        self._coming: _Generation | None = None
        self._dropped = 0
        self.reconnects = 0

    @property
    def connected(self) -> bool:
        """Whether every connection is up."""
        return self._serving is not None and self._serving.connected

    @property
    def down_reason(self) -> str:
        """Why a connection is down."""
        down = self._serving.down if self._serving is not None else {}
        return next(iter(down.values()), "not connected yet")

    @property
    def problem(self) -> str | None:
        """Why the streams of a changed set of symbols cannot be followed yet."""
        reason = next(iter(self._coming.down.values()), None) if self._coming is not None else None
        return None if reason is None else f"streams of the changed symbols: {reason}"

    @property
    def dropped(self) -> int:
        """Ticker messages replaced by newer ones before they were read."""
        return self._dropped + sum(part.streams.dropped for part in (self._serving, self._coming) if part is not None)

    def follow(self, symbols: Sequence[str]) -> None:
        """Follow exactly these symbols from now on."""
        self._wanted = tuple(symbols)
        self._wake.set()

    async def run(self) -> None:
        """Follow the streams until canceled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._wake.wait()
                self._wake.clear()
                newest = self._coming or self._serving
                if set(self._wanted) != set(newest.symbols if newest is not None else ()):
                    self._change(tasks)

    def _change(self, tasks: asyncio.TaskGroup) -> None:
        self._end(self._coming)
        self._coming = None
        serving = self._serving
        if not self._wanted or (serving is not None and set(serving.symbols) == set(self._wanted)):
            # Nothing to follow, or what is wanted is what was followed before the last change.
            if not self._wanted:
                self._end(serving)
                self._serving = None
            return
        carried_over = frozenset(serving.symbols if serving is not None else ()) & set(self._wanted)
        generation = _Generation(self._wanted, self._open_streams(self._wanted), carried_over)
        generation.task = tasks.create_task(self._read(generation))
        if serving is None:
            self._serving = generation
        else:
            self._coming = generation

    def _end(self, generation: _Generation | None) -> None:
        if generation is not None and generation.task is not None:
            generation.task.cancel()
            self._dropped += generation.streams.dropped

    async def _read(self, generation: _Generation) -> None:
        async with generation.streams as streams:
            async for event in streams:
                if isinstance(event, _DATA):
                    if generation is self._coming:
                        generation.unheard.discard(event.symbol)
                        self._hand_over_to(generation)
                    self._handle(event)
                    continue
                if isinstance(event, Disconnected) and generation is self._serving:
                    self.reconnects += 1
                if gap := generation.gap_after(event):
                    self._note_gap(gap)
                if isinstance(event, Connected) and generation is self._coming:
                    asyncio.get_running_loop().call_later(_HANDOVER_LIMIT, self._hand_over_to, generation, True)
                self._handle(event)

    def _hand_over_to(self, generation: _Generation, at_last: bool = False) -> None:
        """Leave the old connections if the new ones have shown that they deliver, or had long enough to."""
        if generation is not self._coming or not generation.connected or (generation.unheard and not at_last):
            return
        old = self._serving
        self._end(old)
        self._serving, self._coming = generation, None
        if old is not None and not old.connected:
            # The old connections were down before the new ones were up.
            self._note_gap(generation.symbols)
