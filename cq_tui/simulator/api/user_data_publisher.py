"""The account's events on their way to those who subscribed."""

from collections.abc import Callable
from typing import Any

from cq_tui.simulator.api.user_data_events import user_data_events
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.exchange import Exchange

Event = dict[str, Any]
EventSink = Callable[[list[Event]], None]


class UserDataPublisher:
    """Passes events on; ``tamper`` is for faults on demand and takes each event instead."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._subscribers: dict[EventSink, None] = {}
        self.interceptor: Callable[[Event], None] | None = None
        exchange.listeners.append(self._on_outcome)

    def subscribe(self, tell: EventSink) -> None:
        """Have somebody told from now on."""
        self._subscribers[tell] = None

    def unsubscribe(self, tell: EventSink) -> None:
        """Tell somebody no more."""
        self._subscribers.pop(tell, None)

    def publish(self, events: list[Event]) -> None:
        """Tell everybody who subscribed."""
        for tell in list(self._subscribers):
            tell(events)

    def _on_outcome(self, outcome: Outcome, now: int) -> None:
        if not self._subscribers:
            return
        events = user_data_events(outcome, self._exchange.state, now)
        if self.interceptor is None:
            self.publish(events)
            return
        for event in events:
            self.interceptor(event)
