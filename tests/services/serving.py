"""Scripted exchanges on loopback: a Starlette application on a port of its own, inside the test."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from cq_tui.binance.hosts import Endpoints, loopback


class _Server(uvicorn.Server):
    """Leaves the signals of the test process alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(application: Starlette) -> AsyncIterator[Endpoints]:
    """Serve until the block ends; connections that are still open are cut then."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
        timeout_graceful_shutdown=1,
    )
    server = _Server(settings)
    running = asyncio.create_task(server.serve([listening]))
    while not server.started and not running.done():
        await asyncio.sleep(0.005)
    try:
        yield loopback(listening.getsockname()[1])
    finally:
        server.should_exit = server.force_exit = True
        await running
        listening.close()
