"""A SOCKS5 proxy (RFC 1928, no authentication) that connects every name to one port of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_VERSION = 5
_DOMAIN_NAME = 3
_GRANTED = bytes([_VERSION, 0, 0, 1, 0, 0, 0, 0, 0, 0])


@dataclass
class SocksServer:
    """Its URL, and the hosts requested from it."""

    url: str = ""
    asked_for: list[tuple[str, int]] = field(default_factory=list)


@asynccontextmanager
async def socks_server(target: int) -> AsyncIterator[SocksServer]:
    """Run a proxy that connects every request to port ``target``."""
    proxy = SocksServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(bytes([_VERSION, 0]))
        _, _, _, kind = await reader.readexactly(4)
        assert kind == _DOMAIN_NAME, "the name is the proxy's to look up"
        (length,) = await reader.readexactly(1)
        name = (await reader.readexactly(length)).decode()
        proxy.asked_for.append((name, int.from_bytes(await reader.readexactly(2), "big")))
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        writer.write(_GRANTED)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, there_writer))
                group.create_task(_pass_on(there_reader, writer))
        finally:
            there_writer.close()
            writer.close()

    async def serve_in_task(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        await asyncio.wait([task])

    server = await asyncio.start_server(serve_in_task, "127.0.0.1", 0)
    proxy.url = f"socks5h://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65536):
        writer.write(content)
        await writer.drain()
    writer.close()
