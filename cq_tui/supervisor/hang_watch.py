"""Watching one process for a hang: alive, but silent past its limit. It is named, then killed and started again."""

import signal
import time

from cq_tui.supervisor.managed_service import Report
from cq_tui.supervisor.process import WAITS_FOR_DISK, ServiceProcess
from cq_tui.supervisor.silence import Silence, SilenceLimits


class HangWatch:
    """The silence of one process, and what is done about it."""

    def __init__(self, service: str, process: ServiceProcess, limits: SilenceLimits) -> None:
        self._service, self._process, self._limits = service, process, limits
        self._silence = Silence(time.monotonic())
        #: Seconds until the next look is due, at the latest.
        self.next_look = limits.startup

    def look(self, report: Report, *, can_write: bool, interval: float = 0.0) -> str | None:
        """Look at the last report; return why the process hangs, or None. After the grace period, kill it.

        Without ``can_write`` no report can be written by anybody, so that silence means nothing. ``interval`` is the
        seconds between two reports, if they are set by the user.
        """
        silence, now = self._silence, time.monotonic()
        silence.observe(report.identity if report.is_from(self._process.pid) else None, now)
        if report.is_unreadable or not can_write:
            silence.forgive(now)
        limit = self._limits.limit(self._service, has_reported=silence.has_reported, interval=interval)
        is_hung = silence.seconds >= limit
        self.next_look = max(0.0, limit + (self._limits.grace if is_hung else 0.0) - silence.seconds)
        if not is_hung:
            return None
        obstacle = self._process.describe_obstacle()
        # A kill waits for the disk as well, and a process that was only kept by the disk goes on after it.
        if silence.seconds >= limit + self._limits.grace and obstacle != WAITS_FOR_DISK:
            self._kill(silence, obstacle)
        said = (
            f"no report for more than {limit:.0f} s"
            if silence.has_reported
            else f"no report {limit:.0f} s after its start"
        )
        return f"{said}: {obstacle}" if obstacle else said

    def _kill(self, silence: Silence, obstacle: str | None) -> None:
        if self._process.kill_reason is None:
            since = "" if silence.has_reported else " since its start"
            said = f"hung: no report for {silence.seconds:.0f} s{since}"
            self._process.kill_reason = f"{said}, {obstacle}; killed" if obstacle else f"{said}; killed"
            self._process.send_signal(signal.SIGKILL)
