"""Any malformed input is rejected cleanly: status below 500, no traceback, and the exchange continues."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import websockets

from cq_tui.simulator.server import ExchangeEndpoint
from tests.simulator.test_server import AsyncClient, exchange

HEAD = b"POST /api/v3/order HTTP/1.1\r\nhost: [::1]\r\n"


@pytest.fixture
async def client(caplog: pytest.LogCaptureFixture) -> AsyncIterator[AsyncClient]:
    async with exchange() as served:
        yield served
        assert await served.get("ping") == {}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def statuses(endpoint: ExchangeEndpoint, sent: bytes) -> bytes:
    """Return what the server sends until it closes the connection or stays silent for a while."""
    address = urlsplit(endpoint.rest_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"content-length: 3000000\r\n\r\n" + b"a" * 100_000, b"413"),
        (HEAD + b"x: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"x: 1\r\n" * 200 + b"\r\n", b"431"),
        (HEAD + b"x: " + b"a" * 600_000, b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /\xff\xfe HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"40"),
        (b"GET /api/v3/klines?symbol=%ff%fe%00&interval=1m HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"400"),
        (
            b"GET /api/v3/klines?symbol=BTCUSDT&interval=1m&limit=" + b"9" * 500 + b" HTTP/1.1\r\nhost: [::1]\r\n\r\n",
            b"400",
        ),
        (b"GET /api/v3/depth?symbol=BTCUSDT&limit=%D9%A1 HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"400"),
        (b"GET /api/v3/time HTTP/1.1\r\nhost: [::1]\r\nx-mbx-time-unit: \xff\r\n\r\n", b"400"),
        (
            b"GET /api/v3/account?timestamp=1&signature=%00 HTTP/1.1\r\nhost: [::1]\r\nx-mbx-apikey: \xff\r\n\r\n",
            b"401",
        ),
        (b"GET /api/v3/time HTTP/1.1\r\nhost: [::1]\r\ncontent-length: 4\r\n\r\nbody", b"200"),
        (b"PATCH /api/v3/order HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"405"),
        (b"GET /api/v1/time HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"404"),
        (b"POST /api/v3/userDataStream HTTP/1.1\r\nhost: [::1]\r\n\r\n", b"410"),
    ],
)
async def test_http(client: AsyncClient, sent: bytes, status: bytes) -> None:
    assert (await statuses(client.endpoint, sent)).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 100_000,
        '{"id":1,"method":"time","params":{"a":' + "[" * 900 + "]" * 900 + "}}",
        '{"id":1,"method":"time","params":{"a":' + "9" * 10_000 + "}}",
        '{"id":"\\ud800","method":"time"}',
        '{"id":{},"method":"time"}',
        '{"id":1,"method":7}',
        '{"id":1,"method":"order.place","params":[]}',
        '{"id":1,"method":"klines","params":{"symbol":"\\u0000","interval":1e999}}',
        '{"id":1,"method":"account.status","params":{"apiKey":1,"timestamp":-1,"signature":null}}',
        b"\x00\xff",
    ],
)
async def test_the_websocket_api(client: AsyncClient, frame: str | bytes) -> None:
    async with websockets.connect(client.endpoint.ws_api_url) as api:
        await api.send(frame)
        answer = json.loads(await asyncio.wait_for(api.recv(), 10))
        assert answer["status"] in (200, 400, 401)
        await api.send(json.dumps({"id": "next", "method": "ping"}))
        assert json.loads(await asyncio.wait_for(api.recv(), 10))["id"] == "next"


def frame(opcode: int, content: bytes, *, last: bool = True) -> bytes:
    """Return a client's frame (RFC 6455, section 5.2) whose mask changes nothing."""
    return bytes((opcode | (0x80 if last else 0), 0x80 | len(content), 0, 0, 0, 0)) + content


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (frame(1, b"\xff\xff"), 1007),
        (frame(1, b"\xe2\x80", last=False) + frame(0, b"x"), 1007),
        (frame(1, b"", last=False) + frame(0, b"", last=False) * 10_000, 1009),
        (frame(3, b""), 1002),
        (frame(0, b"{}"), 1002),
    ],
    ids=["no UTF-8", "no UTF-8 in parts", "endless parts", "unknown opcode", "a part of nothing"],
)
async def test_broken_websocket_messages(client: AsyncClient, path: str, frames: bytes, code: int) -> None:
    address = urlsplit(client.endpoint.rest_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        key = b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n"
        writer.write(b"GET " + path.encode() + b" HTTP/1.1\r\nhost: [::1]\r\n")
        writer.write(b"connection: upgrade\r\nupgrade: websocket\r\n")
        writer.write(key + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(frames)
        head = await asyncio.wait_for(reader.readexactly(4), 10)
        assert (head[0], int.from_bytes(head[2:])) == (0x88, code)
    finally:
        writer.close()
