"""Ending a process of the room, and letting go of its pipes."""

import asyncio
from contextlib import suppress

#: Seconds for what an ended process said last: another one may hold its pipe.
_LAST_WORDS = 1.0
#: Seconds from SIGTERM to SIGKILL.
_PATIENCE = 5.0


async def end_process(process: asyncio.subprocess.Process) -> None:
    """End a process, by SIGKILL if need be, and wait for that."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def let_go(process: asyncio.subprocess.Process) -> None:
    """Read what an ended process said last: asyncio closes its pipes only at their ends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS):
            await process.communicate()
