"""The index of subtree roots: kept, and given up when it makes no sense."""

import json
from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts import history as contract
from cq_tui.store.document import write_document
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.tree_index import SubtreeIndex


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tree_index.json"


def grown() -> SubtreeIndex:
    index = SubtreeIndex(190)
    index.add_subtree(leaf_hash(b"first"), 1_000_000, 1_400_000)
    index.add_subtree(leaf_hash(b"second"), 2_000_000, 2_800_000)
    return index


@pytest.mark.parametrize("index", [SubtreeIndex(190), grown()])
def test_what_is_saved_is_loaded(index: SubtreeIndex, path: Path) -> None:
    index.save(path)
    again = SubtreeIndex.load(path)
    assert again is not None
    assert vars(again) == vars(index)
    again.add_subtree(leaf_hash(b"next"), 3_000_000, 4_200_000)
    again.save(path)
    assert vars(SubtreeIndex.load(path) or SubtreeIndex(0)) == vars(again)


def test_it_is_cut_to_where_a_history_continues(path: Path) -> None:
    for count, end, events in [(2, 2_000_000, [0, 1_000_000, 2_000_000]), (1, 1_500_000, [0, 1_000_000]), (0, 0, [0])]:
        index = grown()
        assert index.truncate(count, end)
        assert index.event_offsets == events
        assert len(index.roots) == len(index.block_offsets) - 1 == count
        index.save(path)
        assert SubtreeIndex.load(path) is not None
    index = grown()
    assert not index.truncate(3, 9_000_000)
    assert not index.truncate(2, 1_999_999)
    assert vars(index) == vars(grown())


def test_the_file_is_that_of_the_contract(path: Path) -> None:
    grown().save(path)
    stored = json.loads(path.read_bytes())
    assert contract.TreeIndexDocument.model_validate(stored).leaves == stored["leaves"] == SUBTREE_LEAVES
    assert stored["roots"] == [leaf_hash(b"first").hex(), leaf_hash(b"second").hex()]
    assert stored["event_offsets"] == [0, 1_000_000, 2_000_000]
    assert stored["block_offsets"] == [190, 1_400_000, 2_800_000]


@pytest.mark.parametrize(
    "change",
    [
        {"leaves": 4 * SUBTREE_LEAVES},
        {"leaves": SUBTREE_LEAVES // 2},
        {"roots": ["00" * 32]},
        {"roots": ["00" * 32, "zz" * 32]},
        {"roots": ["00" * 32, "00" * 31]},
        {"roots": ["00" * 32, "00 " * 21 + "0"]},
        {"roots": None},
        {"event_offsets": [0, 1]},
        {"event_offsets": [0, 2, 1]},
        {"event_offsets": []},
        {"block_offsets": [-1, 1, 2]},
        {"block_offsets": [1, 1, 2]},
        {"block_offsets": "nowhere"},
        {"block_offsets": [190, 1_400_000, 2**63]},
        {"event_offsets": [0, 1_000_000, 2**53]},
    ],
)
def test_what_makes_no_sense_is_not_used(change: dict[str, Any], path: Path) -> None:
    grown().save(path)
    write_document(path, json.loads(path.read_bytes()) | change)
    assert SubtreeIndex.load(path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\x00" * 300])
def test_a_missing_or_torn_file_is_not_used(content: bytes, path: Path) -> None:
    assert SubtreeIndex.load(path) is None
    path.write_bytes(content)
    assert SubtreeIndex.load(path) is None
