"""The supervisor without a room: ``cq-tui up``, in the foreground or detached."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.process import last_output_line, spawn
from cq_tui.supervisor.supervisor import Supervisor

#: Seconds that a supervisor taking over waits for the one before it to let go of the lock.
_TAKE_OVER_TIMEOUT = 10.0
#: Seconds that a detached supervisor has to be at work, on a slow machine.
_DETACH_TIMEOUT = 30.0
_POLL_INTERVAL = 0.05


class StartupFailed(Exception):
    """The detached supervisor ended at once; the message is what it said."""


def run_headless(data: DataDir, *, take_over: bool = False, say: Callable[[str], object] = lambda _: None) -> bool:
    """Supervise until SIGTERM, SIGINT or ``cq-tui down``, and stop everything then.

    Returns False when another supervisor is at work. ``take_over`` waits for the one before to let go, and keeps
    what was wanted of each service. ``say`` is told in a line what happens.
    """
    return asyncio.run(_run(data, take_over, ProgressPrinter(say)))


async def _run(data: DataDir, take_over: bool, progress: "ProgressPrinter") -> bool:
    supervisor = Supervisor(data, "headless", keep_wanted=take_over, listener=progress.on_state_change)
    if not await _acquire(supervisor, _TAKE_OVER_TIMEOUT if take_over else 0.0):
        return False
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    # A lost terminal detaches: the services and their supervisor go on.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    tasks = [loop.create_task(supervisor.supervise(service)) for service in SERVICES]
    tasks.append(loop.create_task(supervisor.serve()))
    ends = [loop.create_task(asked.wait()), loop.create_task(supervisor.ended.wait())]
    try:
        done, _ = await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
        for task in done & set(tasks):
            task.result()
        if asked.is_set():
            await supervisor.stop_all()
    finally:
        for task in (*tasks, *ends):
            task.cancel()
        await asyncio.gather(*tasks, *ends, return_exceptions=True)
        supervisor.release()
    return True


async def _acquire(supervisor: Supervisor, patience: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience + _POLL_INTERVAL):
            while not supervisor.acquire():
                await asyncio.sleep(_POLL_INTERVAL)
    return supervisor.holds_lock


class ProgressPrinter:
    """Says in plain lines what happens to the services: each line is news, none repeats the one before."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._print = say
        self._started_at = time.monotonic()
        self._states = {name: ServiceState(state="stopped") for name in SERVICES}
        self._all_ready = False

    def on_state_change(self, service: str, state: ServiceState) -> None:
        """Take a service's new state."""
        before, self._states[service] = self._states[service], state
        if state.state != before.state and (words := _describe_state(service, state)):
            self._print_line(words)
        ready = all(each.state == "running" for each in self._states.values() if each.wanted == "running")
        if ready and not self._all_ready and state.state == "running":
            self._print_line(f"all services are ready, {time.monotonic() - self._started_at:.1f} s after the start")
        self._all_ready = ready

    def _print_line(self, line: str) -> None:
        # The terminal may be gone, or the reader of a pipe: the services matter more than these lines.
        with contextlib.suppress(OSError):
            self._print(line)


def _describe_state(service: str, state: ServiceState) -> str | None:
    reason = state.reason or "no reason known"
    return {
        "running": f"{service} is ready (process {state.pid})",
        "stopped": f"{service} has stopped" + (f": {state.reason}" if state.reason else ""),
        "backoff": f"{service} ended, {reason}; it is started again",
        "gave_up": f"{service} is given up: {reason}",
    }.get(state.state)


def start_detached(data: DataDir, patience: float = _DETACH_TIMEOUT) -> int:
    """Start a supervisor in the background and return its pid once it is at work. Raises NotStarted or OSError."""
    process = spawn(data, "supervisor", ["up"])
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        holder = read_holder(data.lock_of("supervisor"))
        if holder is not None and holder.pid == process.pid:
            return process.pid
        if not process.is_running():
            raise StartupFailed(
                last_output_line(data, "supervisor").removeprefix("cq-tui: ") or process.describe_exit()
            )
        time.sleep(_POLL_INTERVAL)
    raise StartupFailed(
        f"process {process.pid} is not at work after {patience:.0f} s; `cq-tui status` shows how it goes"
    )
