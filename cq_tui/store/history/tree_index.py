"""The index of 1,024-leaf subtree roots (``memory/tree_index.json``), which makes proofs over a long history fast.

It is derived from events and chain and proves nothing: users verify their results, and manage without it if it is
missing, too short or wrong.
"""

from itertools import pairwise
from pathlib import Path
from typing import Self

from cq_tui.contracts import history as contract
from cq_tui.store.document import DocumentError, read_document, write_document

_HEX_HASH = 64


class SubtreeIndex:
    """The roots of the full subtrees, in order, and the offsets of their events and blocks."""

    def __init__(self, first_block: int) -> None:
        """An empty index. ``first_block`` is the offset of the first event's block."""
        self.roots: list[bytes] = []
        #: One more than roots: the last is where the subtree that still grows begins.
        self.event_offsets = [0]
        self.block_offsets = [first_block]

    def add_subtree(self, root: bytes, next_event: int, next_block: int) -> None:
        """Add a full subtree, and the offsets at which event and block of the next one begin."""
        self.roots.append(root)
        self.event_offsets.append(next_event)
        self.block_offsets.append(next_block)

    def append_index(self, following: Self) -> Self:
        """Append an index that begins where this one ends, and return this one."""
        for each in zip(following.roots, following.event_offsets[1:], following.block_offsets[1:], strict=True):
            self.add_subtree(*each)
        return self

    def truncate(self, count: int, event_end: int) -> bool:
        """Keep only the first ``count`` subtrees.

        False if there are fewer, or if their events end after ``event_end``: then this index is of no use.
        """
        if len(self.roots) < count or self.event_offsets[count] > event_end:
            return False
        del self.roots[count:], self.event_offsets[count + 1 :], self.block_offsets[count + 1 :]
        return True

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the index; None if it is missing or invalid: it is rebuilt from events and chain."""
        try:
            stored = read_document(path, contract.TreeIndexDocument)
            roots = [bytes.fromhex(root) for root in stored.roots if len(root) == _HEX_HASH]
        except (DocumentError, ValueError):
            return None
        count = len(stored.roots)
        if len(roots) != count or not all(
            len(offsets) == count + 1 and _grow(offsets) for offsets in (stored.event_offsets, stored.block_offsets)
        ):
            return None
        index = cls(stored.block_offsets[0])
        index.roots, index.event_offsets, index.block_offsets = roots, stored.event_offsets, stored.block_offsets
        return index

    def save(self, path: Path) -> None:
        """Write the index. A power loss may restore an older one, which is only shorter. Raises OSError."""
        stored = contract.TreeIndexDocument(
            roots=[root.hex() for root in self.roots],
            event_offsets=self.event_offsets,
            block_offsets=self.block_offsets,
        )
        write_document(path, stored, durable=False)


def _grow(offsets: list[int]) -> bool:
    return offsets[0] >= 0 and all(before < after for before, after in pairwise(offsets))
