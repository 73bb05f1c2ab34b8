"""One life of the trader's process: its core, fed one input at a time, and its effects carried out in order."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import Effect, Record, Request
from cq_tui.trading.core.inputs import Input, NotStored, Started, Tick
from cq_tui.trading.core.moment import Moment
from tests.trading.world.network import Network
from tests.trading.world.stream import AccountStream

if TYPE_CHECKING:
    from tests.trading.world.world import World

Action = Callable[[], None]


class Killed(Exception):
    """The process dies here."""


class Process:
    """A core with its queue. It ends when the world kills it."""

    def __init__(self, world: "World", core: Core, number: int) -> None:
        self.world = world
        self.core = core
        self.network = Network(world, self.feed, world.plan.seed * 1_000 + number)
        self.stream = AccountStream(world, self.network, world.plan.seed * 1_000 + number + 500)
        self.is_alive = True
        self._inbox: deque[tuple[Input, Action | None]] = deque()
        self._is_running = False
        self._tick_due = 0
        self._ticks_in_a_row = 0

    def moment(self) -> Moment:
        """Return the present moment as this process knows it."""
        now = self.world.now
        return Moment((now + self.world.clock_offset_ms) / 1000, now / 1000)

    def feed(self, message: Input) -> None:
        """Take an input, and go on until nothing is left to do."""
        self._inbox.append((message, None))
        if self._is_running or not self.is_alive:
            return
        self._is_running = True
        try:
            while self._inbox and self.is_alive:
                self._step(*self._inbox.popleft())
        except Killed:
            self.world.bury(self)
        finally:
            self._is_running = False
        if self.is_alive:
            self._wake_up()

    def _step(self, message: Input, then: Action | None) -> None:
        moment = self.moment()
        self.world.judge.watch_before(self, message, moment)
        effects = self.core.step(message, moment)
        self.world.judge.watch_step(self, message, effects, moment)
        self._carry_out(effects)
        if then is not None:
            then()

    def _carry_out(self, effects: list[Effect]) -> None:
        withheld: set[int | None] = set()
        for effect in effects:
            if self.world.is_killed_before(effect):
                raise Killed
            if isinstance(effect, Record):
                if not self.world.storage.record(effect) and effect.needed_by is not None:
                    withheld.add(effect.needed_by)
                    self._inbox.append((NotStored(effect.needed_by, "no space left on device"), None))
            elif effect.number not in withheld:
                self._start(effect)

    def _start(self, request: Request) -> None:
        if (not_sent := self.network.withheld(request)) is not None:
            self._inbox.append((not_sent, None))
            return
        self._inbox.append((Started(request.number), lambda: self._send(request)))

    def _send(self, request: Request) -> None:
        self.world.judge.watch_request(self, request)
        self.network.send(request)

    def _wake_up(self) -> None:
        """Feed a tick when the core wants to be woken."""
        wanted = min(self.core.next_due, _NEVER)
        due = max(int(max(wanted, 0) * 1000) + 1, self.world.now + 1)
        if not self.world.now < self._tick_due <= due:
            self._tick_due = due
            self.world.at(due, lambda: self._tick(due))

    def _tick(self, due: int) -> None:
        if self.is_alive and self._tick_due == due:
            self._tick_due = 0
            self.feed(Tick())


_NEVER = 1e12
