"""Fast verification of a batch of events: its blocks are rebuilt from its lines, to be compared byte by byte.

No JSON is parsed. A batch that is not exactly as memory writes it is left to ``Verifier`` to verify line by line.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from operator import le, lt
from typing import NamedTuple

from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import ChainBlock, build_blocks

#: Events verified together; fits the processor's cache.
BATCH_EVENTS = 256
_HEADERS = re.compile(
    r'\n\{"event_id":"(evt_[0-9]{1,12}_[0-9]{3,12})","timestamp":([0-9]{1,12}\.[0-9]{6}),'
    r'"event_type":"([A-Za-z0-9_.:-]+)","source":"'
)
_METADATA = '"metadata":{"writer":"'
#: Matches at most once per line, whatever its payload contains.
_SEQUENCES = re.compile(
    _METADATA.replace("{", r"\{") + r'([a-z0-9-]+)","seq":([1-9][0-9]{0,14}),"occurred_at":[^\n]*\n'
)


class VerifiedBatch(NamedTuple):
    """What a sound batch of events adds to a history."""

    leaves: list[bytes]
    #: The joined blocks that the document must have.
    blocks: bytes
    last_header: EventHeader
    tip: ChainBlock
    sequences: "WriterSequences"


class WriterSequences(NamedTuple):
    """The sequence numbers in a batch. A writer's numbers grow by one, or events were lost."""

    #: Last number, by writer.
    last: dict[str, int]
    #: First number, by writer.
    first: dict[str, int]
    #: How many numbers between them are missing, by writer.
    missing: dict[str, int]


def check_batch(
    events: bytes, lines: Sequence[bytes], index: int, tip: ChainBlock, last_id: str | None
) -> VerifiedBatch | None:
    """Return what a batch adds if its events and their order are sound, else None. The caller compares the blocks.

    ``events`` are whole lines, ``lines`` the same without line feeds; ``index`` is that of the first, ``tip`` the
    block before it and ``last_id`` the event before it.
    """
    text = "\n" + events.decode("latin-1")
    headers = _HEADERS.findall(text)
    sequences = parse_sequences(text, len(lines))
    if len(headers) != len(lines) or sequences is None or not _in_order(headers, last_id):
        return None
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    blocks, last = build_blocks(index, headers, leaves, tip.hash)
    return VerifiedBatch(leaves, blocks, EventHeader(*headers[-1]), last, sequences)


def parse_sequences(text: str, count: int) -> WriterSequences | None:
    """Return the sequence numbers of ``count`` lines; None if one has none or they do not grow."""
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


def _in_order(headers: Sequence[tuple[str, str, str]], last_id: str | None) -> bool:
    """Whether ids increase strictly and times never decrease."""
    ids = [header[0] for header in headers]
    if last_id is not None:
        ids.insert(0, last_id)
    times = [header[1] for header in headers]
    # Texts sort like their numbers unless the number of digits changes: then numbers are compared.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(event_id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )


def event_id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id, by which events are ordered."""
    _, second, count = event_id.split("_")
    return int(second), int(count)
