"""The change of every price over 24 hours of market time, where the simulated market runs faster than the clock."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable

DAY_SECONDS = 86_400
#: Prices kept of a market day, and how many of them may be missing at its beginning.
_SAMPLES = 288
_MISSING = 12


class MarketDay:
    """Keeps a market day of prices by symbol. ``speed`` is how many seconds of market time pass in one."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        #: Seconds by the clock in which 24 hours of market time pass.
        self.seconds = DAY_SECONDS / speed
        self._step = self.seconds / _SAMPLES
        self._prices: dict[str, deque[tuple[float, float]]] = {}

    def seed(self, symbol: str, closes: Iterable[tuple[float, float]]) -> None:
        """Begin with recorded (time, price) pairs, oldest first; live prices follow."""
        live = self._prices.pop(symbol, ())
        for timestamp, price in [*closes, *live]:
            self.add(symbol, timestamp, price)

    def add(self, symbol: str, timestamp: float, price: float) -> None:
        """Add a price, unless one of about the same time is known."""
        known = self._prices.setdefault(symbol, deque(maxlen=_SAMPLES + 2))
        if not known or timestamp >= known[-1][0] + self._step:
            known.append((timestamp, price))

    def change_percent(self, symbol: str, timestamp: float, price: float) -> float | None:
        """Return the change to this price over 24 hours of market time; None until that many are known."""
        known = self._prices.get(symbol)
        began = timestamp - self.seconds
        if not known or known[0][0] > began + _MISSING * self._step:
            return None
        at = max(bisect_right(known, began, key=lambda pair: pair[0]) - 1, 0)
        return (price / known[at][1] - 1) * 100

    def retain(self, symbols: Iterable[str]) -> None:
        """Drop the prices of all other symbols."""
        for gone in self._prices.keys() - set(symbols):
            del self._prices[gone]
