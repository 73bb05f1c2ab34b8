"""What an old hash chain proves, by the rules of its own installation."""

import json
from pathlib import Path
from typing import Any

import pytest

from cq_tui.ops.migrate.old_chain import ChainVerdict, Items, item_hash, judge_chain, merkle_root_of
from tests.ops.migrate.installations import chain_over, digest, root_of

#: The chain in the sample of an R11 installation: its one block covers the data of a snapshot.
SAMPLE = {
    "schema_version": "1.0",
    "blocks": [
        {
            "timestamp": 1761299387.3205588,
            "schema_version": "1.0",
            "block_type": "data",
            "merkle_root": "40b61fe1b15af0a4d5402735b26343e8cf8a045f4d81710e6108a21d91eaf366",
            "previous_hash": "",
            "data_count": 1,
            "block_hash": "6684cb08b5f912699083376d59caa093c3e07498b604bb84b6c5d609b1ad99a8",
        }
    ],
    "last_hash": "6684cb08b5f912699083376d59caa093c3e07498b604bb84b6c5d609b1ad99a8",
    "last_update": 1761299387.3205588,
}
EVENTS = [{"n": number, "text": "ü"} for number in range(7)]


def judged(tmp_path: Path, document: object, *items: Items) -> ChainVerdict:
    path = tmp_path / "hash_chain.json"
    path.write_text(json.dumps(document))
    return judge_chain(path, items)


def events(found: list[dict[str, Any]] = EVENTS) -> Items:
    return Items("events", [item_hash(each) for each in found], are_events=True)


def test_the_sample_holds_and_covers_a_snapshot(tmp_path: Path) -> None:
    found = judged(tmp_path, SAMPLE, Items("the data of snapshots", [item_hash({"test": "data"})]))
    assert (found.state, found.root, found.blocks) == ("holds", SAMPLE["last_hash"], 1)
    assert found.words == "hashes and links of 1 block hold; 1 covers the data of snapshots"


@pytest.mark.parametrize("count", range(1, 8))
def test_roots_are_those_of_the_rule(count: int) -> None:
    assert merkle_root_of([digest(each) for each in EVENTS[:count]]) == root_of(EVENTS[:count])


def test_blocks_over_events_are_matched_wherever_they_begin(tmp_path: Path) -> None:
    found = judged(tmp_path, chain_over(EVENTS[3:5], EVENTS[:3], [EVENTS[6]]), events())
    assert (found.state, found.covered_events) == ("holds", 6)
    assert found.words == "hashes and links of 3 blocks hold; 3 cover events, 6 of 7 events are covered"


def test_what_is_no_longer_there_is_counted(tmp_path: Path) -> None:
    found = judged(tmp_path, chain_over(EVENTS[:2], [{"gone": 1}]), events())
    assert "of 1 the data was not found in these files" in found.words


def changed(field: str, value: object) -> dict[str, Any]:
    document = chain_over(EVENTS[:2], EVENTS[2:])
    document["blocks"][1][field] = value
    return document


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (changed("merkle_root", "00"), "block 2 does not match its hash"),
        (changed("previous_hash", "00"), "block 2 does not name the block before it"),
        (changed("block_hash", "00"), "block 2 does not match its hash"),
        (changed("block_hash", None), "block 2 has no block_hash"),
        (chain_over(EVENTS) | {"last_hash": "00"}, "last_hash is not the hash of the last block"),
        ({"blocks": [1]}, "block 1 has no block_hash"),
        ({"chain": [{"index": 0}]}, "block 0 has no hash"),
        ({"chain": [{"index": 1, "hash": "a"}]}, "block 0 has another index"),
        (
            {"chain": [{"index": 0, "hash": "a"}, {"index": 1, "hash": "b", "previous_hash": "c"}]},
            "block 1 does not name the block before it",
        ),
        ({"chain": [{"index": 0, "hash": "a"}], "chain_length": 5}, "chain_length is 5, and there are 1 blocks"),
    ],
)
def test_a_broken_chain_says_where(tmp_path: Path, document: dict[str, Any], problem: str) -> None:
    found = judged(tmp_path, document, events())
    assert (found.state, found.words) == ("broken", problem)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"blocks": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_chain_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hash_chain.json"
    path.write_bytes(content)
    assert judge_chain(path, []).state == "unreadable"
    path.unlink()
    path.mkdir()
    assert judge_chain(path, []).state == "unreadable"
    assert judge_chain(None, []).state == "absent"
