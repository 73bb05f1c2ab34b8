"""The trader's disk: its facts in order, how far they are synced, and snapshots of the book."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain, book_to_plain
from cq_tui.trading.core.effects import Record
from cq_tui.trading.core.facts import Fact


@dataclass(slots=True)
class Snapshot:
    """A book as JSON, and the number of facts in it."""

    raw: bytes
    facts: int


@dataclass(slots=True)
class Storage:
    """One data directory."""

    account: str
    owner: str
    facts: list[Fact] = field(default_factory=list)
    #: Facts that survive a power loss.
    synced: int = 0
    is_full: bool = False
    #: Facts that were refused, as they wait in the process: written before later ones, lost when it dies.
    waiting: list[Fact] = field(default_factory=list)
    newest: Snapshot | None = None
    old: Snapshot | None = None

    def record(self, effect: Record) -> bool:
        """Append facts; return whether they were taken."""
        self.waiting += effect.facts
        if self.is_full:
            return False
        self._write_waiting()
        if effect.durable:
            self.synced = len(self.facts)
        return True

    def _write_waiting(self) -> None:
        self.facts += self.waiting
        self.waiting.clear()

    def save(self, book: Book) -> None:
        """Write a snapshot, and keep the one before it."""
        if self.is_full:
            return
        self._write_waiting()
        self.old, self.newest = self.newest, Snapshot(orjson.dumps(book_to_plain(book)), len(self.facts))

    def lose_power(self) -> None:
        """Lose whatever was not synced."""
        del self.facts[self.synced :]
        self.newest = self._usable(self.newest)
        self.old = self._usable(self.old)

    def _usable(self, snapshot: Snapshot | None) -> Snapshot | None:
        return None if snapshot is None or snapshot.facts > len(self.facts) else snapshot

    def open_book(self, choice: str = "none") -> Book:
        """Return the book after a restart: from a fresh or an old snapshot and the facts since, or from facts alone."""
        snapshot = {"fresh": self.newest, "old": self.old}.get(choice)
        self.waiting.clear()
        if snapshot is None:
            return rebuilt(self.account, self.owner, self.facts)
        return rebuilt(self.account, self.owner, self.facts[snapshot.facts :], orjson.loads(snapshot.raw))


def rebuilt(account: str, owner: str, facts: list[Fact], snapshot: dict[str, Any] | None = None) -> Book:
    """Return the book that facts give, alone or after a snapshot."""
    book = Book(account, owner) if snapshot is None else book_from_plain(snapshot)
    for fact in facts:
        book.apply(fact)
    return book
