"""The account stream of one process: subscribed or not, and what becomes of its events."""

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from cq_tui.binance.user_events import UserEvent
from cq_tui.trading.core.inputs import Reported, StreamDown, StreamUp
from tests.trading.world.happenings import Break
from tests.trading.world.network import Network

if TYPE_CHECKING:
    from tests.trading.world.world import World

_SUBSCRIBE_MS = 20


class AccountStream:
    """Delivers events in order, each a few ms after it happened, unless it is told otherwise."""

    def __init__(self, world: "World", network: Network, seed: int) -> None:
        self._world = world
        self._network = network
        self._random = Random(seed)
        self.is_up = False
        #: What becomes of the next events.
        self._fates: list[tuple[Break, int]] = []
        self._clear_at = 0
        self._held_back: UserEvent | None = None

    def subscribe(self, after_ms: int = 0) -> None:
        """Begin to deliver events; what happened before is not told."""

        def begin() -> None:
            if self._network.is_heard and not self.is_up:
                self.is_up = True
                self._network.tell(0, StreamUp())

        self._world.later(after_ms + _SUBSCRIBE_MS, begin)

    def fail(self, how: Break, count: int, ms: int) -> None:
        """Let the next events fail, or the whole stream for ``ms``."""
        if how is not Break.DOWN:
            self._fates += [(how, ms)] * count
        elif self.is_up:
            self.is_up = False
            self._network.tell(0, StreamDown("connection lost"))
            self.subscribe(ms)

    @property
    def is_silent(self) -> bool:
        """Whether the next event is lost, and nothing tells of that."""
        return bool(self._fates) and self._fates[0][0] is Break.LOST

    def mend(self) -> None:
        """Deliver everything from now on."""
        self._fates.clear()

    def publish(self, events: Iterable[UserEvent]) -> None:
        """Deliver events."""
        if self.is_up:
            for event in events:
                self._deliver(event)

    def _deliver(self, event: UserEvent) -> None:
        how, ms = self._fates.pop(0) if self._fates else (None, 0)
        if how is not None:
            self._world.reached("stream", how)
        match how:
            case Break.LOST:
                return
            case Break.REORDERED if self._held_back is None:
                self._held_back = event
                self._world.later(ms, self._release)
                return
            case Break.TWICE:
                self._send(event, 0)
            case Break.DELAYED:
                self._clear_at = max(self._clear_at, self._world.now + ms)
            case _:
                pass
        self._send(event, 0)
        self._release()

    def _release(self) -> None:
        if (event := self._held_back) is not None:
            self._held_back = None
            self._send(event, 0)

    def _send(self, event: UserEvent, ms: int) -> None:
        due = max(self._world.now + ms + self._random.choice(_LATENCIES), self._clear_at)
        self._clear_at = due
        self._network.tell(due - self._world.now, Reported(event))


#: Before and after the answers of requests.
_LATENCIES = (1, 1, 3, 8, 20, 60)
