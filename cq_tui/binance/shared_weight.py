"""One request-weight budget for all processes of a data directory, kept in a small locked file."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import orjson

from cq_tui.binance.weight import WeightState
from cq_tui.store.regular_file import open_regular


class WeightBudget(Protocol):
    """Where SpotRest asks before it sends and reports after. Times are the server's, in ms."""

    def reserve(self, weight: int, now_ms: int, *, essential: bool = False) -> int:
        """Take the weight and return 0, or take nothing and return the ms to wait."""

    def observe(self, used: int, now_ms: int) -> None:
        """Take in the used weight that a response told."""

    def block(self, retry_after: float, now_ms: int) -> None:
        """Hold everything back for so many seconds (429, 418)."""

    def set_limit(self, limit: int, now_ms: int) -> None:
        """Take in the limit that exchangeInfo told."""


class OwnWeight:
    """The budget of one process alone, in memory."""

    def __init__(self, state: WeightState | None = None) -> None:
        self.state = state or WeightState()

    def reserve(self, weight: int, now_ms: int, *, essential: bool = False) -> int:
        """Take the weight and return 0, or take nothing and return the ms to wait."""
        wait = self.state.wait_ms(weight, now_ms, essential=essential)
        if not wait:
            self.state = self.state.reserved(weight, now_ms)
        return wait

    def observe(self, used: int, now_ms: int) -> None:
        """Take in the used weight that a response told."""
        self.state = self.state.observed(used, now_ms)

    def block(self, retry_after: float, now_ms: int) -> None:
        """Hold everything back for so many seconds (429, 418)."""
        self.state = self.state.blocked(retry_after, now_ms)

    def set_limit(self, limit: int, now_ms: int) -> None:
        """Take in the limit that exchangeInfo told."""
        self.state = self.state.limited(limit, now_ms)


class SharedWeight:
    """The budget of all who name the same file, each change made under an exclusive ``flock``.

    The file is overwritten in place (a lock holds on to the file, not to its name) and not synced:
    what it says is worthless after the minute, or after a reboot. A file that cannot be read as a
    state counts as a fresh minute. The lock is held for microseconds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        #: What holds while the disk refuses: closing a position must not wait for room on it.
        self._own = WeightState()

    def reserve(self, weight: int, now_ms: int, *, essential: bool = False) -> int:
        """Take the weight and return 0, or take nothing and return the ms to wait."""
        wait = 0

        def change(state: WeightState) -> WeightState:
            nonlocal wait
            wait = state.wait_ms(weight, now_ms, essential=essential)
            return state if wait else state.reserved(weight, now_ms)

        self._change(change)
        return wait

    def observe(self, used: int, now_ms: int) -> None:
        """Take in the used weight that a response told."""
        self._change(lambda state: state.observed(used, now_ms))

    def block(self, retry_after: float, now_ms: int) -> None:
        """Hold everything back for so many seconds (429, 418)."""
        self._change(lambda state: state.blocked(retry_after, now_ms))

    def set_limit(self, limit: int, now_ms: int) -> None:
        """Take in the limit that exchangeInfo told."""
        self._change(lambda state: state.limited(limit, now_ms))

    def state(self) -> WeightState:
        """Return what the file says now."""
        return self._change(lambda state: state)

    def _change(self, change: Callable[[WeightState], WeightState]) -> WeightState:
        try:
            self._own = self._change_file(change)
        except OSError:
            self._own = change(self._own)
        return self._own

    def _change_file(self, change: Callable[[WeightState], WeightState]) -> WeightState:
        descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = _read(os.pread(descriptor, 4096, 0))
            after = change(before)
            if after != before:
                content = _written(after)
                os.pwrite(descriptor, content, 0)
                os.ftruncate(descriptor, len(content))
            return after
        finally:
            os.close(descriptor)  # lets go of the lock


def _written(state: WeightState) -> bytes:
    return orjson.dumps(state, option=orjson.OPT_APPEND_NEWLINE)


def _read(content: bytes) -> WeightState:
    try:
        raw = orjson.loads(content)
        values = [raw[name] for name in ("minute", "used", "limit", "blocked_until_ms")]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return WeightState()
    if not all(type(value) is int and value >= 0 for value in values) or not values[2]:
        return WeightState()
    return WeightState(*values)
