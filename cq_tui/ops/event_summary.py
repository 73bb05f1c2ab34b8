"""An event summarized in one line."""

from typing import TYPE_CHECKING, Literal

from cq_tui.ops import trader_events
from cq_tui.ops.formatting import (
    StatusLevel,
    format_datetime,
    format_price,
    format_quantity,
    format_signed,
    pluralize,
    sanitize,
)

if TYPE_CHECKING:
    from cq_tui.store.reading.event import HistoryEvent


def summarize_event(event: "HistoryEvent") -> str:
    """Return the summary of an event, most important part first, sanitized."""
    writer = _SUMMARIZERS.get(event.event_type, _any_event)
    return sanitize(writer(event), 300)


def event_level(event_type: str) -> StatusLevel | Literal[""]:
    """Return the level of an event type; empty for most."""
    return _LEVELS.get(event_type, "")


def _trade(event: "HistoryEvent") -> str:
    size = event.number_field("size")
    at = event.number_field("price") or event.number_field("entry_price")
    pnl = event.number_field("realized_pnl")
    words = [
        event.text_field("symbol"),
        event.text_field("side"),
        event.text_field("leg") if event.text_field("leg") != "entry" else None,
        format_quantity(size) if size is not None else None,
        f"@ {format_price(at, None)}" if at is not None else None,
        (event.text_field("status") or "").lower().replace("_", " ") or None,
        f"{format_signed(pnl)} profit" if pnl is not None else None,
        event.text_field("strategy"),
        _way_in(event),
        f"{event.number_field('confidence'):.2f}" if event.number_field("confidence") is not None else None,
        f"{event.text_field('code')}:" if event.text_field("code") else None,
        event.text_field("reason"),
    ]
    return " ".join(word for word in words if word)


def _way_in(event: "HistoryEvent") -> str | None:
    """Return who gave a signal from outside, or else the way it came; None for those of strategies."""
    person, source = event.text_field("person"), event.text_field("source")
    return None if source in (None, "strategy") else f"by {person or source}"


def _health(event: "HistoryEvent") -> str:
    reason = f": {event.text_field('reason')}" if event.text_field("reason") else ""
    return f"{event.text_field('service')} {event.text_field('old_status')} → {event.text_field('new_status')}{reason}"


def _config(event: "HistoryEvent") -> str:
    by = f", by {event.text_field('changed_by')}" if event.text_field("changed_by") else ""
    return (
        f"{event.text_field('key')}: {_value(event.data.get('old_value'))} → {_value(event.data.get('new_value'))}{by}"
    )


def _trading_state(event: "HistoryEvent") -> str:
    words = f"{event.text_field('old_state')} → {event.text_field('new_state')}"
    return words + _asked_by(event, "by") + (f": {event.text_field('why')}" if event.text_field("why") else "")


def _service(event: "HistoryEvent") -> str:
    pid = f"pid {event.data['pid']}" if isinstance(event.data.get("pid"), int) else None
    return " ".join(word for word in (event.text_field("service"), pid, event.text_field("reason")) if word)


def _command(event: "HistoryEvent") -> str:
    words = [event.text_field("command"), event.text_field("target"), event.text_field("outcome")]
    said = [text for text in (event.text_field("message"), event.text_field("why")) if text]
    asked = " ".join(word for word in words if word) + _asked_by(event, "issued_by")
    return asked + "".join(f": {text}" for text in said)


def _asked_by(event: "HistoryEvent", way: str) -> str:
    """Return who asked, and in parentheses by which way (the field's name); the way alone where nobody is known."""
    person, how = event.text_field("person"), event.text_field(way)
    how = _WAYS.get(how or "", how)
    return f", by {person}{f' ({how})' if how else ''}" if person else f", by {how}" if how else ""


def _owner(event: "HistoryEvent") -> str:
    doubt = f", but {event.text_field('doubt')}" if event.text_field("doubt") else ""
    return f"orders on {event.text_field('account')} belong to owner {event.text_field('owner')}{doubt}"


def _owner_confirmed(event: "HistoryEvent") -> str:
    who, why = event.text_field("person") or "unknown", event.text_field("why") or ""
    return f"owner {event.text_field('owner')} on {event.text_field('account')} confirmed by {who}: {why}"


def _fault(event: "HistoryEvent") -> str:
    from cq_tui.store.history.faults import HistoryFault

    indexes = event.data.get("indexes")
    index = next(iter(indexes), None) if isinstance(indexes, list) else None
    fault = HistoryFault(
        event.text_field("file") or "", event.text_field("reason") or "", index if isinstance(index, int) else None
    )
    return fault.headline


def _acknowledgement(event: "HistoryEvent") -> str:
    from cq_tui.store.history.faults import headline_of

    comment = f": {event.text_field('comment')}" if event.text_field("comment") else ""
    fault = f"{event.text_field('fault_id') or ''} {headline_of(event.text_field('fault') or '')}".strip()
    return f"{fault or 'fault'} accepted by {event.text_field('acknowledged_by') or 'unknown'}{comment}"


