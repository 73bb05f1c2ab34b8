"""One inbox for the core: inputs in their order, the effects of each carried out before the next."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from cq_tui.services.trader.recorder import NotRecorded
from cq_tui.trading.core.effects import Effect, Record, Request
from cq_tui.trading.core.inputs import Input, NotStored, Tick
from cq_tui.trading.core.moment import Moment

#: Shortest and longest time between two ticks, in seconds.
_SHORTEST_TICK, _LONGEST_TICK = 0.01, 1.0


class Machine(Protocol):
    """The core."""

    @property
    def next_due(self) -> float:
        """When a tick is wanted (the exchange's Unix seconds)."""

    def step(self, told: Input, moment: Moment) -> list[Effect]:
        """Take one input."""


class Conductor:
    """Feeds a core. ``record`` raises NotRecorded, ``submit`` queues a request, ``start`` sends what is queued.

    ``note`` hears of each input before the core does.

    An error of the core, or of recording, is raised to whoever fed; nothing is fed after it.
    """

    def __init__(
        self,
        core: Machine,
        now: Callable[[], Moment],
        record: Callable[[Record], None],
        submit: Callable[[Request], None],
        start: Callable[[], None],
        note: Callable[[Input, Moment], None] = lambda _told, _moment: None,
    ) -> None:
        self._core = core
        self._now = now
        self._record = record
        self._submit = submit
        self._start = start
        self._note = note
        self._inbox: deque[Input] = deque()
        self._is_busy = False
        #: When the next tick comes (the exchange's Unix seconds), and whether it has to come earlier.
        self._tick_at = 0.0
        self._is_earlier = asyncio.Event()

    def feed(self, *told: Input) -> None:
        """Take inputs. Those that come while others are handled are handled after them."""
        self._inbox.extend(told)
        if self._is_busy:
            return
        # Stays so after an error.
        self._is_busy = True
        self._empty_inbox()
        # After all of them: what is most urgent goes first. What is withheld is told in the inbox.
        self._start()
        self._empty_inbox()
        self._is_busy = False
        if self._core.next_due < self._tick_at:
            self._is_earlier.set()

    def _empty_inbox(self) -> None:
        while self._inbox:
            told, moment = self._inbox.popleft(), self._now()
            self._note(told, moment)
            self._carry_out(self._core.step(told, moment))

    def _carry_out(self, effects: list[Effect]) -> None:
        withheld: set[int] = set()
        for effect in effects:
            if isinstance(effect, Request):
                if effect.number not in withheld:
                    self._submit(effect)
                continue
            try:
                self._record(effect)
            except NotRecorded as error:
                assert effect.needed_by is not None
                withheld.add(effect.needed_by)
                self._inbox.append(NotStored(effect.needed_by, str(error)))

    async def tick(self) -> None:
        """Tell the core the time whenever it wants to know, until canceled."""
        while True:
            now = self._now().exchange
            self._tick_at = min(max(self._core.next_due, now + _SHORTEST_TICK), now + _LONGEST_TICK)
            self._is_earlier.clear()
            try:
                async with asyncio.timeout(self._tick_at - now):
                    await self._is_earlier.wait()
            except TimeoutError:
                self.feed(Tick())
