"""Ends a strategy that hangs: it stops on its symbol as if it had raised an error, and the run goes on."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds that one kline may take.
MOST_SECONDS = 10.0
_LOOKS = 10


class StrategyHangs(BaseException):
    """Raised within a strategy that does not come to an end; what it catches must not hold it up."""


@contextmanager
def hang_watch(position: Callable[[], object], seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Raise StrategyHangs in this thread while ``position`` is the same, and not None, for so long.

    Only a process's main thread can be watched; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last: object = None
    looks = 0

    def look(*_: object) -> None:
        nonlocal last, looks
        now = position()
        looks = looks + 1 if now is not None and now == last else 0
        last = now
        if looks >= _LOOKS:
            looks = 0
            raise StrategyHangs(f"it was not through with one kline after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds / _LOOKS, seconds / _LOOKS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
