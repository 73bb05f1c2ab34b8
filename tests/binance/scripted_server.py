"""A WebSocket server on loopback that runs a script for each connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Script = Callable[["Play"], Awaitable[None]]


class Play:
    """One connection as its script sees it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.path = socket.request.path if socket.request else ""

    async def send(self, *messages: object) -> None:
        for message in messages:
            await self.socket.send(message if isinstance(message, str) else orjson.dumps(message).decode())

    async def receive(self) -> Any:
        return orjson.loads(await self.socket.recv())

    async def hold(self) -> None:
        """Keep the connection open, silent, until the client closes it."""
        await self.socket.wait_closed()


class Server:
    """The scripts left to run, and each connection in order."""

    def __init__(self, scripts: list[Script]) -> None:
        self.scripts = scripts
        self.plays: list[Play] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def handle(self, socket: ServerConnection) -> None:
        play = Play(socket)
        self.plays.append(play)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            await script(play)
        except ConnectionClosed:
            return


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[Server]:
    """Serve one script per connection, repeating the last one."""
    server = Server(list(scripts))
    async with serve(server.handle, "127.0.0.1", 0, compression=None) as serving:
        server.port = next(iter(serving.sockets)).getsockname()[1]
        yield server


async def within(seconds: float, awaited: Awaitable[Any]) -> Any:
    """Await with a timeout: a test that would hang fails."""
    async with asyncio.timeout(seconds):
        return await awaited
