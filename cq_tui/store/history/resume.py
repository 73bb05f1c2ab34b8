"""Going on from a snapshot without reading what came before it, when events and chain confirm what it says."""

import os
from pathlib import Path

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import begins_as_chain
from cq_tui.store.history.event_line import EventLineError, read_head
from cq_tui.store.history.hash_chain import Block, read_links
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.walk import Place
from cq_tui.store.journal import MAX_LINE_BYTES

#: No block is longer.
_BLOCK_BYTES = 1024


def resume(data: DataDir, stood: SnapshotHistory) -> Place | None:
    """Return the place that a snapshot names; None when the files do not confirm it. Raises OSError.

    The last event and its block stand where the snapshot says, belong to each other, and the frontier has its root.
    """
    if not stood.events_count or stood.frontier is None or stood.events_bytes is None or stood.chain_bytes is None:
        return None
    try:
        frontier = MerkleFrontier.restored(stood.events_count, [bytes.fromhex(root) for root in stood.frontier])
        line = _line_before(data.events, stood.events_bytes, MAX_LINE_BYTES + 1)
        head = read_head(line)
    except (ValueError, EventLineError):
        return None
    stored = _line_before(data.hash_chain, stood.chain_bytes + 1, _BLOCK_BYTES, ends=(b",", b"\n"))
    links = read_links(stored)
    if (
        links is None
        or (links.index, links.event_hash) != (stood.events_count, leaf_hash(line))
        or frontier.root().hex() != stood.merkle_root
        or not begins_as_chain(data.hash_chain)
    ):
        return None
    return Place(
        events=stood.events_count,
        frontier=frontier,
        tip=Block(stored, links.hash),
        last_head=head,
        cursors=dict(stood.cursors),
        event_end=stood.events_bytes,
        block_end=stood.chain_bytes,
    )


def _line_before(path: Path, end: int, most: int, ends: tuple[bytes, ...] = (b"\n",)) -> bytes:
    """Return the line whose ending, one of ``ends``, is the last byte before ``end``; nothing when there is none."""
    with path.open("rb") as file:
        start = max(0, end - most)
        content = os.pread(file.fileno(), end - start, start)
    if len(content) != end - start or content[-1:] not in ends:
        return b""
    return content[:-1].rpartition(b"\n")[2]
