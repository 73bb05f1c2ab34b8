"""A signal to one process and no other: also not to one that has got its pid meanwhile."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from cq_tui.store.lock import is_alive


def send_signal(pid: int, process_started: float, ticks: int | None, number: signal.Signals) -> None:
    """Send a signal to this very process (see ``is_alive``), unless it has ended. Raises PermissionError.

    Where the system has process descriptors (Linux, pidfd_open(2)), the process is held by one before it is recognized,
    so its pid may be given to another one at any time. Elsewhere a moment remains between the two.
    """
    with contextlib.suppress(ProcessLookupError), _descriptor_of(pid) as descriptor:
        if not is_alive(pid, process_started, ticks):
            return
        if sys.platform == "linux" and descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
        else:
            os.kill(pid, number)


@contextlib.contextmanager
def _descriptor_of(pid: int) -> Iterator[int | None]:
    """Hold a process; None where the system cannot. Raises ProcessLookupError if there is none."""
    descriptor = None
    if sys.platform == "linux":
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            raise
        except OSError:
            # An old kernel, a sandbox that forbids it, or no descriptor is free.
            descriptor = None
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)
