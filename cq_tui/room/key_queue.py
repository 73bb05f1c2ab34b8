"""Hands keys to the room one after another: each only when all that the one before it caused has settled.

Textual dispatches a key while the one before it may still travel through the widgets, so that in ``/btc``, written at
once, the filter gets the focus too late and ``b`` acts. Here the next key waits until the last one has passed every
widget from the focus up to the app, and so has what it caused: messages, a new focus, an opened or closed screen.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App
from textual.keys import format_key
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

#: Events that keep their order. A mouse button may press an answer; the pointer's moves may not.
ORDERED = (events.Key, events.Paste, events.MouseDown, events.MouseUp)

#: Rounds in which nothing was left over: one for the key and its action, one for what the action caused.
_ROUNDS = 2
#: Rounds at most: in a busy room the queues are never empty for long.
_MOST_ROUNDS = 20
#: A widget that does not get on holds up the keys for this many slices of so many seconds. Slices, since a wait in
#: one piece would also end while the whole process had no time to run.
_SLICES, _SLICE = 8, 0.25
#: Seconds between looks at a screen that works.
_LOOK = 0.01


class KeyQueue:
    """Dispatches ORDERED events one after another.

    ``dispatch`` hands an event to Textual; ``admits`` may swallow it instead, at the moment at which its turn comes.
    ``is_settled`` tells whether a screen still works on what a key began. Idle, the queue hands an event on at once.
    """

    def __init__(
        self,
        app: App[Any],
        dispatch: Callable[[events.Event], Awaitable[None]],
        admits: Callable[[events.Event], bool],
        is_settled: Callable[[], bool],
    ) -> None:
        self._app = app
        self._dispatch = dispatch
        self._admits = admits
        self._is_settled = is_settled
        self._waiting: deque[events.Event] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def offer(self, event: events.Event) -> None:
        """Dispatch an event when its turn has come. Called in the app's own task."""
        self._waiting.append(event)
        if self.is_idle:
            await self._dispatch_next()
            self._settling = asyncio.create_task(self._run(), name="key queue")

    @property
    def is_idle(self) -> bool:
        """Whether every event has been handled, with all that it caused."""
        return self._settling is None or self._settling.done()

    async def _run(self) -> None:
        while True:
            await _pass_through(self._app)
            await self._settle()
            await self._wait_for_screen()
            if not self._waiting or not self._app.call_later(self._dispatch_next):
                return

    async def _dispatch_next(self) -> None:
        if self._waiting and self._admits(event := self._waiting.popleft()):
            await self._dispatch(event)

    async def _settle(self) -> None:
        """Wait until the last event, and what it caused, has passed from the focus up to the app."""
        calm = 0
        for _ in range(_MOST_ROUNDS):
            before = self._place()
            path = self._path()
            for node in path:
                if not await _pass_through(node):
                    return
            quiet = before == self._place() and not any(node.message_queue_size for node in path)
            calm = calm + 1 if quiet else 0
            if calm == _ROUNDS:
                return

    async def _wait_for_screen(self) -> None:
        """Wait for work that the screen began, then for what that caused."""
        for _ in range(round(_SLICES * _SLICE / _LOOK)):
            if self._is_settled():
                return
            await asyncio.sleep(_LOOK)
            await self._settle()

    def _place(self) -> tuple[Screen[Any] | None, Widget | None]:
        """Where the next key would go."""
        stack = self._app.screen_stack
        return (stack[-1], stack[-1].focused) if stack else (None, None)

    def _path(self) -> list[MessagePump]:
        """The nodes that a key passes, from the focus up to the app."""
        screen, focused = self._place()
        start = focused or screen
        return list(start.ancestors_with_self) if start else []


async def _pass_through(node: MessagePump) -> bool:
    """Wait until a node has handled what is in its queue. False if it does not get on."""
    passed = asyncio.get_running_loop().create_future()
    if not node.call_later(_mark, passed):
        return True
    for _ in range(_SLICES):
        if (await asyncio.wait([passed], timeout=_SLICE))[0]:
            return True
    return False


def _mark(passed: "asyncio.Future[None]") -> None:
    if not passed.done():
        passed.set_result(None)


def key_name(event: events.Event) -> str:
    """Return how to name an input to the person who made it."""
    if isinstance(event, events.Key):
        return (
            event.character if event.is_printable and event.character else format_key(event.key).replace("⏎", "enter")
        )
    return "paste" if isinstance(event, events.Paste) else "click"
