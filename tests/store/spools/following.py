"""A memory that follows spools of small segments, and what is left in their folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool
from cq_tui.store.spools.spooled_line import add_checksum

#: About three events of ours a segment.
SMALL = 400


#: Seconds by which every file is old.
LATER = 1e12


class Memory:
    """Merges into a list that is durable at once, unless it is told to wait."""

    def __init__(self, folder: Path, cursors: dict[str, int] | None = None) -> None:
        self.cursors = dict(cursors or {})
        self.merge = SpoolMerger(folder, folder.parent / "quarantine", self.cursors)
        self.complaints: list[str] = []
        self.events: list[NewEvent] = []

    def collect(self) -> list[int]:
        events, more = [], True
        while more:
            collected = self.merge.collect()
            events += collected.events
            self.complaints += collected.complaints
            more = collected.more
        self.events += events
        return [event.seq for event in events]

    def settle(self) -> None:
        for event in self.events:
            self.cursors[event.writer] = event.seq

    def take(self) -> list[int]:
        seqs = self.collect()
        self.settle()
        self.merge.trim(LATER)
        return seqs


@contextmanager
def spool_of(folder: Path, writer: str = "trader", segment_bytes: int = SMALL) -> Iterator[EventSpool]:
    spool = EventSpool(folder, writer, quarantine=folder.parent / "quarantine", segment_bytes=segment_bytes)
    try:
        yield spool
    finally:
        spool.close()


def emit(spool: EventSpool, count: int) -> None:
    for _ in range(count):
        spool.emit("e", {"fill": "x" * 30})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((folder.parent / "quarantine").iterdir()))


def rewritten(line: bytes, old: bytes, new: bytes) -> bytes:
    """A spooled line with something else in it, and the checksum of what it says now."""
    assert old in line
    return add_checksum(line.rpartition(b',"crc":"')[0].replace(old, new) + b"}") + b"\n"
