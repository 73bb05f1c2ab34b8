"""What changed in the books since it was last told: the diffs of the depth streams.

A book is only compared when somebody looks. All that is shown to anyone (snapshots too) goes through ``look``, so that
a diff holds every level that differed from what it is now at any of the looks since the last diff: applied to any
snapshot in between, it gives the book of now.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import filterfalse
from typing import NamedTuple, Protocol

PriceLevel = tuple[Decimal, Decimal]
PriceLevels = Sequence[PriceLevel]
_ZERO_QUANTITY = "0.00000000"


class VisibleBook(Protocol):
    """A book as far as others see it."""

    @property
    def update_id(self) -> int:
        """Number of the newest visible change."""

    def levels(self, side: str) -> PriceLevels:
        """Return all visible levels of bids or asks, best first; a level that stays is mostly the same object."""


class BookSnapshot(NamedTuple):
    """A book at a moment."""

    update_id: int
    bids: PriceLevels
    asks: PriceLevels


class DepthDiff(NamedTuple):
    """Levels that changed with the updates ``first`` to ``last``, as they are now; quantity zero is a level gone.

    Bids and asks are JSON: ``[["price","quantity"],…]``.
    """

    first: int
    last: int
    bids: str
    asks: str


class _Subscriber:
    """One stream's changes since its last diff, bids and asks: levels as JSON, by price."""

    def __init__(self, update_id: int) -> None:
        self.last_update_id = update_id
        self.changed: tuple[dict[str, str], dict[str, str]] = ({}, {})


class DepthTracker:
    """One symbol's book and the readers of its changes."""

    def __init__(self, book: VisibleBook) -> None:
        self._book = book
        self._last = BookSnapshot(-1, (), ())
        self._objects: list[tuple[PriceLevels, dict[int, PriceLevel]]] = [((), {}), ((), {})]
        self._level_json = LevelJson()
        self._subscribers: dict[str, _Subscriber] = {}

    def snapshot(self) -> BookSnapshot:
        """Return the book, and note what changed since the last look."""
        book = self._book
        update_id = book.update_id
        last = self._last
        if update_id != last.update_id:
            self._last = BookSnapshot(update_id, book.levels("bids"), book.levels("asks"))
            if self._subscribers:
                self._record_changes(0, last.bids, self._last.bids)
                self._record_changes(1, last.asks, self._last.asks)
        return self._last

    def subscribe(self, reader: str) -> None:
        """Begin to collect changes for a reader."""
        if reader not in self._subscribers:
            self._subscribers[reader] = _Subscriber(self.snapshot().update_id)

    def unsubscribe(self, reader: str) -> None:
        """Collect no more for a reader."""
        self._subscribers.pop(reader, None)

    def next_diff(self, name: str) -> DepthDiff | None:
        """Return what changed since the reader's last diff, None when nothing did."""
        update_id, reader = self.snapshot().update_id, self._subscribers[name]
        bids, asks = reader.changed
        if not bids and not asks:
            return None
        diff = DepthDiff(
            reader.last_update_id + 1,
            update_id,
            f"[{','.join(bids.values())}]",
            f"[{','.join(asks.values())}]",
        )
        reader.last_update_id, reader.changed = update_id, ({}, {})
        return diff

    def _record_changes(self, side: int, old: PriceLevels, new: PriceLevels) -> None:
        if old is new:
            return
        before, after = self._by_object(side, old), _by_object(new)
        self._objects[side] = (new, after)
        changes = self._changes(before, after)
        for reader in self._subscribers.values():
            reader.changed[side].update(changes)

    def _by_object(self, side: int, levels: PriceLevels) -> dict[int, PriceLevel]:
        known, objects = self._objects[side]
        return objects if known is levels else _by_object(levels)

    def _changes(self, before: dict[int, PriceLevel], after: dict[int, PriceLevel]) -> dict[str, str]:
        """Return the levels that are others now as JSON, by price; a level that is gone with quantity zero.

        Levels mostly stay the same objects, so that only those that do not are compared by what they hold.
        """
        text = self._level_json.encode
        gone = dict(text(before[number]) for number in filterfalse(after.__contains__, before))
        changes = {price: f'["{price}","{_ZERO_QUANTITY}"]' for price in gone}
        for number in filterfalse(before.__contains__, after):
            price, entry = text(after[number])
            if gone.get(price) == entry:
                del changes[price]
            else:
                changes[price] = entry
        return changes


def _by_object(levels: PriceLevels) -> dict[int, PriceLevel]:
    return dict(zip(map(id, levels), levels, strict=True))


class LevelJson:
    """Levels as JSON; the same objects come again and again, so their text is kept."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[int, tuple[PriceLevel, tuple[str, str]]] = {}

    def encode(self, level: PriceLevel) -> tuple[str, str]:
        """Return a level's price, and the level as ``["price","quantity"]``."""
        found = self._known.get(id(level))
        if found is None:
            if len(self._known) >= self._most:
                self._known.clear()
            price = f"{level[0]:.8f}"
            # The level is kept with its text: its id stays its own.
            found = self._known[id(level)] = (level, (price, f'["{price}","{level[1]:.8f}"]'))
        return found[1]

    def encode_all(self, levels: PriceLevels) -> str:
        """Return ``[["price","quantity"],…]``."""
        text = self.encode
        return f"[{','.join([text(level)[1] for level in levels])}]"