def _restored(event: "HistoryEvent") -> str:
    rolled_back = int(event.number_field("rolled_back") or 0)
    lost = f", {rolled_back:,} signed events rolled back" if rolled_back else ""
    count = int(event.number_field("events") or 0)
    return f"{count:,} events restored from {event.text_field('backup') or '?'}{lost}"


def _clock(event: "HistoryEvent") -> str:
    return f"event times are {event.number_field('ahead_sec') or 0.0:,.0f} s ahead of the clock, which went back"


def _klines_repaired(event: "HistoryEvent") -> str:
    first = format_datetime((event.number_field("first_open_time") or 0) / 1000)
    klines = pluralize(int(event.number_field("count") or 0), "stored kline")
    return (
        f"{event.text_field('symbol')} {event.text_field('interval')}: {klines} replaced by the exchange's, which "
        f"differed, from {first} on"
    )


def _history_imported(event: "HistoryEvent") -> str:
    count = event.number_field("events") or 0
    layout, source = event.text_field("layout"), event.text_field("source")
    return f"{count:,.0f} events of {layout} taken over from {source}; their chain: {event.text_field('verdict')}"


def _imported_event(event: "HistoryEvent") -> str:
    """Return whose event it was, and its summary as if it were ours."""
    from cq_tui.store.reading.event import HistoryEvent

    kind, source = event.text_field("event_type") or "event", event.text_field("source")
    original = event.data.get("original")
    data = original.get("data") if isinstance(original, dict) else None
    told = HistoryEvent(event.event_id, event.timestamp, kind, "", data if isinstance(data, dict) else {})
    summary = event.text_field("text") or (summarize_event(told) if kind not in _IMPORTS else "")
    return f"{kind} of {source}, another installation{f': {summary}' if summary else ''}"


def _any_event(event: "HistoryEvent") -> str:
    return "  ".join(f"{key} {_value(value)}" for key, value in event.data.items())


def _value(value: object) -> str:
    return "true" if value is True else "false" if value is False else "unset" if value is None else str(value)


_IMPORTS = ("history_imported", "imported_event")
#: How something was asked, in words, where the field's value is none.
_WAYS = {"cli": "command", "file": "a file", "signal": "a signal"}

_SUMMARIZERS = {
    "signal_generated": _trade,
    "order_submitted": _trade,
    "order_executed": _trade,
    "order_rejected": _trade,
    "order_canceled": _trade,
    "order_sent": _trade,
    "order_accepted": _trade,
    "order_unknown": _trade,
    "entry_waits": trader_events.entry_waits,
    "exit_requested": trader_events.exit_requested,
    "part_exit_requested": trader_events.part_exit_requested,
    "part_exit_ended": trader_events.part_exit_ended,
    "stop_moved": trader_events.stop_moved,
    "position_changed": trader_events.position_changed,
    "position_adopted": trader_events.position_adopted,
    "doubt_raised": trader_events.doubt_raised,
    "doubt_ended": trader_events.doubt_ended,
    "holding_accepted": trader_events.holding_accepted,
    "account_opened": trader_events.account_opened,
    "funds_moved": trader_events.funds_moved,
    "equity_marked": trader_events.equity_marked,
    "loss_limit_reached": trader_events.loss_limit_reached,
    "loss_limit_ended": trader_events.loss_limit_ended,
    "commission_valued": trader_events.commission_valued,
    "book_taken_over": trader_events.book_taken_over,
    "symbol_failed": _trade,
    "symbol_quarantined": trader_events.symbol_quarantined,
    "symbol_released": trader_events.symbol_released,
    "symbol_locked": trader_events.symbol_locked,
    "symbol_unlocked": trader_events.symbol_unlocked,
    "foreign_sale_planned": trader_events.foreign_sale_planned,
    "health_status_changed": _health,
    "config_changed": _config,
    "trading_state_changed": _trading_state,
    "service_started": _service,
    "service_stopped": _service,
    "command_executed": _command,
    "owner_established": _owner,
    "owner_confirmed": _owner_confirmed,
    "clock_behind": _clock,
    "klines_repaired": _klines_repaired,
    "integrity_fault": _fault,
    "integrity_acknowledged": _acknowledgement,
    "history_imported": _history_imported,
    "imported_event": _imported_event,
    "history_restored": _restored,
}

_LEVELS: dict[str, StatusLevel] = {
    "integrity_fault": "bad",
    "integrity_acknowledged": "look",
    "history_imported": "look",
    "history_restored": "look",
    "loss_limit_reached": "bad",
    "loss_limit_ended": "look",
    "clock_behind": "look",
    "klines_repaired": "look",
    "owner_confirmed": "look",
    "trading_state_changed": "look",
    "order_rejected": "look",
    "order_unknown": "look",
    "doubt_raised": "look",
    "holding_accepted": "look",
    "funds_moved": "look",
    "symbol_failed": "look",
    "symbol_quarantined": "look",
    "symbol_locked": "look",
    "symbol_unlocked": "look",
    "foreign_sale_planned": "look",
    "health_status_changed": "look",
    "order_executed": "good",
}
