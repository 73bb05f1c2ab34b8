"""Events, one after another: each against its schema, its payload against that of its type, and all in order.

A sound event costs a few microseconds: it is parsed once, its fields are looked at, and it is written again, which
shows that no key stands twice in it. Only an odd one is looked at closely.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import orjson

from cq_tui.contracts.rules.finding import Finding, schema_findings, shown
from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.contracts.rules.order import EventOrder
from cq_tui.contracts.rules.schema_check import Check
from cq_tui.ops.validate.documents import payload_checks, schema_check
from cq_tui.ops.validate.report import FileFindings
from cq_tui.store.journal import MAX_LINE_BYTES, OVERLONG

_LOADS, _DUMPS = orjson.loads, orjson.dumps
#: Fields before ``data`` in a line of ours.
_HEAD_FIELDS: Final = 4
#: Ids that are compared at a time: some 30 MB.
_COMPARED: Final = 500_000
#: Ids that are there twice and are named.
_NAMED: Final = 1_000


class EventJudge:
    """Judges the events of one part of a file."""

    def __init__(self, found: FileFindings) -> None:
        self.found = found
        self.order = EventOrder()
        self._check = schema_check("event")
        self._payloads = payload_checks()

    def judge(self, lines: Sequence[bytes]) -> None:
        """Judge the next events."""
        check, payloads, order, line = self._check, self._payloads, self.order, self.found.records
        for content in lines:
            line += 1
            try:
                event = _LOADS(content)
                data = event["data"]
                is_sound = (
                    not check(event)
                    and ((payload := payloads.get(event["event_type"])) is None or not payload(data))
                    and _is_plain(content, event)
                )
            except (ValueError, KeyError, TypeError):
                is_sound = False
            if not is_sound:
                self.found.add(_look_closely(content, line, self._check, self._payloads, order))
                continue
            for finding in order.follow(event["timestamp"], event["event_id"], line):
                self.found.add((finding,))
        self.found.records = line


def _is_plain(content: bytes, event: dict[str, Any]) -> bool:
    """Whether a line is spelled as memory spells it, so that no key can stand twice in it."""
    data = event["data"]
    # Data version 1.0 has no metadata.
    tail = _DUMPS({"data": data, "metadata": event["metadata"]} if "metadata" in event else {"data": data})
    # The opening brace of the tail stands for the fields before.
    head = len(content) - len(tail) + 1
    return content.endswith(tail[1:]) and content.count(b'":', 0, head) == _HEAD_FIELDS


def _look_closely(
    content: bytes, line: int, check: Check, payloads: dict[str, Check], order: EventOrder
) -> Iterator[Finding]:
    """Yield what is wrong with one event."""
    for finding in _own_findings(content, check, payloads, order, line):
        yield finding if finding.line is not None else finding._replace(line=line)


def _own_findings(
    content: bytes, check: Check, payloads: dict[str, Check], order: EventOrder, line: int
) -> Iterator[Finding]:
    if content == OVERLONG or len(content) > MAX_LINE_BYTES:
        yield Finding("line.too_long", "is longer than 1 MiB")
        return
    if content.endswith(b"\r"):
        yield Finding("line.carriage_return", "ends with a carriage return")
    parsed = parse_json_text(content)
    yield from parsed.findings
    event = parsed.value
    if not parsed.is_json:
        return
    problems = check(event)
    yield from schema_findings(problems or ())
    if not isinstance(event, dict):
        return
    payload, data = payloads.get(str(event.get("event_type"))), event.get("data")
    if payload is not None and isinstance(data, dict):
        yield from schema_findings(payload(data) or (), ("data",))
    timestamp, event_id = event.get("timestamp"), event.get("event_id")
    if isinstance(event_id, str) and isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool):
        yield from order.follow(timestamp, event_id, line)


def find_repeated(ids: Callable[[], Iterable[str | None]], count: int) -> Iterator[Finding]:
    """Yield the ids that are there twice, with their lines; ``ids`` reads them all, each time it is called.

    In bounded memory: of so many at a time, the hashes are sorted.
    """
    passes = max(1, -(-count // _COMPARED))
    suspects = set[int]()
    for number in range(passes):
        hashes = array("q", (code for each in ids() if each is not None and (code := hash(each)) % passes == number))
        for one, other in pairwise(sorted(hashes)):
            if one == other and len(suspects) < _NAMED:
                suspects.add(one)
    if suspects:
        yield from _name_repeated(ids(), suspects)


def _name_repeated(ids: Iterable[str | None], suspects: set[int]) -> Iterator[Finding]:
    seen = Counter[str]()
    for line, each in enumerate(ids, 1):
        if each is not None and hash(each) in suspects:
            seen[each] += 1
            if seen[each] > 1:
                yield Finding("event.id_repeated", "was there before", "event_id", shown(each), line)
