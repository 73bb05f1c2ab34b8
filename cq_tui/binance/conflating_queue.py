"""A bounded queue from several connections to one reader: tickers conflate, nothing else is dropped."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ConflatingQueue(Generic[T]):
    """Items in arrival order. Those with the same ``key`` replace each other; with None, none is dropped.

    Above ``limit`` items only the newest of each key is kept (``dropped`` counts the others). When that does
    not free half of the queue, ``wait_for_room`` makes the writers wait, which slows the connection down.
    """

    def __init__(self, limit: int, key: Callable[[T], Hashable | None]) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._key = key
        self._reader: asyncio.Future[None] | None = None
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._failure: BaseException | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> bool:
        """Add an item. Returns False when the writer should await ``wait_for_room`` before the next one."""
        items = self._items
        items.append(item)
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)
        if len(items) <= self._limit:
            return True
        self._conflate()
        if len(items) > self._limit // 2:
            self._has_room.clear()
            return False
        return True

    async def wait_for_room(self) -> None:
        """Wait until the queue is at most half full."""
        await self._has_room.wait()

    def fail(self, error: BaseException) -> None:
        """Make ``get`` raise the error once everything before it has been read."""
        self._failure = error
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> T:
        """Return the oldest item, waiting for one. For one reader at a time."""
        items = self._items
        while not items:
            if self._failure is not None:
                raise self._failure
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        item = items.popleft()
        if len(items) <= self._limit // 2 and not self._has_room.is_set():
            self._has_room.set()
        return item

    def _conflate(self) -> None:
        seen: set[Hashable] = set()
        kept: deque[T] = deque()
        for item in reversed(self._items):
            key = self._key(item)
            if key is None or key not in seen:
                kept.appendleft(item)
                if key is not None:
                    seen.add(key)
        self.dropped += len(self._items) - len(kept)
        # Keep the same deque: a reader may hold a reference to it.
        self._items.clear()
        self._items.extend(kept)
