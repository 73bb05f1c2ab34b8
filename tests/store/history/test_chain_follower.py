"""Following the chain document: each new block once, whatever happens to the file meanwhile."""

import os
from pathlib import Path

import pytest

from cq_tui.store.history.chain_follower import ChainFollower, find_event_hash
from cq_tui.store.history.event_line import event_id_key, parse_header
from cq_tui.store.history.hash_chain import TAIL_BYTES
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import data_dir, event, event_lines, made


def indexes(follower: ChainFollower) -> list[int]:
    """Read to the end; return the indexes of the blocks."""
    found: list[int] = []
    while blocks := follower.peek():
        follower.consume(blocks[-1])
        found += [block.links.index for block in blocks]
    return found


def test_each_new_block_comes_once_while_the_document_grows(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    follower = ChainFollower(data.hash_chain)
    assert indexes(follower) == [], "there is no document yet"
    history = HistoryWriter(data, now=50.0)
    assert indexes(follower) == []
    for number in range(1, 40, 3):
        history.append([event(seq) for seq in range(number, number + 3)], 1000.0 + number)
        assert indexes(follower) == [], "not flushed"
        history.flush_chain()
        assert indexes(follower) == [number, number + 1, number + 2]
    history.flush_chain()
    assert indexes(follower) == []
    history.close()


def test_it_searches_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made(tmp_path, 5)
    last = event_lines(data)[2]
    follower = ChainFollower(data.hash_chain, event_id_key(parse_header(last).event_id))
    assert indexes(follower) == [4, 5]
    monkeypatch.delattr("cq_tui.store.history.chain_follower.find_first")
    history = HistoryWriter(data, now=2000.0)
    for number in range(6, 12, 2):
        history.append([event(number), event(number + 1)], 3000.0 + number)
        history.flush_chain()
        history.flush_chain()
        assert indexes(follower) == [number, number + 1]
    history.close()


def test_it_starts_after_any_event_known_or_not(tmp_path: Path) -> None:
    data = made(tmp_path, 30)
    keys = [event_id_key(parse_header(line).event_id) for line in event_lines(data)]
    for place, key in enumerate(keys, 1):
        assert indexes(ChainFollower(data.hash_chain, key)) == list(range(place + 1, 31))
        between = (key[0], key[1] + 500)
        assert len(indexes(ChainFollower(data.hash_chain, between))) == sum(other > between for other in keys)


def test_what_is_consumed_only_in_part_comes_again(tmp_path: Path) -> None:
    data = made(tmp_path, 10)
    follower = ChainFollower(data.hash_chain)
    follower.consume(follower.peek()[3])
    assert indexes(follower) == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("size", [200, 1500])
def test_a_long_document_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("cq_tui.store.history.chain_follower._READ", max(size, 700))
    data = made(tmp_path, 25)
    assert indexes(ChainFollower(data.hash_chain)) == list(range(1, 26))


def test_a_damaged_block_is_left_out(tmp_path: Path) -> None:
    data = made(tmp_path, 12)
    lines = data.hash_chain.read_bytes().split(b"\n")
    lines[5] = lines[5].replace(b'"event_type":"o', b'"event_type":"p')
    data.hash_chain.write_bytes(b"\n".join(lines))
    assert indexes(ChainFollower(data.hash_chain)) == [1, 2, 3, *range(5, 13)]


def test_a_missing_block_hides_no_other(tmp_path: Path) -> None:
    data = made(tmp_path, 12)
    lines = data.hash_chain.read_bytes().split(b"\n")
    del lines[5]
    data.hash_chain.write_bytes(b"\n".join(lines))
    assert indexes(ChainFollower(data.hash_chain)) == [1, 2, 3, *range(5, 13)]


def test_a_document_made_anew_continues_after_the_last_event(tmp_path: Path) -> None:
    data = made(tmp_path / "one", 10)
    follower = ChainFollower(data.hash_chain)
    assert indexes(follower) == list(range(1, 11))
    os.unlink(data.hash_chain)
    assert indexes(follower) == []
    history = HistoryWriter(data, now=3000.0)
    history.append([event(11), event(12)], 5000.0)
    history.flush_chain()
    assert indexes(follower) == [11, 12]
    history.close()


def test_a_file_seen_half_written_gives_no_wrong_block_and_hides_none(tmp_path: Path) -> None:
    """Two flushes at once write into the file that a reader has just opened."""
    data = made(tmp_path, 6)
    before = data.hash_chain.read_bytes()
    history = HistoryWriter(data, now=2000.0)
    history.append([event(seq) for seq in range(7, 11)], 3000.0)
    history.flush_chain()
    history.close()
    after = data.hash_chain.read_bytes()
    for cut in range(len(before) - TAIL_BYTES, len(after)):
        mixed = after[:cut] + before[cut:]
        data.hash_chain.write_bytes(mixed)
        follower = ChainFollower(data.hash_chain)
        found = indexes(follower)
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= 5
        data.hash_chain.write_bytes(after)
        assert found + indexes(follower) == list(range(1, 11)), cut


def test_the_hash_of_an_event_is_found_by_its_key(tmp_path: Path) -> None:
    data = made(tmp_path, 20)
    for line in event_lines(data):
        key = event_id_key(parse_header(line).event_id)
        assert find_event_hash(data.hash_chain, key) == leaf_hash(line)
        assert find_event_hash(data.hash_chain, (key[0], key[1] + 500)) is None
    assert find_event_hash(tmp_path / "missing", (1, 1)) is None
