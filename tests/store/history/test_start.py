"""A start says of a history what its files say, wherever it began to read them."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import hidden_twin
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.noted import NotedEvent
from cq_tui.store.history.parallel import verify_in_parallel
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.history.verification import verify
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, made, raw_blocks
from tests.store.history.reopening import quarantine, reasons
from tests.store.history.test_forgeries import forge

#: Where the snapshot is taken, and where a checkpoint is signed.
STOOD, SIGNED, COUNT = 40, 20, 50


def with_snapshot(data: DataDir) -> SnapshotHistory:
    """Make a history of ``COUNT`` events; return where it stood after ``STOOD``."""
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in range(1, STOOD + 1)], 1000.0)
    stood = history.sync_state()
    history.append([event(seq) for seq in range(STOOD + 1, COUNT + 1)], 2000.0)
    history.close()
    return stood


def mark_at(data: DataDir, size: int) -> HistoryMark:
    """Work out a mark from the files."""
    root = MerkleFrontier([leaf_hash(line) for line in event_lines(data)[:size]]).root()
    return HistoryMark(root, orjson.loads(list(raw_blocks(data))[size])["hash"])


def started(data: DataDir, stood: SnapshotHistory) -> HistoryWriter:
    """Start from the snapshot, and verify what was skipped."""
    size = data.events.stat().st_size
    history = HistoryWriter(data, watermark=size, now=3000.0, snapshots=[stood], sizes=[SIGNED, COUNT])
    check = history.skipped_part
    if check is not None:
        while check.step():
            pass
        history.faults.extend(check.finish())
        history.adopt_check(check)
    return history


def rewritten(data: DataDir, index: int = 8) -> None:
    """Rewrite an event, and everything that follows from it; without the key nobody can do more."""
    lines = event_lines(data)
    lines[index - 1] = lines[index - 1].replace(b'"n":8', b'"n":9')
    forge(data, lines, first=next(iter(raw_blocks(data))))


def test_a_rewritten_history_is_judged_by_its_bytes_and_not_by_a_snapshot(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    stood = with_snapshot(data)
    signed = mark_at(data, SIGNED)
    rewritten(data)
    history = started(data, stood)
    assert {size: history.marks[size] for size in (SIGNED, COUNT)} == verify(data, [SIGNED, COUNT]).marks
    assert history.marks[SIGNED] == mark_at(data, SIGNED) != signed
    assert reasons(history) == [("the beginning is not the one that the last snapshot saw", None)]
    assert history.root == mark_at(data, COUNT).root
    history.close()


@pytest.mark.parametrize("index", [8, 45])
def test_a_start_names_every_fault_that_a_verification_names(tmp_path: Path, index: int) -> None:
    """Two events are damaged; the first start that looks at one of them looks at everything."""
    data = data_dir(tmp_path)
    stood = with_snapshot(data)
    content = data.events.read_bytes()
    for number in (index, 47):
        content = content.replace(b'"n":%d}' % number, b'"n":0}')
    data.events.write_bytes(content)
    named = {str(fault) for fault in verify(data).faults}
    assert len(named) == 2
    history = started(data, stood)
    assert {str(fault) for fault in history.faults} == named
    assert history.resumed_from is None
    history.close()


@pytest.mark.parametrize("tail", [b'{"event_id":"x"}\n', b"rubbish\n"])
def test_what_was_moved_to_quarantine_is_named_though_everything_is_read_again(tmp_path: Path, tail: bytes) -> None:
    data = data_dir(tmp_path)
    stood = with_snapshot(data)
    synced = data.events.stat().st_size
    content = data.events.read_bytes().replace(b'"n":47}', b'"n":99}')
    data.events.write_bytes(content + tail)
    history = HistoryWriter(data, watermark=synced, now=3000.0, snapshots=[stood])
    moved = f"what stands from byte {len(content)} on is no event of this history: moved to quarantine"
    assert ((moved, None) in reasons(history)) is tail.startswith(b"{")
    assert ("the event is not the one that was chained", 47) in reasons(history)
    assert tail in quarantine(data)
    history.close()


def test_an_unchanged_history_is_resumed_and_has_all_marks_once_the_rest_is_verified(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    stood = with_snapshot(data)
    history = HistoryWriter(data, now=3000.0, snapshots=[stood], sizes=[SIGNED, COUNT])
    assert history.resumed_from is not None
    assert history.marks == {COUNT: mark_at(data, COUNT)}
    history.close()
    history = started(data, stood)
    assert history.marks == {size: mark_at(data, size) for size in (SIGNED, COUNT)}
    assert history.faults == []
    history.close()


def test_lost_numbers_are_counted_wherever_they_were_lost(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(3), event(5), event(1, "ares"), event(6, "cli-a")], 1000.0)
    stood = history.sync_state()
    history.append([event(8), event(4, "ares"), event(2, "room-b")], 2000.0)
    expected = {"ares": 2, "cli-a": 5, "room-b": 1, "trader": 5}
    assert history.gaps == expected
    history.close()
    history = HistoryWriter(data, now=3000.0, snapshots=[stood])
    assert history.gaps == {"ares": 2, "room-b": 1, "trader": 2}, "only of what was verified"
    history.close()
    history = started(data, stood)
    assert history.gaps == verify(data).gaps == expected
    history.append([event(10), event(5, "ares")], 4000.0)
    expected["trader"] += 1
    assert history.gaps == expected
    history.close()
    assert verify(data).gaps == expected


def about_history(kind: str, seq: int) -> NewEvent:
    return NewEvent(kind, "memory", {"n": seq}, "memory", seq, 1.0, {})


def test_events_about_the_history_are_noted_by_every_reader(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(1), about_history("integrity_fault", 1), event(2)], 1000.0)
    stood = history.sync_state()
    history.append([event(3), about_history("integrity_acknowledged", 2)], 2000.0)
    history.append([about_history("integrity_other", 3)], 3000.0)
    lines = event_lines(data)
    noted = [NotedEvent(2, lines[1]), NotedEvent(5, lines[4])]
    assert history.noted == noted
    history.close()
    assert verify(data).noted == noted
    history = HistoryWriter(data, now=3000.0, snapshots=[stood])
    assert history.noted == noted[1:]
    history.close()
    history = started(data, stood)
    assert history.noted == noted
    history.close()


def test_a_flood_of_events_about_the_history_does_not_fill_the_memory(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([about_history("integrity_fault", seq) for seq in range(1, 1201)], 1000.0)
    history.append([about_history("integrity_acknowledged", 1201)], 2000.0)
    assert [each.index for each in history.noted] == [*range(1, 1001), 1201]
    history.close()
    assert verify(data).noted == history.noted
    assert verify_in_parallel(2, data, fewest=1).noted == history.noted


@pytest.mark.parametrize("change", [lambda content: None, lambda content: b"", lambda content: content[:-9]])
def test_a_document_that_is_made_again_keeps_its_block_hashes(tmp_path: Path, change: object) -> None:
    """Signed checkpoints name the hash of a block: the twin still knows the genesis block."""
    data = made(tmp_path, 12)
    tip = mark_at(data, 12).tip
    content = change(data.hash_chain.read_bytes())  # type: ignore[operator]
    if content is None:
        data.hash_chain.unlink()
    else:
        data.hash_chain.write_bytes(content)
    assert verify(data, [12]).marks[12].tip == tip
    history = HistoryWriter(data, now=9000.0, sizes=[12])
    assert history.marks[12].tip == tip
    assert history.faults
    history.close()
    assert mark_at(data, 12).tip == tip
    assert_consistent(data, verified=False)


def test_a_wrong_root_in_the_tail_is_named_though_the_snapshot_covers_everything(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    history = HistoryWriter(data, now=2000.0)
    stood = history.sync_state()
    history.close()
    for path in (data.hash_chain, hidden_twin(data.hash_chain)):
        content = path.read_bytes()
        place = content.rindex(b'"merkle_root":"') + 15
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    found = [str(fault) for fault in verify(data).faults]
    assert "names another Merkle root" in found[0]
    assert set(found) <= {str(fault) for fault in started(data, stood).faults}


def long_history(folder: Path) -> tuple[DataDir, SnapshotHistory]:
    """Make a history whose document is longer than what a start compares with its copy; a snapshot covers all of it."""
    data = made(folder, COUNT)
    history = HistoryWriter(data, now=2000.0)
    history.append([event(seq) for seq in range(COUNT + 1, 1000)], 2000.0)
    stood = history.sync_state()
    history.close()
    return data, stood


def test_damage_of_the_hidden_copy_is_repaired_before_it_counts(tmp_path: Path) -> None:
    """Only its end is compared at the start; the full check compares all of it."""
    data, stood = long_history(tmp_path)
    twin = hidden_twin(data.hash_chain)
    content = twin.read_bytes()
    assert len(content) > 200_000
    twin.write_bytes(content[:1000] + b"x" + content[1001:])
    history = started(data, stood)
    assert history.faults == []
    for _ in range(2):
        history.flush_chain()
        assert verify(data).faults == []


def test_damage_of_the_document_is_named_though_its_sound_copy_takes_its_place(tmp_path: Path) -> None:
    data, stood = long_history(tmp_path)
    content = data.hash_chain.read_bytes()
    data.hash_chain.write_bytes(content.replace(b'"index":9,', b'"index":8,', 1))
    found = [str(fault) for fault in verify(data).faults]
    assert found
    assert set(found) <= {str(fault) for fault in started(data, stood).faults}


def test_a_folder_in_the_place_of_the_hidden_copy_is_moved_away(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    twin = hidden_twin(data.hash_chain)
    twin.unlink()
    twin.mkdir()
    (twin / "something").touch()
    history = HistoryWriter(data, now=2000.0)
    history.close()
    assert verify(data).faults == []
    (kept,) = data.quarantine.glob(".hash_chain.json.hidden.*")
    assert (kept / "something").exists()
