"""The account's events on their way to those who subscribed."""

from collections.abc import Callable
from typing import Any

from cq_tui.simulator.api.user_events import user_events
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.exchange import Exchange

Event = dict[str, Any]
Tell = Callable[[list[Event]], None]


class AccountFeed:
    """Passes events on; ``tamper`` is for faults on demand and takes each event instead."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._subscribers: dict[Tell, None] = {}
        self.tamper: Callable[[Event], None] | None = None
        exchange.listeners.append(self._on_outcome)

    def join(self, tell: Tell) -> None:
        """Have somebody told from now on."""
        self._subscribers[tell] = None

    def leave(self, tell: Tell) -> None:
        """Tell somebody no more."""
        self._subscribers.pop(tell, None)

    def tell(self, events: list[Event]) -> None:
        """Tell everybody who subscribed."""
        for tell in list(self._subscribers):
            tell(events)

    def _on_outcome(self, outcome: Outcome, now: int) -> None:
        if not self._subscribers:
            return
        events = user_events(outcome, self._exchange.state, now)
        if self.tamper is None:
            self.tell(events)
            return
        for event in events:
            self.tamper(event)
