"""Looking into a history's files: every event, block and subtree, in good order, damaged, and while it grows."""

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import parse_header
from cq_tui.store.history.merkle import SUBTREE_LEAVES, leaf_hash
from cq_tui.store.history.tree_index import SubtreeIndex
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.proofs.lookup import HistoryFiles, LeavesUnreadable
from cq_tui.store.proofs.merkle_proofs import tree_hash
from tests.store.history.histories import data_dir, event, event_lines, made, raw_blocks

SMALL = 40
LARGE = 2 * SUBTREE_LEAVES + 300


@pytest.fixture
def small(tmp_path: Path) -> DataDir:
    return made(tmp_path, SMALL)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    """More than two subtrees; whoever changes it leaves events and chain alone."""
    return made(tmp_path_factory.mktemp("large"), LARGE, batch=1000)


def ids(data: DataDir) -> list[str]:
    return [parse_header(line).event_id for line in event_lines(data)]


def leaves(data: DataDir) -> list[bytes]:
    return [leaf_hash(line) for line in event_lines(data)]


def index_of_chain(data: DataDir) -> SubtreeIndex:
    """The index as it should be, without the code under test."""
    content, blocks, lines = data.hash_chain.read_bytes(), list(raw_blocks(data)), event_lines(data)
    index, event_offset = SubtreeIndex(content.index(blocks[1])), 0
    for begin in range(0, len(lines) - SUBTREE_LEAVES + 1, SUBTREE_LEAVES):
        end = begin + SUBTREE_LEAVES
        event_offset += sum(len(line) + 1 for line in lines[begin:end])
        root = tree_hash([leaf_hash(line) for line in lines[begin:end]])
        index.add_subtree(root, event_offset, content.index(blocks[end + 1]))
    return index


def test_everything_is_found(small: DataDir) -> None:
    files, lines, blocks = HistoryFiles(small), event_lines(small), list(raw_blocks(small))
    assert files.events_count() == SMALL
    for index, (event_id, line) in enumerate(zip(ids(small), lines, strict=True), 1):
        assert files.index_of(event_id) == index
        assert files.event_at(index) == line
    for index, block in enumerate(blocks):
        assert files.block_at(index) == block
    assert files.blocks(0, SMALL + 9) == dict(enumerate(blocks))
    assert files.blocks(7, 11) == {index: blocks[index] for index in range(7, 11)}
    assert files.event_leaves(10**9) == leaves(small)
    assert files.event_leaves(3) == leaves(small)[:3]


def test_what_is_not_there_is_not_found(small: DataDir) -> None:
    files = HistoryFiles(small)
    for event_id in (
        "",
        "evt_1",
        "evt_1000_1",
        "evt_1_001",
        "evt_99999_001",
        "evt_" + "9" * 5000 + "_001",
        "\x00\n",
        "é",
    ):
        assert files.index_of(event_id) is None
    # The same number, written in another way, is no id of this history.
    assert files.index_of(ids(small)[0].replace("_001", "_0001")) is None
    for index in (-1, SMALL + 1, 10**30):
        assert files.block_at(index) is None
        assert files.event_at(index) is None
    assert files.event_at(0) is None
    assert files.blocks(9, 9) == files.blocks(9, 3) == {}
    with pytest.raises(LeavesUnreadable, match=r"hash_chain.json: blocks 1 to 41 are not all there"):
        files.subtree(SMALL - 1, SMALL + 1)


def test_without_a_chain_the_events_are_counted(small: DataDir) -> None:
    small.hash_chain.unlink()
    files = HistoryFiles(small)
    assert files.block_at(1) is None
    assert files.event_at(7) == event_lines(small)[6]
    assert files.index_of(ids(small)[6]) == 7
    with pytest.raises(LeavesUnreadable):
        files.subtree(0, 1)
    with pytest.raises(FileNotFoundError):
        files.events_count()


def test_missing_events_are_reported(small: DataDir) -> None:
    small.events.unlink()
    files = HistoryFiles(small)
    assert files.index_of("evt_1001_001") == 1
    with pytest.raises(FileNotFoundError):
        files.event_at(1)
    with pytest.raises(FileNotFoundError):
        files.event_leaves(1)


def test_an_empty_history(tmp_path: Path) -> None:
    files = HistoryFiles(made(tmp_path, 0))
    assert files.events_count() == 0
    assert files.block_at(0) is not None
    assert files.event_at(1) is None
    assert files.index_of("evt_1_001") is None
    assert files.subtree(0, 0) == tree_hash([])


@pytest.mark.parametrize("size", [1, 40, SUBTREE_LEAVES, SUBTREE_LEAVES + 1, 2 * SUBTREE_LEAVES, LARGE])
@pytest.mark.parametrize("index", ["none", "whole", "short", "wrong places"])
def test_roots_with_and_without_an_index(large: DataDir, size: int, index: str) -> None:
    large.tree_index.unlink(missing_ok=True)
    kept = index_of_chain(large)
    if index == "short":
        assert kept.truncate(1, 10**12)
    if index == "wrong places":
        kept.block_offsets = [offset + 1 for offset in kept.block_offsets]
    if index != "none":
        kept.save(large.tree_index)
    assert HistoryFiles(large).subtree(0, size) == tree_hash(leaves(large)[:size])


def test_the_index_that_the_writer_keeps(tmp_path: Path) -> None:
    data = made(tmp_path, SUBTREE_LEAVES - 50, batch=1000)
    history = HistoryWriter(data, now=20_000.0)
    history.append([event(seq) for seq in range(SUBTREE_LEAVES - 49, LARGE + 1)], 20_000.0)
    history.sync_state()
    history.close()
    kept = SubtreeIndex.load(data.tree_index)
    assert kept is not None
    assert len(kept.roots) == 2
    assert vars(kept) == vars(index_of_chain(data))


