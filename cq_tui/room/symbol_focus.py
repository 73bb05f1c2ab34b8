"""The symbol in focus in the whole room, those pinned to the top, and whether lists show only the one in focus."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class SymbolFocus:
    """Selecting a row of any list moves the focus."""

    symbol: str | None = None
    pinned: tuple[str, ...] = ()
    is_narrowed: bool = False

    def toggle_pin(self, symbol: str) -> None:
        """Pin a symbol to the top, or let it go."""
        if symbol in self.pinned:
            self.pinned = tuple(one for one in self.pinned if one != symbol)
        else:
            self.pinned = (*self.pinned, symbol)

    def ordered(self, symbols: Iterable[str]) -> list[str]:
        """Return pinned symbols first, in the order in which they were pinned."""
        known = list(symbols)
        pinned = [symbol for symbol in self.pinned if symbol in known]
        return [*pinned, *(symbol for symbol in known if symbol not in self.pinned)]

    def shows(self, symbol: str | None) -> bool:
        """Whether a list shows a row about this symbol: rows about none are shown until lists are narrowed."""
        return not self.is_narrowed or symbol == self.symbol
