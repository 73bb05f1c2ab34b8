"""Proxies from the environment, for requests and streams alike."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import websockets.exceptions
from websockets.asyncio.server import ServerConnection, serve

from cq_tui.binance.errors import NotSent
from cq_tui.binance.http import RestConnection
from cq_tui.binance.proxies import ProxyError, proxy_for
from cq_tui.binance.reconnect import ReconnectPolicy
from cq_tui.binance.sockets import open_message_socket
from tests.binance.socks_server import socks_server

_NAMES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_TIME = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 28\r\n\r\n{"serverTime":1700000000000}'


@pytest.fixture(autouse=True)
def no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("address", ["https://h.test", "wss://h.test:9443/ws", "http://h.test", "ws://h.test"])
def test_one_rule_for_requests_and_streams(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(address) is None
    monkeypatch.setenv("ALL_PROXY", "socks5://all.test:1080")
    assert proxy_for(address) == "socks5://all.test:1080"
    monkeypatch.setenv("HTTPS_PROXY", "secure.test:3128")
    monkeypatch.setenv("http_proxy", "https://user:word@clear.test")
    is_encrypted = address.startswith(("https", "wss"))
    assert proxy_for(address) == ("http://secure.test:3128" if is_encrypted else "https://user:word@clear.test")
    monkeypatch.setenv("NO_PROXY", "other.test,h.test")
    assert proxy_for(address) is None


def test_nothing_on_this_machine_uses_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://p.test")
    assert proxy_for("http://127.0.0.1:8080") is None
    assert proxy_for("ws://localhost:8080/ws") is None


@pytest.mark.parametrize(
    ("proxy", "wrong"),
    [
        ("ftp://p.test:1", "HTTPS_PROXY begins with ftp://; use http, https, socks5, socks5h"),
        ("socks4://p.test:1", "HTTPS_PROXY begins with socks4://; "),
        ("socks5://p.test", "HTTPS_PROXY is not a proxy; expected socks5://host:port"),
        ("http://", "HTTPS_PROXY is not a proxy; expected http://host:port"),
        ("http://p.test:port", "HTTPS_PROXY is not a URL"),
        ("http://[p.test", "HTTPS_PROXY is not a URL"),
        ("http://p.test/path", "HTTPS_PROXY is not a proxy"),
        ("http://word@p.test:1", "HTTPS_PROXY names a user without a password"),
    ],
)
def test_an_invalid_proxy_is_named_by_its_variable(proxy: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ProxyError) as refused:
        proxy_for("https://h.test")
    assert str(refused.value).startswith(wrong)
    assert "word" not in str(refused.value).replace("password", "")


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Answer each connection; yields the port."""
    served: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.create_task(run(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*served)


async def tell_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_TIME)
    await reader.read()


async def test_requests_go_through_a_socks_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(tell_time) as port, socks_server(port) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with RestConnection("http://exchange.test") as connection:
            assert await connection.read("/api/v3/time", [], weight=1) == {"serverTime": 1700000000000}
        assert proxy.asked_for == [("exchange.test", 80)]


async def test_streams_go_through_a_socks_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send(b"hello")
        await connection.wait_closed()

    async with serve(greet, "127.0.0.1", 0) as serving:
        async with socks_server(next(iter(serving.sockets)).getsockname()[1]) as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            socket = await open_message_socket("ws://stream.exchange.test/ws", ReconnectPolicy())
            await socket.close()
        assert proxy.asked_for == [("stream.exchange.test", 80)]


# httpcore leaves connections that fail in a SOCKS proxy open, for the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_proxy_that_speaks_something_else(greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve_rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(greeting)

    async with listening(serve_rubbish) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{port}")
        async with RestConnection("http://exchange.test") as connection:
            with pytest.raises(NotSent):
                await connection.read("/api/v3/time", [], weight=1)
        with pytest.raises(websockets.exceptions.ProxyError):
            await open_message_socket("ws://stream.exchange.test/ws", ReconnectPolicy())
    gc.collect()


async def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    async with listening(tell_time) as port, RestConnection(f"http://127.0.0.1:{port}") as connection:
        assert await connection.read("/api/v3/time", [], weight=1) == {"serverTime": 1700000000000}
