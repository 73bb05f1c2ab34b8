"""``state/trader.json``: the cursor in the history, and a snapshot of the books. A shortcut, never needed.

The trader's own events tell the books and the owners; the snapshot says up to which of them it has. Lost, old or
damaged, it costs the time of reading more events; a checksum tells whether it is what was written. Books of the first
version, by mode, are kept until the account on which their orders are is found.
"""

import os
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, read_json, write_document
from cq_tui.store.spools.own_events import read_own_events
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import BookUnreadable, book_from_plain, book_to_plain
from cq_tui.trading.core.codec import from_event
from cq_tui.trading.core.own_event import OwnEvent
from cq_tui.trading.owner import OwnerRecords

FORMAT: Final = 2
#: The event of a book of the first version that became the book of an account.
TAKEN_OVER: Final = "book_taken_over"


@dataclass(slots=True)
class TraderState:
    """What the trader remembers over restarts."""

    #: Offset in the history; None for its end.
    cursor: int | None = None
    answered_ts: float = 0.0
    #: Number of the last own event that books and owners include.
    seq: int = 0
    books: dict[str, Book] = field(default_factory=dict)
    owners: OwnerRecords = field(default_factory=OwnerRecords)
    #: Books of the first version, by mode.
    first_version: dict[str, Any] = field(default_factory=dict)
    #: Why the file was not read as it was; None if it was.
    problem: str | None = None
    #: By account: own events that make no sense in its book. Under "" what concerns all: events that are missing.
    faults: dict[str, list[str]] = field(default_factory=dict)

    def book_of(self, account: str) -> Book:
        """Return the book of an account; an empty one if there is none."""
        book = self.books.get(account)
        if book is None:
            book = self.books[account] = Book(account=account)
        return book

    def take(self, events: Iterable[OwnEvent]) -> None:
        """Bring books and owners up to date with the trader's own events, in their order."""
        for event in events:
            self.seq = event.seq
            try:
                self._take(event)
            except (KeyError, ValueError, ArithmeticError) as error:
                account = str(event.metadata.get("account"))
                text = f"event {event.seq} ({event.event_type}): {type(error).__name__} {error}"
                self.faults.setdefault(account, []).append(text)

    def _take(self, event: OwnEvent) -> None:
        account = event.metadata.get("account")
        if not isinstance(account, str):
            self.owners.take(event.event_type, event.data)
        elif event.event_type == TAKEN_OVER:
            self.books[account] = book_from_plain(event.data["book"])
            self.first_version.pop(event.data["mode"], None)
        elif (fact := from_event(event.event_type, event.data)) is not None:
            self.book_of(account).apply(fact)

    def doubt(self, missing: Iterable[tuple[int, int]], problems: Iterable[str]) -> None:
        """Note own events that are missing, by first and last number, and files that cannot be read."""
        gaps = [f"events {first} to {last} of the trader are missing" for first, last in missing]
        if found := [*gaps, *problems]:
            self.faults.setdefault("", []).extend(found)

    def take_faults(self, account: str) -> list[str]:
        """Return what is wrong with the events of an account, once."""
        return [*self.faults.pop(account, ()), *self.faults.get("", ())]

    def to_plain(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "format": FORMAT,
            "cursor": self.cursor,
            "answered_ts": self.answered_ts,
            "seq": self.seq,
            "owners": self.owners.to_snapshot(),
            "accounts": {account: book_to_plain(book) for account, book in self.books.items()},
            "books": self.first_version,
        }


def restore_state(data: DataDir) -> TraderState:
    """Read the file, and the trader's own events since it was written."""
    state = read_state(data)
    own = read_own_events(data, "trader", state.seq)
    state.take(own)
    state.doubt(own.missing, own.problems)
    return state


def read_state(data: DataDir) -> TraderState:
    """Read the file. A damaged one is moved to quarantine, and the state is that of the events alone."""
    path = data.state_of("trader")
    try:
        return _parse(read_json(path))
    except DocumentMissing:
        return TraderState()
    except (DocumentError, BookUnreadable, ValueError, KeyError, TypeError, AttributeError) as error:
        kept = _quarantine(path, data.quarantine)
        what = f"{path.name} could not be read ({type(error).__name__}: {error})"
        return TraderState(problem=f"{what}; it is {kept}, and the books are read from the history")


def _parse(plain: Mapping[str, Any]) -> TraderState:
    cursor, answered_ts, books = plain["cursor"], float(plain.get("answered_ts", 0.0)), plain["books"]
    if not (cursor is None or type(cursor) is int) or not isinstance(books, dict):
        raise ValueError(f"cursor {cursor!r} is no offset, or books are no object")
    if plain.get("checksum") not in (None, _checksum_of(plain)):
        raise ValueError("its content does not match its checksum")
    if "format" not in plain:
        return TraderState(cursor, answered_ts, first_version=books)
    if plain["format"] != FORMAT:
        raise ValueError(f"format {plain['format']!r} is not {FORMAT}")
    return TraderState(
        cursor,
        answered_ts,
        int(plain["seq"]),
        {str(account): book_from_plain(book) for account, book in plain["accounts"].items()},
        OwnerRecords.from_snapshot(plain["owners"]),
        books,
    )


def _checksum_of(plain: Mapping[str, Any]) -> str:
    """Return the CRC-32 of all other fields: against changes by mistake, not by somebody who means it."""
    others = {name: value for name, value in plain.items() if name != "checksum"}
    return f"{zlib.crc32(orjson.dumps(others, option=orjson.OPT_SORT_KEYS)):08x}"


def _quarantine(path: Path, folder: Path) -> str:
    """Move a file away; return where it is, in words."""
    target = folder / f"{path.name}.{time.time_ns()}.damaged"
    try:
        os.rename(path, target)
    except OSError as error:
        return f"still there ({error.strerror})"
    return f"kept as {target.name} in memory/{folder.name}"


def write_state(data: DataDir, state: TraderState) -> None:
    """Write the file, whole or not at all. Raises OSError."""
    plain = state.to_plain()
    write_document(data.state_of("trader"), plain | {"checksum": _checksum_of(plain)}, durable=False)
