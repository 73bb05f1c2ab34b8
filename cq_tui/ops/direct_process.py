"""Closing positions directly in a process of its own, which goes on whatever becomes of the one that began it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO

from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.closings import ClosingAnswer
from cq_tui.supervisor.process import build_command_line, safe_environment

_PREFIX = "cq-tui: "
_POLL = 0.05


async def close_in_process(data: DataDir, command: Command, tell: Callable[[str], object]) -> ClosingAnswer:
    """Run ``cq-tui flatten --direct``, or ``close``, and return what it says; ``tell`` hears it meanwhile.

    Raises OSError if it cannot be started.
    """
    why, foreign = command.arguments.get("why"), command.arguments.get("all")
    words = [command.command, *([command.target] if command.target else []), "--direct"]
    words += ["--asked-by", command.issued_by]
    # A person has been asked already.
    words += [*(["--all", "--yes"] if foreign else []), *(["--why", str(why)] if why else [])]
    # Not by asyncio, which kills its children when it ends.
    child = subprocess.Popen(
        build_command_line(data, *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=safe_environment(),
    )
    assert child.stdout is not None
    assert child.stderr is not None
    message = ""
    async with _reading(child.stdout) as out, _reading(child.stderr) as errors:
        async for line in errors:
            if message:
                tell(message)
            message = line.decode(errors="replace").strip().removeprefix(_PREFIX)
        rows = (await out.read()).decode(errors="replace").splitlines()
    while (code := child.poll()) is None:
        await asyncio.sleep(_POLL)
    if code == 0:
        return ClosingAnswer(True, rows[0] if len(rows) == 1 else "all is sold", rows)
    return ClosingAnswer(False, message or f"it ended with code {code}", rows)


@asynccontextmanager
async def _reading(pipe: IO[bytes]) -> AsyncIterator[asyncio.StreamReader]:
    """Read a pipe without a thread, which would have to be waited for."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        yield reader
    finally:
        transport.close()
