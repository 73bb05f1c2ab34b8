"""Opening the books for a command: the history is verified and read, one account is chosen, and a period."""

from dataclasses import dataclass, field

from cq_tui.books.ledger import Ledger
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.books.history import Books, BooksError, choose_account, describe_apart, describe_left_out, read_books
from cq_tui.ops.time_arguments import TimeArgumentError, parse_time
from cq_tui.ops.verify import NoHistory, verify_history
from cq_tui.store.history.verification import Progress


@dataclass(frozen=True, slots=True)
class OpenedBooks:
    """One account's ledger, and the period that is asked for (the exchange's Unix milliseconds, the end excluded)."""

    account: str
    ledger: Ledger
    from_ms: int
    to_ms: int
    #: What is left out, and what is wrong with the history, in words.
    remarks: list[str] = field(default_factory=list)
    #: Whether something is left out, or the history is damaged.
    is_incomplete: bool = False


def open_books(
    data: DataDir,
    *,
    account: str | None = None,
    since: str | None = None,
    until: str | None = None,
    now: float,
    progress: Progress = lambda _: None,
) -> OpenedBooks:
    """Verify and read the history. Raises BooksError for what a user can mend, and OSError."""
    begin, end = _moment("--since", since, now), _moment("--until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise BooksError("--since must be before --until")
    remarks, is_damaged = _verify(data, progress)
    books = read_books(data)
    chosen = choose_account(books, account)
    first, last = _span_of(books, chosen)
    return OpenedBooks(
        chosen,
        books.ledgers[chosen],
        first if begin is None else begin,
        last + 1 if end is None else end,
        [*remarks, *describe_left_out(books), *describe_apart(books, chosen)],
        is_damaged or bool(books.left_out_count),
    )


def _moment(option: str, argument: str | None, now: float) -> int | None:
    try:
        return None if argument is None else round(parse_time(argument, now) * 1000)
    except TimeArgumentError as error:
        raise BooksError(f"{option} {error}") from None


def _verify(data: DataDir, progress: Progress) -> tuple[list[str], bool]:
    """Return what is wrong with the history, in words, and whether it is damaged."""
    try:
        report = verify_history(data, progress=progress)
    except NoHistory as error:
        raise BooksError(str(error)) from None
    if not report.damaged:
        return [], False
    count = report.fault_count
    faults = "fault" if count == 1 else "faults"
    return [f"the history has {count:,} {faults}: run `cq-tui verify`. What follows is what can be read of it"], True


def _span_of(books: Books, account: str) -> tuple[int, int]:
    """Return the first and the last time of an account: of what is told, and of the exchange's own times in it."""
    ledger = books.ledgers[account]
    times = [*books.spans[account], *(fill.ms for fill in ledger.fills), *(move.ms for move in ledger.movements)]
    return min(times), max(times)
