"""The sequence number of a spooled line, which shows whether an event is new, missing or out of order."""

import re

import orjson

from cq_tui.store.history.event_line import SEQ_LIMIT
from cq_tui.store.journal import MAX_LINE_BYTES

#: The history adds id, time and writer, and its line must not be too long either.
MAX_SPOOLED_BYTES = MAX_LINE_BYTES - 1024
_SEQ = re.compile(rb'\{"seq":([1-9][0-9]{0,14}),')


class InvalidSpooledLine(ValueError):
    """A spooled line that can never be appended to the history."""


def parse_seq(line: bytes) -> int:
    """Return a line's number, mostly without parsing JSON. Raises InvalidSpooledLine."""
    match = _SEQ.match(line)
    if match is not None:
        return int(match[1])
    try:
        seq = orjson.loads(line)["seq"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidSpooledLine(f"no JSON object with a seq: {error}") from None
    if type(seq) is not int or not 0 < seq < SEQ_LIMIT:
        raise InvalidSpooledLine(f"seq is {str(seq)[:40]!r}, a whole number from 1 on is needed")
    return seq


def seq_or_zero(line: bytes) -> int:
    """Return a line's number, 0 if it has none."""
    try:
        return parse_seq(line)
    except InvalidSpooledLine:
        return 0
