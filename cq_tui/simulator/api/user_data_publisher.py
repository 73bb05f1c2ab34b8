"""Publishes user data events to subscribed connections."""

from collections.abc import Callable
from typing import Any

from cq_tui.simulator.api.user_data_events import user_data_events
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.exchange import Exchange

Event = dict[str, Any]
EventSink = Callable[[list[Event]], None]


class UserDataPublisher:
    """Publishes the events of each outcome; a fault's ``interceptor`` receives them instead."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._subscribers: dict[EventSink, None] = {}
        self.interceptor: Callable[[Event], None] | None = None
        exchange.listeners.append(self._on_outcome)

    def subscribe(self, sink: EventSink) -> None:
        """Send events to ``sink`` from now on."""
        self._subscribers[sink] = None

    def unsubscribe(self, sink: EventSink) -> None:
        """Stop sending events to ``sink``."""
        self._subscribers.pop(sink, None)

    def publish(self, events: list[Event]) -> None:
        """Send events to every subscriber."""
        for sink in list(self._subscribers):
            sink(events)

    def _on_outcome(self, outcome: Outcome, now: int) -> None:
        if not self._subscribers:
            return
        events = user_data_events(outcome, self._exchange.state, now)
        if self.interceptor is None:
            self.publish(events)
            return
        for event in events:
            self.interceptor(event)
