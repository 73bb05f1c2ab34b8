"""Histories that tell the books of accounts, written as the trader and memory write them."""

from pathlib import Path
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.book_snapshot import book_from_plain
from cq_tui.trading.core.codec import to_event
from tests.books.samples import START


def record(
    folder: Path, *accounts: tuple[str | None, list[f.Fact]], taken_over: dict[str, Any] | None = None
) -> DataDir:
    """Write the facts of accounts, one account after the other; those of None name no account.

    ``taken_over``: the book with which the first one begins.
    """
    data = DataDir(folder)
    data.memory.mkdir(parents=True, exist_ok=True)
    now = START / 1000
    history, seq = HistoryWriter(data, now=now), 0
    if taken_over is not None:
        payload: dict[str, Any] = {"account": accounts[0][0], "mode": "simulation", "book": taken_over}
        told = NewEvent("book_taken_over", "trader", payload, "trader", 1, now, {"account": accounts[0][0]})
        history.append([told], now)
        seq = 1
    for account, facts in accounts:
        book = Book() if taken_over is None else book_from_plain(taken_over)
        for fact in facts:
            if isinstance(fact, f.OrderIntended):
                book.apply(fact)
            seq += 1
            event_type, payload = to_event(fact, book.orders)
            metadata = {} if account is None else {"account": account}
            history.append([NewEvent(event_type, "trader", payload, "trader", seq, now, metadata)], now)
            if not isinstance(fact, f.OrderIntended):
                book.apply(fact)
    history.close()
    return data
