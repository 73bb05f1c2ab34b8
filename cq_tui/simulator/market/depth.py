"""What changed in the books since it was last told: the diffs of the depth streams.

A book is only compared when somebody looks. All that is shown to anyone (snapshots too) goes through ``look``, so that
a diff holds every level that differed from what it is now at any of the looks since the last diff: applied to any
snapshot in between, it gives the book of now.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from cq_tui.simulator.market.symbols import text

Levels = Sequence[tuple[Decimal, Decimal]]
_GONE = Decimal(0)


class VisibleBook(Protocol):
    """A book as far as others see it."""

    @property
    def update_id(self) -> int:
        """Number of the newest visible change."""

    def levels(self, side: str) -> Levels:
        """Return all visible levels of bids or asks, best first; a level that stays is mostly the same object."""


class Look(NamedTuple):
    """A book at a moment."""

    update_id: int
    bids: Levels
    asks: Levels


class Diff(NamedTuple):
    """Levels that changed with the updates ``first`` to ``last``, as they are now; quantity zero is a level gone."""

    first: int
    last: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class _Reader:
    """One stream's changes since its last diff, bids and asks, by price."""

    def __init__(self, update_id: int) -> None:
        self.told = update_id
        self.changed: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})


class DepthWatch:
    """One symbol's book and the readers of its changes."""

    def __init__(self, book: VisibleBook) -> None:
        self._book = book
        self._last = Look(-1, (), ())
        self._readers: dict[str, _Reader] = {}

    def look(self) -> Look:
        """Return the book, and note what changed since the last look."""
        book = self._book
        update_id = book.update_id
        last = self._last
        if update_id != last.update_id:
            self._last = Look(update_id, book.levels("bids"), book.levels("asks"))
            if self._readers:
                self._note(0, last.bids, self._last.bids)
                self._note(1, last.asks, self._last.asks)
        return self._last

    def open(self, reader: str) -> None:
        """Begin to collect changes for a reader."""
        if reader not in self._readers:
            self._readers[reader] = _Reader(self.look().update_id)

    def close(self, reader: str) -> None:
        """Collect no more for a reader."""
        self._readers.pop(reader, None)

    def diff(self, name: str) -> Diff | None:
        """Return what changed since the reader's last diff, None when nothing did."""
        update_id, reader = self.look().update_id, self._readers[name]
        bids, asks = reader.changed
        if not bids and not asks:
            return None
        diff = Diff(reader.told + 1, update_id, list(bids.items()), list(asks.items()))
        reader.told, reader.changed = update_id, ({}, {})
        return diff

    def _note(self, side: int, old: Levels, new: Levels) -> None:
        changes = _changes(old, new)
        for reader in self._readers.values():
            reader.changed[side].update(changes)


def _changes(old: Levels, new: Levels) -> dict[Decimal, Decimal]:
    """Return quantities of all prices whose level is another one, zero where there is none any more."""
    if old is new:
        return {}
    before, after = set(map(id, old)), set(map(id, new))
    gone = {level[0]: level[1] for level in old if id(level) not in after}
    changes = dict.fromkeys(gone, _GONE)
    for level in new:
        if id(level) not in before:
            price, quantity = level
            if gone.get(price) == quantity:
                del changes[price]
            else:
                changes[price] = quantity
    return changes


class LevelTexts:
    """Levels as JSON; the same ones come again and again, so their text is kept."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[tuple[Decimal, Decimal], str] = {}

    def write(self, levels: Levels) -> str:
        """Return ``[["price","quantity"],…]``."""
        known = self._known
        if len(known) > self._most:
            known.clear()
        parts = []
        for level in levels:
            part = known.get(level)
            if part is None:
                part = known[level] = f'["{text(level[0])}","{text(level[1])}"]'
            parts.append(part)
        return f"[{','.join(parts)}]"
