"""The quick look at a run of events: its blocks are built again from its lines, to be compared byte by byte.

No JSON is parsed. A run in which anything is not exactly as memory writes it is left to the close look (``walk``).
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from operator import le, lt
from typing import NamedTuple

from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import ChainBlock, build_blocks

#: So many events are looked at together: few enough for the processor's cache.
BATCH_EVENTS = 256
_HEADERS = re.compile(
    r'\n\{"event_id":"(evt_[0-9]{1,12}_[0-9]{3,12})","timestamp":([0-9]{1,12}\.[0-9]{6}),'
    r'"event_type":"([A-Za-z0-9_.:-]+)","source":"'
)
_METADATA = '"metadata":{"writer":"'
#: One of them in a line at most, whatever its payload says.
_SEQUENCES = re.compile(
    _METADATA.replace("{", r"\{") + r'([a-z0-9-]+)","seq":([1-9][0-9]{0,14}),"occurred_at":[^\n]*\n'
)


class VerifiedBatch(NamedTuple):
    """What a sound run of events adds to a history."""

    leaves: list[bytes]
    #: Their blocks as they must stand in the document, with separators between them.
    blocks: bytes
    last_header: EventHeader
    tip: ChainBlock
    sequences: "WriterSequences"


class WriterSequences(NamedTuple):
    """Which numbers of its writers a run of events has. They grow by one from event to event, or something is lost."""

    #: Last number of each writer.
    last: dict[str, int]
    #: First number of each writer.
    first: dict[str, int]
    #: How many numbers are missing between them, by writer.
    missing: dict[str, int]


def check_batch(
    events: bytes, lines: Sequence[bytes], index: int, tip: ChainBlock, last_id: str | None
) -> VerifiedBatch | None:
    """Return what a run adds when each event and their order are sound, else None; its blocks are to be compared.

    ``events`` are whole lines, ``lines`` the same without their line feeds; ``index`` is that of the first, ``tip``
    the block and ``last_id`` the event before it.
    """
    text = "\n" + events.decode("latin-1")
    heads = _HEADERS.findall(text)
    origins = parse_sequences(text, len(lines))
    if len(heads) != len(lines) or origins is None or not _in_order(heads, last_id):
        return None
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    blocks, last = build_blocks(index, heads, leaves, tip.hash)
    return VerifiedBatch(leaves, blocks, EventHeader(*heads[-1]), last, origins)


def parse_sequences(text: str, count: int) -> WriterSequences | None:
    """Return where ``count`` lines come from; None when one does not say, or numbers of a writer do not grow."""
    found = _SEQUENCES.findall(text)
    if len(found) != count or text.count(_METADATA) != count:
        return None
    numbers: dict[str, list[int]] = {}
    for writer, digits in found:
        numbers.setdefault(writer, []).append(int(digits))
    last: dict[str, int] = {}
    first: dict[str, int] = {}
    missing: dict[str, int] = {}
    for writer, own in numbers.items():
        if not all(map(lt, own, own[1:])):
            return None
        first[writer], last[writer] = own[0], own[-1]
        if lost := own[-1] - own[0] + 1 - len(own):
            missing[writer] = lost
    return WriterSequences(last, first, missing)


def _in_order(heads: Sequence[tuple[str, str, str]], last_id: str | None) -> bool:
    """Whether ids grow strictly and times do not go back."""
    ids = [head[0] for head in heads]
    if last_id is not None:
        ids.insert(0, last_id)
    times = [head[1] for head in heads]
    # Text grows as its numbers do, unless one gets a digit more: then the numbers are looked at.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(event_id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )


def event_id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id."""
    _, second, count = event_id.split("_")
    return int(second), int(count)
