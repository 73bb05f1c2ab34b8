"""Reading the books of a data directory from its history: one ledger for each account, and what could not be read.

The trader's own events tell each account's book (``metadata.account``). Events without an account are those of the
first version. What other installations wrote before an import counts for nothing and is only counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson

from cq_tui.books.first_version import NAME as FIRST_VERSION
from cq_tui.books.first_version import FirstVersion
from cq_tui.books.ledger import Ledger
from cq_tui.contracts.layout import DataDir
from cq_tui.store.lock import find_holder
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from cq_tui.trading.core.book_snapshot import BookUnreadable, book_from_plain
from cq_tui.trading.core.codec import FACT_EVENTS, from_event
from cq_tui.trading.core.facts import SignalDenied

_TAKEN_OVER: Final = "book_taken_over"
_IMPORTED: Final = "imported_event"
#: Events of the first version that tell trades; the others say nothing that these do not.
_FIRST_VERSION_TRADES: Final = frozenset({"order_submitted", "order_executed"})
#: Left-out lines named one by one; the rest are counted.
_MOST_NAMED: Final = 20


class BooksError(Exception):
    """The books cannot be shown; the message says why and what to do."""


@dataclass(slots=True)
class Books:
    """What the history tells of all accounts."""

    ledgers: dict[str, Ledger] = field(default_factory=dict)
    #: By account: begin and end of what is told, the exchange's Unix milliseconds.
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: What is left out, in words: the first ones, and how many there are in all.
    left_out: list[str] = field(default_factory=list)
    left_out_count: int = 0
    #: Events of other installations, which count for nothing here.
    imported: int = 0

    def ledger(self, account: str) -> Ledger:
        """Return the ledger of an account; a new one if there is none."""
        return self.ledgers.setdefault(account, Ledger())

    def leave_out(self, place: str, why: str) -> None:
        """Note a line that is left out."""
        self.left_out_count += 1
        if len(self.left_out) < _MOST_NAMED:
            self.left_out.append(f"{place}: {why}")


def read_books(data: DataDir) -> Books:
    """Read the history of a data directory once. Raises OSError."""
    books, first = Books(), FirstVersion()
    denied: list[tuple[SignalDenied, int]] = []
    with open_events(data.events) as history:
        for entry in history.all_entries(EventFilter((*FACT_EVENTS, _TAKEN_OVER, _IMPORTED))):
            if entry.event is None:
                books.leave_out(f"{data.events.name}: line {history.line_number(entry.offset):,}", "damaged")
                continue
            place = f"{entry.event.event_id} ({entry.event.event_type})"
            try:
                _take(books, first, entry.event, _account_of(entry.line), denied)
            except (KeyError, ValueError, ArithmeticError, TypeError, BookUnreadable) as error:
                books.leave_out(place, f"{type(error).__name__}: {error}")
    _take_denials(books, denied)
    if torn := _torn_bytes(data):
        books.leave_out(f"{data.events.name}: the last {torn:,} bytes", "no whole line; run `cq-tui verify`")
    return books


def _torn_bytes(data: DataDir) -> int:
    """Return the bytes at the end of the history that are no whole line, unless memory may just be writing it."""
    if find_holder(data.lock_of("memory")) is not None:
        return 0
    with open_events(data.events) as history:
        return history.torn_bytes


def _account_of(line: bytes) -> str | None:
    metadata = orjson.loads(line).get("metadata")
    account = metadata.get("account") if isinstance(metadata, dict) else None
    return account if isinstance(account, str) else None


def _take(
    books: Books, first: FirstVersion, event: HistoryEvent, account: str | None, denied: list[tuple[SignalDenied, int]]
) -> None:
    ms, data = round(event.happened_at * 1000), event.data
    if event.event_type == _IMPORTED:
        books.imported += 1
    elif event.event_type == _TAKEN_OVER and account is not None:
        book = book_from_plain(data["book"])
        books.ledger(account).take_over(book, ms)
        _span(books, account, ms)
    elif account is None:
        fact = from_event(event.event_type, data)
        if isinstance(fact, SignalDenied):
            denied.append((fact, ms))
        elif event.event_type in _FIRST_VERSION_TRADES:
            for old in first.facts(event.event_type, data, ms):
                books.ledger(FIRST_VERSION).take(old, ms)
            _span(books, FIRST_VERSION, ms)
    else:
        fact = from_event(event.event_type, data)
        if fact is None:
            raise ValueError("its fields are not those of this version")
        books.ledger(account).take(fact, ms)
        _span(books, account, ms)


def _span(books: Books, account: str, ms: int) -> None:
    begin, end = books.spans.get(account, (ms, ms))
    books.spans[account] = min(begin, ms), max(end, ms)


def _take_denials(books: Books, denied: list[tuple[SignalDenied, int]]) -> None:
    """Count what was denied without an account to those that were told of at that time."""
    for fact, ms in denied:
        for account in (name for name, (begin, end) in books.spans.items() if begin <= ms <= end):
            books.ledger(account).take(fact, ms)


def traded_accounts(books: Books) -> list[str]:
    """Return the accounts with a trade or a movement, in the order of the history."""
    return [name for name, ledger in books.ledgers.items() if ledger.fills or ledger.movements]


def choose_account(books: Books, wanted: str | None) -> str:
    """Return the account to show: the only one, or the one that ``wanted`` names or begins. Raises BooksError.

    Trades of the first version, beside one account, are only shown where they are wanted.
    """
    known = traded_accounts(books)
    if not known:
        raise BooksError("the history has no trades yet")
    named = [name for name in known if name != FIRST_VERSION]
    if wanted is None and len(named) == 1:
        return named[0]
    found = [name for name in known if name == wanted] or [name for name in known if name.startswith(wanted or "")]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{name} ({len(books.ledgers[name].fills)} trades)" for name in found or known)
    if not found:
        raise BooksError(f"no account begins with {wanted!r}. The history has {listed}")
    raise BooksError(f"the history has several accounts, which are never mixed: {listed}. Choose one with --account")


def describe_left_out(books: Books) -> Iterator[str]:
    """Yield a line for each part of the history that the books leave out."""
    yield from (f"left out: {text}" for text in books.left_out)
    if books.left_out_count > len(books.left_out):
        yield f"left out: {books.left_out_count - len(books.left_out):,} more events"
    if books.imported:
        yield f"not counted: {books.imported:,} events of another installation, which were imported as they are"


def describe_apart(books: Books, chosen: str) -> list[str]:
    """Return that the trades of the first version are apart, if there are any and others were chosen."""
    count = len(books.ledgers[FIRST_VERSION].fills) if FIRST_VERSION in books.ledgers else 0
    if chosen == FIRST_VERSION or not count:
        return []
    return [f"{count:,} trades of version 0.1.0 are apart: --account {FIRST_VERSION}"]
