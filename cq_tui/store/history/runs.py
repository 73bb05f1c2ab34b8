"""The quick look at a run of events: its blocks are built again from its lines and compared byte by byte.

No JSON is parsed. A run in which anything is not exactly as memory writes it is left to the close look (``walk``).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from operator import le, lt
from typing import NamedTuple

from cq_tui.store.history.event_line import EventHead
from cq_tui.store.history.hash_chain import DOMAIN, SEPARATOR, Block

#: So many events are looked at together: few enough for the processor's cache.
RUN = 256
_HEADS = re.compile(
    r'\n\{"event_id":"(evt_[0-9]+_[0-9]{3,})","timestamp":([0-9]+\.[0-9]{6}),"event_type":"([^"\\]+)","source":"'
)
_ORIGINS = re.compile(rb'"metadata":\{"writer":"([a-z0-9-]+)","seq":([0-9]+),"occurred_at":')
_DOMAIN = DOMAIN.decode()
_SEPARATOR = SEPARATOR.decode()


class Run(NamedTuple):
    """What a sound run of events adds to a history."""

    leaves: list[bytes]
    #: Their blocks as they stand in the document, with separators between them.
    blocks: bytes
    last_head: EventHead
    tip: Block
    #: Last number of each writer.
    cursors: dict[str, int]
    #: Events of each writer.
    written: dict[str, int]


def check_run(
    events: bytes, lines: Sequence[bytes], stored: bytes, index: int, tip: Block, last_id: str | None
) -> Run | None:
    """Return what a run adds when each event, its block, its order and its place in the chain are sound, else None.

    ``events`` are whole lines, ``lines`` the same without their line feeds, ``stored`` the document from the first
    block of the run on, at least as long as they need; ``index`` is that of the first, ``tip`` the block and
    ``last_id`` the event before it.
    """
    events = b"\n" + events
    heads = _HEADS.findall(events.decode("latin-1"))
    origins = origins_of(events)
    if not len(heads) == len(origins) == len(lines) or not _in_order(heads, last_id):
        return None
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    leaf_text = b"".join(leaves).hex()
    blocks: list[str] = []
    at, digest = 0, tip.hash
    for number, (event_id, timestamp, event_type) in enumerate(heads, index):
        unsealed = (
            f'{_DOMAIN}{{"index":{number},"timestamp":{timestamp},"data":{{"event_id":"{event_id}",'
            f'"event_type":"{event_type}","event_hash":"{leaf_text[at : at + 64]}"}},"previous_hash":"{digest}"'
        )
        digest = sha256(unsealed.encode()).hexdigest()
        blocks.append(f'{unsealed},"hash":"{digest}"}}')
        at += 64
    expected = _SEPARATOR.join(blocks).replace(_DOMAIN, "").encode()
    size = len(expected)
    if stored[:size] != expected or stored[size : size + len(SEPARATOR)] not in (SEPARATOR, b""):
        return None
    cursors = last_numbers(origins)
    written = {writer.decode(): count for writer, count in Counter(writer for writer, _ in origins).items()}
    last = blocks[-1].removeprefix(_DOMAIN).encode()
    return Run(leaves, expected, EventHead(*heads[-1]), Block(last, digest), cursors, written)


def origins_of(events: bytes) -> list[tuple[bytes, bytes]]:
    """Return writer and number of each event in some lines; more or fewer than lines where one is not ours."""
    return _ORIGINS.findall(events)


def last_numbers(origins: Iterable[tuple[bytes, bytes]]) -> dict[str, int]:
    """Return the last number of each writer."""
    return {writer.decode(): int(seq) for writer, seq in dict(origins).items()}


def _in_order(heads: Sequence[tuple[str, str, str]], last_id: str | None) -> bool:
    """Whether ids grow strictly and times do not go back."""
    ids = [head[0] for head in heads]
    if last_id is not None:
        ids.insert(0, last_id)
    times = [head[1] for head in heads]
    # Text grows as its numbers do, unless one gets a digit more: then the numbers are looked at.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )


def id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id."""
    _, second, count = event_id.split("_")
    return int(second), int(count)
