"""How long a strategy's calls took: the middle of the latest ones, and the slowest of all."""

from collections import deque
from statistics import median

_SAMPLES = 200


class CallTimes:
    """Times of one strategy's calls, in seconds."""

    __slots__ = ("_recent", "slowest")

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_SAMPLES)
        self.slowest = 0.0

    def add(self, seconds: float) -> None:
        """Count one call."""
        self._recent.append(seconds)
        if seconds > self.slowest:
            self.slowest = seconds

    @property
    def p50(self) -> float | None:
        """Half of the latest calls were shorter; None if there were none."""
        return median(self._recent) if self._recent else None
