"""The life of a trade: every event of one signal and its orders, with milliseconds."""

from collections.abc import Iterable
from typing import NamedTuple

from cq_tui.contracts.events import signal_key
from cq_tui.ops.event_summary import summarize_event
from cq_tui.ops.formatting import format_clock, sanitize
from cq_tui.store.reading.event import HistoryEvent

_WORDS = {
    "signal_generated": "signal",
    "entry_waits": "waits",
    "order_submitted": "sent",
    "order_accepted": "accepted",
    "order_unknown": "no answer",
    "order_executed": "filled",
    "order_rejected": "refused",
    "order_canceled": "canceled",
    "exit_requested": "to be closed",
    "part_exit_requested": "part to be sold",
    "part_exit_ended": "part",
    "position_changed": "position",
    "stop_moved": "stop raised",
}
#: Events later than so many seconds after the first show their time, not their distance.
_NEAR = 60.0


class Moment(NamedTuple):
    """One event of a life."""

    event_id: str
    #: ``14:22:01.000`` of the first, ``+0.041 s`` of those near it.
    time: str
    text: str


def events_of(
    events: Iterable[HistoryEvent], *, natural_key: str | None, client_order_id: str | None = None
) -> list[HistoryEvent]:
    """Return the events of a signal and all its orders, or of an order that has no signal, oldest first."""
    if natural_key:
        found = [event for event in events if _key_of(event) == natural_key]
    elif client_order_id:
        found = [event for event in events if event.text_field("client_order_id") == client_order_id]
    else:
        return []
    return sorted(found, key=lambda event: event.happened_at)


def _key_of(event: HistoryEvent) -> str | None:
    return signal_key(event.data) if event.event_type == "signal_generated" else event.text_field("signal_key")


def tell_life(events: list[HistoryEvent]) -> list[Moment]:
    """Return what happened, one line an event."""
    if not events:
        return []
    first = events[0].happened_at
    return [Moment(event.event_id, _time(event.happened_at, first), _text(event)) for event in events]


def _time(at: float, first: float) -> str:
    if at == first or at - first >= _NEAR:
        return f"{format_clock(at)}.{int(at * 1000) % 1000:03d}"
    return f"+{at - first:.3f} s"


def _text(event: HistoryEvent) -> str:
    word = _WORDS.get(event.event_type, event.event_type.replace("_", " "))
    leg = event.text_field("leg")
    name = f"{leg} {word}" if leg and leg != "entry" else word
    words = summarize_event(event).removeprefix(event.text_field("symbol") or "").strip()
    return f"{sanitize(name)}  {words}"
