"""The writer of the history: events in one journal, each hashed and chained in order of arrival.

Events are written, synced, then chained, so the chain never runs ahead of durable events.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count
from pathlib import Path

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.durable import naming
from cq_tui.store.history.batch import count_sequences
from cq_tui.store.history.chain_file import ChainFile
from cq_tui.store.history.event_line import EventClock, EventHeader, EventLineError, NewEvent, build_line
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.full_check import FullCheck
from cq_tui.store.history.hash_chain import SEPARATOR, ChainBlock, ChainTail, build_blocks, genesis_block, parse_links
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash, leaf_hashes
from cq_tui.store.history.noted import NOTED_TYPES, NotedEvent
from cq_tui.store.history.position import HistoryMark, HistoryPosition, VerificationLimits
from cq_tui.store.history.recovery import examine
from cq_tui.store.history.resume import OTHER_BEGINNING, line_before, resume_from_snapshot
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.journal import MAX_LINE_BYTES, JournalWriter


class HistoryWriter:
    """The one writer of ``event_chain.ndjson``, ``hash_chain.json`` and ``tree_index.json``."""

    def __init__(
        self,
        data: DataDir,
        *,
        watermark: int = 0,
        now: float,
        snapshots: Iterable[SnapshotHistory] = (),
        sizes: Collection[int] = (),
        on_progress: Callable[[float], object] = lambda _: None,
    ) -> None:
        """Open and verify, from the first of ``snapshots`` that the files confirm (see ``resume.py``).

        If anything is wrong from there on, everything is verified. ``watermark`` is the size up to which the events
        file is known to be synced; ``sizes`` are the tree sizes whose marks are wanted; ``on_progress`` is called
        with the share of the events file, 0..1, that is verified. Raises JournalError or OSError if the files cannot be
        opened.
        """
        self._data = data
        self._on_progress = on_progress
        self._journal = JournalWriter(data.events, quarantine=data.quarantine, locked=True)
        found = self._verify_since(snapshots, VerificationLimits(watermark, sizes=sizes), now)
        self._journal.cut_tail(found.torn_at)
        #: Size of the events file up to which events and chain are both synced.
        self.watermark = watermark
        self.faults: list[HistoryFault] = found.faults
        #: Root and tip at each wanted size that was reached.
        self.marks = found.marks
        #: Sound events about the history itself.
        self.noted = found.noted
        self._clock = EventClock(found.position.last_header)
        self._chain = ChainFile(data.hash_chain)
        #: Parts that the chain document still lacks.
        self._pending: list[bytes] = []
        self._scrubs_twin = False
        self._position = found.position
        #: A check of what was skipped, None if nothing was; opened before the document's two files change their names.
        self.skipped_part = FullCheck(data, self.resumed_from, sizes) if self.resumed_from else None
        with naming(data.hash_chain):
            found = self._open_chain(found)
        #: Of the whole history, or, until ``adopt_check``, only of what follows ``resumed_from``.
        self.index, self._index_is_whole = self._make_index(found)

    def _verify_since(self, snapshots: Iterable[SnapshotHistory], limits: VerificationLimits, now: float) -> Verifier:
        """Verify since the first snapshot that can be resumed from. If anything is wrong then, verify everything.

        A snapshot may be of another history; only what the first byte leads to counts.
        """
        first, start = genesis_block(f"{max(0.0, now):.6f}"), self._find_resume_position(snapshots)
        found = self._verify(limits, first, start)
        if start is not None and (found.fault_count or found.needs_rebuild):
            found = self._verify(limits._replace(sizes={*limits.sizes, start.events}), first)
            if not found.fault_count and found.marks.get(start.events) != start.mark:
                found.add_fault(self._data.events, OTHER_BEGINNING)
        return found

    def _find_resume_position(self, snapshots: Iterable[SnapshotHistory]) -> HistoryPosition | None:
        for each in snapshots:
            with contextlib.suppress(FileNotFoundError):
                if position := resume_from_snapshot(self._data, each):
                    return position
        return None

    def _verify(
        self,
        limits: VerificationLimits,
        first: ChainBlock,
        start: HistoryPosition | None = None,
        write: Callable[[bytes], object] = lambda _: None,
    ) -> Verifier:
        """Verify from a position or from the first byte on, and scrub from there on; ``write`` gets the document."""
        #: Where verification began; what is before it is verified later (``skipped_part``).
        self.resumed_from = start
        self.scrubber = Scrubber(self._data.events, start.event_end if start else 0)
        self.chain_scrubber = Scrubber(self._data.hash_chain, start.block_end if start else 0)

        def take_blocks(content: bytes) -> None:
            write(content)
            self.chain_scrubber.add(content)

        verified = start.event_end if start else 0

        def take_events(content: bytes) -> None:
            nonlocal verified
            self.scrubber.add(content)
            verified += len(content)
            self._on_progress(verified / max(self._journal.size, 1))

        position = start.copy() if start else None
        return examine(self._data, limits, first, start=position, take_bytes=take_events, sink=take_blocks)

    def _make_index(self, found: Verifier) -> tuple[SubtreeIndex, bool]:
        """Continue the stored index or begin one; return it, and whether it covers the whole history."""
        index, resumed = found.index, self.resumed_from
        found.position.frontier.subtrees.clear()
        if resumed is not None:
            stored = SubtreeIndex.load(self._data.tree_index)
            if stored is not None and stored.truncate(resumed.events // SUBTREE_LEAVES, resumed.event_end):
                return stored.append_index(index), True
        return index, resumed is None

    @property
    def events(self) -> int:
        """Number of events."""
        return self._position.events

    @property
    def cursors(self) -> dict[str, int]:
        """Highest sequence number merged, by writer."""
        return self._position.cursors

    @property
    def gaps(self) -> dict[str, int]:
        """Number of missing sequence numbers, by writer; until ``adopt_check``, only of what was verified."""
        return self._position.gaps

    @property
    def chain_length(self) -> int:
        """Blocks, genesis included."""
        return self._position.events + 1

    @property
    def mark(self) -> HistoryMark:
        """Root over all events, and hash of the last block."""
        return self._position.mark

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
        """Bytes of the events file; all are synced after ``append``."""
        return self._journal.size

    @property
    def newest_time(self) -> float:
        """Time of the newest event (Unix seconds); 0.0 if there is none."""
        newest = self._position.last_header
        return float(newest.timestamp) if newest else 0.0

    def append(self, batch: Sequence[NewEvent], now: float) -> list[bytes]:
        """Write, sync and chain a batch; return its lines.

        Raises EventLineError for an event that would not verify, and JournalError; then nothing was added.
        """
        if not batch:
            return []
        position, first = self._position, self._position.events + 1
        sequences = count_sequences((event.writer, event.seq) for event in batch)
        if sequences is None or not position.precedes(sequences):
            raise EventLineError("the numbers of the events do not follow those before")
        headers = self._clock.stamp_all(now, [event.event_type for event in batch])
        lines = [
            build_line(header, event.source, event.data, event.writer, event.seq, event.occurred_at, event.metadata)
            for header, event in zip(headers, batch, strict=True)
        ]
        if max(map(len, lines)) > MAX_LINE_BYTES:
            raise EventLineError(f"the limit of a line is {MAX_LINE_BYTES:,} bytes")
        content = b"\n".join((*lines, b""))
        self._journal.append_bytes(content, durable=True)
        leaves = leaf_hashes(lines)
        blocks, tip = build_blocks(first, headers, leaves, position.tip.hash)
        position.append_blocks(blocks, leaves, tip)
        self._index_subtrees(first, lines, blocks)
        position.add_sequences(sequences)
        if not NOTED_TYPES.isdisjoint(event.event_type for event in batch):
            self.noted.note(map(NotedEvent, count(first), lines))
        position.last_header, position.event_end = EventHeader(*headers[-1]), self._journal.size
        self._pending += SEPARATOR, blocks
        self.scrubber.add(content)
        self.has_unflushed = True
        return lines

    def _index_subtrees(self, first: int, lines: Sequence[bytes], blocks: bytes) -> None:
        """Add the subtrees that these events, from index ``first`` on, completed to the index."""
        position = self._position
        roots = position.frontier.subtrees
        for number, root in enumerate(roots, 1):
            count = number * SUBTREE_LEAVES - (first - 1) % SUBTREE_LEAVES
            event_end = position.event_end + sum(map(len, lines[:count])) + count
            following = b'{"index":%d,' % (first + count)
            inside = blocks.find(following) if count < len(lines) else len(blocks) + len(SEPARATOR)
            self.index.add_subtree(root, event_end, position.block_end - len(blocks) + inside)
        roots.clear()

    def flush_chain(self) -> None:
        """Write the newest blocks and root to ``hash_chain.json``, synced. After an OSError, call it again."""
        with naming(self._data.hash_chain):
            self._chain.flush(self._pending, self._tail())
        self._mark_flushed()

    def sync_state(self) -> SnapshotHistory:
        """Bring all files to one synced state and return it, for a later start to resume from. Raises OSError."""
        # Twice, so that both files of the document have the same content.
        self.flush_chain()
        self.flush_chain()
        if self._index_is_whole:
            self.index.save(self._data.tree_index)
        position = self._position
        return SnapshotHistory(
            events_count=position.events,
            merkle_root=self.merkle_root,
            cursors=dict(position.cursors),
            frontier=[root.hex() for root in position.frontier.roots],
            events_bytes=position.event_end,
            chain_bytes=position.block_end,
        )

    def _mark_flushed(self) -> None:
        for part in self._pending:
            self.chain_scrubber.add(part)
        self._pending.clear()
        #: Whether the chain document lags behind the events.
        self.has_unflushed = False
        self.watermark = self.size
        self._identity = _identity(self._data.hash_chain)

    def start_full_check(self, sizes: Collection[int] = ()) -> FullCheck:
        """Return a check of the whole history. Raises OSError."""
        # Twice, so that both files of the document have the same content.
        self.flush_chain()
        self.flush_chain()
        return FullCheck(self._data, self._position.copy(), sizes)

    def adopt_check(self, check: FullCheck) -> None:
        """Add what a finished check of the skipped part found, once."""
        if self.resumed_from is None:
            return
        found = check.verifier
        self.scrubber.prepend(check.scrubber)
        self.chain_scrubber.prepend(check.chain_scrubber)
        if not self._index_is_whole:
            self.index, self._index_is_whole = found.index.append_index(self.index), True
        self._position.prepend_sequences(found.position)
        self.marks |= found.marks
        found.noted.note(self.noted)
        self.noted = found.noted
        self.resumed_from = self.skipped_part = None

    def add_fault(self, fault: HistoryFault) -> None:
        """Mark the chain document as not verified from its next flush on."""
        self.faults.append(fault)
        self.has_unflushed = True

    def clear_faults(self) -> None:
        """Mark the chain document as verified again: a person has accepted all faults."""
        self.faults.clear()
        self.has_unflushed = True

    def check_identity(self) -> HistoryFault | None:
        """Return a fault if another process replaced, truncated, extended or deleted the files."""
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
        """Compare the next chunks of events and of chain or twin with what was written. Raises OSError."""
        reason = "what stands from byte {} on is not what was written"
        if damaged := self.scrubber.step(4):
            return HistoryFault(self._data.events.name, reason.format(damaged[0]))
        twin, end = self._chain.twin
        if self.chain_scrubber.progress == 1.0:
            # A round is complete: the next one reads the other file.
            self._scrubs_twin = not self._scrubs_twin and twin.exists()
        damaged = self.chain_scrubber.step(1, path=twin, end=end) if self._scrubs_twin else self.chain_scrubber.step(1)
        if damaged:
            return HistoryFault(self._data.hash_chain.name, reason.format(damaged[0]))
        return None

    def lost_events_file(self) -> bool:
        """Whether appended events would not be in the events file, or at another offset."""
        try:
            status = os.stat(self._data.events)
        except FileNotFoundError:
            return True
        return (status.st_ino, status.st_size) != (self._journal.inode, self._journal.size)

    def put_away_foreign_tail(self) -> Path | None:
        """Move what somebody else wrote after our last event to quarantine; return where it is, None if it stays.

        The next start would take it for events that a crash left without their blocks. Raises OSError.
        """
        end, links = self._journal.size, parse_links(self._position.tip.content)
        status = os.stat(self._data.events)
        is_ours = status.st_ino == self._journal.inode and status.st_size > end
        if not is_ours or (
            end and (links is None or leaf_hash(line_before(self._data.events, end)) != links.event_hash)
        ):
            return None
        self._journal.cut_tail(end)
        return self._journal.torn and self._journal.torn[0]

    def close(self) -> None:
        """Flush pending blocks and close the files."""
        if self.has_unflushed or self.watermark != self.size:
            self.flush_chain()
        self._journal.close()

    def _tail(self) -> ChainTail:
        return ChainTail(self.merkle_root, self.chain_length, not self.faults)

    def _open_chain(self, found: Verifier) -> Verifier:
        """Append missing blocks to the chain document, or rewrite it if it cannot be continued.

        Returns the verifier that saw the document as it is now.
        """
        if found.needs_rebuild:
            found = self._rebuild(found.genesis)
        else:
            self._chain.open(self.resumed_from.block_end if self.resumed_from else None)
        # The scrubber already has the missing blocks.
        self._chain.flush(
            [] if found.needs_rebuild else [SEPARATOR + block for block in found.missing_blocks], self._tail()
        )
        self._mark_flushed()
        return found

    def _rebuild(self, first: ChainBlock) -> Verifier:
        """Rewrite the document: sound blocks are kept, the others rebuilt from their events."""
        data = self._data
        with self._chain.create() as write:
            # All faults were found before; this reads the same bytes.
            again = self._verify(VerificationLimits(self.watermark), first, write=write)
        again.needs_rebuild = True
        self._position = again.position
        if data.hash_chain.exists():
            kept = data.quarantine / f"{data.hash_chain.name}.{time.time_ns()}"
            # The name stays until the new document replaces it; a folder cannot be linked, so it is moved.
            (os.link if data.hash_chain.is_file() else os.rename)(data.hash_chain, kept)
        self._chain.replace(self._tail())
        return again


def _identity(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
