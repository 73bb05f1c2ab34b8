"""Verifying in the background what a quick start left out: everything before the place from which it went on."""

from collections.abc import Collection

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.hash_chain import HEAD, SEPARATOR
from cq_tui.store.history.place import Limits, Place
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.walk import Walk
from cq_tui.store.proofs.tree_index import TreeIndex

#: Few enough events for a step of about a millisecond.
_RUN = 128


class FullCheck:
    """Walks from the first event to ``start``, some events at each ``step``, and compares what it finds there."""

    def __init__(self, data: DataDir, start: Place, sizes: Collection[int] = ()) -> None:
        """Begin. ``sizes`` are those of the tree at which its root is wanted. Raises OSError."""
        #: Whether the start counted other events of a writer than there are.
        self.miscounts = False
        self.scrubber = Scrubber(data.events)
        self.chain_scrubber = Scrubber(data.hash_chain)
        self._data, self._start = data, start
        self._walk = Walk(
            data.events,
            data.hash_chain,
            Limits(start.event_end, start.event_end, sizes, strict=True, run=_RUN),
            sink=self.chain_scrubber.add,
            take_bytes=self.scrubber.add,
        )

    @property
    def progress(self) -> float:
        """Share that is verified, 0..1."""
        return self._walk.place.event_end / self._start.event_end

    @property
    def roots(self) -> dict[int, bytes]:
        """Root at each wanted size that was reached."""
        return self._walk.roots

    @property
    def index(self) -> TreeIndex:
        """The index of the subtrees that are full by now."""
        index = TreeIndex(len(HEAD) + len(self._walk.genesis.content) + len(SEPARATOR))
        walk = self._walk
        for root, (event_end, block_end) in zip(walk.place.frontier.subtrees, walk.subtree_ends, strict=True):
            index.add_subtree(root, event_end, block_end + len(SEPARATOR))
        return index

    def step(self) -> bool:
        """Verify the next events; return whether there are more. Raises OSError."""
        return self._walk.step()

    def finish(self) -> list[Fault]:
        """Return what is wrong."""
        self._walk.close()
        found, start = self._walk.place, self._start
        faults = list(self._walk.faults)
        if not faults and (found.events, found.frontier.root(), found.tip) != (
            start.events,
            start.frontier.root(),
            start.tip,
        ):
            faults.append(Fault(self._data.events.name, "the beginning is not the one that the last snapshot saw"))
        self.miscounts = found.cursors != start.cursors and not faults
        if self.miscounts:
            faults.append(Fault(self._data.snapshots.name, "a snapshot counts other events than the history holds"))
        return faults
