"""The one order in which a strategy gets the bars of several symbols: the same live as on past bars.

An own bar comes after all bars of the other symbols that closed before it did, those by close time, then by symbol. Of
bars that close together the own one comes first, so that it waits for no other. It does wait where another symbol is
late by a whole bar: what a strategy sees never depends on which bar arrived first.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from cq_tui.contracts.market import KLINE_HISTORY, Kline

#: Bars that wait for each symbol: more than a kline journal holds. Where a symbol is silent for longer, the oldest go.
_MOST_WAITING = 2 * KLINE_HISTORY


class SymbolBar(Protocol):
    """A bar of a symbol."""

    @property
    def symbol(self) -> str:
        """Its symbol."""

    @property
    def kline(self) -> Kline:
        """The closed kline."""


Bar = TypeVar("Bar", bound=SymbolBar)


class BarOrder(Generic[Bar]):
    """Bars that wait for their turn, of one interval."""

    def __init__(
        self, own: str, others: Iterable[str], interval_ms: int, most_waiting: int | None = _MOST_WAITING
    ) -> None:
        """``most_waiting``: of each symbol; None for any number."""
        self._own, self._interval = own, interval_ms
        self._waiting: dict[str, deque[Bar]] = {symbol: deque(maxlen=most_waiting) for symbol in (own, *others)}
        #: ``close_time`` of the newest bar offered, by symbol.
        self._newest = dict.fromkeys(self._waiting, -1)

    def offer(self, bar: Bar) -> None:
        """Add a bar of one of the symbols; one that is no newer than the last of its symbol is dropped."""
        closed = bar.kline.close_time
        if closed > self._newest[bar.symbol]:
            self._newest[bar.symbol] = closed
            self._waiting[bar.symbol].append(bar)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The own symbol, and the others."""
        return tuple(self._waiting)

    @property
    def awaited(self) -> list[str]:
        """The other symbols whose bars the next own bar waits for."""
        own = self._waiting[self._own]
        due = own[0].kline.close_time - self._interval if own else -1
        return [symbol for symbol, newest in self._newest.items() if newest < due]

    @property
    def overdue(self) -> list[str]:
        """Those of them that hold up more than one own bar."""
        return self.awaited if len(self._waiting[self._own]) > 1 else []

    def ready(self) -> Iterator[Bar]:
        """Take the bars whose turn it is."""
        own = self._waiting[self._own]
        while own and not self.awaited:
            yield from self._before(own[0].kline.close_time)
            yield own.popleft()

    def _before(self, closed: int) -> Iterator[Bar]:
        """Take the bars of other symbols that closed earlier, in their order."""
        others = [(symbol, bars) for symbol, bars in self._waiting.items() if symbol != self._own]
        while due := [(bars[0].kline.close_time, symbol) for symbol, bars in others if bars]:
            earliest, symbol = min(due)
            if earliest >= closed:
                return
            yield self._waiting[symbol].popleft()