def test_the_index_is_what_saves_reading(large: DataDir, tmp_path: Path) -> None:
    """A root that the index names is not looked up in the chain."""
    data = data_dir(tmp_path)
    data.hash_chain.write_bytes(b"nothing that could be read\n" * 20)
    index_of_chain(large).save(data.tree_index)
    assert HistoryFiles(data).subtree(0, 2 * SUBTREE_LEAVES) == tree_hash(leaves(large)[: 2 * SUBTREE_LEAVES])


@given(st.integers(0, SUBTREE_LEAVES.bit_length()), st.integers(0, LARGE), st.integers(0, LARGE))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_subtree(large: DataDir, level: int, near: int, stop: int) -> None:
    start = near >> level << level
    stop = min(stop, start + (start & -start or LARGE))
    if start <= stop:
        assert HistoryFiles(large).subtree(start, stop) == tree_hash(leaves(large)[start:stop])


def test_one_look_after_another(large: DataDir) -> None:
    files, all_leaves = HistoryFiles(large), leaves(large)
    second, third = SUBTREE_LEAVES, 2 * SUBTREE_LEAVES
    for start, stop in [
        (0, 5),
        (0, 9),
        (second, second + 4),
        (third, third + 8),
        (0, 9),
        (third, LARGE),
        (second, third),
        (3, 4),
    ]:
        assert files.subtree(start, stop) == tree_hash(all_leaves[start:stop])


def test_a_damaged_block_hides_only_itself(small: DataDir) -> None:
    content, blocks = small.hash_chain.read_bytes(), list(raw_blocks(small))
    lines, names = event_lines(small), ids(small)
    for index in (1, 17, SMALL):
        at = content.index(blocks[index])
        for place in (9, 40, len(blocks[index]) - 20):
            damaged = bytearray(content)
            damaged[at + place] ^= 1
            small.hash_chain.write_bytes(damaged)
            files = HistoryFiles(small)
            assert files.blocks(0, SMALL + 1) == {i: block for i, block in enumerate(blocks) if i != index}
            for number in range(1, SMALL + 1):
                assert files.event_at(number) == lines[number - 1]
                assert files.index_of(names[number - 1]) == number


@given(st.integers(0, 10**6), st.one_of(st.just(b"\n"), st.binary(min_size=1, max_size=400)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damaged_events_hide_only_themselves(tmp_path: Path, place: int, garbage: bytes) -> None:
    data = DataDir(tmp_path)
    if not data.events.exists():
        made(tmp_path, SMALL)
        (tmp_path / "events").write_bytes(data.events.read_bytes())
    content = (tmp_path / "events").read_bytes()
    lines = content.split(b"\n")[:-1]
    place %= len(content)
    data.events.write_bytes(content[:place] + garbage + content[place + len(garbage) :])
    whole, files = set(event_lines(data)), HistoryFiles(data)
    struck = content[:place].count(b"\n") + 1
    for index in sorted({1, struck - 1, struck, struck + 1, struck + 3, SMALL} & set(range(1, SMALL + 1))):
        line, found = lines[index - 1], files.event_at(index)
        assert files.index_of(parse_header(line).event_id) == index, "the chain knows it still"
        assert found == line or line not in whole


def test_a_line_out_of_order_hides_nothing(tmp_path: Path) -> None:
    """A damaged id that still reads as one leads the search astray, but only the search."""
    data = made(tmp_path, 300, batch=1)
    lines = event_lines(data)
    strange = [line.replace(b'{"event_id":"evt_1', b'{"event_id":"evt_9') for line in lines]
    for damaged in range(140, 160):
        data.events.write_bytes(
            b"".join(line + b"\n" for line in [*lines[:damaged], strange[damaged], *lines[damaged + 1 :]])
        )
        for index in (*range(1, 140, 20), damaged, damaged + 2, *range(161, 300, 20)):
            assert HistoryFiles(data).event_at(index) == lines[index - 1]
        assert HistoryFiles(data).event_at(damaged + 1) is None


def test_events_that_the_chain_does_not_name_yet(tmp_path: Path) -> None:
    data = made(tmp_path, SMALL)
    chain = data.hash_chain.read_bytes()
    history = HistoryWriter(data, now=9000.0)
    history.append([event(seq) for seq in range(SMALL + 1, SMALL + 4)], 9000.0)
    history.close()
    data.hash_chain.write_bytes(chain)
    files = HistoryFiles(data)
    assert files.events_count() == SMALL
    for index, event_id in enumerate(ids(data), 1):
        assert files.index_of(event_id) == index
        assert files.event_at(index) == event_lines(data)[index - 1]


def test_blocks_of_other_origin_have_no_leaves(small: DataDir) -> None:
    small.hash_chain.write_bytes(small.hash_chain.read_bytes().replace(b"event_hash", b"other_hash"))
    with pytest.raises(LeavesUnreadable):
        HistoryFiles(small).subtree(0, 5)


def test_looking_while_it_grows(tmp_path: Path) -> None:
    """The document's two files change places all the time; what was there once is always found."""
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in range(1, 61)], 1000.0)
    history.flush_chain()
    expected, blocks, names = tree_hash(leaves(data)), list(raw_blocks(data)), ids(data)
    wrong: list[object] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            files = HistoryFiles(data)
            if files.subtree(0, 60) != expected or files.block_at(60) != blocks[60]:
                wrong.append("subtree or block")
            if files.index_of(names[31]) != 32 or files.events_count() < 60:
                wrong.append("index or count")

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for seq in range(61, 361):
            history.append([event(seq)], 1000.0 + seq)
            history.flush_chain()
    finally:
        ended.set()
        reader.join()
        history.close()
    assert wrong == []
