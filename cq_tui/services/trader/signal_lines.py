"""Signals in the lines of the history."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger

from cq_tui.contracts.base import Side
from cq_tui.contracts.events import SignalGenerated
from cq_tui.trading.core.inputs import SignalRefused
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.signals import TradeSignal, parse_signal

_MARK = b'"event_type":"signal_generated"'
#: Most characters of a name, and of a problem, that an event repeats from a refused signal.
_LONGEST_NAME, _LONGEST_PROBLEM = 40, 300


class ToldSignal(NamedTuple):
    """A signal, and what its event says about it."""

    #: What can be followed or denied; or the answer to one that cannot be read.
    signal: TradeSignal | SignalRefused
    #: When memory appended the event (Unix seconds), and its id.
    timestamp: float
    event_id: str
    #: The mode in which it was made; None if it does not say.
    mode: str | None


def read_signal(line: bytes, log: FilteringBoundLogger) -> ToldSignal | None:
    """Return the signal of a line; None if the line is about something else, or no event of the history."""
    if _MARK not in line:
        return None
    try:
        event = orjson.loads(line)
        if event["event_type"] != "signal_generated":
            return None
        metadata = event.get("metadata")
        mode = metadata.get("mode") if isinstance(metadata, dict) else None
        timestamp, event_id = float(event["timestamp"]), str(event["event_id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("signal invalid", problem=str(error))
        return None
    data = event.get("data")
    try:
        signal: TradeSignal | SignalRefused = parse_signal(SignalGenerated.model_validate(data))
    except (ValueError, ArithmeticError, TypeError) as error:
        problem = _problem_of(error)
        log.warning("signal invalid", problem=problem)
        signal = _refused(line, data if isinstance(data, dict) else {}, problem)
    return ToldSignal(signal, timestamp, event_id, mode)


def _refused(line: bytes, data: Mapping[str, Any], problem: str) -> SignalRefused:
    """Return the answer to a signal that cannot be read. Its line names it: it may have no natural key."""
    denial = Denial(DenialReason.SIGNAL_IMPLAUSIBLE, problem)
    return SignalRefused(
        key=f"unreadable:{sha256(line).hexdigest()[:26]}",
        symbol=_text(data.get("symbol"), _LONGEST_NAME),
        side=_side(data.get("side")),
        strategy=_text(data.get("strategy"), _LONGEST_NAME),
        code=denial.reason.value,
        reason=str(denial),
    )


def _side(told: object) -> Side:
    """Return the nearest side: an event has one of the two, and the reason quotes what was told."""
    return "SELL" if str(told).strip().upper() == "SELL" else "BUY"


def _problem_of(error: Exception) -> str:
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False)
        told = (
            f"{'.'.join(map(str, one['loc'])) or 'data'} is {str(one['input'])[:30]!r}: {one['msg']}" for one in faults
        )
        return _text("; ".join(told), _LONGEST_PROBLEM)
    return _text(str(error), _LONGEST_PROBLEM)


def _text(told: object, most: int) -> str:
    """Return text from outside, cut, without what could not be shown."""
    text = told if isinstance(told, str) else "" if told is None else str(told)
    return "".join(one for one in text[:most] if one.isprintable())
