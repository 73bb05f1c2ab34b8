"""Inclusion and consistency proofs: published vectors, the definition word for word, pymerkle, and forgeries."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from cq_tui.store.history.merkle import EMPTY_ROOT, leaf_hash, node_hash
from cq_tui.store.proofs.merkle_proofs import (
    Subtree,
    consistency_path,
    inclusion_path,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.store.history.test_merkle import INPUTS, ROOTS
from tests.store.history.test_merkle import tree_hash as defined_tree_hash

ENTRIES = [b"entry %d" % number for number in range(140)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
VECTOR_LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]

#: (leaf, size, path): the inclusion proofs of the eight-leaf tree that Certificate Transparency tests itself with.
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

#: (old size, new size, path): the consistency proofs of the same tree.
CONSISTENCY: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    return lambda start, stop: tree_hash(leaves[start:stop])


def root(size: int) -> bytes:
    return tree_hash(LEAVES[:size])


def defined_inclusion(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 section 2.1.3.1, word for word."""
    if len(entries) == 1:
        return []
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if index < k:
        return [*defined_inclusion(index, entries[:k]), defined_tree_hash(entries[k:])]
    return [*defined_inclusion(index - k, entries[k:]), defined_tree_hash(entries[:k])]


def defined_consistency(old: int, entries: list[bytes], is_known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162 section 2.1.4.1, word for word."""
    if old == len(entries):
        return [] if is_known else [defined_tree_hash(entries)]
    k = 1
    while k * 2 < len(entries):
        k *= 2
    if old <= k:
        return [*defined_consistency(old, entries[:k], is_known), defined_tree_hash(entries[k:])]
    return [*defined_consistency(old - k, entries[k:], False), defined_tree_hash(entries[:k])]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int, path: list[str]) -> None:
    made = inclusion_path(index, size, subtree_of(VECTOR_LEAVES))
    assert [node.hex() for node in made] == path
    assert verify_inclusion(VECTOR_LEAVES[index], index, size, made, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int, path: list[str]) -> None:
    made = consistency_path(old, new, subtree_of(VECTOR_LEAVES))
    assert [node.hex() for node in made] == path
    assert verify_consistency(old, bytes.fromhex(ROOTS[old - 1]), new, bytes.fromhex(ROOTS[new - 1]), made)


def test_the_example_of_the_rfc() -> None:
    """The seven-leaf tree of RFC 9162 section 2.1.5, in its letters."""
    a, b, c, d, _, f, j = LEAVES[:7]
    e = LEAVES[4]
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, final = node_hash(g, h), node_hash(i, j)
    subtree = subtree_of(LEAVES)
    assert inclusion_path(0, 7, subtree) == [b, h, final]
    assert inclusion_path(3, 7, subtree) == [c, g, final]
    assert inclusion_path(4, 7, subtree) == [f, j, k]
    assert inclusion_path(6, 7, subtree) == [i, k]
    assert consistency_path(3, 7, subtree) == [c, d, g, final]
    assert consistency_path(4, 7, subtree) == [final]
    assert consistency_path(6, 7, subtree) == [i, j, k]


@pytest.mark.parametrize("size", range(1, 9))
def test_tree_hash_of_the_published_inputs(size: int) -> None:
    assert tree_hash(VECTOR_LEAVES[:size]).hex() == ROOTS[size - 1]
    assert tree_hash([]) == EMPTY_ROOT


@given(st.integers(1, len(LEAVES)), st.data())
def test_inclusion_is_that_of_the_definition(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, size, subtree_of(LEAVES))
    assert path == defined_inclusion(index, ENTRIES[:size])
    assert verify_inclusion(LEAVES[index], index, size, path, root(size))


@given(st.integers(1, len(LEAVES)), st.data())
def test_consistency_is_that_of_the_definition(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = consistency_path(old, new, subtree_of(LEAVES))
    assert path == defined_consistency(old, ENTRIES[:new])
    assert verify_consistency(old, root(old), new, root(new), path)


@given(st.integers(1, 300), st.integers(0, 6))
def test_subtrees_that_are_full_give_the_same_hash(size: int, level: int) -> None:
    leaves, width = [leaf_hash(b"%d" % number) for number in range(size)], 1 << level
    roots = [tree_hash(leaves[start : start + width]) for start in range(0, size, width)]
    assert tree_hash(roots) == tree_hash(leaves)


def test_a_second_implementation_agrees() -> None:
    tree = InmemoryTree(algorithm="sha256")
    for size, entry in enumerate(ENTRIES[:70], 1):
        tree.append_entry(entry)
        for index in range(size):
            theirs = tree.prove_inclusion(index + 1, size)
            # Theirs begins with the node that is proved.
            assert inclusion_path(index, size, subtree_of(LEAVES)) == theirs.path[1:]
        for old in range(1, size):
            proof = tree.prove_consistency(old, size)
            path = consistency_path(old, size, subtree_of(LEAVES))
            assert verify_consistency(old, proof.retrieve_prior_state(), size, proof.compute_root(), path)


def test_trees_extend_the_empty_tree_and_themselves() -> None:
    subtree = subtree_of(LEAVES)
    assert consistency_path(0, 9, subtree) == consistency_path(9, 9, subtree) == []
    assert verify_consistency(0, EMPTY_ROOT, 9, root(9), [])
    assert verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    assert verify_consistency(9, root(9), 9, root(9), [])
    assert not verify_consistency(0, root(1), 9, root(9), [])
    assert not verify_consistency(0, EMPTY_ROOT, 0, root(1), [])
    assert not verify_consistency(0, EMPTY_ROOT, 9, root(9), [root(9)])
    assert not verify_consistency(9, root(9), 9, root(8), [])
    assert not verify_consistency(9, root(9), 9, root(9), [root(9)])


def mutated_node(node: bytes) -> Iterator[bytes]:
    """A hash with each of its bits flipped, and of the wrong length."""
    for bit in range(256):
        yield (int.from_bytes(node, "big") ^ (1 << bit)).to_bytes(32, "big")
    yield from (b"", node[:-1], node + b"\x00")


def mutated(path: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Every path with one node changed, left out, doubled, swapped or added."""
    for place, node in enumerate(path):
        before, after = list(path[:place]), list(path[place + 1 :])
        for other in mutated_node(node):
            yield [*before, other, *after]
        yield [*before, *after]
        yield [*before, node, node, *after]
        if after:
            yield [*before, after[0], node, *after[1:]]
    for more in (bytes(32), LEAVES[0], EMPTY_ROOT, b""):
        yield [*path, more]
        yield [more, *path]


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (6, 7), (3, 7), (0, 8), (7, 8), (64, 65), (5, 13)])
def test_every_mutation_of_an_inclusion_proof_is_refused(index: int, size: int) -> None:
    path, whole = inclusion_path(index, size, subtree_of(LEAVES)), root(size)
    for other in mutated(path):
        assert not verify_inclusion(LEAVES[index], index, size, other, whole)
    for place in (place for place in range(-2, 2 * size) if place != index):
        assert not verify_inclusion(LEAVES[index], place, size, path, whole)
    for other_leaf in mutated_node(LEAVES[index]):
        assert not verify_inclusion(other_leaf, index, size, path, whole)
    for other_root in mutated_node(whole):
        assert not verify_inclusion(LEAVES[index], index, size, path, other_root)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 7), (4, 8), (7, 8), (64, 65), (63, 65), (5, 13)])
