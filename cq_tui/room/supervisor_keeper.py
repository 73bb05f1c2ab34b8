"""Keeping a supervisor alive: the room finds one or starts one, and replaces one that dies or hangs."""

import asyncio
import contextlib
import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import FRESHNESS_LIMITS, DataDir
from cq_tui.ops.formatting import Alert
from cq_tui.store.reserve import Reserve, describe_error
from cq_tui.supervisor.desired_state import end_was_requested
from cq_tui.supervisor.hang_watch import HangWatch
from cq_tui.supervisor.managed_service import read_report
from cq_tui.supervisor.process import ExitWatch, ServiceProcess, find_process
from cq_tui.supervisor.restart import CRASH_LIMIT, CRASH_WINDOW, RestartPolicy
from cq_tui.supervisor.silence import SilenceLimits
from cq_tui.supervisor.start import StartupFailed, wait_until_supervising
from cq_tui.supervisor.wake_event import WakeEvent

#: Seconds between looks at a supervisor, and where the system does not notify us of its end.
_POLL, _UNNOTIFIED_POLL = 1.0, 0.25
_START_POLL = 0.05
#: Seconds before a start that failed on a full disk is tried again.
_FULL_DISK_PAUSE = 5.0
#: Seconds before the next try after too many failures: what was wrong may have passed, and nobody supervises.
GIVEN_UP_PAUSE = 60.0
#: Seconds before the first replacement. Two rooms may start one each; the lock decides.
_FIRST_DELAY = 0.1
#: Seconds for which one that released its lock may take to end.
_EXIT_TIMEOUT = 1.0
#: Seconds after which a supervisor that ends was none of a crash loop.
_NO_CRASH_LOOP = 10.0
#: A supervisor reports as soon as it has its lock, before it does anything else.
_SILENCE = SilenceLimits(FRESHNESS_LIMITS, startup=15.0)


@dataclass(frozen=True, slots=True)
class Supervision:
    """How supervision is."""

    #: ``ended``: on request. ``died``: another one starts at once. ``failed``: none can be started.
    state: Literal["starting", "supervised", "ended", "died", "failed"]
    #: How the last one ended, or why none can be started.
    reason: str = ""

    @property
    def note(self) -> str:
        """What stands in the title of the services."""
        return {
            "starting": "supervisor starting",
            "ended": "no supervisor",
            "failed": "watch only",
        }.get(self.state, "")

    @property
    def alert(self) -> Alert | None:
        """The alert while no supervisor can be started."""
        return Alert("bad", f"watch only: {self.reason} · s tries again") if self.state == "failed" else None

    @property
    def toast(self) -> str:
        """What is said once."""
        return f"The supervisor ended: {self.reason}. Another one takes over" if self.state == "died" else ""


