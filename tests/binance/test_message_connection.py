"""Splitting frames: any bytes in any pieces give the messages that the library itself reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.uri import parse_uri

from cq_tui.binance.message_connection import MessageConnection
from tests.binance.scripted_server import Play, Script, scripted, within


class Pipe(asyncio.Transport):
    """A transport that records what was written, and whether reading is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    abort = close


def joined() -> tuple[MessageConnection, Pipe, list[bytes]]:
    """Return a connection after its handshake, its transport, and its messages."""
    protocol = ClientProtocol(parse_uri("ws://h/"))
    connection, pipe, messages = MessageConnection(protocol), Pipe(), list[bytes]()
    connection.connection_made(pipe)
    protocol.state = State.OPEN
    protocol.parser = protocol.parse()
    next(protocol.parser)
    connection.response = Response(101, "", protocol.connect().headers)
    connection._splits_frames = True
    connection.set_handler(messages.append)
    return connection, pipe, messages


TEXTS = st.binary(max_size=40) | st.sampled_from([b"x" * size for size in (125, 126, 127, 65_535, 65_536, 70_000)])
FRAMES = st.one_of(
    TEXTS.map(lambda data: [Frame(Opcode.TEXT, data)]),
    st.lists(st.binary(max_size=9), min_size=2, max_size=4).map(
        lambda parts: [
            Frame(Opcode.TEXT if n == 0 else Opcode.CONT, part, fin=n == len(parts) - 1) for n, part in enumerate(parts)
        ]
    ),
    st.binary(max_size=9).map(lambda data: [Frame(Opcode.PING, data)]),
    st.binary(max_size=9).map(lambda data: [Frame(Opcode.PONG, data)]),
)


@settings(deadline=None)
@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(1, 12) | st.integers(1, 70_000), max_size=20))
async def test_any_frames_in_any_pieces(groups: list[list[Frame]], sizes: list[int]) -> None:
    connection, pipe, messages = joined()
    raw = b"".join(frame.serialize(mask=False) for group in groups for frame in group)
    for size in [*sizes, len(raw)]:
        connection.data_received(raw[:size])
        raw = raw[size:]
    expected = [b"".join(frame.data for frame in group) for group in groups if group[0].opcode is Opcode.TEXT]
    assert messages == expected
    assert pipe.written.count(b"\x8a") >= sum(group[0].opcode is Opcode.PING for group in groups)


async def test_nothing_is_delivered_while_paused() -> None:
    connection, pipe, messages = joined()
    frames = [Frame(Opcode.TEXT, b"%d" % number).serialize(mask=False) for number in range(4)]

    def take(message: bytes) -> None:
        messages.append(message)
        connection.pause()

    connection.set_handler(take)
    connection.data_received(b"".join(frames))
    assert messages == [b"0"]
    assert not pipe.reading
    for count in (2, 3, 4):
        connection.resume()
        assert len(messages) == count
    connection.resume()
    assert pipe.reading


@pytest.mark.parametrize(
    "raw",
    [
        Frame(Opcode.TEXT, b"masked").serialize(mask=True),
        b"\x81\x7f" + (2**20 + 1).to_bytes(8, "big"),
        b"\xc1\x01x",  # a reserved bit
        b"\x80\x01x",  # a continuation of nothing
        b"\x83\x01x",  # an opcode that does not exist
    ],
    ids=["masked", "too long", "reserved bit", "continuation of nothing", "unknown opcode"],
)
async def test_a_protocol_violation_ends_the_connection(raw: bytes) -> None:
    connection, _, messages = joined()
    connection.data_received(Frame(Opcode.TEXT, b"whole").serialize(mask=False) + raw)
    connection.data_received(Frame(Opcode.TEXT, b"behind").serialize(mask=False))
    assert messages == [b"whole"]
    assert connection.protocol.state is not State.OPEN


@asynccontextmanager
async def opened(*scripts: Script) -> AsyncIterator[MessageConnection]:
    async with scripted(*scripts) as server:
        socket = await connect(server.url, compression=None, proxy=None, create_connection=MessageConnection)
        assert isinstance(socket, MessageConnection)
        try:
            yield socket
        finally:
            await socket.close()


async def test_messages_sent_at_once_wait_for_the_handler() -> None:
    async def script(play: Play) -> None:
        for number in range(3):
            await play.send(f"{number}")
        await play.socket.close(1001, "over")

    messages: list[bytes] = []
    async with opened(script) as socket:
        await asyncio.sleep(0.05)
        assert messages == []
        socket.set_handler(messages.append)
        ending = await within(5, socket.wait_ended())
    assert messages == [b"0", b"1", b"2"]
    assert "1001" in str(ending)


async def test_pings_are_answered() -> None:
    answered = asyncio.Event()

    async def script(play: Play) -> None:
        await (await play.socket.ping(b"payload"))
        answered.set()
        await play.hold()

    async with opened(script) as socket:
        socket.set_handler(lambda message: None)
        await within(5, answered.wait())


async def test_a_server_that_vanishes() -> None:
    async def script(play: Play) -> None:
        await play.send("last words")
        play.socket.transport.abort()

    messages: list[bytes] = []
    async with opened(script) as socket:
        socket.set_handler(messages.append)
        await within(5, socket.wait_ended())


async def test_a_refused_handshake_keeps_its_status_and_body() -> None:
    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(429, "slow down")
        response.headers["Retry-After"] = "7"
        return response

    async def never(connection: ServerConnection) -> None:
        raise AssertionError("there is no connection")

    async with serve(never, "127.0.0.1", 0, process_request=refuse) as serving:
        port = next(iter(serving.sockets)).getsockname()[1]
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}", proxy=None, create_connection=MessageConnection)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert refused.value.response.body == b"slow down"


async def test_an_exception_of_the_handler_ends_the_connection_and_is_raised() -> None:
    async def script(play: Play) -> None:
        await play.send("x")
        await play.hold()

    def broken(message: bytes) -> None:
        raise ZeroDivisionError

    async def listen(socket: MessageConnection) -> None:
        socket.set_handler(broken)
        await within(5, socket.wait_ended())

    async with opened(script) as socket:
        with pytest.raises(ZeroDivisionError):
            await listen(socket)
        await within(5, socket.wait_closed())
