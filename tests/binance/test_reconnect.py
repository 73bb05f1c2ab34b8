"""Delays between attempts, and what counts as a success."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from cq_tui.binance.reconnect import Ending, Link, ReconnectPolicy, full_jitter, keep_connected, open_socket
from tests.binance.scripted import Play, scripted


class Enough(Exception):
    """Ends a loop that would run for ever."""


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_delays_are_bounded(attempt: int, luck: float) -> None:
    delay = full_jitter(0.5, 30.0, lambda low, high: low + (high - low) * luck)
    assert 0 <= delay(attempt) <= 30.0


def test_the_ceiling_doubles() -> None:
    delay = full_jitter(0.5, 30.0, lambda low, high: high)
    assert [delay(attempt) for attempt in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


async def hold(play: Play) -> None:
    await play.hold()


async def run(lived: list[float], endings: list[Ending]) -> list[tuple[str, float]]:
    """Run sessions that live and end as told; return what ``down`` was told."""
    told: list[tuple[str, float]] = []
    clock = 0.0

    async def sleep(seconds: float) -> None:
        if not endings:
            raise Enough

    async def session(socket: ClientConnection, link: Link) -> Ending:
        nonlocal clock
        clock += lived.pop(0)
        return endings.pop(0)

    policy = ReconnectPolicy(delay=float, stable_after=10.0, sleep=sleep, now=lambda: clock)
    async with scripted(hold) as server:
        with pytest.raises(Enough):
            await keep_connected(
                lambda: open_socket(server.url, policy),
                session,
                lambda reason, delay: told.append((reason, delay)),
                policy,
            )
    return told


async def test_short_sessions_are_failures_and_a_long_one_is_not() -> None:
    endings = [Ending("a"), Ending("b"), Ending("c"), Ending("d")]
    assert await run([1, 1, 11, 1], endings) == [("a", 0.0), ("b", 1.0), ("c", 0.0), ("d", 1.0)]


async def test_a_session_may_ask_to_stay_away() -> None:
    assert await run([1, 1], [Ending("a"), Ending("banned", 120.0)]) == [("a", 0.0), ("banned", 120.0)]


async def test_nobody_listens() -> None:
    told: list[str] = []

    async def sleep(seconds: float) -> None:
        raise Enough

    async def session(socket: ClientConnection, link: Link) -> Ending:
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
            lambda reason, delay: told.append(reason),
            policy,
        )
    assert told[0].startswith("cannot connect: ")
