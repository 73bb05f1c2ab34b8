"""The trader in virtual time: its core, fed one input at a time, and its requests carried out where time stands."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from math import inf

from cq_tui.lookback.fills import EngineFills
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.effects import CHANGES, Record, Request
from cq_tui.trading.core.facts import Fact
from cq_tui.trading.core.inputs import HealthSeen, Input, NotSent, OwnerSeen, SettingsSeen, Started, StreamUp, Tick
from cq_tui.trading.core.moment import Moment
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import INTERVAL, Situation
from cq_tui.trading.entry_context import HealthReport

ACCOUNT, OWNER = "simulated:1", "back0"
#: After so many ticks in a row the rest waits for the next candle: something cannot be done now.
_MOST_TICKS = 100
_NEVER = inf
#: Seconds until rules are read again: never, as those of an exchange that does not change them.
_NOT_AGAIN = 1e10


class VirtualTrader:
    """The core of one account, and what it has sent. ``clock`` returns Unix ms, ``move_clock`` sets it.

    ``closed_for`` returns for how many seconds a symbol takes no orders; None if it does. ``skips_routine``: whether it
    leaves out what a trader looks at again and again only because something may have been missed. Here nothing is.
    """

    def __init__(
        self,
        fills: EngineFills,
        clock: Callable[[], int],
        move_clock: Callable[[int], None],
        closed_for: Callable[[str], float | None],
        *,
        skips_routine: bool = True,
        owner: str = OWNER,
    ) -> None:
        self.core = Core(Book(ACCOUNT, owner))
        #: What the history would hold, in order.
        self.facts: list[Fact] = []
        #: When each was recorded (Unix ms).
        self.facts_ms: list[int] = []
        self._fills, self._clock, self._move_clock, self._closed_for = fills, clock, move_clock, closed_for
        self._skips_routine = skips_routine
        self._requests: deque[Request] = deque()

    @property
    def situation(self) -> Situation:
        """What the core knows."""
        return self.core.situation

    def begin(self, settings: TraderSettings, until_ms: int) -> None:
        """Tell it all that a start tells, and have it read the account, the rules and the commissions."""
        if self._skips_routine:
            self.situation.rules.period = _NOT_AGAIN
        self.feed(SettingsSeen(settings))
        self.feed(OwnerSeen(self.core.book.owner))
        self.tell_health()
        self.feed(StreamUp())
        self.carry_out()
        while any(self.situation.lane(symbol).commission is None for symbol in settings.symbols):
            if not self._tick(until_ms):
                break
        if self._skips_routine:
            self.situation.commissions_due = _NEVER

    def limits(self, symbol: str) -> list[Decimal]:
        """Return the prices that entries in a symbol wait for."""
        waits = self.core.book.waits_in(symbol)
        return [wait.signal.limit_price for wait in waits if wait.signal.limit_price is not None]

    def tell_health(self) -> None:
        """Tell it that all services are well, now."""
        now = HealthReport("ok", self._clock() / 1000)
        self.feed(HealthSeen(now, now, now, market=self.situation.settings.mode))

    def feed(self, message: Input) -> None:
        """Take an input; facts are kept, requests wait to be carried out."""
        now = self._clock() / 1000
        for effect in self.core.step(message, Moment(now, now)):
            if isinstance(effect, Record):
                self.facts += effect.facts
                self.facts_ms += [self._clock()] * len(effect.facts)
            else:
                self._requests.append(effect)

    def put_off_routine(self) -> None:
        """Put off the looks at stops that would be due now; rules are as they were read."""
        s = self.situation
        s.rules.still_hold(self._clock() / 1000)
        if self._skips_routine:
            for symbol in s.book.positions:
                s.lane(symbol).stop_due = _NEVER

    def look(self, *, at_account: bool) -> None:
        """Tell the time, and with ``at_account`` compare book and account, as each minute.

        What it wants to be changed is not carried out yet.
        """
        s, now = self.situation, self._clock() / 1000
        if at_account:
            s.account_due = self.core.next_due = min(s.account_due, now)
        self.feed(Tick())
        self.read()
        if self._skips_routine and s.account_due >= now + INTERVAL:
            s.account_due = _NEVER

    def read(self) -> None:
        """Carry out what changes nothing; the rest waits, in order."""
        waiting: list[Request] = []
        while self._requests:
            request = self._requests.popleft()
            if isinstance(request, CHANGES):
                waiting.append(request)
            else:
                self._carry_out(request)
        self._requests.extend(waiting)

    def carry_out(self) -> None:
        """Carry out what was sent, and what follows from it."""
        self._hear()
        while self._requests:
            self._carry_out(self._requests.popleft())

    def settle(self, until_ms: int) -> bool:
        """Carry out what was sent, and let time pass until nothing is in question, or ``until_ms``.

        Return whether anything is.
        """
        self.carry_out()
        for _ in range(_MOST_TICKS):
            if not is_in_question(self.situation):
                return False
            if not self._tick(until_ms):
                break
        return True

    def _tick(self, until_ms: int) -> bool:
        """Go on to when the core wants to be woken; return False if that is not before ``until_ms``."""
        due = max(self.core.next_due * 1000, float(self._clock())) + 1
        if due >= until_ms:
            return False
        self._move_clock(int(due))
        self.feed(Tick())
        self.carry_out()
        return True

    def _carry_out(self, request: Request) -> None:
        closed = self._closed_for(request.symbol) if isinstance(request, CHANGES) else None
        if closed is not None:
            self.feed(NotSent(request.number, "the exchange takes no orders in this symbol", closed))
            return
        self.feed(Started(request.number))
        result = self._fills.carry_out(request)
        self._hear()
        self.feed(result)

    def _hear(self) -> None:
        """Tell what the account stream tells."""
        for report in self._fills.reports():
            self.feed(report)


def is_in_question(s: Situation) -> bool:
    """Whether the core waits for something that does not need another price."""
    if s.flights or s.misfits:
        return True
    positions = s.book.positions.values()
    if any(one.part or not (one.state.is_protected or one.state.is_unsellable) for one in positions):
        return True
    return any(
        lane.waiting or lane.inquiries or lane.strange or lane.nameless or lane.lacking or lane.is_judging
        or lane.leftover_since < _NEVER
        for lane in s.lanes.values()
    )  # fmt: skip


def is_watching(s: Situation) -> bool:
    """Whether the core has to be told of every price: a loss limit is near or holds, or something is amiss."""
    return (
        bool(s.losses_seen or s.book.losses or s.book.doubts)
        or any(one.state.is_unsellable for one in s.book.positions.values())
        or any(wait.tries for wait in s.book.waits.values())
    )
