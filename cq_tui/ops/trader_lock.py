"""Taking the trader's lock from whoever holds it: asked to end, then killed. Only a verified holder is touched."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import psutil

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import DIRECT, LockHolder
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.store.process_signal import send_signal
from cq_tui.store.reserve import Reserve
from cq_tui.supervisor.managed_service import read_report

#: Seconds between SIGTERM and SIGKILL: a trader that is well stores its snapshot; one that hangs takes no SIGTERM.
_GRACE, _GRACE_OF_THE_HUNG = 5.0, 1.0
#: Seconds without a report (two and more are missing) after which a trader counts as hung here.
_SILENCE = 10.0
#: Seconds for all attempts: a new trader may take the lock in between, and a disk may keep one from ending.
_PATIENCE = 30.0
_POLL = 0.02


class TraderNotEnded(Exception):
    """The trader's lock cannot be had; the message says who holds it and what to do."""


async def take_trader_lock(data: DataDir, tell: Callable[[str], object]) -> ProcessLock:
    """End whoever holds the trader's lock, and take it. ``tell`` hears whom. Raises TraderNotEnded or OSError.

    The lock is tried before anybody is touched, so its holder is one indeed; pid and start time name it. The next
    attempt comes long before a supervisor starts another trader; one that was faster all the same is ended as well.
    """
    # A file that cannot be made was never there, so no trader has run here: the error says it.
    lock = ProcessLock(data.lock_of("trader"), "trader", DIRECT, needs_content=False)
    ending: _Ending | None = None
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            Reserve(data).spend(lock.acquire)
            return lock
        except LockHeld as error:
            holder = error.holder
        if holder is not None and holder.pid == os.getpid():
            raise TraderNotEnded("this process is the trader already")
        if holder is not None and (ending is None or holder.pid != ending.holder.pid):
            ending = _Ending(data, holder)
            tell(f"ending the trader (process {holder.pid}) to sell in its place")
        if ending is not None:
            ending.press()
        if time.monotonic() > deadline:
            raise TraderNotEnded(_describe(holder))
        await asyncio.sleep(_POLL)


class _Ending:
    """The end of one process: SIGTERM, then SIGKILL."""

    def __init__(self, data: DataDir, holder: LockHolder) -> None:
        self.holder = holder
        grace = _GRACE_OF_THE_HUNG if _hangs(data, holder) else _GRACE
        self._kill_at = time.monotonic() + grace
        self._sent: signal.Signals | None = None

    def press(self) -> None:
        """Send the signal that is due. Raises TraderNotEnded if it may not be sent."""
        due = signal.SIGKILL if time.monotonic() >= self._kill_at else signal.SIGTERM
        if due is self._sent:
            return
        self._sent, holder = due, self.holder
        try:
            send_signal(holder.pid, holder.process_started, holder.start_ticks, due)
        except PermissionError:
            owner = _owner_of(holder.pid)
            text = f"the trader (process {holder.pid}) belongs to {owner} and cannot be ended from here"
            raise TraderNotEnded(f"{text}. Run this as {owner}, or as root") from None


def _hangs(data: DataDir, holder: LockHolder) -> bool:
    """Whether a process seems to take no SIGTERM: it is suspended, or has not reported for long."""
    try:
        process = psutil.Process(holder.pid)
        is_suspended, ran_for = process.status() == psutil.STATUS_STOPPED, time.time() - process.create_time()
    except psutil.Error:
        return False
    report = read_report(data, "trader")
    if report.is_unreadable or Reserve(data).is_full:
        # No report could be written.
        return is_suspended
    age = time.time() - report.health.last_update_ts if report.health and report.is_from(holder.pid) else ran_for
    return is_suspended or age > _SILENCE


def _owner_of(pid: int) -> str:
    try:
        return psutil.Process(pid).username()
    except psutil.Error:
        return "another user"


def _describe(holder: LockHolder | None) -> str:
    if holder is None:
        return "another process holds the trader's lock, and the system does not say which. End it, then try again"
    return f"the trader (process {holder.pid}) does not end: it waits for the disk, or others are started. Try again"
