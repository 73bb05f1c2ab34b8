"""Changes of the books since the last diff: the source of the depth streams.

Books are compared only when a snapshot is taken. Everything shown, REST snapshots too, comes from ``snapshot``. So a
diff holds every level that differed from its current state in any snapshot since the last diff: applied to any of
those snapshots, it gives the current book.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import filterfalse
from typing import NamedTuple, Protocol

BookLevel = tuple[Decimal, Decimal]
BookLevels = Sequence[BookLevel]
_ZERO_QUANTITY = "0.00000000"


class VisibleBook(Protocol):
    """The public view of a book."""

    @property
    def update_id(self) -> int:
        """Number of the latest visible change."""

    def levels(self, side: str) -> BookLevels:
        """Return all visible bids or asks, best first; unchanged levels are mostly the same objects."""


class BookSnapshot(NamedTuple):
    """A book at one update id."""

    update_id: int
    bids: BookLevels
    asks: BookLevels


class DepthDiff(NamedTuple):
    """The current state of levels changed by updates ``first`` to ``last``; quantity zero removes a level.

    Bids and asks are JSON: ``[["price","quantity"],…]``.
    """

    first: int
    last: int
    bids: str
    asks: str


class _Subscriber:
    """One stream's changed bids and asks since its last diff: levels as JSON, by price."""

    def __init__(self, update_id: int) -> None:
        self.last_update_id = update_id
        self.changed: tuple[dict[str, str], dict[str, str]] = ({}, {})


class DepthTracker:
    """One symbol's book and the subscribers to its changes."""

    def __init__(self, book: VisibleBook) -> None:
        self._book = book
        self._last = BookSnapshot(-1, (), ())
        self._objects: list[tuple[BookLevels, dict[int, BookLevel]]] = [((), {}), ((), {})]
        self._level_json = LevelJson()
        self._subscribers: dict[str, _Subscriber] = {}

    def snapshot(self) -> BookSnapshot:
        """Return the book, and record what changed since the last snapshot."""
        book = self._book
        update_id = book.update_id
        last = self._last
        if update_id != last.update_id:
            self._last = BookSnapshot(update_id, book.levels("bids"), book.levels("asks"))
            if self._subscribers:
                self._record_changes(0, last.bids, self._last.bids)
                self._record_changes(1, last.asks, self._last.asks)
        return self._last

    def subscribe(self, name: str) -> None:
        """Start collecting changes for a subscriber."""
        if name not in self._subscribers:
            self._subscribers[name] = _Subscriber(self.snapshot().update_id)

    def unsubscribe(self, name: str) -> None:
        """Stop collecting changes for a subscriber."""
        self._subscribers.pop(name, None)

    def next_diff(self, name: str) -> DepthDiff | None:
        """Return the changes since the subscriber's last diff, or None without any."""
        update_id, subscriber = self.snapshot().update_id, self._subscribers[name]
        bids, asks = subscriber.changed
        if not bids and not asks:
            return None
        diff = DepthDiff(
            subscriber.last_update_id + 1,
            update_id,
            f"[{','.join(bids.values())}]",
            f"[{','.join(asks.values())}]",
        )
        subscriber.last_update_id, subscriber.changed = update_id, ({}, {})
        return diff

    def _record_changes(self, side: int, old: BookLevels, new: BookLevels) -> None:
        if old is new:
            return
        before, after = self._by_object(side, old), _by_object(new)
        self._objects[side] = (new, after)
        changes = self._changes(before, after)
        for subscriber in self._subscribers.values():
            subscriber.changed[side].update(changes)

    def _by_object(self, side: int, levels: BookLevels) -> dict[int, BookLevel]:
        known, objects = self._objects[side]
        return objects if known is levels else _by_object(levels)

    def _changes(self, before: dict[int, BookLevel], after: dict[int, BookLevel]) -> dict[str, str]:
        """Return changed levels as JSON, by price; a removed level has quantity zero.

        Unchanged levels are mostly the same objects, so only different objects are compared by value.
        """
        encode = self._level_json.encode
        removed = dict(encode(before[number]) for number in filterfalse(after.__contains__, before))
        changes = {price: f'["{price}","{_ZERO_QUANTITY}"]' for price in removed}
        for number in filterfalse(before.__contains__, after):
            price, entry = encode(after[number])
            if removed.get(price) == entry:
                del changes[price]
            else:
                changes[price] = entry
        return changes


def _by_object(levels: BookLevels) -> dict[int, BookLevel]:
    return dict(zip(map(id, levels), levels, strict=True))


class LevelJson:
    """A cache of levels as JSON: the same level objects are encoded again and again."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[int, tuple[BookLevel, tuple[str, str]]] = {}

    def encode(self, level: BookLevel) -> tuple[str, str]:
        """Return a level's price, and the level as ``["price","quantity"]``."""
        found = self._known.get(id(level))
        if found is None:
            if len(self._known) >= self._most:
                self._known.clear()
            price = f"{level[0]:.8f}"
            # Keeping the level alive keeps its id unique.
            found = self._known[id(level)] = (level, (price, f'["{price}","{level[1]:.8f}"]'))
        return found[1]

    def encode_all(self, levels: BookLevels) -> str:
        """Return ``[["price","quantity"],…]``."""
        encode = self.encode
        return f"[{','.join([encode(level)[1] for level in levels])}]"
