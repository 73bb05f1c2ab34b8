"""Which waiting request goes next to the exchange. Pure: requests and times in, a decision out.

- What changes something waits for the answer to the change of the symbol before it; reads, protection and exits do not:
  the core sends those only when the change before is over, and an answer that comes late must leave nothing naked.
- The more urgent goes first. Among equals, the symbol with fewer requests in flight, then the older request.
- Less urgent requests never take the last connections: ten slow reads do not delay an exit.
- While the request budget is exhausted, all but protection and exits are withheld at once: whoever asked decides
  again. An entry that waits for its turn is withheld after a second: its price has passed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cq_tui.trading.core.effects import CHANGES, Request, Urgency

#: Most requests of this urgency, and of those that are less urgent, in flight together.
SHARES: Final[dict[Urgency, int]] = {
    Urgency.PROTECT: 20,
    Urgency.EXIT: 16,
    Urgency.RESOLVE: 10,
    Urgency.ENTRY: 6,
    Urgency.ROUTINE: 3,
}
#: Never withheld for the budget, where the exchange has the last word, nor for an answer that is late.
_NEVER_HELD_UP: Final = (Urgency.PROTECT, Urgency.EXIT)
#: Seconds that an entry waits for its turn.
ENTRY_PATIENCE: Final = 1.0


class Waiting(NamedTuple):
    """A request that waits for its turn, since a time of the monotonic clock."""

    request: Request
    since: float


class Withheld(NamedTuple):
    """A request that is not sent now. ``retry_after`` in seconds."""

    request: Request
    reason: str
    retry_after: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What to start now, in this order, and what to give back. ``again_at``: when to decide again; None if never."""

    start: tuple[Request, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    again_at: float | None = None


@dataclass(slots=True)
class _Traffic:
    """What is in flight."""

    by_urgency: Counter[Urgency] = field(default_factory=Counter)
    by_symbol: Counter[str] = field(default_factory=Counter)
    changing: set[str] = field(default_factory=set)

    def add(self, request: Request) -> None:
        self.by_urgency[request.urgency] += 1
        self.by_symbol[request.symbol] += 1
        if isinstance(request, CHANGES):
            self.changing.add(request.symbol)

    def admits(self, request: Request) -> bool:
        is_urgent = request.urgency in _NEVER_HELD_UP
        if isinstance(request, CHANGES) and request.symbol in self.changing and not is_urgent:
            return False
        return all(
            sum(count for urgency, count in self.by_urgency.items() if urgency >= limited) < SHARES[limited]
            for limited in Urgency
            if limited <= request.urgency
        )


def decide(
    waiting: Iterable[Waiting], in_flight: Collection[Request], paused_until: Mapping[Urgency, float], now: float
) -> Decision:
    """Decide what goes next. ``paused_until`` and ``now``: times of the monotonic clock."""
    traffic = _Traffic()
    for request in in_flight:
        traffic.add(request)
    withheld, candidates = [], []
    for entry in waiting:
        left = paused_until.get(entry.request.urgency, 0.0) - now
        if left > 0:
            withheld.append(Withheld(entry.request, "the request budget is exhausted", left))
        else:
            candidates.append(entry)
    start: list[Request] = []
    while (best := _next_of(candidates, traffic)) is not None:
        candidates.remove(best)
        traffic.add(best.request)
        start.append(best.request)
    again_at = None
    for entry in candidates:
        if entry.request.urgency is Urgency.ENTRY:
            ends = entry.since + ENTRY_PATIENCE
            if ends <= now:
                withheld.append(Withheld(entry.request, _why_waiting(entry.request, traffic), ENTRY_PATIENCE))
            else:
                again_at = ends if again_at is None else min(again_at, ends)
    return Decision(tuple(start), tuple(withheld), again_at)


def _why_waiting(request: Request, traffic: _Traffic) -> str:
    if request.symbol in traffic.changing:
        return f"the change of {request.symbol} before it is not answered yet"
    return "too many other requests are under way"


def _next_of(candidates: Iterable[Waiting], traffic: _Traffic) -> Waiting | None:
    """Return the candidate whose turn it is; None if none is admitted."""
    admitted = [entry for entry in candidates if traffic.admits(entry.request)]
    return min(
        admitted,
        key=lambda entry: (entry.request.urgency, traffic.by_symbol[entry.request.symbol], entry.request.number),
        default=None,
    )


def pauses_after(urgency: Urgency, retry_after: float, now: float) -> dict[Urgency, float]:
    """Return until when requests of each urgency pause, after one was held back by the request budget."""
    paused = (one for one in Urgency if one >= urgency and one not in _NEVER_HELD_UP)
    return dict.fromkeys(paused, now + retry_after)
