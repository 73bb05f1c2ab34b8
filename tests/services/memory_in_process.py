"""Memory run inside a test, where it can be asked, and a history that somebody changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory.service import MemoryService
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.spools.spool import EventSpool
from tests.services.waiting import until


@asynccontextmanager
async def memory_of(data: DataDir) -> AsyncIterator[MemoryService]:
    """Run memory inside the test until everything is verified, and to the end of the block.

    Raises the error that it ends with before.
    """
    frame = ServiceRuntime("memory", data)
    try:
        memory = MemoryService(frame)
        running = asyncio.create_task(memory.run())
        try:
            await until(lambda: running.done() or (memory.health(time.time()).ready and memory.checks.is_complete))
            if running.done():
                # The end of its process would close its files.
                memory._history._journal.close()
                memory.integrity.anchoring.close()
                running.result()
            yield memory
        finally:
            frame.stopping.set()
            await running
    finally:
        frame.close()


def command(name: str, target: str | None = None) -> Command:
    now = time.time()
    return Command(
        command_id="1",
        command=name,
        service="memory",
        target=target,
        issued_by="cli",
        issued_ts=now,
        expires_ts=now + 60,
    )


async def remember(data: DataDir, count: int = 20) -> None:
    """Make a history of so many events and memory's own, and have it signed."""
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for number in range(count):
        spool.emit("e", {"number": number})
    spool.close()
    async with memory_of(data) as memory:
        await until(lambda: memory.health(time.time()).events_count >= count)


async def damaged(data: DataDir) -> None:
    """Make a history that was signed, and change one of its events."""
    await remember(data)
    content = data.events.read_bytes()
    changed = content.replace(b'"number":7}', b'"number":8}')
    assert changed != content
    data.events.write_bytes(changed)
