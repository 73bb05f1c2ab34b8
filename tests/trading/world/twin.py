"""A second trader on the same account: its own directory, network and judge, the same exchange and time."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from cq_tui.lookback.fills import Result
from cq_tui.trading.core.effects import Request
from cq_tui.trading.core.inputs import OwnerSeen
from tests.trading.world.judge import Judge
from tests.trading.world.storage import Storage
from tests.trading.world.world import ACCOUNT, OWNER, World

if TYPE_CHECKING:
    from tests.trading.world.happenings import Twin as TwinBegins

_OTHER_OWNER = "twin2"
_COPIED = "this directory was copied"


class Twin(World):
    """A world beside the first: whatever is the exchange's or the clock's is the first one's."""

    def __init__(self, first: World, begins: "TwinBegins") -> None:
        self._first = first
        # A copy that finds out that it is one gets an owner of its own at once.
        self.owner = OWNER if begins.copy and not begins.doubted else _OTHER_OWNER
        super().__init__(replace(first.plan, seed=first.plan.seed + 1_000_000), first.reached_counts, first.trace)
        self.venue = first.venue
        self.storage = Storage(ACCOUNT, self.owner, list(first.storage.facts) if begins.copy else [])
        self.storage.synced = len(self.storage.facts)
        self.owner_problem = _COPIED if begins.copy and begins.doubted else None
        self.settings = first.settings
        self.asked_parts = first.asked_parts
        self.judge = Judge(self)
        self.judge.take_past()
        if begins.copy:
            # Whose of the two an order is, nobody can tell; what they open and sell together is still judged.
            self.judge.is_wiped = first.judge.is_wiped = True
            for judge in (self.judge, first.judge):
                judge.truth.share(OWNER, self.owner)
        self.is_quiet = first.is_quiet

    @property
    def now(self) -> int:
        """The first world's time."""
        return self._first.now

    @now.setter
    def now(self, _: int) -> None:
        """Time passes in the first world."""

    def at(self, due: int, action: Callable[[], None]) -> None:
        """Do something at a time."""
        self._first.at(due, action)

    def carry_out(self, request: Request) -> Result:
        """Carry out a request at the exchange, now."""
        result = self._first.carry_out(request)
        self.judge.watch_venue()
        return result

    def become_quiet(self) -> None:
        """End every fault. A copied directory stays one."""
        problem = self.owner_problem
        super().become_quiet()
        self.owner_problem = problem
        self.feed(OwnerSeen(self.owner, problem))
