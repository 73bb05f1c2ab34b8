"""Delays between attempts, and what counts as a success."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from cq_tui.binance.reconnect import ConnectionHandle, ReconnectPolicy, SessionEnd, full_jitter, keep_connected
from cq_tui.binance.sockets import open_socket
from tests.binance.scripted_server import Play, scripted


class Enough(Exception):
    """Ends a loop that would run forever."""


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_delays_are_bounded(attempt: int, luck: float) -> None:
    delay = full_jitter(0.5, 30.0, lambda low, high: low + (high - low) * luck)
    assert 0 <= delay(attempt) <= 30.0


def test_the_ceiling_doubles() -> None:
    delay = full_jitter(0.5, 30.0, lambda low, high: high)
    assert [delay(attempt) for attempt in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_delays_are_spread_over_the_whole_span() -> None:
    delays = [ReconnectPolicy().delay(4) for _ in range(200)]
    assert min(delays) < 2
    assert max(delays) > 6


async def hold(play: Play) -> None:
    await play.hold()


async def run(lived: list[float], endings: list[SessionEnd]) -> list[tuple[str, float]]:
    """Run sessions of scripted length and end; return the calls of ``on_disconnect``."""
    disconnects: list[tuple[str, float]] = []
    clock = 0.0

    async def sleep(seconds: float) -> None:
        if not endings:
            raise Enough

    async def session(socket: ClientConnection, handle: ConnectionHandle) -> SessionEnd:
        nonlocal clock
        clock += lived.pop(0)
        return endings.pop(0)

    policy = ReconnectPolicy(delay=float, stable_after=10.0, sleep=sleep, now=lambda: clock)
    async with scripted(hold) as server:
        with pytest.raises(Enough):
            await keep_connected(
                lambda: open_socket(server.url, policy),
                session,
                lambda reason, delay: disconnects.append((reason, delay)),
                policy,
            )
    return disconnects


async def test_short_sessions_are_failures_and_a_long_one_is_not() -> None:
    endings = [SessionEnd("a"), SessionEnd("b"), SessionEnd("c"), SessionEnd("d")]
    assert await run([1, 1, 11, 1], endings) == [("a", 0.0), ("b", 1.0), ("c", 0.0), ("d", 1.0)]


async def test_a_session_may_set_a_minimum_delay() -> None:
    assert await run([1, 1], [SessionEnd("a"), SessionEnd("banned", 120.0)]) == [("a", 0.0), ("banned", 120.0)]


async def test_a_refused_connection() -> None:
    disconnects: list[str] = []

    async def sleep(seconds: float) -> None:
        raise Enough

    async def session(socket: ClientConnection, handle: ConnectionHandle) -> SessionEnd:
        raise AssertionError("there is nothing to connect to")

    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    policy = ReconnectPolicy(sleep=sleep)
    with pytest.raises(Enough):
        await keep_connected(
            lambda: open_socket(f"ws://127.0.0.1:{port}", policy),
            session,
            lambda reason, delay: disconnects.append(reason),
            policy,
        )
    assert disconnects[0].startswith("cannot connect: ")


class Line:
    """Connections without a network: scripted attempts, and the disconnects reported."""

    def __init__(self, *attempts: str) -> None:
        #: "up", or why it cannot connect; the last one repeats.
        self.attempts = list(attempts)
        self.handles: list[ConnectionHandle] = []
        self.ends: list[asyncio.Future[SessionEnd]] = []
        self.alive: set[int] = set()
        self.disconnects: list[tuple[str, float]] = []
        self.slept: list[float] = []
        self.clock = 0.0
        self.overlap_over = asyncio.Event()
        self.overlap_over.set()
        self.policy = ReconnectPolicy(
            delay=lambda failures: 1.0 + failures,
            sleep=self.sleep,
            now=lambda: self.clock,
            stable_after=10,
            overlap=0.5,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        if seconds == self.policy.overlap:
            await self.overlap_over.wait()

    async def open_socket(self) -> Any:
        attempt = self.attempts.pop(0) if len(self.attempts) > 1 else self.attempts[0]
        if attempt != "up":
            raise OSError(attempt)
        return self

    async def close(self) -> None: ...

    def is_alive(self, number: int) -> bool:
        return number in self.alive

    async def session(self, socket: Any, handle: ConnectionHandle) -> SessionEnd:
        number = len(self.handles)
        self.handles.append(handle)
        self.ends.append(asyncio.get_running_loop().create_future())
        self.alive.add(number)
        try:
            return await self.ends[number]
        finally:
            self.alive.discard(number)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        disconnects = self.disconnects.append
        keeping = asyncio.create_task(
            keep_connected(
                self.open_socket, self.session, lambda reason, delay: disconnects((reason, delay)), self.policy
            )
        )
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        assert not self.alive

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0)


async def test_the_old_session_ends_once_the_new_one_is_ready_and_not_before() -> None:
    line = Line("up", "no route", "no route", "up")
    async with line.kept():
        await line.until(lambda: line.alive == {0})
        line.clock = 60
        assert line.handles[0].retire("it is time")
        assert not line.handles[0].retire("again")
        await line.until(lambda: line.alive == {0, 1})
        assert line.slept == [1.0, 2.0]
        line.handles[1].mark_ready()
        await line.until(lambda: line.alive == {1})
        assert line.slept == [1.0, 2.0, 0.5]
        assert line.disconnects == []


async def test_an_old_session_that_ends_after_the_new_one_is_ready_is_not_reported() -> None:
    line = Line("up")
    line.overlap_over.clear()
    async with line.kept():
        await line.until(lambda: line.alive == {0})
        line.clock = 60
        line.handles[0].retire("it is time")
        await line.until(lambda: line.alive == {0, 1})
        line.handles[1].mark_ready()
        await line.until(lambda: line.slept == [0.5])
        line.ends[0].set_result(SessionEnd("cut off"))
        await line.until(lambda: line.alive == {1})
        line.overlap_over.set()
        line.clock = 120
        line.handles[1].retire("it is time")
        await line.until(lambda: line.alive == {1, 2})
    assert line.disconnects == []


async def test_an_old_session_that_ends_by_itself_is_reported() -> None:
    line = Line("up")
    async with line.kept():
        await line.until(lambda: line.alive == {0})
        line.clock = 60
        line.handles[0].retire("it is time")
        await line.until(lambda: line.alive == {0, 1})
        line.ends[0].set_result(SessionEnd("cut off"))
        await line.until(lambda: line.alive == {1})
        await line.until(lambda: line.disconnects == [("cut off", 0.0)])
        line.handles[1].mark_ready()
        line.ends[1].set_result(SessionEnd("cut off too"))
        await line.until(lambda: len(line.disconnects) == 2)
        assert line.disconnects[1] == ("cut off too", 1.0)


async def test_a_replacement_that_retires_itself_does_not_end_the_old_session() -> None:
    line = Line("up")
    async with line.kept():
        await line.until(lambda: line.alive == {0})
        line.clock = 60
        line.handles[0].retire("shutting down")
        await line.until(lambda: line.alive == {0, 1})
        line.handles[1].retire("shutting down")
        await line.until(lambda: line.alive == {0, 2})
        assert line.slept == [1.0]
        assert line.disconnects == []


async def test_a_server_that_retires_every_session_at_once_is_backed_off_from() -> None:
    line = Line("up")
    async with line.kept():
        for number in range(4):
            await line.until(partial(line.is_alive, number))
            line.handles[number].retire("shutting down")
        await line.until(lambda: len(line.handles) == 5)
    assert line.slept == [1.0, 2.0, 3.0, 4.0]


async def test_a_defect_in_a_session_is_raised() -> None:
    line = Line("up")
    keeping = asyncio.create_task(keep_connected(line.open_socket, line.session, lambda *_: None, line.policy))
    await line.until(lambda: line.alive == {0})
    line.ends[0].set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await keeping


def test_lifetimes_differ() -> None:
    policy = ReconnectPolicy(lifetime=100)
    lives = {policy.next_lifetime() for _ in range(20)}
    assert len(lives) > 1
    assert all(90 <= life <= 100 for life in lives)
    assert 0.9 * ReconnectPolicy().lifetime < 24 * 3600 - ReconnectPolicy().open_timeout
