"""One event in one line of words."""

from typing import TYPE_CHECKING, Literal

from cq_tui.ops.words import Level, clean, price, quantity, signed

if TYPE_CHECKING:
    from cq_tui.store.reading.event import HistoryEvent


def event_words(event: "HistoryEvent") -> str:
    """Say what an event tells, in the order in which a person asks; text from outside is made harmless."""
    writer = _WRITERS.get(event.event_type, _anything)
    return clean(writer(event), 300)


def event_level(event_type: str) -> Level | Literal[""]:
    """Return how good or bad it is that such an event came; nothing for most."""
    return _LEVELS.get(event_type, "")


def _trade(event: "HistoryEvent") -> str:
    size = event.number("size")
    at = event.number("price") or event.number("entry_price")
    pnl = event.number("realized_pnl")
    words = [
        event.text("symbol"),
        event.text("side"),
        event.text("leg") if event.text("leg") != "entry" else None,
        quantity(size) if size is not None else None,
        f"@ {price(at, None)}" if at is not None else None,
        (event.text("status") or "").lower().replace("_", " ") or None,
        f"{signed(pnl)} profit" if pnl is not None else None,
        event.text("strategy"),
        f"{event.number('confidence'):.2f}" if event.number("confidence") is not None else None,
        f"{event.text('code')}:" if event.text("code") else None,
        event.text("reason"),
    ]
    return " ".join(word for word in words if word)


def _health(event: "HistoryEvent") -> str:
    reason = f": {event.text('reason')}" if event.text("reason") else ""
    return f"{event.text('service')} {event.text('old_status')} → {event.text('new_status')}{reason}"


def _config(event: "HistoryEvent") -> str:
    by = f", by {event.text('changed_by')}" if event.text("changed_by") else ""
    return f"{event.text('key')}: {_value(event.data.get('old_value'))} → {_value(event.data.get('new_value'))}{by}"


def _service(event: "HistoryEvent") -> str:
    pid = f"pid {event.data['pid']}" if isinstance(event.data.get("pid"), int) else None
    return " ".join(word for word in (event.text("service"), pid, event.text("reason")) if word)


def _command(event: "HistoryEvent") -> str:
    words = [event.text("command"), event.text("target"), event.text("outcome")]
    message = f": {event.text('message')}" if event.text("message") else ""
    return " ".join(word for word in words if word) + message


def _fault(event: "HistoryEvent") -> str:
    from cq_tui.store.history.faults import Fault

    indexes = event.data.get("indexes")
    index = next(iter(indexes), None) if isinstance(indexes, list) else None
    fault = Fault(event.text("file") or "", event.text("reason") or "", index if isinstance(index, int) else None)
    return fault.headline


def _acceptance(event: "HistoryEvent") -> str:
    from cq_tui.store.history.faults import headline_of

    comment = f": {event.text('comment')}" if event.text("comment") else ""
    fault = f"{event.text('fault_id') or ''} {headline_of(event.text('fault') or '')}".strip()
    return f"{fault or 'a fault'}, accepted by {event.text('acknowledged_by') or 'somebody'}{comment}"


def _anything(event: "HistoryEvent") -> str:
    return "  ".join(f"{key} {_value(value)}" for key, value in event.data.items())


def _value(value: object) -> str:
    return "true" if value is True else "false" if value is False else "unset" if value is None else str(value)


_WRITERS = {
    "signal_generated": _trade,
    "order_submitted": _trade,
    "order_executed": _trade,
    "order_rejected": _trade,
    "order_canceled": _trade,
    "symbol_quarantined": _trade,
    "symbol_released": _trade,
    "health_status_changed": _health,
    "config_changed": _config,
    "service_started": _service,
    "service_stopped": _service,
    "command_executed": _command,
    "integrity_fault": _fault,
    "integrity_acknowledged": _acceptance,
}

_LEVELS: dict[str, Level] = {
    "integrity_fault": "bad",
    "integrity_acknowledged": "look",
    "order_rejected": "look",
    "symbol_quarantined": "look",
    "health_status_changed": "look",
    "order_executed": "good",
}
