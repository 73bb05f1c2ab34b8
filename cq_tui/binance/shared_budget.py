"""One request budget for all processes of an address, kept in small locked files."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from cq_tui.binance.request_budget import BudgetState, RateWindow, ReportedUsage
from cq_tui.store.regular_file import open_regular


class RequestBudget(Protocol):
    """What SpotRest reserves before each request and updates after it. Times are the server's, in ms."""

    def state(self) -> BudgetState:
        """Return what is used now."""

    def reserve(self, weight: int, now_ms: int, *, orders: int = 0, essential: bool = False) -> int:
        """Reserve the weight and the orders and return 0, or reserve nothing and return the ms to wait."""

    def record_response(self, weight: int, orders: int, usage: ReportedUsage, sent_ms: int, now_ms: int) -> None:
        """Record the usage that a response reported."""

    def block(self, retry_after: float, now_ms: int, *, orders_only: bool = False) -> None:
        """Block everything, or only orders, for this many seconds (429, 418)."""

    def set_limits(self, weight: int | None, orders: Iterable[tuple[int, int]]) -> None:
        """Adopt the limits that exchangeInfo reports; ``orders`` are pairs of seconds and limit."""


class LocalBudget:
    """The budget of a single process, in memory."""

    def __init__(self, state: BudgetState | None = None) -> None:
        self._state = state or BudgetState()

    def state(self) -> BudgetState:
        """Return the current state."""
        return self._state

    def reserve(self, weight: int, now_ms: int, *, orders: int = 0, essential: bool = False) -> int:
        """Reserve the weight and the orders and return 0, or reserve nothing and return the ms to wait."""
        wait = 0

        def change(state: BudgetState) -> BudgetState:
            nonlocal wait
            wait = state.wait_ms(weight, now_ms, orders=orders, essential=essential)
            return state if wait else state.with_reservation(weight, now_ms, orders)

        self._update(change)
        return wait

    def record_response(self, weight: int, orders: int, usage: ReportedUsage, sent_ms: int, now_ms: int) -> None:
        """Record the usage that a response reported."""
        self._update(lambda state: state.with_response(weight, orders, usage, sent_ms, now_ms))

    def block(self, retry_after: float, now_ms: int, *, orders_only: bool = False) -> None:
        """Block everything, or only orders, for this many seconds (429, 418)."""
        self._update(lambda state: state.with_block(retry_after, now_ms, orders_only=orders_only))

    def set_limits(self, weight: int | None, orders: Iterable[tuple[int, int]]) -> None:
        """Adopt the limits that exchangeInfo reports; ``orders`` are pairs of seconds and limit."""
        limits = list(orders)
        self._update(lambda state: state.with_limits(weight, limits))

    def _update(self, change: Callable[[BudgetState], BudgetState]) -> BudgetState:
        self._state = change(self._state)
        return self._state


class SharedBudget(LocalBudget):
    """The budget of all processes that share one file, updated under an exclusive ``flock``.

    The exchange counts weight by IP address, and orders by account: where ``by_address`` names a second file, weight
    and bans are counted in it, together with everybody else who uses that address, and only orders in the first.

    A file is overwritten in place (a lock belongs to the file, not to its name) and not synced: its content is
    worthless after the minute, or after a reboot. An unreadable file counts as a fresh state. The locks are held for
    microseconds. While writing the second file fails, the first counts everything; while that fails, this process
    counts alone: closing a position must not wait for disk space.
    """

    def __init__(self, path: Path, by_address: Path | None = None) -> None:
        super().__init__()
        self._path = path
        self._by_address = by_address

    def state(self) -> BudgetState:
        """Return the state in the files."""
        return self._update(lambda state: state)

    def _update(self, change: Callable[[BudgetState], BudgetState]) -> BudgetState:
        # Always in this order: two processes that lock in one order cannot wait for each other.
        with _locked(self._by_address) as address, _locked(self._path) as own:
            by_address = None if address is None else _read(address)
            kept = self._state if own is None else _read(own)
            after = change(_of_both(by_address, kept))
            if own is not None and not _write(own, kept, after):
                after = change(_of_both(by_address, self._state))
            if address is not None and by_address is not None:
                _write(address, by_address, replace(after, orders=(), orders_blocked_until_ms=0))
        self._state = after
        return after


def _of_both(address: BudgetState | None, account: BudgetState) -> BudgetState:
    """Return the weight and bans of an address with the orders of an account."""
    if address is None:
        return account
    since = max(address.blocked_at_ms, account.blocked_at_ms if account.orders_blocked_until_ms else 0)
    return replace(account, weight=address.weight, blocked_until_ms=address.blocked_until_ms, blocked_at_ms=since)


@contextmanager
def _locked(path: Path | None) -> Iterator[int | None]:
    """Open and lock a file; None without a path, or if the file cannot be used."""
    try:
        descriptor = None if path is None else open_regular(path, os.O_RDWR | os.O_CREAT)
    except OSError:
        descriptor = None
    if descriptor is None:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # releases the lock


def _read(descriptor: int) -> BudgetState:
    return _parse_state(os.pread(descriptor, 4096, 0))


def _write(descriptor: int, before: BudgetState, after: BudgetState) -> bool:
    """Overwrite a state that changed; return whether the disk took it."""
    if after == before:
        return True
    content = orjson.dumps(after, option=orjson.OPT_APPEND_NEWLINE)
    try:
        os.pwrite(descriptor, content, 0)
        os.ftruncate(descriptor, len(content))
    except OSError:
        return False
    return True


def _parse_state(content: bytes) -> BudgetState:
    try:
        # After the first line may lie the rest of a longer state whose writer was killed before it truncated the file.
        raw = orjson.loads(content.partition(b"\n")[0])
        blocked, orders_blocked = map(_parse_integer, (raw["blocked_until_ms"], raw["orders_blocked_until_ms"]))
        since = _parse_integer(raw.get("blocked_at_ms", 0))
        windows = _parse_window(raw["weight"]), tuple(map(_parse_window, raw["orders"]))
        return BudgetState(*windows, blocked, orders_blocked, since)
    except (KeyError, TypeError, ValueError):
        return BudgetState()


def _parse_window(raw: Any) -> RateWindow:
    window = RateWindow(*(_parse_integer(raw[name]) for name in ("seconds", "limit", "number", "used", "in_flight")))
    if not window.seconds or not window.limit:
        raise ValueError("a window without a length or a limit")
    return window


def _parse_integer(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a whole number")
    return value
