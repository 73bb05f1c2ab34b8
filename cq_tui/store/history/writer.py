"""The history: events in one journal, each chained and hashed, in the order in which they came.

Commit order: events are written, synced, then chained; the chain never runs ahead of durable events.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import ChainFile
from cq_tui.store.history.event_line import EventClock, build_line
from cq_tui.store.history.hash_chain import ChainTail, build_block, genesis
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.history.recovery import Fault, Recovered, recover
from cq_tui.store.history.scrub import Scrubber
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


class History:
    """The one writer of ``event_chain.ndjson`` and ``hash_chain.json``."""

    def __init__(self, data: DataDir, *, watermark: int = 0, now: float) -> None:
        """Open and verify. ``watermark`` is the events file's size when it was last known to be synced.

        Raises JournalError or OSError when the files cannot be opened.
        """
        self._data = data
        self._journal = JournalWriter(data.events, quarantine=data.quarantine)
        self.scrubber = Scrubber(data.events)
        found = recover(data.events, data.hash_chain, data.quarantine, self.scrubber, watermark=watermark)
        #: Size of the events file up to which events and chain are both known to be synced.
        self.watermark = watermark
        # Recovery may have cut the file: a writer that opens again knows its true size.
        self._journal.close()
        self._journal = JournalWriter(data.events, quarantine=data.quarantine)
        self._clock = EventClock(found.last_head)
        self._frontier, self._tip, self.events = found.frontier, found.tip, found.events
        self.cursors = found.cursors
        self.faults: list[Fault] = found.faults
        self._chain = ChainFile(data.hash_chain)
        self._pending: list[bytes] = []
        self._unflushed = False
        self._identity = (0, 0, 0)
        self._settle_chain(found, now)

    @property
    def chain_length(self) -> int:
        """Blocks, genesis included."""
        return self.events + 1

    @property
    def merkle_root(self) -> str:
        """Hex root over all events."""
        return self._frontier.root().hex()

    @property
    def size(self) -> int:
        """Bytes of the events file, all of them synced after ``append``."""
        return self._journal.size

    @property
    def unflushed(self) -> bool:
        """Whether the chain document lags behind the events."""
        return self._unflushed

    def append(self, batch: Sequence[NewEvent], now: float) -> list[bytes]:
        """Write, sync and chain a batch; return its lines. Raises JournalError; then nothing was taken."""
        heads = [self._clock.stamp(now, event.event_type) for event in batch]
        lines = [
            build_line(head, event.source, event.data, event.writer, event.seq, event.occurred_at, event.metadata)
            for head, event in zip(heads, batch, strict=True)
        ]
        self._journal.append(lines, durable=True)
        for head, event, line in zip(heads, batch, lines, strict=True):
            leaf = leaf_hash(line)
            self.events += 1
            self._frontier.append(leaf)
            self._tip = build_block(self.events, head, leaf.hex(), self._tip.hash)
            self._pending.append(self._tip.content)
            self.cursors[event.writer] = event.seq
            self.scrubber.add(line + b"\n")
        self._unflushed = True
        return lines

    def flush_chain(self, *, durable: bool = False) -> None:
        """Show the newest blocks and root in ``hash_chain.json``. Raises OSError; then it is tried again."""
        self._chain.flush(self._pending, self._tail(), durable=durable)
        self._pending.clear()
        self._unflushed = False
        if durable:
            self.watermark = self.size
        self._identity = _identity(self._data.hash_chain)

    def blame(self, fault: Fault) -> None:
        """Let the chain document say that something is wrong, from its next flush on."""
        self.faults.append(fault)
        self._unflushed = True

    def forgive(self) -> None:
        """Let the chain document say that nothing is known to be wrong: a person has looked at the faults."""
        self.faults.clear()
        self._unflushed = True

    def check_identity(self) -> Fault | None:
        """Look whether somebody else replaced, cut or extended the files."""
        try:
            status = os.stat(self._data.events)
            if status.st_ino != self._journal.inode:
                return Fault(self._data.events.name, "somebody else replaced it")
            if status.st_size != self._journal.size:
                return Fault(self._data.events.name, "somebody else changed its size")
            if _identity(self._data.hash_chain) != self._identity:
                return Fault(self._data.hash_chain.name, "somebody else replaced or changed it")
        except FileNotFoundError as error:
            return Fault(Path(error.filename).name, "was deleted")
        return None

    def has_lost_its_file(self) -> bool:
        """Whether what is appended would not stand in the events file, or not where it is thought to."""
        try:
            status = os.stat(self._data.events)
        except FileNotFoundError:
            return True
        return (status.st_ino, status.st_size) != (self._journal.inode, self._journal.size)

    def close(self) -> None:
        """Flush what is pending and close."""
        if self._unflushed or self.watermark != self.size:
            self.flush_chain(durable=True)
        self._journal.close()

    def _tail(self) -> ChainTail:
        return ChainTail(self.merkle_root, self.chain_length, not self.faults)

    def _settle_chain(self, found: Recovered, now: float) -> None:
        """Extend the chain document from the events; a document that cannot be continued is kept and replaced."""
        if found.rebuild:
            self._rebuild(now)
        else:
            self._chain.open()
            self._pending = found.missing_blocks
        self.flush_chain(durable=True)

    def _rebuild(self, now: float) -> None:
        """Write the document anew: sound blocks as they stand, the others from their events."""
        data, blocks = self._data, list[bytes]()
        again = recover(
            data.events,
            data.hash_chain,
            data.quarantine,
            Scrubber(data.events),
            watermark=self.watermark,
            sink=blocks.append,
            first=genesis(f"{now:.6f}"),
        )
        self._tip = again.tip
        if data.hash_chain.exists():
            kept = data.quarantine / f"{data.hash_chain.name}.{time.time_ns()}"
            # The name stays until the new document replaces it; a folder cannot be linked and has to give way.
            (os.link if data.hash_chain.is_file() else os.rename)(data.hash_chain, kept)
        self._chain.create(blocks, self._tail())


def _identity(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
