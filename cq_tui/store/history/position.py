"""Where a history stands behind some event, and what a walk from there needs to know besides the files."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from cq_tui.store.history.batch import BATCH_EVENTS, WriterSequences
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import ChainBlock, genesis_block
from cq_tui.store.history.merkle import MerkleFrontier

#: The tip of a history that nobody has begun.
INITIAL_TIP = genesis_block("0.000000")


@dataclass(slots=True)
class HistoryPosition:
    """Where a history stands behind some event: all that going on needs. It begins before the first event."""

    events: int = 0
    frontier: MerkleFrontier = field(default_factory=MerkleFrontier)
    tip: ChainBlock = INITIAL_TIP
    last_header: EventHeader | None = None
    #: Highest number merged, by writer; damaged events do not count.
    cursors: dict[str, int] = field(default_factory=dict)
    #: First number that was seen, by writer.
    first_seqs: dict[str, int] = field(default_factory=dict)
    #: How many numbers were missing since, by writer.
    missing_counts: dict[str, int] = field(default_factory=dict)
    #: End of the last event in its file.
    event_end: int = 0
    #: End of the last block in its document.
    block_end: int = 0

    def copy(self) -> "HistoryPosition":
        """Return the same place, to go on from independently."""
        frontier = MerkleFrontier.restored(self.frontier.size, self.frontier.roots)
        cursors, first, missing = dict(self.cursors), dict(self.first_seqs), dict(self.missing_counts)
        return replace(self, frontier=frontier, cursors=cursors, first_seqs=first, missing_counts=missing)

    def precedes(self, origins: WriterSequences) -> bool:
        """Whether no number of a run was there before."""
        return all(number > self.cursors.get(writer, 0) for writer, number in origins.first.items())

    def add_sequences(self, origins: WriterSequences) -> None:
        """Take in the numbers of a run."""
        for writer, number in origins.first.items():
            gap = number - self.cursors.get(writer, number - 1 if writer not in self.first_seqs else 0) - 1
            self.first_seqs.setdefault(writer, number)
            lost = gap + origins.missing.get(writer, 0)
            if lost:
                self.missing_counts[writer] = self.missing_counts.get(writer, 0) + lost
        self.cursors |= origins.last


class VerificationLimits(NamedTuple):
    """What a walk needs to know besides the files."""

    #: Size of the events file when it was last known to be synced.
    watermark: int = 0
    #: End of the part of the events file that is looked at; None is its end.
    end: int | None = None
    #: Sizes of the tree at which its root is wanted.
    sizes: Collection[int] = ()
    #: Whether every block that the document counts must be sound: after a power loss the last ones need not be.
    strict: bool = False
    #: Most events that are looked at together.
    batch_size: int = BATCH_EVENTS
    #: Faults that are named one by one; beyond them only their number is.
    max_faults: int = 20
