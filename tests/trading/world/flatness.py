"""Judges what a person flattens: nothing is opened there, and in the end nothing is left that could be sold."""

from decimal import Decimal
from typing import TYPE_CHECKING

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.closing import ClosingWatch
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.money.sellable import sellable_parts
from cq_tui.trading.position_life import PositionState
from tests.trading.world.truth import Truth, Violation

if TYPE_CHECKING:
    from tests.trading.world.process import Process
    from tests.trading.world.world import World

ZERO = Decimal(0)


class Flatness:
    """Watches one world."""

    def __init__(self, world: "World", truth: Truth) -> None:
        self._world = world
        self._truth = truth
        #: What the last flatten reports, and of which process.
        self._watched: tuple[Process, ClosingWatch] | None = None
        #: What a person resumed.
        self._resumed: set[str] = set()

    def begin(self, process: "Process", symbol: str, *, foreign: bool = False) -> None:
        """A person is about to have a symbol flattened, or all."""
        s = process.core.situation
        self._watched = process, ClosingWatch(s.book, symbols_to_close(s.book, symbol), foreign=foreign)

    def watch_resumption(self, symbol: str) -> None:
        """A person resumes a symbol, or all."""
        self._resumed.add(symbol)

    def watch_unlocked(self, symbol: str) -> None:
        """Judge the end of a lock."""
        if symbol not in self._resumed:
            raise Violation(f"{symbol or 'everything'} is unlocked, and nobody has resumed")

    def watch_entry(self, process: "Process", symbol: str) -> None:
        """Judge an entry."""
        if _is_locked(process.core.book, symbol):
            raise Violation(f"an entry in {symbol} is sent, which was flattened")

    def unrest(self, process: "Process") -> list[str]:
        """Return what is left to do."""
        book = process.core.book
        locked = [symbol for symbol in book.holdings if _is_locked(book, symbol)]
        found = [problem for symbol in locked if (problem := self._left(book, symbol))]
        if self._watched is not None and self._watched[0] is process:
            rows = self._watched[1].look(process.core.situation)
            for row in rows:
                self._world.reached("closing", row.fate)
                if row.is_over and row.symbol in locked and (problem := self._left(book, row.symbol)):
                    raise Violation(f"{row.symbol} is reported as {row.fate}, and {problem}")
        return found

    def _left(self, book: Book, symbol: str) -> str | None:
        """Return what is left in a locked symbol and could be sold."""
        position = book.positions.get(symbol)
        if position is not None:
            is_stuck = position.state is PositionState.UNSELLABLE
            return None if position.plan.is_adopted or is_stuck else f"{symbol} was flattened, and is {position.state}"
        venue = self._world.venue
        owned = min(self._truth.owned[symbol], self._truth.in_reach(symbol), book.quantity(symbol))
        if owned > 0 and sellable_parts(venue.rules(symbol), owned, venue.price(symbol)).parts:
            return f"{symbol} was flattened, and {owned} could still be sold"
        return None


def _is_locked(book: Book, symbol: str) -> bool:
    return "" in book.locks or symbol in book.locks
