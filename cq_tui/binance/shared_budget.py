"""One request budget for all processes of a data directory, kept in a small locked file."""

import fcntl
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import orjson

from cq_tui.binance.request_budget import BudgetState, RateWindow, ReportedUsage
from cq_tui.store.regular_file import open_regular


class RequestBudget(Protocol):
    """Where SpotRest asks before it sends and reports after. Times are the server's, in ms."""

    def reserve(self, weight: int, now_ms: int, *, orders: int = 0, essential: bool = False) -> int:
        """Take the weight and the orders and return 0, or take nothing and return the ms to wait."""

    def record_response(self, weight: int, orders: int, told: ReportedUsage, sent_ms: int, now_ms: int) -> None:
        """Take in the counts that the response to a request told."""

    def block(self, retry_after: float, now_ms: int, *, orders_only: bool = False) -> None:
        """Hold everything, or only orders, back for so many seconds (429, 418)."""

    def set_limits(self, weight: int | None, orders: Iterable[tuple[int, int]]) -> None:
        """Take in the limits that exchangeInfo told: orders as pairs of seconds and limit."""


class LocalBudget:
    """The budget of one process alone, in memory."""

    def __init__(self, state: BudgetState | None = None) -> None:
        self._state = state or BudgetState()

    def state(self) -> BudgetState:
        """Return what is known now."""
        return self._state

    def reserve(self, weight: int, now_ms: int, *, orders: int = 0, essential: bool = False) -> int:
        """Take the weight and the orders and return 0, or take nothing and return the ms to wait."""
        wait = 0

        def change(state: BudgetState) -> BudgetState:
            nonlocal wait
            wait = state.wait_ms(weight, now_ms, orders=orders, essential=essential)
            return state if wait else state.with_reservation(weight, now_ms, orders)

        self._update(change)
        return wait

    def record_response(self, weight: int, orders: int, told: ReportedUsage, sent_ms: int, now_ms: int) -> None:
        """Take in the counts that the response to a request told."""
        self._update(lambda state: state.with_response(weight, orders, told, sent_ms, now_ms))

    def block(self, retry_after: float, now_ms: int, *, orders_only: bool = False) -> None:
        """Hold everything, or only orders, back for so many seconds (429, 418)."""
        self._update(lambda state: state.with_block(retry_after, now_ms, orders_only=orders_only))

    def set_limits(self, weight: int | None, orders: Iterable[tuple[int, int]]) -> None:
        """Take in the limits that exchangeInfo told: orders as pairs of seconds and limit."""
        limits = list(orders)
        self._update(lambda state: state.with_limits(weight, limits))

    def _update(self, change: Callable[[BudgetState], BudgetState]) -> BudgetState:
        self._state = change(self._state)
        return self._state


class SharedBudget(LocalBudget):
    """The budget of all who name the same file, each change made under an exclusive ``flock``.

    The file is overwritten in place (a lock holds on to the file, not to its name) and not synced:
    what it says is worthless after the minute, or after a reboot. A file that cannot be read as a
    state counts as a fresh one. The lock is held for microseconds. While the disk refuses, this process counts
    alone: closing a position must not wait for room on it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def state(self) -> BudgetState:
        """Return what the file says now."""
        return self._update(lambda state: state)

    def _update(self, change: Callable[[BudgetState], BudgetState]) -> BudgetState:
        try:
            self._state = self._update_file(change)
        except OSError:
            self._state = change(self._state)
        return self._state

    def _update_file(self, change: Callable[[BudgetState], BudgetState]) -> BudgetState:
        descriptor = open_regular(self._path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = _parse_state(os.pread(descriptor, 4096, 0))
            after = change(before)
            if after != before:
                content = orjson.dumps(after, option=orjson.OPT_APPEND_NEWLINE)
                os.pwrite(descriptor, content, 0)
                os.ftruncate(descriptor, len(content))
            return after
        finally:
            os.close(descriptor)  # lets go of the lock


def _parse_state(content: bytes) -> BudgetState:
    try:
        # Behind the first line lies the rest of a longer state whose writer was killed before it could cut it off.
        raw = orjson.loads(content.partition(b"\n")[0])
        blocked, orders_blocked = map(_parse_integer, (raw["blocked_until_ms"], raw["orders_blocked_until_ms"]))
        return BudgetState(
            _parse_window(raw["weight"]), tuple(map(_parse_window, raw["orders"])), blocked, orders_blocked
        )
    except (KeyError, TypeError, ValueError):
        return BudgetState()


def _parse_window(raw: Any) -> RateWindow:
    window = RateWindow(*(_parse_integer(raw[name]) for name in ("seconds", "limit", "number", "used", "in_flight")))
    if not window.seconds or not window.limit:
        raise ValueError("a window without a length or a limit")
    return window


def _parse_integer(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no whole number")
    return value
