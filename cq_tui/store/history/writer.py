"""The history: events in one journal, each chained and hashed, in the order in which they came.

Commit order: events are written, synced, then chained; the chain never runs ahead of durable events.
"""

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import ChainFile
from cq_tui.store.history.event_line import EventClock, EventHeader, build_line
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.full_check import FullCheck
from cq_tui.store.history.hash_chain import DOCUMENT_START, SEPARATOR, ChainTail, build_blocks, genesis_block
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.recovery import recover
from cq_tui.store.history.resume import resume_from_snapshot, resume_from_tail
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.journal import JournalWriter


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its id and time, with its place in its writer's spool."""

    event_type: str
    source: str
    data: Mapping[str, Any]
    writer: str
    seq: int
    occurred_at: float
    metadata: Mapping[str, Any]


class HistoryWriter:
    """The one writer of ``event_chain.ndjson``, ``hash_chain.json`` and ``tree_index.json``."""

    def __init__(
        self,
        data: DataDir,
        *,
        watermark: int = 0,
        now: float,
        stood: Iterable[SnapshotHistory] = (),
        sizes: Collection[int] = (),
    ) -> None:
        """Open and verify, from the first of ``stood`` that the files confirm; ``resume`` says what a start may skip.

        ``watermark`` is the events file's size when it was last known to be synced; ``sizes`` are those of
        the tree at which its root is wanted. Raises JournalError or OSError when the files cannot be opened.
        """
        self._data = data
        self._journal = JournalWriter(data.events, quarantine=data.quarantine, locked=True)
        #: Where verification began: what lies before it is still to be verified (``unverified``).
        self.resumed_from = self._find_resume_position(stood)
        self.scrubber = Scrubber(data.events, self.resumed_from.event_end if self.resumed_from else 0)
        self.chain_scrubber = Scrubber(data.hash_chain, self.resumed_from.block_end if self.resumed_from else 0)
        limits = VerificationLimits(watermark, sizes=sizes)
        found = recover(
            data,
            limits,
            start=self.resumed_from.copy() if self.resumed_from else None,
            take_bytes=self.scrubber.add,
            sink=self.chain_scrubber.add,
        )
        self._journal.refresh_size()
        #: Size of the events file up to which events and chain are both known to be synced.
        self.watermark = watermark
        self.faults: list[HistoryFault] = found.faults
        #: Root at each wanted size that was seen.
        self.roots = found.roots
        self._clock = EventClock(found.position.last_header)
        self._chain = ChainFile(data.hash_chain)
        #: What the chain document still lacks, part by part.
        self._pending: list[bytes] = []
        self._scrubs_twin = False
        self._position = found.position
        found = self._open_chain(found, now)
        #: Of the whole history, or until ``adopt`` only of what follows ``start``.
        self.index, self._index_is_whole = self._make_index(found)

    def _find_resume_position(self, stood: Iterable[SnapshotHistory]) -> HistoryPosition | None:
        for each in stood:
            with contextlib.suppress(FileNotFoundError):
                if place := resume_from_snapshot(self._data, each):
                    return place
        with contextlib.suppress(FileNotFoundError):
            return resume_from_tail(self._data)
        return None

    def _make_index(self, found: Verifier) -> tuple[SubtreeIndex, bool]:
        """Continue the index that lies there, or begin one; return whether it is of the whole history."""
        index = SubtreeIndex(len(DOCUMENT_START) + len(found.genesis.content) + len(SEPARATOR))
        is_whole = self.resumed_from is None
        if self.resumed_from is not None:
            stored = SubtreeIndex.load(self._data.tree_index)
            if stored is not None and stored.truncate(
                self.resumed_from.events // SUBTREE_LEAVES, self.resumed_from.event_end
            ):
                index, is_whole = stored, True
        for root, (event_end, block_end) in zip(found.position.frontier.subtrees, found.subtree_ends, strict=True):
            index.add_subtree(root, event_end, block_end + len(SEPARATOR))
        found.position.frontier.subtrees.clear()
        return index, is_whole

    @property
    def events(self) -> int:
        """Number of events."""
        return self._position.events

    @property
    def cursors(self) -> dict[str, int]:
        """Highest number merged, by writer."""
        return self._position.cursors

    @property
    def chain_length(self) -> int:
        """Blocks, genesis included."""
        return self._position.events + 1

    @property
    def root(self) -> bytes:
        """Root over all events."""
        return self._position.frontier.root()

    @property
    def merkle_root(self) -> str:
        """Hex root over all events."""
        return self.root.hex()

    @property
    def size(self) -> int:
        """Bytes of the events file, all of them synced after ``append``."""
        return self._journal.size

    @property
    def has_unflushed(self) -> bool:
        """Whether the chain document lags behind the events."""
        return self._unflushed

    def append(self, batch: Sequence[NewEvent], now: float) -> list[bytes]:
        """Write, sync and chain a batch; return its lines. Raises JournalError; then nothing was taken."""
        if not batch:
            return []
        heads = self._clock.stamp_all(now, [event.event_type for event in batch])
        lines = [
            build_line(head, event.source, event.data, event.writer, event.seq, event.occurred_at, event.metadata)
            for head, event in zip(heads, batch, strict=True)
        ]
        content = b"\n".join((*lines, b""))
        self._journal.append_bytes(content, durable=True)
        place = self._position
        leaves = [leaf_hash(line) for line in lines]
        blocks, tip = build_blocks(place.events + 1, heads, leaves, place.tip.hash)
        place.frontier.extend(leaves)
        self._index_subtrees(lines, blocks)
        place.events += len(batch)
        place.tip, place.last_header = tip, EventHeader(*heads[-1])
        place.event_end = self._journal.size
        place.block_end += len(SEPARATOR) + len(blocks)
        for event in batch:
            place.cursors[event.writer] = event.seq
        self._pending += SEPARATOR, blocks
        self.scrubber.add(content)
        self._unflushed = True
        return lines

    def _index_subtrees(self, lines: Sequence[bytes], blocks: bytes) -> None:
        """Add to the index the subtrees that became full by these events."""
        place = self._position
        roots = place.frontier.subtrees
        for number, root in enumerate(roots, 1):
            count = number * SUBTREE_LEAVES - place.events % SUBTREE_LEAVES
            event_end = place.event_end + sum(map(len, lines[:count])) + count
            following = SEPARATOR + b'{"index":%d,' % (place.events + count + 1)
            inside = blocks.partition(following)[0]
            self.index.add_subtree(root, event_end, place.block_end + len(SEPARATOR + inside + SEPARATOR))
        roots.clear()

    def flush_chain(self) -> None:
        """Show the newest blocks and root in ``hash_chain.json``, synced. Raises OSError; then it is tried again."""
        self._chain.flush(self._pending, self._tail())
        self._mark_flushed()

    def sync_state(self) -> SnapshotHistory:
        """Bring all files to one synced state and return it: from here a start can go on. Raises OSError."""
        # Twice, so that both files of the document hold the same: one flush at a time counts as done.
        self.flush_chain()
        self.flush_chain()
        if self._index_is_whole:
            self.index.save(self._data.tree_index)
        place = self._position
        return SnapshotHistory(
            events_count=place.events,
            merkle_root=self.merkle_root,
            cursors=dict(place.cursors),
            frontier=[root.hex() for root in place.frontier.roots],
            events_bytes=place.event_end,
            chain_bytes=place.block_end,
        )

    def _mark_flushed(self) -> None:
        for part in self._pending:
            self.chain_scrubber.add(part)
        self._pending.clear()
        self._unflushed = False
        self.watermark = self.size
        self._identity = _identity(self._data.hash_chain)

    def check_skipped_part(self, sizes: Collection[int] = ()) -> FullCheck | None:
        """Return the check of what lies before the place where verification began; None when that was the start."""
        return None if self.resumed_from is None else FullCheck(self._data, self.resumed_from, sizes)

    def start_full_check(self) -> FullCheck:
        """Return a check of everything that is flushed. Raises OSError."""
        self.flush_chain()
        return FullCheck(self._data, self._position.copy())

    def adopt_check(self, check: FullCheck) -> None:
        """Take over what a finished check of the beginning knows, once."""
        if self.resumed_from is None:
            return
        self.scrubber.prepend(check.scrubber)
        self.chain_scrubber.prepend(check.chain_scrubber)
        if not self._index_is_whole:
            self.index, self._index_is_whole = check.index.append_index(self.index), True
        self.resumed_from = None

    def add_fault(self, fault: HistoryFault) -> None:
        """Let the chain document say that something is wrong, from its next flush on."""
        self.faults.append(fault)
        self._unflushed = True

    def clear_faults(self) -> None:
        """Let the chain document say that nothing is known to be wrong: a person has looked at the faults."""
        self.faults.clear()
        self._unflushed = True

    def check_identity(self) -> HistoryFault | None:
        """Look whether somebody else replaced, cut or extended the files."""
        if self._chain.was_deleted:
            self._chain.was_deleted = False
            return HistoryFault(self._data.hash_chain.name, "was deleted")
        try:
            status = os.stat(self._data.events)
            if status.st_ino != self._journal.inode:
                return HistoryFault(self._data.events.name, "somebody else replaced it")
            if status.st_size != self._journal.size:
                return HistoryFault(self._data.events.name, "somebody else changed its size")
            if _identity(self._data.hash_chain) != self._identity:
                return HistoryFault(self._data.hash_chain.name, "somebody else replaced or changed it")
        except FileNotFoundError as error:
            return HistoryFault(Path(error.filename).name, "was deleted")
        return None

    def scrub(self) -> HistoryFault | None:
        """Compare the next MiBs of the events, and one of chain or twin, with what was written. Raises OSError."""
        if damaged := self.scrubber.step(4):
            return HistoryFault(
                self._data.events.name, f"what stands from byte {damaged[0]} on is not what was written"
            )
        twin, end = self._chain.twin
        if self.chain_scrubber.progress == 1.0:
            # A round is over: the next one is that of the other file.
            self._scrubs_twin = not self._scrubs_twin and twin.exists()
        damaged = self.chain_scrubber.step(1, path=twin, end=end) if self._scrubs_twin else self.chain_scrubber.step(1)
        if damaged:
            return HistoryFault(
                self._data.hash_chain.name, f"what stands from byte {damaged[0]} on is not what was written"
            )
        return None

    def lost_events_file(self) -> bool:
        """Whether what is appended would not stand in the events file, or not where it is thought to."""
        try:
            status = os.stat(self._data.events)
        except FileNotFoundError:
            return True
        return (status.st_ino, status.st_size) != (self._journal.inode, self._journal.size)

    def close(self) -> None:
        """Flush what is pending and close."""
        if self._unflushed or self.watermark != self.size:
            self.flush_chain()
        self._journal.close()

    def _tail(self) -> ChainTail:
        return ChainTail(self.merkle_root, self.chain_length, not self.faults)

    def _open_chain(self, found: Verifier, now: float) -> Verifier:
        """Extend the chain document from the events; a document that cannot be continued is kept and replaced.

        Returns the walk that saw the document as it is now.
        """
        if found.needs_rebuild:
            found = self._rebuild(now)
        else:
            self._chain.open(self.resumed_from.block_end if self.resumed_from else None)
        # What was found missing went into the scrubber when it was found.
        self._chain.flush(
            [] if found.needs_rebuild else [SEPARATOR + block for block in found.missing_blocks], self._tail()
        )
        self._mark_flushed()
        return found

    def _rebuild(self, now: float) -> Verifier:
        """Write the document anew: sound blocks as they stand, the others from their events."""
        data = self._data
        self.resumed_from, self.scrubber, self.chain_scrubber = None, Scrubber(data.events), Scrubber(data.hash_chain)
        with self._chain.create() as write:

            def take(content: bytes) -> None:
                write(content)
                self.chain_scrubber.add(content)

            limits = VerificationLimits(self.watermark)
            again = recover(
                data, limits, take_bytes=self.scrubber.add, sink=take, first=genesis_block(f"{max(0.0, now):.6f}")
            )
        again.needs_rebuild = True
        self._position = again.position
        if data.hash_chain.exists():
            kept = data.quarantine / f"{data.hash_chain.name}.{time.time_ns()}"
            # The name stays until the new document replaces it; a folder cannot be linked and has to give way.
            (os.link if data.hash_chain.is_file() else os.rename)(data.hash_chain, kept)
        self._chain.replace(self._tail())
        return again


def _identity(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
