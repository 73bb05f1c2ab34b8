"""Inclusion and consistency proofs of the Merkle tree (RFC 9162 sections 2.1.3 and 2.1.4): pure functions.

Proofs are made from ``subtree(start, stop)``, the tree hash of the leaves start to stop - 1 (counted from 0).
Verification takes untrusted input: it returns False for anything invalid and never raises.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from cq_tui.store.history.merkle import EMPTY_ROOT, HASH_BYTES, node_hash

Subtree = Callable[[int, int], bytes]

#: Larger sizes are invalid.
_SIZE_LIMIT = 2**63


def tree_hash(nodes: Sequence[bytes]) -> bytes:
    """Return the tree hash over leaf hashes, or over roots of subtrees of equal size (the last may be smaller)."""
    if not nodes:
        return EMPTY_ROOT
    level = list(nodes)
    while len(level) > 1:
        # A node without a sibling is promoted unchanged.
        alone = level[len(level) & ~1 :]
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level += alone
    return level[0]


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the hashes that lead from leaf ``index`` (from 0) to the root of ``size`` leaves, lowest first.

    Raises ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path, _, _ = _siblings(index, size, lambda start, stop: stop - start == 1, subtree)
    return path[::-1]


def consistency_path(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the hashes that show that the tree of ``new`` leaves begins with the tree of ``old`` leaves.

    The path is empty if both are the same, or if the old tree is empty. Raises ValueError if old > new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves cannot extend one of {old}")
    if old == 0:
        return []
    path, start, stop = _siblings(old - 1, new, lambda start, stop: stop == old, subtree)
    # The verifier knows the old root.
    if start > 0:
        path.append(subtree(start, stop))
    return path[::-1]


def _siblings(
    leaf: int, size: int, is_end: Callable[[int, int], bool], subtree: Subtree
) -> tuple[list[bytes], int, int]:
    """Descend from the root toward a leaf; return the hashes passed by, highest first, and the subtree at the end."""
    path: list[bytes] = []
    start, stop = 0, size
    while not is_end(start, stop):
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        if leaf < middle:
            path.append(subtree(middle, stop))
            stop = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path, start, stop


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf hash is at ``index`` (from 0) in the tree of ``size`` leaves with this root.

    Algorithm: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size < _SIZE_LIMIT or not _are_hashes(leaf, root, *path[:64]):
        return False
    return _climb(index, size - 1, leaf, leaf, path)[1] == root


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree with the new root begins with all leaves of the tree with the old root.

    Algorithm: RFC 9162 section 2.1.4.2. Every tree extends the empty one, and itself, with an empty path.
    """
    if not 0 <= old_size <= new_size < _SIZE_LIMIT or not _are_hashes(old_root, new_root, *path[:65]):
        return False
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
    if old_size == new_size:
        return not path and old_root == new_root
    if not path:
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # If the old tree is a full subtree of the new one, its root is not in the path.
    first, rest = (old_root, path) if old_size & (old_size - 1) == 0 else (path[0], path[1:])
    return _climb(place, last, first, first, rest) == (old_root, new_root)


def _climb(
    place: int, last: int, old: bytes, new: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | tuple[None, None]:
    """Return the roots of two trees above a node, without and with what follows it; None if the path does not fit."""
    for sibling in path:
        if last == 0:
            return None, None
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            # Skip the levels at which the last node had no sibling and was promoted.
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else (None, None)


def _are_hashes(*values: object) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_BYTES for value in values)
