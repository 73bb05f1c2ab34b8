"""Going on without verifying every block first: from a snapshot, or from the root that the chain document names."""

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

#: With fewer events all of them are verified at the start.
_FEWEST = 100_000
#: No block is longer.
_BLOCK_BYTES = 1024


def resume_from_snapshot(data: DataDir, stood: SnapshotHistory) -> HistoryPosition | None:
    """Return the place that a snapshot names; None when the files do not confirm it. Raises OSError.

    The last event and its block stand where the snapshot says, belong to each other, and the frontier has its root.
    """
    if not stood.events_count or stood.frontier is None or stood.events_bytes is None or stood.chain_bytes is None:
        return None
    try:
        frontier = MerkleFrontier.restored(stood.events_count, [bytes.fromhex(root) for root in stood.frontier])
        line = _line_before(data.events, stood.events_bytes, MAX_LINE_BYTES + 1)
        head = parse_header(line)
    except (ValueError, EventLineError):
        return None
    stored = _line_before(data.hash_chain, stood.chain_bytes + 1, _BLOCK_BYTES, ends=(b",", b"\n"))
    links = parse_links(stored)
    if (
        links is None
        or (links.index, links.event_hash) != (stood.events_count, leaf_hash(line))
        or frontier.root().hex() != stood.merkle_root
        or not starts_as_chain(data.hash_chain)
    ):
        return None
    return HistoryPosition(
        events=stood.events_count,
        frontier=frontier,
        tip=ChainBlock(stored, links.hash),
        last_header=head,
        cursors=dict(stood.cursors),
        event_end=stood.events_bytes,
        block_end=stood.chain_bytes,
    )


def resume_from_tail(data: DataDir, *, fewest: int = _FEWEST) -> HistoryPosition | None:
    """Return the end of the chain, when the events have the root that stands there; None otherwise. Raises OSError.

    A root holds for every byte of the events and for their order; only the blocks are left for later. With less than
    ``fewest`` events that is not worth while.
    """
    try:
        tail = read_chain_tail(data.hash_chain)
    except (ChainError, IsADirectoryError):
        return None
    count = tail.chain_length - 1
    if count < fewest or not starts_as_chain(data.hash_chain):
        return None
    chain_end = data.hash_chain.stat().st_size - TAIL_BYTES
    place = _replay_events(data.events, count)
    stored = _line_before(data.hash_chain, chain_end + 1, _BLOCK_BYTES)
    links = parse_links(stored)
    if place is None or links is None or links.index != count or place.frontier.root().hex() != tail.merkle_root:
        return None
    place.tip, place.block_end = ChainBlock(stored, links.hash), chain_end
    return place


def _replay_events(path: Path, count: int) -> HistoryPosition | None:
    """Return where so many events end, and their tree; None when there are fewer, or one does not tell its writer."""
    place, lines = HistoryPosition(), EventLines(path)
    last = b""
    try:
        while place.events < count:
            events, run = lines.peek(min(BATCH_EVENTS, count - place.events))
            origins = parse_sequences("\n" + events.decode("latin-1"), len(run))
            if not run or origins is None or not place.precedes(origins):
                return None
            lines.consume(events)
            place.frontier.extend([leaf_hash(line) for line in run])
            place.add_sequences(origins)
            place.events, place.event_end, last = place.events + len(run), place.event_end + len(events), run[-1]
        place.last_header = parse_header(last)
    except EventLineError:
        return None
    finally:
        lines.close()
    place.frontier.subtrees.clear()
    return place


def _line_before(path: Path, end: int, most: int, ends: tuple[bytes, ...] = (b"\n",)) -> bytes:
    """Return the line whose ending, one of ``ends``, is the last byte before ``end``; nothing when there is none."""
    with open(path, "rb", opener=open_regular) as file:
        start = max(0, end - most)
        content = os.pread(file.fileno(), end - start, start)
    if len(content) != end - start or content[-1:] not in ends:
        return b""
    return content[:-1].rpartition(b"\n")[2]
