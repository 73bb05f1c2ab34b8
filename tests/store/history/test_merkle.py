"""The Merkle tree against the definition of RFC 6962, its well-known vectors and a second implementation."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from cq_tui.store.history.merkle import EMPTY_ROOT, SUBTREE_LEAVES, MerkleFrontier, leaf_hash, node_hash, perfect_root

#: The inputs and roots that Certificate Transparency implementations test themselves with.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def root_of(entries: list[bytes]) -> bytes:
    return MerkleFrontier([leaf_hash(entry) for entry in entries]).root()


@pytest.mark.parametrize("size", range(1, 9))
def test_published_vectors(size: int) -> None:
    entries = [bytes.fromhex(text) for text in INPUTS[:size]]
    assert root_of(entries).hex() == tree_hash(entries).hex() == ROOTS[size - 1]


def test_the_empty_tree() -> None:
    assert MerkleFrontier().root() == EMPTY_ROOT == sha256(b"").digest()
    assert MerkleFrontier().size == 0


@given(st.lists(st.binary(max_size=12), max_size=70))
def test_every_growing_root_is_that_of_the_definition(entries: list[bytes]) -> None:
    frontier = MerkleFrontier()
    for size, entry in enumerate(entries, 1):
        frontier.extend([leaf_hash(entry)])
        assert frontier.size == size
    assert frontier.root() == tree_hash(entries)
    assert frontier.root() == frontier.root(), "asking does not change it"


def test_a_second_implementation_agrees() -> None:
    tree, frontier = InmemoryTree(algorithm="sha256"), MerkleFrontier()
    for number in range(130):
        entry = b"entry %d" % number
        tree.append_entry(entry)
        frontier.extend([leaf_hash(entry)])
        assert frontier.root() == tree.get_root()


def test_leaves_and_nodes_cannot_be_taken_for_each_other() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert root_of([b"a", b"b"]) != root_of([b"b", b"a"])


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(0, 9))
def test_extending_is_appending_one_by_one(parts: list[int], first: int) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(first + sum(parts))]
    frontier = MerkleFrontier(leaves[:first])
    one_by_one = MerkleFrontier()
    for leaf in leaves:
        one_by_one.extend([leaf])
    start = first
    for part in parts:
        frontier.extend(leaves[start : start + part])
        start += part
    assert (frontier.size, frontier.roots) == (one_by_one.size, one_by_one.roots)
    again = MerkleFrontier.restored(frontier.size, frontier.roots)
    again.extend([leaf_hash(b"more")])
    one_by_one.extend([leaf_hash(b"more")])
    assert again.root() == one_by_one.root()


@pytest.mark.parametrize("parts", [[2 * SUBTREE_LEAVES + 5], [5, SUBTREE_LEAVES, SUBTREE_LEAVES], [1] * 5 + [9000]])
def test_full_subtrees_are_reported(parts: list[int]) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(sum(parts))]
    frontier, start = MerkleFrontier(), 0
    for part in parts:
        frontier.extend(leaves[start : start + part])
        start += part
    edges = range(0, len(leaves) - SUBTREE_LEAVES + 1, SUBTREE_LEAVES)
    assert frontier.subtrees == [perfect_root(leaves[edge : edge + SUBTREE_LEAVES]) for edge in edges]


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="a tree of 3 leaves"):
        MerkleFrontier.restored(3, [leaf_hash(b"a")])
