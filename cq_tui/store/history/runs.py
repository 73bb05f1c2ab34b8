"""The quick look at a run of events: its blocks are built again from its lines and compared byte by byte.

No JSON is parsed. A run in which anything is not exactly as memory writes it is left to the close look (``walk``).
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from operator import le, lt
from typing import NamedTuple

from cq_tui.store.history.event_line import EventHead
from cq_tui.store.history.hash_chain import DOMAIN, SEPARATOR, Block

#: So many events are looked at together: few enough for the processor's cache.
RUN = 512
#: ``,"hash":"`` and 64 digits and ``"}`` end every block.
_SEAL_BYTES = 75
_HEADS = re.compile(
    r'\n\{"event_id":"(evt_(\d+)_\d{3,})","timestamp":(\2\.\d{6}),"event_type":"([A-Za-z0-9_.:-]+)","source":"'
)
_ORIGINS = re.compile(rb'"metadata":\{"writer":"([a-z0-9-]+)","seq":(\d+),"occurred_at":')


class Run(NamedTuple):
    """What a sound run of events adds to a history."""

    leaves: list[bytes]
    last_head: EventHead
    tip: Block
    #: Last number of each writer.
    cursors: dict[str, int]
    #: Events of each writer.
    written: dict[str, int]


def check_run(
    lines: Sequence[bytes], blocks: Sequence[bytes], index: int, tip: Block, last_id: str | None
) -> Run | None:
    """Return what a run adds when each event, its block, its order and its place in the chain are sound, else None.

    ``lines`` are events without their line feeds, ``blocks`` the stored ones; ``index`` is that of the first,
    ``tip`` the block and ``last_id`` the event before it.
    """
    if len(lines) != len(blocks):
        return None
    events = b"\n".join((b"", *lines))
    heads = _HEADS.findall(events.decode("latin-1"))
    origins = _ORIGINS.findall(events)
    if not len(heads) == len(origins) == len(lines) or not _in_order(heads, last_id):
        return None
    leaves = [sha256(b"\x00" + line).digest() for line in lines]
    hashes = [sha256(DOMAIN + block[:-_SEAL_BYTES]).hexdigest() for block in blocks]
    leaf_text = b"".join(leaves).hex()
    expected = [
        f'{{"index":{number},"timestamp":{timestamp},"data":{{"event_id":"{event_id}","event_type":"{event_type}",'
        f'"event_hash":"{leaf_text[at : at + 64]}"}},"previous_hash":"{previous}","hash":"{digest}"}}'
        for number, at, (event_id, _, timestamp, event_type), previous, digest in zip(
            range(index, index + len(lines)),
            range(0, 64 * len(lines), 64),
            heads,
            (tip.hash, *hashes[:-1]),
            hashes,
            strict=True,
        )
    ]
    if SEPARATOR.decode().join(expected).encode() != SEPARATOR.join(blocks):
        return None
    event_id, _, timestamp, event_type = heads[-1]
    cursors = {writer.decode(): int(seq) for writer, seq in dict(origins).items()}
    written = dict.fromkeys(cursors, 0)
    for writer, _ in origins:
        written[writer.decode()] += 1
    return Run(leaves, EventHead(event_id, timestamp, event_type), Block(blocks[-1], hashes[-1]), cursors, written)


def _in_order(heads: Sequence[tuple[str, str, str, str]], last_id: str | None) -> bool:
    """Whether ids grow strictly and with them the times, which agree with their ids."""
    ids = [head[0] for head in heads]
    if last_id is not None:
        ids.insert(0, last_id)
    times = [head[2] for head in heads]
    # Text grows as its numbers do, unless one gets a digit more: then the numbers are looked at.
    grows = all(map(lt, ids, ids[1:])) or all(one < other for one, other in pairwise(map(id_key, ids)))
    return grows and (
        all(map(le, times, times[1:])) or all(float(one) <= float(other) for one, other in pairwise(times))
    )


def id_key(event_id: str) -> tuple[int, int]:
    """Return second and count of an id."""
    _, second, count = event_id.split("_")
    return int(second), int(count)
