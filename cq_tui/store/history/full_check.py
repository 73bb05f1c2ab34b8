"""Verifying in the background what a quick start left out: everything before the place from which it went on."""

from collections.abc import Mapping

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.hash_chain import HEAD, SEPARATOR
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.tree_index import TreeIndex
from cq_tui.store.history.walk import Limits, Place, Walk


class FullCheck:
    """Walks from the first event to ``start``, some events at each ``step``, and compares what it finds there."""

    def __init__(self, data: DataDir, start: Place, roots: Mapping[int, bytes]) -> None:
        """Begin. ``roots`` are those that the tree must have at certain sizes. Raises OSError."""
        self.scrubber = Scrubber(data.events)
        self.chain_scrubber = Scrubber(data.hash_chain)
        self._data, self._start = data, start
        self._walk = Walk(
            data.events,
            data.hash_chain,
            Limits(start.event_end, start.event_end, {size: roots[size] for size in roots if size <= start.events}),
            sink=self.chain_scrubber.add,
            take_bytes=self.scrubber.add,
        )

    @property
    def progress(self) -> float:
        """Share that is verified, 0..1."""
        return self._walk.place.event_end / self._start.event_end

    @property
    def differing(self) -> list[int]:
        """Sizes at which the tree had another root than it must have."""
        return self._walk.differing

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
        if not faults and found.cursors != start.cursors:
            faults.append(Fault(self._data.snapshots.name, "a snapshot counts other events than the history holds"))
        return faults
