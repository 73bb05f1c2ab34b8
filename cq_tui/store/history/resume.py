"""Resuming from a snapshot, without verifying everything first."""

import os
from pathlib import Path

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import starts_as_chain
from cq_tui.store.history.event_line import EventLineError, parse_header
from cq_tui.store.history.hash_chain import ChainBlock, parse_links
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.position import HistoryPosition
from cq_tui.store.journal import MAX_LINE_BYTES
from cq_tui.store.regular_file import open_regular

#: A fault: the events before a snapshot are others than those it was taken of.
OTHER_BEGINNING = "the beginning is not the one that the last snapshot saw"
#: Upper limit of a block's size.
_BLOCK_BYTES = 1024


def resume_from_snapshot(data: DataDir, snapshot: SnapshotHistory) -> HistoryPosition | None:
    """Return the position in a snapshot; None if the files do not confirm it. Raises OSError.

    The last event and its block must be where the snapshot says and match, and the frontier must have its root.
    """
    count, event_end, block_end = snapshot.events_count, snapshot.events_bytes, snapshot.chain_bytes
    if not count or snapshot.frontier is None or event_end is None or block_end is None:
        return None
    try:
        frontier = MerkleFrontier.restored(count, [bytes.fromhex(root) for root in snapshot.frontier])
        line = line_before(data.events, event_end)
        header = parse_header(line)
    except (ValueError, EventLineError):
        return None
    stored = line_before(data.hash_chain, block_end + 1, _BLOCK_BYTES, ends=(b",", b"\n"))
    links = parse_links(stored)
    if (
        links is None
        or (links.index, links.event_hash) != (count, leaf_hash(line))
        or frontier.root().hex() != snapshot.merkle_root
        or not starts_as_chain(data.hash_chain)
    ):
        return None
    return HistoryPosition(
        events=count,
        frontier=frontier,
        tip=ChainBlock(stored, links.hash),
        last_header=header,
        cursors=dict(snapshot.cursors),
        # Where they began is known once the events before are verified.
        first_seqs=dict.fromkeys(snapshot.cursors, 1),
        unnumbered=0 if snapshot.cursors else count,
        event_end=event_end,
        block_end=block_end,
    )


def line_before(path: Path, end: int, most: int = MAX_LINE_BYTES + 1, ends: tuple[bytes, ...] = (b"\n",)) -> bytes:
    """Return the line that ends, with one of ``ends``, just before offset ``end``; empty if there is none.

    Raises OSError.
    """
    with open(path, "rb", opener=open_regular) as file:
        start = max(0, end - most)
        content = os.pread(file.fileno(), end - start, start)
    if len(content) != end - start or content[-1:] not in ends:
        return b""
    return content[:-1].rpartition(b"\n")[2]
