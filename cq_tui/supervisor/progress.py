"""What ``cq-tui up`` prints. A terminal or a pipe that nobody reads never holds up the supervisor."""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES

#: Lines that wait for a reader; further ones are left out, and counted.
_MAX_WAITING = 1000
#: Seconds that the last lines have to be read when the supervisor ends.
_LAST_LINES = 1.0


class LinePrinter:
    """Writes lines to the descriptor of a stream, from a thread of its own.

    The stream itself would be locked by the thread that waits, and the end of the process would wait for that lock.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_MAX_WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_lines, name="progress", daemon=True)
        self._thread.start()

    def print(self, line: str) -> None:
        """Print a line, soon; leave it out when too many wait."""
        try:
            if self._left_out:
                self._lines.put_nowait(f"({self._left_out} lines left out: nobody read them in time)")
                self._left_out = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._left_out += 1

    def close(self, timeout: float = _LAST_LINES) -> None:
        """Wait until everything is written, at most ``timeout`` seconds."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            waiting = f"{line}\n".encode(self._stream.encoding, "replace")
            try:
                while waiting:
                    waiting = waiting[os.write(self._stream.fileno(), waiting) :]
            except OSError:
                # The terminal or the reader of a pipe may be gone, or the disk of a file full.
                continue


class ProgressPrinter:
    """Prints a line when a service changes its state."""

    def __init__(self, echo: Callable[[str], object]) -> None:
        self._print = echo
        self._started_at = time.monotonic()
        self._states = {name: ServiceState(state="stopped") for name in SERVICES}
        self._all_ready = False

    def tell_stopped(self, services: Iterable[str]) -> None:
        """Print which services stay stopped, since somebody stopped them before the last supervisor died."""
        for service in services:
            self._print(f"{service} stays stopped, as it was. Start it in the room (`cq-tui`) with the key s")

    def on_state_change(self, service: str, state: ServiceState) -> None:
        """Print a service's new state."""
        before, self._states[service] = self._states[service], state
        if state.state != before.state and (text := _describe_state(service, state)):
            self._print(text)
        ready = all(each.state == "running" for each in self._states.values() if each.wanted == "running")
        if ready and not self._all_ready and state.state == "running":
            self._print(f"all services are ready after {time.monotonic() - self._started_at:.1f} s")
        self._all_ready = ready


def _describe_state(service: str, state: ServiceState) -> str | None:
    reason = state.reason or "reason unknown"
    return {
        "running": f"{service} is ready (process {state.pid})",
        "stopped": f"{service} stopped" + (f": {state.reason}" if state.reason else ""),
        "backoff": f"{service} exited ({reason}); restarting",
        "gave_up": f"gave up on {service}: {reason}",
    }.get(state.state)
