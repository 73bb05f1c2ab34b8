"""Mutations of ``event_chain.ndjson`` alone: its blocks, and what was signed, tell what it was."""

import os

import orjson

from tests.services.memory_battery.edits import (
    append,
    cut,
    edit_events,
    edit_line,
    inserted,
    repeated,
    swapped,
    without,
)
from tests.services.memory_battery.mutation import Mutation, place
from tests.services.memory_battery.site import Site
from tests.store.history.histories import event_lines

EVENTS = "event_chain.ndjson"
_HISTORY = frozenset({"history"})


def _flip_in(marker: bytes, share: float, offset: int = 0) -> Mutation:
    def change(line: bytes) -> bytes:
        at = line.index(marker) + offset
        return line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]

    return Mutation(
        f"a bit of {marker.decode()} is flipped at {share}",
        lambda site: edit_events(site.data, edit_line(share, change)),
        kinds=_HISTORY,
        file=EVENTS,
        at=share,
    )


def _cut_events(count: int) -> Mutation:
    return Mutation(
        f"the last {count} are cut",
        lambda site: edit_events(site.data, lambda lines: lines[:-count]),
        exit_code=1,
        missing=(0, count),
    )


def _foreign_line(site: Site) -> bytes:
    return event_lines(site.other)[3]


def made_up(site: Site, count: int = 1, **metadata: object) -> list[bytes]:
    """Return lines that would come next, by a writer that nobody knows."""
    last = orjson.loads(event_lines(site.data)[-1])
    return [
        orjson.dumps(
            last
            | {"event_id": f"evt_{int(last['timestamp']) + number}_001", "timestamp": 0.5}
            | {"metadata": {"writer": "intruder", "seq": number, "occurred_at": 1.0} | metadata}
        ).replace(b'"timestamp":0.5', b'"timestamp":%d.000000' % (int(last["timestamp"]) + number))
        for number in range(1, count + 1)
    ]


def _append_line(line: bytes) -> Mutation:
    return Mutation(
        f"a line {line[:20]!r} is appended",
        lambda site: append(site.data.events, line + b"\n"),
        # What a power failure leaves is no event, an object is.
        exit_code=2 if line == b"{}" else 0,
        kinds=_HISTORY if line == b"{}" else frozenset(),
    )


MUTATIONS = (
    *(_flip_in(b'"number":', share, 9) for share in (0.1, 0.5, 0.9)),
    _flip_in(b'{"event_id"', 0.5),
    _flip_in(b"evt_", 0.5, 6),
    _flip_in(b'"timestamp":', 0.1, 14),
    _flip_in(b'"event_type":"', 0.9, 15),
    _flip_in(b'"writer":"', 0.5, 10),
    _flip_in(b'"seq":', 0.9, 6),
    _flip_in(b'"metadata"', 0.5),
    Mutation(
        "a value is changed",
        lambda site: edit_events(site.data, edit_line(0.6, lambda line: line.replace(b'"number":', b'"number":1'))),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.6,
    ),
    Mutation(
        "one is replaced by garbage",
        lambda site: edit_events(site.data, edit_line(0.3, lambda line: b"\x00" * len(line))),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.3,
    ),
    Mutation(
        "one is replaced by a nesting of 100,000",
        lambda site: edit_events(
            site.data, edit_line(0.3, lambda line: line.replace(b'"data":{', b'"data":' + b'{"a":' * 100_000 + b"{"))
        ),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.3,
    ),
    Mutation(
        "one is inserted",
        lambda site: edit_events(site.data, lambda lines: inserted(0.4, _foreign_line(site))(lines)),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.4,
    ),
    Mutation(
        "garbage is inserted",
        lambda site: edit_events(site.data, inserted(0.4, b"garbage")),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.4,
    ),
    Mutation(
        "an empty line is inserted",
        lambda site: edit_events(site.data, inserted(0.4, b"")),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.4,
    ),
    Mutation(
        "one is deleted",
        lambda site: edit_events(site.data, without(0.4)),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.4,
    ),
    Mutation(
        "the first is deleted", lambda site: edit_events(site.data, without(0)), kinds=_HISTORY, file=EVENTS, at=0
    ),
    Mutation(
        "two change places",
        lambda site: edit_events(site.data, swapped(0.4)),
        kinds=_HISTORY,
        file=EVENTS,
        at=0.4,
    ),
    Mutation("one stands twice", lambda site: edit_events(site.data, repeated(0.4)), kinds=_HISTORY, file=EVENTS),
    Mutation("the last stands twice", lambda site: edit_events(site.data, repeated(1)), kinds=_HISTORY, file=EVENTS),
    Mutation(
        "line feeds become those of Windows",
        lambda site: site.data.events.write_bytes(site.data.events.read_bytes().replace(b"\n", b"\r\n")),
        kinds=_HISTORY,
        file=EVENTS,
        at=0,
    ),
    Mutation(
        "a byte order mark stands in front",
        lambda site: site.data.events.write_bytes(b"\xef\xbb\xbf" + site.data.events.read_bytes()),
        kinds=_HISTORY,
        file=EVENTS,
        at=0,
    ),
    _cut_events(1),
    _cut_events(13),
    Mutation("all are cut", lambda site: os.truncate(site.data.events, 0), exit_code=1, missing=(1, 0)),
    Mutation("the last is cut in the middle", lambda site: cut(site.data.events, 40), exit_code=1, missing=(0, 1)),
    Mutation("the last line feed is cut", lambda site: cut(site.data.events, 1), exit_code=1, missing=(0, 1)),
    Mutation(
        "half are cut, in the middle of a line",
        lambda site: os.truncate(
            site.data.events,
            sum(len(line) + 1 for line in event_lines(site.data)[: place(site.events, 0.5)]) - 10,
        ),
        exit_code=1,
        missing=(0.5, 1),
    ),
    _append_line(b"garbage"),
    _append_line(b"\x00" * 4096),
    _append_line(b'{"event_id":' * 100_000),
    _append_line(b"{}"),
    _append_line(b"[" * 100_000),
    Mutation(
        "half a line is appended", lambda site: append(site.data.events, event_lines(site.data)[-1][:50]), exit_code=0
    ),
    Mutation("zeros are appended", lambda site: append(site.data.events, b"\x00" * 100), exit_code=0),
    Mutation(
        "its last lines are appended again",
        lambda site: edit_events(site.data, lambda lines: lines + lines[-5:]),
        kinds=_HISTORY,
        file=EVENTS,
    ),
    Mutation(
        "one that nobody spooled is appended",
        lambda site: edit_events(site.data, lambda lines: lines + made_up(site)),
        exit_code=1,
    ),
    Mutation(
        "five that nobody spooled are appended",
        lambda site: edit_events(site.data, lambda lines: lines + made_up(site, 5)),
        exit_code=1,
    ),
    Mutation(
        "one is appended whose number leaves its writer none",
        lambda site: edit_events(site.data, lambda lines: lines + made_up(site, writer="trader", seq=2**53 - 1)),
        kinds=_HISTORY,
        file=EVENTS,
    ),
)
