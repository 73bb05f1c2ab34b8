"""The Merkle tree over event lines (RFC 6962 section 2.1, RFC 9162 section 2.1): hashes and a growing root."""

from collections.abc import Sequence
from hashlib import sha256

#: Root of the tree without leaves.
EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32
_LEAF = sha256(b"\x00")


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Return the leaf hashes of many entries."""
    hashes = []
    for entry in entries:
        # Half as long as joining the bytes first.
        leaf = _LEAF.copy()
        leaf.update(entry)
        hashes.append(leaf.digest())
    return hashes


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


#: Leaves of a subtree whose root is indexed to make proofs fast.
SUBTREE_LEAVES = 1024


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes: leaves, or roots of subtrees of equal size."""
    level = hashes
    while len(level) > 1:
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


class MerkleFrontier:
    """The roots of the perfect subtrees that make up the tree, largest first: all the state that appending needs.

    ``MerkleFrontier(leaves)`` starts from leaves, ``MerkleFrontier.restored(size, roots)`` from a frontier.
    """

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._roots: list[bytes] = []
        self._size = 0
        #: Roots of the subtrees of ``SUBTREE_LEAVES`` leaves completed so far, in order.
        self.subtrees: list[bytes] = []
        self.extend(leaves)

    @classmethod
    def restored(cls, size: int, roots: Sequence[bytes]) -> "MerkleFrontier":
        """Restore the frontier of a tree of ``size`` leaves. Raises ValueError if ``roots`` cannot be one."""
        if len(roots) != size.bit_count() or any(len(root) != HASH_BYTES for root in roots):
            raise ValueError(f"a tree of {size} leaves has a frontier of {size.bit_count()} hashes of 32 bytes")
        frontier = cls()
        frontier._roots, frontier._size = list(roots), size
        return frontier

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The frontier."""
        return tuple(self._roots)

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes, whole subtrees at once."""
        start, count = 0, len(leaves)
        while start < count:
            width = 1 << (count - start).bit_length() - 1
            # A subtree begins at a multiple of its width, and is at most as large as those indexed.
            width = min(width, SUBTREE_LEAVES, self._size & -self._size or SUBTREE_LEAVES)
            self.add_subtree(perfect_root(leaves[start : start + width]), width)
            start += width

    def add_subtree(self, root: bytes, width: int) -> None:
        """Add a full subtree of ``width`` leaves, a power of two that divides the size, by its root."""
        self._size += width
        full = self._size
        if width == SUBTREE_LEAVES:
            self.subtrees.append(root)
        while not full & width:
            width <<= 1
            root = node_hash(self._roots.pop(), root)
            if width == SUBTREE_LEAVES:
                self.subtrees.append(root)
        self._roots.append(root)

    def root(self) -> bytes:
        """Return the tree hash of all leaves."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root
