"""Keeping a WebSocket connected: jittered delays, renewal without a gap, readable reasons."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Never, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from cq_tui.binance.errors import retry_after_seconds

S = TypeVar("S", bound=ClientConnection)


class Connected(NamedTuple):
    """A connection (by its number) is up and its streams are requested. A gap may precede it."""

    connection: int


class Disconnected(NamedTuple):
    """A connection is down, why, and the seconds until the next attempt."""

    connection: int
    reason: str
    retry_in: float


class Renewing(NamedTuple):
    """A connection will end, and why: it is closed only once its replacement delivers data."""

    connection: int
    reason: str


class MalformedFrame(NamedTuple):
    """A frame could not be parsed and was skipped; the connection stays up."""

    connection: int
    problem: str


class SessionEnd(NamedTuple):
    """Why a session ended, and the minimum seconds before reconnecting."""

    reason: str
    min_delay: float = 0.0


class ConnectionHandle:
    """How a running session reports to the reconnector."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._retiring = asyncio.Event()
        self.reason = ""

    def mark_ready(self) -> None:
        """Report that data flows: the previous connection, if any, is no longer needed."""
        self._ready.set()

    def retire(self, reason: str) -> bool:
        """Request a replacement while the session continues; returns whether this was the first request."""
        first = not self._retiring.is_set()
        self.reason = self.reason or reason
        self._retiring.set()
        return first

    async def wait_ready(self) -> None:
        """Wait for ``mark_ready``."""
        await self._ready.wait()

    async def wait_retiring(self) -> None:
        """Wait for ``retire``."""
        await self._retiring.wait()


Session = Callable[[S, ConnectionHandle], Awaitable[SessionEnd]]


def full_jitter(
    first: float = 0.5, longest: float = 30.0, uniform: Callable[[float, float], float] = random.uniform
) -> Callable[[int], float]:
    """Return the delay before each attempt: random, up to a ceiling that doubles from ``first`` to ``longest`` seconds.

    Clients that lost their connections together reconnect spread over the whole span.
    """

    def delay(attempt: int) -> float:
        return uniform(0.0, min(longest, first * 2.0 ** min(attempt, 32)))

    return delay


@dataclass(frozen=True)
class ReconnectPolicy:
    """When to reconnect. All times are in seconds.

    ``delay`` maps the number of failures in a row to a delay. A session counts as a success once it has
    lasted ``stable_after``, so that we back off from a server that accepts and drops (over 300 connections
    in 5 minutes lead to a ban). ``lifetime`` stays below the exchange's 24 hours; each connection gets up to a
    tenth less, so that not all are renewed together. ``overlap`` is how long the old connection stays open beside
    a new one that is ready.
    """

    delay: Callable[[int], float] = field(default_factory=full_jitter)
    stable_after: float = 10.0
    lifetime: float = 23.5 * 3600
    overlap: float = 1.0
    open_timeout: float = 10.0
    close_timeout: float = 2.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic
    uniform: Callable[[float, float], float] = random.uniform

    def next_lifetime(self) -> float:
        """Return the seconds after which a connection opened now is renewed."""
        return self.lifetime * self.uniform(0.9, 1.0)


async def keep_connected(
    open_socket: Callable[[], Awaitable[S]],
    session: Session[S],
    on_disconnect: Callable[[str, float], None],
    policy: ReconnectPolicy,
) -> Never:
    """Run one session after another, forever. ``on_disconnect`` gets reason and delay when none is left.

    A session that retires continues until its replacement is ready, and ``overlap`` longer. Meanwhile
    ``on_disconnect`` is called only if the old connection ends before the new one is ready (with delay 0).
    """
    reconnector = _Reconnector(open_socket, session, on_disconnect, policy)
    try:
        await reconnector.run()
    finally:
        await reconnector.close_previous()


class _Attempt(NamedTuple):
    """How a session ended, after how many seconds, and whether it continues while it is replaced."""

    end: SessionEnd
    seconds: float = 0.0
    retiring: bool = False


class _Reconnector(Generic[S]):
    def __init__(
        self,
        open_socket: Callable[[], Awaitable[S]],
        session: Session[S],
        on_disconnect: Callable[[str, float], None],
        policy: ReconnectPolicy,
    ) -> None:
        self._open = open_socket
        self._session = session
        self._on_disconnect = on_disconnect
        self._policy = policy
        self._previous: asyncio.Task[SessionEnd] | None = None

    async def run(self) -> Never:
        failures = 0
        while True:
            end, seconds, retiring = await self._attempt()
            if seconds >= self._policy.stable_after:
                failures = 0
                if retiring:
                    continue
            delay = max(self._policy.delay(failures), end.min_delay)
            if self._previous is None or self._previous.done():
                self._on_disconnect(end.reason, delay)
            failures += 1
            await self._policy.sleep(delay)

    async def _attempt(self) -> _Attempt:
        """Run a session until it ends or retires; a retiring one continues beside the next attempt."""
        now = self._policy.now
        try:
            socket = await self._open()
        except (OSError, TimeoutError, WebSocketException) as error:
            return _Attempt(_failed_to_connect(error))
        handle, started = ConnectionHandle(), now()
        task = asyncio.create_task(self._run_session(socket, handle))
        try:
            if self._previous is not None:
                await _wait_first(task, handle.wait_ready(), handle.wait_retiring())
                if not task.done() and not handle.reason:
                    await self._hand_over(task)
            await _wait_first(task, handle.wait_retiring())
            if task.done():
                return _Attempt(task.result(), now() - started)
            if self._previous is None:
                self._previous = task
                task.add_done_callback(self._on_previous_done)
            return _Attempt(SessionEnd(handle.reason), now() - started, retiring=True)
        finally:
            if task is not self._previous:
                await _cancel_and_wait(task)

    async def _run_session(self, socket: S, handle: ConnectionHandle) -> SessionEnd:
        try:
            return await self._session(socket, handle)
        finally:
            await socket.close()

    async def _hand_over(self, task: asyncio.Task[SessionEnd]) -> None:
        """Keep the previous session beside the new one for a while, then stop it; its end is no longer reported."""
        previous, self._previous = self._previous, None
        assert previous is not None
        try:
            await _wait_first(task, self._policy.sleep(self._policy.overlap))
        finally:
            await _cancel_and_wait(previous)

    async def close_previous(self) -> None:
        """Stop the retiring session, if there is one."""
        previous, self._previous = self._previous, None
        if previous is not None:
            await _cancel_and_wait(previous)

    def _on_previous_done(self, task: asyncio.Task[SessionEnd]) -> None:
        if task is self._previous and not task.cancelled() and task.exception() is None:
            self._on_disconnect(task.result().reason, 0.0)


async def _wait_first(task: asyncio.Task[SessionEnd], *others: Awaitable[None]) -> None:
    """Wait until the session has ended or one of the others is done."""
    futures = [asyncio.ensure_future(other) for other in others]
    try:
        await asyncio.wait([task, *futures], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()


async def _cancel_and_wait(task: asyncio.Task[SessionEnd]) -> None:
    """Cancel a session and wait for it. Any exception but the cancellation is a defect and is raised."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


def _failed_to_connect(error: Exception) -> SessionEnd:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        min_delay = retry_after_seconds(error.response.headers, status) if status in (418, 429) else 0.0
        return SessionEnd(f"refused with HTTP {status}", min_delay)
    return SessionEnd(f"cannot connect: {str(error) or type(error).__name__}")


def session_end(error: ConnectionClosed) -> SessionEnd:
    """Return the session's end for a closed connection."""
    return SessionEnd(f"closed: {error}")
