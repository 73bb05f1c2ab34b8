"""The supervisor without the room: ``cq-tui up``, in the foreground or detached."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.lock import read_holder
from cq_tui.store.reserve import Reserve
from cq_tui.supervisor.process import last_output_line, spawn
from cq_tui.supervisor.supervisor import Supervisor

#: Seconds that a supervisor taking over waits for its predecessor to release the lock.
_TAKE_OVER_TIMEOUT = 10.0
#: Seconds that a detached supervisor has to take the lock, on a slow machine.
_DETACH_TIMEOUT = 30.0
_POLL_INTERVAL = 0.05


class StartupFailed(Exception):
    """The detached supervisor did not start; the message is its last line of output."""


def run_headless(data: DataDir, *, take_over: bool = False, echo: Callable[[str], object] = lambda _: None) -> bool:
    """Supervise until SIGTERM, SIGINT or ``cq-tui down``, then stop every service.

    Returns False when another supervisor is running. ``take_over`` waits for it to release the lock and keeps the
    desired states. ``echo`` prints a line of progress.
    """
    return asyncio.run(_run(data, take_over, ProgressPrinter(echo)))


async def _run(data: DataDir, take_over: bool, progress: "ProgressPrinter") -> bool:
    supervisor = Supervisor(data, "headless", keep_desired=take_over, listener=progress.on_state_change)
    if not await _acquire(supervisor, _TAKE_OVER_TIMEOUT if take_over else 0.0):
        return False
    loop = asyncio.get_running_loop()
    signaled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signaled.set)
    # Losing the terminal detaches: the supervisor and its services keep running.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    tasks = [loop.create_task(supervisor.supervise(service)) for service in SERVICES]
    tasks.append(loop.create_task(supervisor.serve()))
    stops = [loop.create_task(signaled.wait()), loop.create_task(supervisor.ended.wait())]
    try:
        done, _ = await asyncio.wait([*tasks, *stops], return_when=asyncio.FIRST_COMPLETED)
        for task in done & set(tasks):
            task.result()
        if signaled.is_set():
            await supervisor.stop_all()
    finally:
        for task in (*tasks, *stops):
            task.cancel()
        await asyncio.gather(*tasks, *stops, return_exceptions=True)
        supervisor.release()
    return True


async def _acquire(supervisor: Supervisor, timeout: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout + _POLL_INTERVAL):
            while not supervisor.acquire():
                await asyncio.sleep(_POLL_INTERVAL)
    return supervisor.holds_lock


class ProgressPrinter:
    """Prints a line when a service changes its state."""

    def __init__(self, echo: Callable[[str], object]) -> None:
        self._print = echo
        self._started_at = time.monotonic()
        self._states = {name: ServiceState(state="stopped") for name in SERVICES}
        self._all_ready = False

    def on_state_change(self, service: str, state: ServiceState) -> None:
        """Print a service's new state."""
        before, self._states[service] = self._states[service], state
        if state.state != before.state and (text := _describe_state(service, state)):
            self._print_line(text)
        ready = all(each.state == "running" for each in self._states.values() if each.wanted == "running")
        if ready and not self._all_ready and state.state == "running":
            self._print_line(f"all services are ready after {time.monotonic() - self._started_at:.1f} s")
        self._all_ready = ready

    def _print_line(self, line: str) -> None:
        # The terminal or the reader of a pipe may be gone; supervision must not end with it.
        with contextlib.suppress(OSError):
            self._print(line)


def _describe_state(service: str, state: ServiceState) -> str | None:
    reason = state.reason or "reason unknown"
    return {
        "running": f"{service} is ready (process {state.pid})",
        "stopped": f"{service} stopped" + (f": {state.reason}" if state.reason else ""),
        "backoff": f"{service} exited ({reason}); restarting",
        "gave_up": f"gave up on {service}: {reason}",
    }.get(state.state)


def start_detached(data: DataDir, timeout: float = _DETACH_TIMEOUT) -> int:
    """Start a supervisor in the background and return its pid once it runs. Raises StartupFailed or OSError."""
    process = spawn(data, "supervisor", ["up"])
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        holder = read_holder(data.lock_of("supervisor"))
        if holder is not None and holder.pid == process.pid:
            return process.pid
        if not process.is_running():
            # A full disk takes no output either.
            line = Reserve(data).problem or last_output_line(data, "supervisor").removeprefix("cq-tui: ")
            raise StartupFailed(line or process.describe_exit())
        time.sleep(_POLL_INTERVAL)
    raise StartupFailed(f"process {process.pid} is not ready after {timeout:.0f} s; check `cq-tui status`")
