"""The state of a history after some event, and the limits of a verification."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cq_tui.store.history.batch import BATCH_EVENTS, WriterSequences
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import ChainBlock, genesis_block
from cq_tui.store.history.merkle import MerkleFrontier

#: The tip of a history without a genesis block.
INITIAL_TIP = genesis_block("0.000000")


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
    #: End of the last event in its file.
    event_end: int = 0
    #: End of the last block in its document.
    block_end: int = 0

    def copy(self) -> "HistoryPosition":
        """Return an independent copy."""
        frontier = MerkleFrontier.restored(self.frontier.size, self.frontier.roots)
        cursors, first, missing = dict(self.cursors), dict(self.first_seqs), dict(self.missing_counts)
        return replace(self, frontier=frontier, cursors=cursors, first_seqs=first, missing_counts=missing)

    def precedes(self, sequences: WriterSequences) -> bool:
        """Whether none of these sequence numbers occurred before."""
        return all(number > self.cursors.get(writer, 0) for writer, number in sequences.first.items())

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
    #: Tree sizes whose roots are wanted.
    sizes: Collection[int] = ()
    #: Whether all blocks that the document counts must be sound: after a power loss the last may not be.
    strict: bool = False
    #: Most events verified together.
    batch_size: int = BATCH_EVENTS
    #: Faults kept one by one; further ones are only counted.
    max_faults: int = 20
