"""The state of a history after some event, and the limits of a verification."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cq_tui.store.history.batch import BATCH_EVENTS, WriterSequences
from cq_tui.store.history.event_line import EventHeader, may_follow
from cq_tui.store.history.hash_chain import SEPARATOR, ChainBlock, genesis_block
from cq_tui.store.history.merkle import MerkleFrontier

#: The tip of a history without a genesis block.
INITIAL_TIP = genesis_block("0.000000")


class HistoryMark(NamedTuple):
    """What a checkpoint of some size says of a history."""

    #: Merkle root over the events.
    root: bytes
    #: Hex hash of the last event's block; of the genesis block without events.
    tip: str


@dataclass(slots=True)
class HistoryPosition:
    """The state after some event: all that continuing needs. By default the state before the first event."""

    events: int = 0
    frontier: MerkleFrontier = field(default_factory=MerkleFrontier)
    tip: ChainBlock = INITIAL_TIP
    last_header: EventHeader | None = None
    #: Highest sequence number, by writer; damaged events do not count.
    cursors: dict[str, int] = field(default_factory=dict)
    #: First sequence number, by writer.
    first_seqs: dict[str, int] = field(default_factory=dict)
    #: How many sequence numbers were missing since, by writer.
    missing_counts: dict[str, int] = field(default_factory=dict)
    #: Events of earlier data versions, which tell no number: all of them come before the first that tells one.
    unnumbered: int = 0
    #: End of the last event in its file.
    event_end: int = 0
    #: End of the last block in its document.
    block_end: int = 0

    def copy(self) -> "HistoryPosition":
        """Return an independent copy."""
        frontier = MerkleFrontier.restored(self.frontier.size, self.frontier.roots)
        cursors, first, missing = dict(self.cursors), dict(self.first_seqs), dict(self.missing_counts)
        return replace(self, frontier=frontier, cursors=cursors, first_seqs=first, missing_counts=missing)

    @property
    def mark(self) -> HistoryMark:
        """Root and tip at this size."""
        return HistoryMark(self.frontier.root(), self.tip.hash)

    def append_blocks(self, content: bytes, leaves: Sequence[bytes], tip: ChainBlock) -> None:
        """Extend chain and tree by one or more joined blocks."""
        self.events += len(leaves)
        self.frontier.extend(leaves)
        self.tip = tip
        self.block_end += len(SEPARATOR) + len(content)

    def precedes(self, sequences: WriterSequences) -> bool:
        """Whether these sequence numbers can follow those before."""
        return all(self.allows(writer, number) for writer, number in sequences.first.items())

    def allows(self, writer: str, number: int) -> bool:
        """Whether a writer's next event may have this number."""
        last = self.cursors.get(writer, 0)
        return last < number and may_follow(last, number)

    @property
    def gaps(self) -> dict[str, int]:
        """Number of missing sequence numbers, by writer: each numbers its events from 1 without gaps."""
        found = {writer: first - 1 for writer, first in sorted(self.first_seqs.items())}
        for writer, lost in self.missing_counts.items():
            found[writer] += lost
        return {writer: lost for writer, lost in found.items() if lost}

    def prepend_sequences(self, earlier: "HistoryPosition") -> None:
        """Count the sequence numbers before the position from which this one was resumed."""
        self.first_seqs |= earlier.first_seqs
        for writer, lost in earlier.missing_counts.items():
            self.missing_counts[writer] = self.missing_counts.get(writer, 0) + lost

    def add_sequences(self, sequences: WriterSequences) -> None:
        """Count the sequence numbers of a batch."""
        for writer, number in sequences.first.items():
            gap = number - self.cursors.get(writer, number - 1 if writer not in self.first_seqs else 0) - 1
            self.first_seqs.setdefault(writer, number)
            lost = gap + sequences.missing.get(writer, 0)
            if lost:
                self.missing_counts[writer] = self.missing_counts.get(writer, 0) + lost
        self.cursors |= sequences.last


class VerificationLimits(NamedTuple):
    """What a verification needs besides the files."""

    #: Size of the events file when it was last known to be synced.
    watermark: int = 0
    #: Where to stop in the events file; None for its end.
    end: int | None = None
    #: Tree sizes whose marks are wanted.
    sizes: Collection[int] = ()
    #: Whether all blocks that the document counts must be sound: after a power loss the last may not be.
    strict: bool = False
    #: Most events verified together.
    batch_size: int = BATCH_EVENTS
    #: Faults kept one by one; further ones are only counted.
    max_faults: int = 1000
