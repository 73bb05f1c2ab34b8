"""The last 60 seconds of every symbol, one price per second, for the sparklines."""

from array import array
from collections.abc import Iterable, Iterator
from math import isnan, nan

#: Seconds covered by a sparkline.
SPAN_SECONDS = 60
#: Seconds kept: both ends of the span.
_KEPT = SPAN_SECONDS + 1


class _Series:
    """One symbol's prices, by second, in a ring that never grows: hundreds of symbols are kept for days."""

    __slots__ = ("before", "newest", "prices")

    def __init__(self) -> None:
        self.prices = array("d", [nan]) * _KEPT
        self.newest = -_KEPT
        #: The last price that left the ring.
        self.before = nan

    def add(self, second: int, price: float) -> None:
        if second - self.newest >= _KEPT:
            self.before = next((known for _, known in reversed(list(self))), self.before)
            self.prices = array("d", [nan]) * _KEPT
        else:
            for freed in range(self.newest + 1, second + 1):
                gone = self.prices[freed % _KEPT]
                self.before = self.before if isnan(gone) else gone
                self.prices[freed % _KEPT] = nan
        self.prices[second % _KEPT] = price
        self.newest = second

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Yield the known prices, oldest first."""
        for second in range(self.newest - SPAN_SECONDS, self.newest + 1):
            if not isnan(price := self.prices[second % _KEPT]):
                yield second, price


class PriceHistory:
    """Keeps the last price of each second, per symbol."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def add(self, symbol: str, timestamp: float, price: float) -> None:
        """Add a price. The last price of a second wins; a price older than the newest is dropped."""
        series = self._series.get(symbol)
        if series is None:
            series = self._series[symbol] = _Series()
        second = int(timestamp)
        if second >= series.newest:
            series.add(second, price)

    def seed(self, symbol: str, closes: Iterable[tuple[float, float]]) -> None:
        """Prepend recorded (time, price) pairs to the live prices."""
        live = list(self._series.get(symbol, ()))
        older = [(int(at), price) for at, price in closes if not live or int(at) < live[0][0]]
        self._series[symbol] = seeded = _Series()
        for second, price in [*sorted(older), *live]:
            seeded.add(second, price)

    def sample(self, symbol: str, now: float, width: int) -> list[float | None]:
        """Return ``width`` prices evenly spread over the last 60 s; None before the first known price.

        A second without a price repeats the previous one.
        """
        series = self._series.get(symbol)
        if series is None or width < 1:
            return [None] * max(0, width)
        prices: list[float | None] = []
        last = None if isnan(series.before) else series.before
        position = 0
        items = list(series)
        start = int(now) - SPAN_SECONDS
        for slot in range(width):
            end = start + SPAN_SECONDS * (slot + 1) / width
            while position < len(items) and items[position][0] <= end:
                last = items[position][1]
                position += 1
            prices.append(last)
        return prices

    def retain(self, symbols: Iterable[str]) -> None:
        """Drop the history of all other symbols."""
        kept = set(symbols)
        for symbol in [known for known in self._series if known not in kept]:
            del self._series[symbol]
