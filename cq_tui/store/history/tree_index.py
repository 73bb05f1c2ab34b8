"""The index of 1,024-leaf roots (``memory/tree_index.json``), which makes proofs over a long history quick.

It is derived from events and chain and is no evidence: whoever uses it verifies what comes of it, and does without
it when it is missing, too short or wrong.
"""

from itertools import pairwise
from pathlib import Path
from typing import Self

from cq_tui.contracts import history as contract
from cq_tui.store.document import DocumentError, read_document, write_document

_HEX_HASH = 64


class SubtreeIndex:
    """The roots of the full subtrees in order, and where their events and blocks begin."""

    def __init__(self, first_block: int) -> None:
        """An index of nothing yet. ``first_block`` is the byte at which the block of the first event begins."""
        self.roots: list[bytes] = []
        #: One more than there are roots: where the events and blocks of the subtree that still grows begin.
        self.event_offsets = [0]
        self.block_offsets = [first_block]

    def add_subtree(self, root: bytes, next_event: int, next_block: int) -> None:
        """Add a subtree that is full now, and the bytes at which event and block of the next one begin."""
        self.roots.append(root)
        self.event_offsets.append(next_event)
        self.block_offsets.append(next_block)

    def append_index(self, following: Self) -> Self:
        """Add the subtrees of an index that lacks these, and return the whole."""
        for each in zip(following.roots, following.event_offsets[1:], following.block_offsets[1:], strict=True):
            self.add_subtree(*each)
        return self

    def truncate(self, count: int, event_end: int) -> bool:
        """Forget what comes after the first ``count`` subtrees.

        False when there are fewer, or their events do not end by byte ``event_end``: then this index is of no use.
        """
        if len(self.roots) < count or self.event_offsets[count] > event_end:
            return False
        del self.roots[count:], self.event_offsets[count + 1 :], self.block_offsets[count + 1 :]
        return True

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read the index. None when it is missing or makes no sense: it is made anew from events and chain."""
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
        """Write the index. A power loss may bring an older one back, which is only shorter. Raises OSError."""
        stored = contract.TreeIndexDocument(
            roots=[root.hex() for root in self.roots],
            event_offsets=self.event_offsets,
            block_offsets=self.block_offsets,
        )
        write_document(path, stored, durable=False)


def _grow(offsets: list[int]) -> bool:
    return offsets[0] >= 0 and all(before < after for before, after in pairwise(offsets))
