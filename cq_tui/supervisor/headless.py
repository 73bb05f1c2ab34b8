"""The supervisor's process, ``cq-tui up``: from its lock to its end."""

import asyncio
import signal
import time
from collections.abc import Callable

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.lock import find_holder
from cq_tui.supervisor.desired_state import read_desired_state
from cq_tui.supervisor.health_report import KIND
from cq_tui.supervisor.progress import ProgressPrinter
from cq_tui.supervisor.supervisor import EndWasRequested, Supervisor

#: Seconds that one that follows another waits for it to release the lock.
_FOLLOW_TIMEOUT = 10.0
_POLL_INTERVAL = 0.1


def run_headless(data: DataDir, *, follow: bool = False, echo: Callable[[str], object] = lambda _: None) -> bool:
    """Supervise until SIGTERM, SIGINT or ``cq-tui down``, then stop every service.

    Returns False when another supervisor is running. ``follow`` continues what one began that ended without being
    asked to: it waits until that one has released the lock, and does nothing if its end was requested after all.
    ``echo`` is called with each line of progress, and must not block.
    """
    return asyncio.run(_run(data, follow, ProgressPrinter(echo)))


async def _run(data: DataDir, follow: bool, progress: ProgressPrinter) -> bool:
    # Whatever the terminal does, lost or suspended or forbidden to write to, the supervisor and its services keep
    # running.
    for number in (signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    supervisor = Supervisor(data, listener=progress.on_state_change)
    try:
        if not await _acquire(data, supervisor, follow=follow):
            return False
    except EndWasRequested:
        return True
    progress.tell_stopped([name for name in SERVICES if read_desired_state(data, name) == "stopped"])
    loop = asyncio.get_running_loop()
    signaled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signaled.set)
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


async def _acquire(data: DataDir, supervisor: Supervisor, *, follow: bool) -> bool:
    deadline = time.monotonic() + (_FOLLOW_TIMEOUT if follow else 0.0)
    while not supervisor.acquire(follow=follow):
        holder = find_holder(data.lock_of("supervisor"))
        # Only a room of version 0.1.0 that hands over may still hold the lock: one of our kind has come first.
        if time.monotonic() > deadline or (holder is not None and holder.kind == KIND):
            return False
        await asyncio.sleep(_POLL_INTERVAL)
    return True
