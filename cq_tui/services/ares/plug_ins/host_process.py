"""The host's process as ARES holds it: started with its pipes, read, and ended together with what it started."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from cq_tui.contracts.settings import environment_of_plug_ins
from cq_tui.services.ares.plug_ins.running_call import DUMP_SIGNAL, RunningCall, new_page
from cq_tui.services.ares.plug_ins.wire import Unpacker, pack

_PIECE = 256 * 1024
_POLL = 0.05
#: Seconds for the host to print where a plug-in hangs.
_DUMP_SECONDS = 0.3


class _Outgoing(asyncio.Protocol):
    """Our end of the pipe to the host."""

    is_lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed, and must not be touched any more."""
        self.is_lost = True


class HostProcess:
    """One host process."""

    def __init__(self, child: subprocess.Popen[bytes], page: RunningCall) -> None:
        self._child = child
        self.page = page
        self.pid = child.pid
        self._transports: list[asyncio.BaseTransport] = []

    async def connect(self, incoming: int, outgoing: int) -> None:
        """Take over our ends of its pipes."""
        loop = asyncio.get_running_loop()
        self._answers, self._output = asyncio.StreamReader(), asyncio.StreamReader()
        assert self._child.stdout is not None
        for reader, file in ((self._answers, os.fdopen(incoming, "rb", 0)), (self._output, self._child.stdout)):
            transport, _ = await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), file)
            self._transports.append(transport)
        self._writer, self._outgoing = await loop.connect_write_pipe(_Outgoing, os.fdopen(outgoing, "wb", 0))

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; what cannot be sent any more is dropped."""
        if not self._writer.is_closing():
            self._writer.write(pack(message))

    async def answers(self) -> AsyncIterator[dict[str, Any]]:
        """Yield its messages until it closes the pipe. Raises WireError for what is no message."""
        unpacker = Unpacker()
        while piece := await self._answers.read(_PIECE):
            for message in unpacker.feed(piece):
                yield message

    async def output(self) -> AsyncIterator[bytes]:
        """Yield what plug-ins print, in pieces."""
        while piece := await self._output.read(_PIECE):
            yield piece

    def has_exited(self) -> bool:
        """Whether it has ended. It stays a zombie until ``end``, so that its pid names no other process."""
        if self._child.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return self._child.poll() is not None
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def describe_exit(self) -> str:
        """Describe how it ended, after ``end``."""
        code = self._child.returncode
        return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

    async def end_hung(self) -> None:
        """Have it print where it hangs, then end it."""
        self._send_signal(DUMP_SIGNAL)
        await asyncio.sleep(_DUMP_SECONDS)
        await self.end()

    async def end(self, grace: float = 0.0) -> None:
        """End it and its children; with ``grace``, it gets that many seconds to end by itself."""
        if not self._outgoing.is_lost:
            self._writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while not self.has_exited():
                    await asyncio.sleep(_POLL)
        if self._child.returncode is None:
            # Nobody has reaped it, so its number still names its group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        while self._child.poll() is None:
            await asyncio.sleep(_POLL)

    def close(self) -> None:
        """Close our ends of the pipes, and the page."""
        if not self._outgoing.is_lost:
            self._writer.abort()
        for transport in self._transports:
            transport.close()
        self.page.close()

    def _send_signal(self, number: signal.Signals) -> None:
        if not self.has_exited():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


async def start_host() -> HostProcess:
    """Start a host. Raises OSError."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    page = new_page()
    try:
        child = _spawn(theirs_in, theirs_out, page)
        process = HostProcess(child, RunningCall(page))
    except OSError:
        os.close(ours_in)
        os.close(ours_out)
        raise
    finally:
        for descriptor in (theirs_in, theirs_out, page):
            os.close(descriptor)
    try:
        await process.connect(ours_in, ours_out)
    except BaseException:
        child.kill()
        child.wait()
        raise
    return process


def _spawn(incoming: int, outgoing: int, page: int) -> subprocess.Popen[bytes]:
    descriptors = (incoming, outgoing, page)
    words = map(str, (os.getpid(), *descriptors))
    command = [sys.executable, "-P", "-u", "-m", "cq_tui.services.ares.plug_ins", *words]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=descriptors,
        start_new_session=True,
        env=environment_of_plug_ins(),
    )
