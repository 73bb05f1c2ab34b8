"""When the chain document is flushed: at once for a signal, else twice a second."""

#: Seconds from one flush to the next while no signal waits for it.
_INTERVAL = 0.5
#: Flushes that signals may cause in a row, and seconds until one more is allowed: at most 20 in any second.
_BURST, _REFILL = 5, 1 / 15


class ChainSchedule:
    """Decides when blocks become visible. Times are seconds of a monotonic clock.

    A signal counts for the trader once its block is there, so it does not wait for the interval. Signals that come
    faster than flushes are allowed share one.
    """

    def __init__(self, now: float) -> None:
        self._last = now
        #: When all of the burst is allowed again.
        self._refilled_at = now
        self._signal_waits = False

    def add_signal(self) -> None:
        """A signal was appended to the history."""
        self._signal_waits = True

    def pause(self, now: float, *, is_behind: bool) -> float:
        """Return the seconds until the next flush, 0.0 when it is due; the interval if the chain is not behind."""
        if not is_behind:
            return _INTERVAL
        due = self._last + _INTERVAL
        if self._signal_waits:
            due = min(due, self._refilled_at - (_BURST - 1) * _REFILL)
        return max(0.0, due - now)

    def flushed(self, now: float) -> None:
        """A flush was tried. What the disk refused is tried again after the interval, with a signal or without."""
        self._last = now
        self._refilled_at = max(self._refilled_at, now) + _REFILL
        self._signal_waits = False
