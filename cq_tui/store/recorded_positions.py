"""Open positions by the trader's snapshot and its events: known also where its account document is gone."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, FileIdentity, file_identity, read_json
from cq_tui.store.journal import last_line_end
from cq_tui.store.line_blocks import lines_with
from cq_tui.store.regular_file import open_regular

_WRITER = "trader"
#: Events that open, move and close positions, and those of a book of version 0.1.0 that became an account's.
_MARKS = (b'"position_', b'"book_taken_over"')
_CLOSED = "closed"
#: By account and symbol: number of the last event, and the position's state by it.
_States = dict[tuple[str, str], tuple[int, str]]


class RecordedPosition(NamedTuple):
    """A position that was open when it was recorded last."""

    #: Venue and user id, such as simulated:1234567; of a book of version 0.1.0 the mode.
    account: str
    symbol: str
    #: opening, protected, exposed, closing or unsellable.
    state: str


def recorded_positions(data: DataDir) -> list[RecordedPosition]:
    """Return the open positions of all accounts of this directory, as far as its files tell.

    Raises DocumentError if the snapshot cannot be read and no event tells a position.
    """
    states, problem = _States(), None
    try:
        states, seq = _snapshot(data.state_of(_WRITER))
    except DocumentMissing:
        seq = 0
    except DocumentError as error:
        problem, seq = error, 0
    told = _told(data)
    for key, (number, state) in told.items():
        if number > seq:
            states[key] = number, state
    if problem is not None and not told:
        raise problem
    return [RecordedPosition(*key, state) for key, (_, state) in states.items() if state != _CLOSED]


def _snapshot(path: Path) -> tuple[_States, int]:
    """Return the positions of a snapshot, and the number of the last event that it has. Raises DocumentError."""
    plain = read_json(path)
    try:
        # Version 0.1.0 wrote books by mode, and nothing else.
        earlier = {str(mode): _in_book(book) for mode, book in plain["books"].items()}
        books = earlier | {str(account): _in_book(book) for account, book in plain.get("accounts", {}).items()}
        seq = int(plain.get("seq", 0))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is no snapshot of a trader ({type(error).__name__}: {error})"
        raise DocumentError(path, what, "Start the trader: it reads its books from the history") from None
    found = {(name, symbol): (seq, state) for name, book in books.items() for symbol, state in book.items()}
    return found, seq


def _in_book(book: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["symbol"]): str(one.get("state", "open")) for one in book["positions"]}


def _told(data: DataDir) -> _States:
    """Return what the trader's events tell: those in the history, and those that memory has not merged yet."""
    states = _States()
    spool = (path for path in data.spool.glob(f"{_WRITER}*.ndjson") if path.name.split(".")[0] == _WRITER)
    for path in (data.events, *spool):
        # A service asks every few seconds while it must not leave its mode.
        for key, number, state in _moves(path, file_identity(path)):
            if number >= states.get(key, (0, ""))[0]:
                states[key] = number, state
    return states


@lru_cache(maxsize=8)
def _moves(path: Path, identity: FileIdentity | None) -> tuple[tuple[tuple[str, str], int, str], ...]:
    """Return the moves of positions that a file tells. ``identity``: of its present content."""
    return () if identity is None else tuple(_read_moves(path))


def _read_moves(path: Path) -> Iterator[tuple[tuple[str, str], int, str]]:
    with suppress(OSError), open(path, "rb", opener=open_regular) as file:
        end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
        for mark in _MARKS:
            for line in lines_with(file, 0, end, mark):
                # A damaged line tells nothing, and lines of others only have the words in their text.
                with suppress(orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                    yield from _moves_of(orjson.loads(line))


def _moves_of(event: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], int, str]]:
    """Yield the moves that an event of the trader tells, in the form of the history or of the spool."""
    data, metadata = event["data"], event["metadata"]
    # In the spool the file says whose it is; in the history an event of an earlier data version is nobody's.
    writer = metadata.get("writer", None if "event_id" in event else _WRITER)
    if writer != _WRITER or type(account := metadata["account"]) is not str:
        return
    number = int(metadata["seq"] if "seq" in metadata else event["seq"])
    match event["event_type"]:
        case "position_changed":
            yield (account, str(data["symbol"])), number, str(data["after"])
        case "position_adopted":
            yield (account, str(data["symbol"])), number, "opening"
        case "book_taken_over":
            for symbol, state in _in_book(data["book"]).items():
                yield (str(data["mode"]), symbol), number, _CLOSED
                yield (account, symbol), number, state
