"""Resuming without verifying every block first: from a snapshot, or from the root in the chain document."""

import os
from pathlib import Path

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.batch import BATCH_EVENTS, parse_sequences
from cq_tui.store.history.chain_file import read_chain_tail, starts_as_chain
from cq_tui.store.history.event_line import EventLineError, parse_header
from cq_tui.store.history.hash_chain import TAIL_BYTES, ChainBlock, ChainError, parse_links
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.position import HistoryPosition
from cq_tui.store.history.stored_lines import EventLines
from cq_tui.store.journal import MAX_LINE_BYTES
from cq_tui.store.regular_file import open_regular

#: With fewer events, all of them are verified at startup.
_FEWEST = 100_000
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
        line = _line_before(data.events, event_end, MAX_LINE_BYTES + 1)
        header = parse_header(line)
    except (ValueError, EventLineError):
        return None
    stored = _line_before(data.hash_chain, block_end + 1, _BLOCK_BYTES, ends=(b",", b"\n"))
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
        event_end=event_end,
        block_end=block_end,
    )


def resume_from_tail(data: DataDir, *, fewest: int = _FEWEST) -> HistoryPosition | None:
    """Return the position at the end of the chain if the events have the root there; None otherwise. Raises OSError.

    The root covers every byte of the events and their order; only the blocks are verified later. Not worth it with
    fewer than ``fewest`` events.
    """
    try:
        tail = read_chain_tail(data.hash_chain)
    except (ChainError, IsADirectoryError):
        return None
    count = tail.chain_length - 1
    if count < fewest or not starts_as_chain(data.hash_chain):
        return None
    chain_end = data.hash_chain.stat().st_size - TAIL_BYTES
    position = _replay_events(data.events, count)
    stored = _line_before(data.hash_chain, chain_end + 1, _BLOCK_BYTES)
    links = parse_links(stored)
    if position is None or links is None or links.index != count or position.frontier.root().hex() != tail.merkle_root:
        return None
    position.tip, position.block_end = ChainBlock(stored, links.hash), chain_end
    return position


def _replay_events(path: Path, count: int) -> HistoryPosition | None:
    """Return the position after ``count`` events; None if there are fewer, or one has no valid origin."""
    position, lines = HistoryPosition(), EventLines(path)
    last = b""
    try:
        while position.events < count:
            events, batch = lines.peek(min(BATCH_EVENTS, count - position.events))
            sequences = parse_sequences("\n" + events.decode("latin-1"), len(batch))
            if not batch or sequences is None or not position.precedes(sequences):
                return None
            lines.consume(events)
            position.frontier.extend([leaf_hash(line) for line in batch])
            position.add_sequences(sequences)
            position.events += len(batch)
            position.event_end += len(events)
            last = batch[-1]
        position.last_header = parse_header(last)
    except EventLineError:
        return None
    finally:
        lines.close()
    position.frontier.subtrees.clear()
    return position


def _line_before(path: Path, end: int, most: int, ends: tuple[bytes, ...] = (b"\n",)) -> bytes:
    """Return the line that ends, with one of ``ends``, just before offset ``end``; empty if there is none."""
    with open(path, "rb", opener=open_regular) as file:
        start = max(0, end - most)
        content = os.pread(file.fileno(), end - start, start)
    if len(content) != end - start or content[-1:] not in ends:
        return b""
    return content[:-1].rpartition(b"\n")[2]
