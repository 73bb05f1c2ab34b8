"""Verifying in the background what a quick start left out: everything before the place from which it went on."""

from collections.abc import Collection

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.hash_chain import DOCUMENT_START, SEPARATOR
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.history.verifier import Verifier

#: Few enough events for a step of about a millisecond.
_BATCH_EVENTS = 128


class FullCheck:
    """Walks from the first event to ``start``, some events at each ``step``, and compares what it finds there."""

    def __init__(self, data: DataDir, start: HistoryPosition, sizes: Collection[int] = ()) -> None:
        """Begin. ``sizes`` are those of the tree at which its root is wanted. Raises OSError."""
        #: Whether the start counted other events of a writer than there are.
        self.cursors_differ = False
        self.scrubber = Scrubber(data.events)
        self.chain_scrubber = Scrubber(data.hash_chain)
        self._data, self._start = data, start
        self._verifier = Verifier(
            data.events,
            data.hash_chain,
            VerificationLimits(start.event_end, start.event_end, sizes, strict=True, batch_size=_BATCH_EVENTS),
            sink=self.chain_scrubber.add,
            take_bytes=self.scrubber.add,
        )

    @property
    def progress(self) -> float:
        """Share that is verified, 0..1."""
        return self._verifier.position.event_end / self._start.event_end

    @property
    def roots(self) -> dict[int, bytes]:
        """Root at each wanted size that was reached."""
        return self._verifier.roots

    @property
    def index(self) -> SubtreeIndex:
        """The index of the subtrees that are full by now."""
        index = SubtreeIndex(len(DOCUMENT_START) + len(self._verifier.genesis.content) + len(SEPARATOR))
        walk = self._verifier
        for root, (event_end, block_end) in zip(walk.position.frontier.subtrees, walk.subtree_ends, strict=True):
            index.add_subtree(root, event_end, block_end + len(SEPARATOR))
        return index

    def step(self) -> bool:
        """Verify the next events; return whether there are more. Raises OSError."""
        return self._verifier.step()

    def finish(self) -> list[HistoryFault]:
        """Return what is wrong."""
        self._verifier.close()
        found, start = self._verifier.position, self._start
        faults = list(self._verifier.faults)
        if not faults and (found.events, found.frontier.root(), found.tip) != (
            start.events,
            start.frontier.root(),
            start.tip,
        ):
            faults.append(
                HistoryFault(self._data.events.name, "the beginning is not the one that the last snapshot saw")
            )
        self.cursors_differ = found.cursors != start.cursors and not faults
        if self.cursors_differ:
            faults.append(
                HistoryFault(self._data.snapshots.name, "a snapshot counts other events than the history holds")
            )
        return faults
