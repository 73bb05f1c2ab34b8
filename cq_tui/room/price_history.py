"""The last 60 seconds of every symbol, one price per second, for the sparklines."""

from collections import deque
from collections.abc import Iterable

#: Seconds covered by a sparkline.
SPAN_SECONDS = 60


class PriceHistory:
    """Keeps the last price of each second, per symbol."""

    def __init__(self) -> None:
        self._seconds: dict[str, deque[tuple[int, float]]] = {}

    def add(self, symbol: str, timestamp: float, price: float) -> None:
        """Add a price. The last price of a second wins; a price older than the newest is dropped."""
        second = int(timestamp)
        series = self._seconds.get(symbol)
        if series is None:
            self._seconds[symbol] = deque([(second, price)], maxlen=SPAN_SECONDS + 1)
            return
        newest = series[-1][0]
        if second == newest:
            series[-1] = (second, price)
        elif second > newest:
            series.append((second, price))

    def seed(self, symbol: str, closes: Iterable[tuple[float, float]]) -> None:
        """Prepend recorded (time, price) pairs to the live prices."""
        live = self._seconds.get(symbol)
        first = live[0][0] if live else None
        older = [(int(at), price) for at, price in closes if first is None or int(at) < first]
        self._seconds[symbol] = deque(sorted(older) + list(live or ()), maxlen=SPAN_SECONDS + 1)

    def sample(self, symbol: str, now: float, width: int) -> list[float | None]:
        """Return ``width`` prices evenly spread over the last 60 s; None before the first known price.

        A second without a price repeats the previous one.
        """
        series = self._seconds.get(symbol)
        if not series or width < 1:
            return [None] * max(0, width)
        prices: list[float | None] = []
        last: float | None = None
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
        for symbol in [known for known in self._seconds if known not in kept]:
            del self._seconds[symbol]
