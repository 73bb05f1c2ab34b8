"""Keeping a WebSocket connected: jittered delays, renewal without a gap, and reasons that can be read."""

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
    """A connection (by its number) is up and its streams are asked for. A gap may lie before it."""

    connection: int


class Disconnected(NamedTuple):
    """A connection is down, why, and in how many seconds it is tried again."""

    connection: int
    reason: str
    retry_in: float


class Renewing(NamedTuple):
    """A connection will end, and why: another is opened, and only when that serves is the old one dropped."""

    connection: int
    reason: str


class MalformedFrame(NamedTuple):
    """A frame that could not be read; it was left out and the connection goes on."""

    connection: int
    problem: str


class SessionEnd(NamedTuple):
    """Why a session ended, and the least seconds to stay away."""

    reason: str
    min_delay: float = 0.0


class ConnectionHandle:
    """What a session tells its keeper while it lives."""

    def __init__(self) -> None:
        self._ready = asyncio.Event()
        self._retiring = asyncio.Event()
        self.reason = ""

    def mark_ready(self) -> None:
        """Data flows: the connection before this one, if there is one, is no longer needed."""
        self._ready.set()

    def retire(self, reason: str) -> bool:
        """Ask for a successor and go on meanwhile; whether this was the first time."""
        first = not self._retiring.is_set()
        self.reason = self.reason or reason
        self._retiring.set()
        return first

    async def wait_ready(self) -> None:
        """Wait for ``serves``."""
        await self._ready.wait()

    async def wait_retiring(self) -> None:
        """Wait for ``leaves``."""
        await self._retiring.wait()


Session = Callable[[S, ConnectionHandle], Awaitable[SessionEnd]]


def full_jitter(
    first: float = 0.5, most: float = 30.0, uniform: Callable[[float, float], float] = random.uniform
) -> Callable[[int], float]:
    """Return the delay before each attempt: anything up to a ceiling that doubles from ``first`` to ``most`` seconds.

    Whoever lost their connections together come back spread over the whole span.
    """

    def delay(attempt: int) -> float:
        return uniform(0.0, min(most, first * 2.0 ** min(attempt, 32)))

    return delay


@dataclass(frozen=True)
class ReconnectPolicy:
    """When to connect again. Seconds everywhere.

    ``delay`` maps the number of failures in a row to a delay. A session counts as a success once it
    lived ``stable_after``, so that a server that accepts and drops is backed off from (it bans those who
    connect over 300 times in 5 minutes). ``lifetime`` stays below the exchange's 24 hours; each connection is
    given some tenth less, so that not all are renewed together. ``overlap`` is how long the old connection stays
    beside a new one that serves.
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
        """Return the seconds after which a connection that begins now is renewed."""
        return self.lifetime * self.uniform(0.9, 1.0)


async def keep_connected(
    opened: Callable[[], Awaitable[S]],
    session: Session[S],
    down: Callable[[str, float], None],
    policy: ReconnectPolicy,
) -> Never:
    """Run one session after another, for ever. ``down`` is told reason and delay when none is left.

    A session that ``leaves`` goes on until its successor ``serves``, and ``overlap`` longer. ``down`` hears of
    nothing meanwhile, unless the old connection ends before the new one serves (then with delay 0).
    """
    keeper = _Reconnector(opened, session, down, policy)
    try:
        await keeper.run()
    finally:
        await keeper.close_previous()


class _Attempt(NamedTuple):
    """How a session ended, after how many seconds, and whether it goes on while it is replaced."""

    end: SessionEnd
    seconds: float = 0.0
    retiring: bool = False


class _Reconnector(Generic[S]):
    def __init__(
        self,
        opened: Callable[[], Awaitable[S]],
        session: Session[S],
        down: Callable[[str, float], None],
        policy: ReconnectPolicy,
    ) -> None:
        self._open = opened
        self._session = session
        self._on_disconnect = down
        self._policy = policy
        self._previous: asyncio.Task[SessionEnd] | None = None

    async def run(self) -> Never:
        failures = 0
        while True:
            ending, lived, leaves = await self._attempt()
            if lived >= self._policy.stable_after:
                failures = 0
                if leaves:
                    continue
            delay = max(self._policy.delay(failures), ending.min_delay)
            if self._previous is None or self._previous.done():
                self._on_disconnect(ending.reason, delay)
            failures += 1
            await self._policy.sleep(delay)

    async def _attempt(self) -> _Attempt:
        """Run a session until it ends, or until it leaves: then it goes on beside the next attempt."""
        now = self._policy.now
        try:
            socket = await self._open()
        except (OSError, TimeoutError, WebSocketException) as error:
            return _Attempt(_failed_to_connect(error))
        link, began = ConnectionHandle(), now()
        task = asyncio.create_task(self._run_session(socket, link))
        try:
            if self._previous is not None:
                await _wait_first(task, link.wait_ready(), link.wait_retiring())
                if not task.done() and not link.reason:
                    await self._hand_over(task)
            await _wait_first(task, link.wait_retiring())
            if task.done():
                return _Attempt(task.result(), now() - began)
            if self._previous is None:
                self._previous = task
                task.add_done_callback(self._on_previous_done)
            return _Attempt(SessionEnd(link.reason), now() - began, retiring=True)
        finally:
            if task is not self._previous:
                await _cancel_and_wait(task)

    async def _run_session(self, socket: S, link: ConnectionHandle) -> SessionEnd:
        try:
            return await self._session(socket, link)
        finally:
            await socket.close()

    async def _hand_over(self, task: asyncio.Task[SessionEnd]) -> None:
        """Let the old session go on beside the new one for a while, and drop it; its end means nothing any more."""
        old, self._previous = self._previous, None
        assert old is not None
        try:
            await _wait_first(task, self._policy.sleep(self._policy.overlap))
        finally:
            await _cancel_and_wait(old)

    async def close_previous(self) -> None:
        """End what goes on until its successor serves, if there is one."""
        old, self._previous = self._previous, None
        if old is not None:
            await _cancel_and_wait(old)

    def _on_previous_done(self, task: asyncio.Task[SessionEnd]) -> None:
        if task is self._previous and not task.cancelled() and task.exception() is None:
            self._on_disconnect(task.result().reason, 0.0)


async def _wait_first(task: asyncio.Task[SessionEnd], *others: Awaitable[None]) -> None:
    """Wait until the session has ended or one of the others is there."""
    waiting = [asyncio.ensure_future(other) for other in others]
    try:
        await asyncio.wait([task, *waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for other in waiting:
            other.cancel()


async def _cancel_and_wait(task: asyncio.Task[SessionEnd]) -> None:
    """End a session. What it raised, unless it was told to stop, is a defect and goes on."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


def _failed_to_connect(error: Exception) -> SessionEnd:
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        stay_away = retry_after_seconds(error.response.headers, status) if status in (418, 429) else 0.0
        return SessionEnd(f"refused with HTTP {status}", stay_away)
    return SessionEnd(f"cannot connect: {str(error) or type(error).__name__}")


def session_end(error: ConnectionClosed) -> SessionEnd:
    """Return the ending that a closed connection means."""
    return SessionEnd(f"closed: {error}")
