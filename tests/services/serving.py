"""Scripted exchanges on loopback: a Starlette application on a port of its own, inside the test."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from cq_tui.binance.hosts import Endpoints, loopback


class _Server(uvicorn.Server):
    """Leaves the signals of the test process alone, and ends at once: what still hangs is cut, not waited for."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(application: ASGIApp) -> AsyncIterator[Endpoints]:
    """Serve until the block ends; connections that are still open are cut then."""
    # With its protocol named, asyncio sends what there is at once; else each answer waits 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(
        application,
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        lifespan="off",
        http="h11",
        loop="none",
        ws="websockets-sansio",
        # Longer than our client lets one idle: a request meets no connection that is just being closed.
        timeout_keep_alive=75,
    )
    server = _Server(settings)
    running = asyncio.create_task(server.serve([listening]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    try:
        yield loopback(listening.getsockname()[1])
    finally:
        server.over.set()
        await running
        listening.close()
