"""Keeping a WebSocket connected: jittered delays, a bounded lifetime, and reasons that can be read."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Never

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from cq_tui.binance.errors import retry_after_seconds
from cq_tui.binance.hosts import is_loopback


class Connected(NamedTuple):
    """A connection (by its number) is up and its streams are asked for. A gap may lie before it."""

    connection: int


class Disconnected(NamedTuple):
    """A connection is down, why, and in how many seconds it is tried again."""

    connection: int
    reason: str
    retry_in: float


class Malformed(NamedTuple):
    """A frame that could not be read; it was left out and the connection goes on."""

    connection: int
    problem: str


class Ending(NamedTuple):
    """Why a session ended, and the least seconds to stay away."""

    reason: str
    stay_away: float = 0.0


def jittered_backoff(
    first: float = 0.5, most: float = 30.0, uniform: Callable[[float, float], float] = random.uniform
) -> Callable[[int], float]:
    """Return the delay before each attempt: doubling from ``first`` to ``most`` seconds, minus up to half."""

    def delay(attempt: int) -> float:
        return min(most, first * 2.0 ** min(attempt, 32)) * uniform(0.5, 1.0)

    return delay


@dataclass(frozen=True)
class ReconnectPolicy:
    """When to connect again. Seconds everywhere.

    ``delay`` maps the number of failures in a row to a delay. A session counts as a success once it
    lived ``stable_after``, so that a server that accepts and drops is backed off from (it bans those who
    connect over 300 times in 5 minutes). ``lifetime`` stays below the exchange's 24 hours.
    """

    delay: Callable[[int], float] = field(default_factory=jittered_backoff)
    stable_after: float = 10.0
    lifetime: float = 23.5 * 3600
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic


async def open_socket(url: str, policy: ReconnectPolicy) -> ClientConnection:
    """Connect; the library answers the server's pings and sends its own to find dead connections."""
    return await connect(
        url,
        compression=None,
        open_timeout=policy.open_timeout,
        close_timeout=policy.close_timeout,
        proxy=None if is_loopback(url) else True,
    )


async def keep_connected(
    url: str,
    session: Callable[[ClientConnection], Awaitable[Ending]],
    down: Callable[[str, float], None],
    policy: ReconnectPolicy,
) -> Never:
    """Run one session after another, for ever. ``down`` is told reason and delay before each pause."""
    failures = 0
    while True:
        try:
            socket = await open_socket(url, policy)
        except (OSError, TimeoutError, WebSocketException) as error:
            ending = _refused(error)
            delay = max(policy.delay(failures), ending.stay_away)
            down(ending.reason, delay)
        else:
            started = policy.now()
            try:
                ending = await session(socket)
                if policy.now() - started >= policy.stable_after:
                    failures = 0
                delay = max(policy.delay(failures), ending.stay_away)
                down(ending.reason, delay)
            finally:
                await socket.close()
        failures += 1
        await policy.sleep(delay)


def _refused(error: Exception) -> Ending:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        stay_away = retry_after_seconds(error.response.headers, status) if status in (418, 429) else 0.0
        return Ending(f"refused with HTTP {status}", stay_away)
    return Ending(f"cannot connect: {str(error) or type(error).__name__}")


def closed(error: ConnectionClosed) -> Ending:
    """Return the ending that a closed connection means."""
    return Ending(f"closed: {error}")
