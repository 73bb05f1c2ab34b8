"""Signals in the lines of the history."""

from typing import NamedTuple

import orjson
from structlog.typing import FilteringBoundLogger

from cq_tui.contracts.events import SignalGenerated
from cq_tui.trading.signals import TradeSignal, parse_signal

_MARK = b'"event_type":"signal_generated"'


class ToldSignal(NamedTuple):
    """A signal, and what its event says about it."""

    signal: TradeSignal
    #: When memory appended the event (Unix seconds), and its id.
    timestamp: float
    event_id: str
    #: The mode in which it was made; None if it does not say.
    mode: str | None


def read_signal(line: bytes, log: FilteringBoundLogger) -> ToldSignal | None:
    """Return the signal of a line; None if the line is about something else, or the signal is invalid."""
    if _MARK not in line:
        return None
    try:
        event = orjson.loads(line)
        if event["event_type"] != "signal_generated":
            return None
        metadata = event.get("metadata")
        mode = metadata.get("mode") if isinstance(metadata, dict) else None
        signal = parse_signal(SignalGenerated.model_validate(event["data"]))
        return ToldSignal(signal, float(event["timestamp"]), str(event["event_id"]), mode)
    except (ValueError, ArithmeticError, KeyError, TypeError) as error:
        log.warning("signal invalid", problem=str(error))
        return None