def test_every_mutation_of_a_consistency_proof_is_refused(old: int, new: int) -> None:
    path, before, after = consistency_path(old, new, subtree_of(LEAVES)), root(old), root(new)
    for other in mutated(path):
        assert not verify_consistency(old, before, new, after, other)
    for size in range(-1, 2 * new):
        assert size == old or not verify_consistency(size, before, new, after, path)
    for other_root in mutated_node(before):
        assert not verify_consistency(old, other_root, new, after, path)
    for other_root in mutated_node(after):
        assert not verify_consistency(old, before, new, other_root, path)


@given(
    st.integers(-3, 2**64),
    st.integers(-3, 2**64),
    st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=32, max_size=32)), max_size=80),
    st.binary(max_size=40),
)
def test_invalid_input_is_rejected_silently(one: int, other: int, path: list[bytes], node: bytes) -> None:
    whole = root(9)
    assert not verify_inclusion(LEAVES[3], one, other, path, node)
    assert not verify_inclusion(node, one, other, path, whole)
    assert not verify_consistency(one, node, other, whole, path) or one == 0


def test_a_huge_path_is_refused_at_once() -> None:
    path = [LEAVES[0]] * 1_000_000
    assert not verify_inclusion(LEAVES[0], 0, 2**62, path, root(3))
    assert not verify_consistency(2**61, root(3), 2**62, root(4), path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        inclusion_path(index, size, subtree_of(LEAVES))
    with pytest.raises(ValueError, match="cannot extend"):
        consistency_path(size + 1, size, subtree_of(LEAVES))
