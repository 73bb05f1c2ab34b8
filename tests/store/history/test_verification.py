"""Full verification: one process and several say the same, name every damage and call nothing else damaged."""

import os
import random
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.merkle import SUBTREE_LEAVES, MerkleFrontier, leaf_hash
from cq_tui.store.history.parallel import position_after, verify_in_parallel
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.history.verification import VerificationResult, verify
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import data_dir, event, event_lines, made, raw_blocks

LONG = 5 * SUBTREE_LEAVES + 700
#: Somewhere in the fourth subtree.
MIDDLE = 3 * SUBTREE_LEAVES + 719


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    """A history that several processes can share, with a thousand and more events in some seconds."""
    data = data_dir(tmp_path_factory.mktemp("long"))
    history = HistoryWriter(data, now=50.0)
    random_of = random.Random(7)
    written = {"trader": 0, "ares": 0}
    while history.events < LONG:
        batch = []
        for _ in range(min(1500, LONG - history.events)):
            writer = random_of.choice(list(written))
            written[writer] += 1
            batch.append(event(written[writer], writer, fill="x" * random_of.randrange(9)))
        history.append(batch, 1_700_000_000.0 + history.events)
        history.flush_chain()
    history.close()
    return data


def copied(source: DataDir, folder: Path) -> DataDir:
    data = data_dir(folder)
    for name in ("events", "hash_chain"):
        os.link(getattr(source, name), getattr(data, name))
    return data


def edited(data: DataDir, name: str, old: bytes, new: bytes) -> None:
    path: Path = getattr(data, name)
    content = path.read_bytes()
    assert content.count(old) == 1
    path.unlink()
    path.write_bytes(content.replace(old, new))


def root_at(data: DataDir, size: int) -> bytes:
    return MerkleFrontier([leaf_hash(line) for line in event_lines(data)[:size]]).root()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_an_intact_history_is_intact_and_has_its_roots(long: DataDir, workers: int) -> None:
    sizes = (0, 1, SUBTREE_LEAVES, MIDDLE - 1_000, MIDDLE, LONG)
    tips = [orjson.loads(block)["hash"] for block in raw_blocks(long)]
    marks = {size: HistoryMark(root_at(long, size), tips[size]) for size in sizes}
    progress: list[int] = []
    found = verify_in_parallel(workers, long, sizes, progress.append, fewest=1)
    assert found == VerificationResult(events=LONG, merkle_root=marks[LONG].root.hex(), marks=marks)
    assert sum(progress) == long.events.stat().st_size


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("index", [3, MIDDLE, LONG])
def test_an_edited_event_is_named_with_what_was_expected_and_found(
    long: DataDir, tmp_path: Path, index: int, workers: int
) -> None:
    data = copied(long, tmp_path)
    line = event_lines(long)[index - 1]
    other = line.replace(b'"fill":"', b'"fill":"!')
    edited(data, "events", line + b"\n", other + b"\n")
    found = verify_in_parallel(workers, data, fewest=1)
    assert found.fault_count == 1
    (fault,) = found.faults
    assert (fault.file, fault.index) == ("event_chain.ndjson", index)
    assert (fault.expected, fault.found) == (leaf_hash(line).hex(), leaf_hash(other).hex())
    assert found.events == LONG, "what follows is verified as well"


def test_a_part_can_begin_only_behind_a_sound_event(long: DataDir, tmp_path: Path) -> None:
    place = position_after(long, MIDDLE)
    assert place is not None
    lines = event_lines(long)
    assert place.event_end == sum(map(len, lines[:MIDDLE])) + MIDDLE
    assert long.hash_chain.read_bytes()[: place.block_end].endswith(place.tip.content)
    data = copied(long, tmp_path)
    last = lines[MIDDLE - 1]
    edited(data, "events", last + b"\n", last.replace(b"trader", b"tradex").replace(b"ares", b"aret") + b"\n")
    assert position_after(data, MIDDLE) is None


def test_a_chain_ahead_of_its_events_is_incomplete_and_not_damaged(tmp_path: Path) -> None:
    data = made(tmp_path, 12)
    content = data.events.read_bytes()
    data.events.write_bytes(content[: -len(event_lines(data)[-1]) - 31])
    found = verify(data)
    assert (found.events, found.missing, found.faults) == (10, 2, [])
    assert 0 < found.torn_bytes < len(event_lines(data)[-1])


def test_unchained_events_are_reported(tmp_path: Path) -> None:
    data = made(tmp_path, 6)
    later = made(tmp_path / "later", 9)
    assert later.events.read_bytes().startswith(data.events.read_bytes())
    data.events.write_bytes(later.events.read_bytes())
    found = verify(data)
    assert (found.events, found.unchained, found.faults, found.missing) == (9, 3, [], 0)


def test_an_object_behind_the_last_event_is_a_fault_and_a_torn_tail_is_not(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    content = data.events.read_bytes()
    data.events.write_bytes(content + b'{"event_id":"ev')
    assert (verify(data).faults, verify(data).torn_bytes) == ([], 15)
    data.events.write_bytes(content + b"rubbish\n")
    assert (verify(data).faults, verify(data).torn_bytes) == ([], 8)
    data.events.write_bytes(content + b"rubbish\n{}\n")
    assert [fault.reason for fault in verify(data).faults] == [
        f"what stands from byte {len(content)} on is no event of this history"
    ]


def test_a_history_rewritten_without_an_event_has_a_gap_in_its_numbers(tmp_path: Path) -> None:
    """Chain and root of a complete rewrite are sound; the writer's own count is not."""
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in (1, 2, 4, 5)], 1000.0)
    history.close()
    found = verify(data)
    assert (found.faults, found.gaps) == ([], {"trader": 1})


def test_a_directory_without_a_history_and_one_that_cannot_be_written(tmp_path: Path) -> None:
    assert verify(DataDir(tmp_path / "nothing")) == verify(data_dir(tmp_path / "empty"))
    data = made(tmp_path / "made", 5)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in data.memory.rglob("*") if path.is_file()}
    assert verify(data).events == 5
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    document = orjson.loads(data.hash_chain.read_bytes())
    assert document["merkle_root"] == verify(data).merkle_root


@pytest.mark.parametrize("name", ["events", "hash_chain"])
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, name: str) -> None:
    """Only the spaces behind the chain's tail say nothing; even there a flip is told, since no tail is found."""
    data = made(tmp_path, 4)
    path: Path = getattr(data, name)
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        found = verify(data)
        assert found.fault_count or found.missing or found.torn_bytes, f"byte {place}"
        assert found.fault_count <= 3, found.faults
    path.write_bytes(content)
    assert verify(data).fault_count == 0
