"""Serves the door on a port of 127.0.0.1 until it is told to stop."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator

import uvicorn

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.outside_signals import SignalDoor
from cq_tui.services.signal_door.connections import MOST_CONNECTIONS, DoorConnection
from cq_tui.services.signal_door.door import SignalDoorApp
from cq_tui.services.signal_door.requests import PATH
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.lock import ProcessLock

#: The port stays the same, since it stands in the settings of whoever sends.
DEFAULT_PORT = 8_787
_NAME = "signals"
_HOST = "127.0.0.1"
_TOKEN_BYTES = 24
#: One that somebody wrote by hand is not shorter.
_SHORTEST_TOKEN = 16


class DoorError(Exception):
    """The door cannot be opened; the message says why and what to do."""


def serve(data: DataDir, port: int, tell: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM. Raises DoorError, LockHeld or OSError."""
    lock = ProcessLock(data.lock_of(_NAME), _NAME)
    lock.acquire()
    try:
        with contextlib.closing(_listen(port)) as listening:
            asyncio.run(_serve(data, listening, tell))
    finally:
        lock.release()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
    except OSError as error:
        listening.close()
        raise DoorError(f"port {port} cannot be used ({error.strerror}). Choose another with --port") from None
    return listening


async def _serve(data: DataDir, listening: socket.socket, tell: Callable[[str], object]) -> None:
    port = int(listening.getsockname()[1])
    door = SignalDoor(
        url=f"http://{_HOST}:{port}{PATH}", token=_token(data), pid=os.getpid(), started_ts=round(time.time(), 3)
    )
    plain = door.model_dump() | {"token": door.token.get_secret_value()}
    write_document(data.signal_door, plain)
    server = _Server(
        uvicorn.Config(
            SignalDoorApp(data, port, door.token.get_secret_value(), tell),
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            lifespan="off",
            ws="none",
            loop="none",
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
            http=DoorConnection,
            limit_concurrency=MOST_CONNECTIONS,
            server_header=False,
            proxy_headers=False,
        ),
        lambda: tell(f"POST {door.url}  The token is in {data.signal_door}. Ctrl-C ends it."),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve([listening])


class _Server(uvicorn.Server):
    """Leaves the signals to us, and says when it listens."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def stop(self) -> None:
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _token(data: DataDir) -> str:
    """Return the token that is there, or a new one."""
    known = ""
    with contextlib.suppress(DocumentError):
        known = read_document(data.signal_door, SignalDoor).token.get_secret_value()
    return known if len(known) >= _SHORTEST_TOKEN else secrets.token_urlsafe(_TOKEN_BYTES)
