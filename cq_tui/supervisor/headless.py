"""The supervisor without a room: ``cq-tui up``, in the foreground or detached."""

import asyncio
import contextlib
import signal

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.supervisor.process import spawn
from cq_tui.supervisor.supervisor import Supervisor

#: Seconds that a supervisor taking over waits for the one before it to let go of the lock.
_TAKE_OVER_PATIENCE = 10.0
_POLL = 0.05


def run_headless(data: DataDir, *, take_over: bool = False, stop_at_end: bool = True) -> bool:
    """Supervise until SIGTERM, SIGINT or ``cq-tui down``; False when another supervisor is at work.

    ``take_over`` keeps what was wanted before and leaves the services alone at the end (a detached supervisor);
    ``stop_at_end`` stops them on a signal.
    """
    return asyncio.run(_run(data, take_over=take_over, stop_at_end=stop_at_end))


async def _run(data: DataDir, *, take_over: bool, stop_at_end: bool) -> bool:
    supervisor = Supervisor(data, "headless", keep_wanted=take_over)
    if not await _acquire(supervisor, _TAKE_OVER_PATIENCE if take_over else 0.0):
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
        if asked.is_set() and stop_at_end:
            await supervisor.stop_all()
    finally:
        for task in (*tasks, *ends):
            task.cancel()
        await asyncio.gather(*tasks, *ends, return_exceptions=True)
        supervisor.release()
    return True


async def _acquire(supervisor: Supervisor, patience: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience + _POLL):
            while not supervisor.acquire():
                await asyncio.sleep(_POLL)
    return supervisor.holds


def spawn_headless(data: DataDir) -> int:
    """Start a detached supervisor for ``cq-tui up --detach``; return its pid. Raises OSError."""
    return spawn(data, "supervisor", ["up"]).pid
