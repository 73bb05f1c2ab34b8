"""The way between the trader and the exchange: latency, and what becomes of requests and their answers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from cq_tui.lookback.fills import Result
from cq_tui.trading.core import effects
from cq_tui.trading.core.inputs import Input, NotSent, OutcomeUnknown, Refused
from tests.trading.world.happenings import Fate
from tests.trading.world.happenings import Request as RequestFate

if TYPE_CHECKING:
    from tests.trading.world.world import World

#: After this long without an answer the outcome is unknown.
TIMEOUT_MS = 15_000
#: How late a request may arrive and still be executed.
RECV_WINDOW_MS = 5_000
_NEVER_FOUND = "Order does not exist."
#: Orders that requests place, as they count against the exchange's limit.
_ORDERS = {"PlaceOrder": 1, "ReplaceOrder": 1, "PlaceList": 2}
_PLENTY, _SPARED_ORDERS = 1_000, 10


@dataclass(slots=True)
class Weather:
    """What the network and the exchange's doors do to requests now. Times are the world's, in ms; 0 for never."""

    fates: list[RequestFate] = field(default_factory=list)
    outage_until: int = 0
    outage_executes: bool = False
    stale_from: int = 0
    stale_until: int = 0
    no_budget_until: int = 0
    no_budget_for_all: bool = False
    #: So many orders are still allowed until then.
    few_orders: int = 0
    few_orders_until: int = 0

    def clear(self) -> None:
        """Let everything pass."""
        self.fates.clear()
        self.outage_until = self.stale_until = self.no_budget_until = self.few_orders_until = 0

    def orders_left(self, now: int) -> int:
        """Return how many orders may still be placed."""
        return self.few_orders if now < self.few_orders_until else _PLENTY

    def take_orders(self, request: effects.Request, now: int) -> bool:
        """Count the orders of a request; return False if they, or those that are to follow it, have no room."""
        placed = _ORDERS.get(kind_of(request), 0)
        following = getattr(request, "orders_after", 0)
        # What opens risk leaves the last orders to what reduces it.
        spared = _SPARED_ORDERS if request.urgency >= effects.Urgency.ENTRY and placed else 0
        if placed + following + spared > self.orders_left(now):
            return False
        if now < self.few_orders_until:
            self.few_orders -= placed
        return True

    def take_fate(self, request: effects.Request) -> RequestFate | None:
        """Take the fate of a request."""
        kind = kind_of(request)
        for number, one in enumerate(self.fates):
            if one.kind not in ("", kind) or one.symbol not in ("", request.symbol):
                continue
            if one.count <= 1:
                del self.fates[number]
            else:
                self.fates[number] = replace(one, count=one.count - 1)
            return one
        return None


def kind_of(request: effects.Request) -> str:
    """Return what a request is called in a plan."""
    return type(request).__name__


class Network:
    """Carries the requests of one process to the venue, and the results back."""

    def __init__(self, world: "World", deliver: Callable[[Input], None], seed: int) -> None:
        self._world = world
        self._deliver = deliver
        self._random = Random(seed)
        self._fates: dict[int, RequestFate] = {}
        #: A dead process hears nothing; what it sent may still arrive.
        self.is_heard = True
        self.arrives = True

    def tell(self, ms: int, message: Input) -> None:
        """Deliver an input after a while, if the process still lives then."""

        def deliver() -> None:
            if self.is_heard:
                self._deliver(message)

        self._world.later(ms, deliver)

    def withheld(self, request: effects.Request) -> NotSent | None:
        """Decide the fate of a request; return why it is not even started, or None."""
        weather, left = self._world.weather, self._world.weather.no_budget_until - self._world.now
        if left > 0 and (weather.no_budget_for_all or request.urgency >= effects.Urgency.ENTRY):
            self._world.reached("fate", "no budget", kind_of(request))
            return NotSent(request.number, "held back by the request budget", left / 1000)
        if not weather.take_orders(request, self._world.now):
            self._world.reached("held back", "few orders", kind_of(request))
            left = weather.few_orders_until - self._world.now
            return NotSent(request.number, "no room for the orders", left / 1000)
        if self._world.now < weather.outage_until or (fate := weather.take_fate(request)) is None:
            return None
        self._world.reached("fate", fate.fate, kind_of(request))
        self._world.reached("fate of a position", fate.fate, self._world.position_state(request.symbol))
        self._world.judge.excuse(fate)
        if fate.fate is Fate.NOT_SENT:
            return NotSent(request.number, "no connection", fate.ms / 1000)
        self._fates[request.number] = fate
        return None

    def send(self, request: effects.Request) -> None:
        """Let a request leave that was started."""
        there, back = self._random.randint(2, 30), self._random.randint(2, 30)
        weather, number = self._world.weather, request.number
        if self._world.now < weather.outage_until:
            self._world.reached("fate", "outage", kind_of(request))
            if weather.outage_executes:
                self._arrive(there, request, _ignore)
            self.tell(there + back, OutcomeUnknown(number, "HTTP 503"))
            return
        fate = self._fates.pop(number, None)
        if fate is None:
            self._arrive(there, request, lambda result: self.tell(back, result))
        else:
            self._send_with(fate, request, there, back)

    def _send_with(self, fate: RequestFate, request: effects.Request, there: int, back: int) -> None:
        number = request.number
        match fate.fate:
            case Fate.NO_CONNECTION:
                self.tell(there, NotSent(number, "no connection", fate.ms / 1000))
            case Fate.LOST:
                self.tell(min(fate.ms, TIMEOUT_MS), OutcomeUnknown(number, "connection lost"))
            case Fate.UNKNOWN:
                lost = OutcomeUnknown(number, "HTTP 504, code -1007")
                self._arrive(there, request, lambda result: self.tell(min(fate.ms, TIMEOUT_MS), lost))
            case Fate.LATE:
                self.tell(there + back, OutcomeUnknown(number, "connection reset"))
                self._arrive(min(max(fate.ms, 200), RECV_WINDOW_MS), request, _ignore)
            case Fate.SLOW:
                self._arrive(there, request, lambda result: self.tell(min(fate.ms, TIMEOUT_MS), result))
            case Fate.SLOW_THERE:
                self._arrive(min(fate.ms, RECV_WINDOW_MS), request, lambda result: self.tell(back, result))
            case Fate.TWICE:
                self._arrive(there, request, lambda result: self._tell_twice(back, result))
            case _:
                self.tell(there + back, Refused(number, fate.code, fate.text or f"refused with {fate.code}"))

    def _tell_twice(self, back: int, result: Result) -> None:
        self.tell(back, result)
        self.tell(3 * back, result)

    def _arrive(self, ms: int, request: effects.Request, answer: Callable[[Result], None]) -> None:
        def arrive() -> None:
            if self.arrives:
                answer(self._stale(request) or self._world.carry_out(request))

        self._world.later(ms, arrive)

    def _stale(self, request: effects.Request) -> Refused | None:
        """Return the answer of a replica that lags: what was placed of late is not found."""
        weather, venue = self._world.weather, self._world.venue
        if self._world.now >= weather.stale_until or not isinstance(request, effects.QueryOrder):
            return None
        order = venue.state.find(request.symbol, request.order_id, request.client_order_id)
        if order is None or order.time < weather.stale_from:
            return None
        self._world.reached("fate", "stale", kind_of(request))
        return Refused(request.number, -2013, _NEVER_FOUND)


def _ignore(result: Result) -> None:
    """The answer is lost."""
