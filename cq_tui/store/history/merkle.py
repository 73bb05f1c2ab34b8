"""The Merkle tree over event lines (RFC 6962 section 2.1, RFC 9162 section 2.1): hashes and a growing root."""

from collections.abc import Iterable
from hashlib import sha256

#: Root of the tree without leaves.
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


class MerkleFrontier:
    """The roots of the perfect subtrees that make up the tree so far, largest first: all that appending needs."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._roots: list[bytes] = []
        self._size = 0
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        full = self._size
        while full & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            full >>= 1
        self._roots.append(leaf)
        self._size += 1

    def root(self) -> bytes:
        """Return the tree hash of all leaves."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root
