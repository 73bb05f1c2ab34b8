"""Stopping everything: through the supervisor if there is one, by hand if there is none."""

import asyncio

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.control import issue, wait_for_answer
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.process import find
from cq_tui.supervisor.supervisor import Supervisor

#: Five services with seven seconds each before SIGKILL, and some air.
_PATIENCE = 60.0


class DownError(Exception):
    """Something still runs; the message names it."""


async def bring_down(data: DataDir) -> list[str]:
    """Stop all services, the supervisor last, and return what was stopped. Raises DownError or OSError."""
    running = [name for name in SERVICES if find(data, name) is not None]
    supervisor = read_holder(data.lock_of("supervisor"))
    if supervisor is not None:
        command = issue(data, "shut_down", "supervisor", issued_by="cli", expiry=_PATIENCE)
        answer = await wait_for_answer(data, command)
        if answer.outcome != "done" and read_holder(data.lock_of("supervisor")) is not None:
            raise DownError(f"the supervisor (process {supervisor.pid}) did not stop: {answer.message}")
        await _supervisor_gone(data, supervisor.pid)
    await _stop_what_is_left(data)
    left = [name for name in SERVICES if find(data, name) is not None]
    if left:
        raise DownError(f"still running: {', '.join(left)}")
    return running


async def _supervisor_gone(data: DataDir, pid: int) -> None:
    """A headless supervisor ends and a room becomes a viewer: either way the lock is let go."""
    async with asyncio.timeout(_PATIENCE):
        while (holder := read_holder(data.lock_of("supervisor"))) is not None and holder.pid == pid:
            await asyncio.sleep(0.05)


async def _stop_what_is_left(data: DataDir) -> None:
    """Stop services that nobody supervises, as their supervisor for a moment."""
    if not any(find(data, name) for name in SERVICES):
        return
    supervisor = Supervisor(data, "headless", keep_wanted=True)
    if supervisor.acquire():
        try:
            await supervisor.stop_all()
        finally:
            supervisor.release()