class SupervisorKeeper:
    """Follows the supervisor of a data directory. ``report`` is called with every change of the supervision."""

    def __init__(
        self,
        data: DataDir,
        report: Callable[[Supervision], object],
        start: Callable[[DataDir, bool], ServiceProcess],
    ) -> None:
        """``start`` starts a supervisor's process; the second argument says whether it follows one that died."""
        self._data = data
        self._spawn = start
        self._report = report
        self._policy = RestartPolicy(initial_delay=_FIRST_DELAY)
        self._starting = asyncio.Lock()
        self._wake = WakeEvent()
        #: The last one that was started here: only its parent is told how it ended.
        self._child: ServiceProcess | None = None
        self._reported: Supervision | None = None

    async def run(self) -> None:
        """Keep a supervisor until canceled: start one if there is none, and another whenever one dies."""
        failure, has_followed = await self._try_to_start(follow=False), False
        while True:
            if (supervisor := find_process(self._data, "supervisor")) is not None:
                self._tell(Supervision("supervised"))
                failure, has_followed = await self._follow(supervisor), True
            if self._child_has_ended_on_request() or (has_followed and end_was_requested(self._data)):
                await self._rest(Supervision("ended"))
            else:
                await self._pause(failure or Supervision("failed", "it found another one, which has ended"))
            if find_process(self._data, "supervisor") is None:
                # What a command has stopped meanwhile is not started again.
                failure = await self._try_to_start(follow=has_followed or failure is None)

    async def start(self) -> None:
        """Start a supervisor because somebody asks for one. Raises StartupFailed or OSError."""
        self._policy.reset()
        before = self._reported
        try:
            await self._start(follow=False)
        except (StartupFailed, OSError):
            if before is not None:
                self._tell(before)
            raise
        self._wake.set()

    async def wait_while_starting(self) -> None:
        """Wait until there is a supervisor, or none is going to be started."""
        while find_process(self._data, "supervisor") is None and not self._is_at_rest:
            await asyncio.sleep(_START_POLL)

    @property
    def _is_at_rest(self) -> bool:
        return self._reported is not None and self._reported.state in ("ended", "failed")

    def _tell(self, supervision: Supervision) -> None:
        if supervision != self._reported:
            self._reported = supervision
            self._report(supervision)

    async def _try_to_start(self, *, follow: bool) -> Supervision | None:
        """Start a supervisor; return why that failed."""
        try:
            await self._start(follow=follow)
        except OSError as error:
            return Supervision("failed", describe_error(error))
        except (StartupFailed, RuntimeError) as error:
            # RuntimeError: there was no thread to be had.
            return Supervision("failed", str(error))
        return None

    async def _start(self, *, follow: bool) -> None:
        async with self._starting:
            if find_process(self._data, "supervisor") is None:
                self._tell(Supervision("starting"))
                self._child = None
                self._child = await asyncio.to_thread(self._spawn, self._data, follow)
                await wait_until_supervising(self._data, self._child)

    def _child_has_ended_on_request(self) -> bool:
        return self._child is not None and self._child.exit_code == ExitCode.OK

    async def _follow(self, supervisor: ServiceProcess) -> Supervision:
        """Wait until the supervisor has ended; return how."""
        self._child = self._child if self._child and self._child.pid == supervisor.pid else None
        process = self._child or supervisor
        watch, began = ExitWatch(process, self._wake.set), time.monotonic()
        hangs = HangWatch("supervisor", process, _SILENCE)
        try:
            while process.is_running() and self._holds_lock(process):
                hangs.look(read_report(self._data, "supervisor"), can_write=self._can_write())
                await self._wake.wait_at_most(_POLL if watch.is_supported else _UNNOTIFIED_POLL)
        finally:
            watch.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_TIMEOUT):
                await process.wait_until_exited()
        if time.monotonic() - began > _NO_CRASH_LOOP:
            self._policy.reset()
        return Supervision(
            "died", process.describe_exit() if self._child or process.kill_reason else "nobody asked it to"
        )

    def _can_write(self) -> bool:
        """Whether a supervisor can write its report at all."""
        return os.access(self._data.health, os.W_OK | os.X_OK) and not Reserve(self._data).is_full

    def _holds_lock(self, process: ServiceProcess) -> bool:
        holder = find_process(self._data, "supervisor")
        return holder is not None and holder.pid == process.pid

    async def _pause(self, failure: Supervision) -> None:
        """Wait before the next start: longer after every failure, at last a minute, or until somebody asks for it."""
        if Reserve(self._data).is_full:
            await self._rest(Supervision("failed", failure.reason), _FULL_DISK_PAUSE)
            return
        delay = self._policy.record_crash(time.monotonic(), 0.0, random.random())
        if delay is None:
            last = f"{CRASH_LIMIT} supervisors ended within {CRASH_WINDOW:.0f} s, the last one: {failure.reason}"
            await self._rest(Supervision("failed", last), GIVEN_UP_PAUSE)
        else:
            await self._rest(failure, delay)

    async def _rest(self, supervision: Supervision, timeout: float = math.inf) -> None:
        """Wait until there is a supervisor again, at most ``timeout`` seconds."""
        self._tell(supervision)
        deadline = time.monotonic() + timeout
        while find_process(self._data, "supervisor") is None and (left := deadline - time.monotonic()) > 0:
            await self._wake.wait_at_most(min(left, _POLL))
