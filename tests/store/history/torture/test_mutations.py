"""Files cut, overwritten and flipped, byte by byte and bit by bit: damage is named, and what is intact stays."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.history import SnapshotSystem
from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog, read_checkpoint_log
from cq_tui.store.document import DocumentError
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool
from tests.store.checkpoints.signing import KEY, note
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, made, seqs
from tests.store.history.torture import HEAVY
from tests.store.history.torture.file_layer import file_layer
from tests.store.history.torture.keeper import opened
from tests.store.snapshots.assembling import read_snapshot

Mutation = Callable[[bytes, int], bytes]

TAILS: dict[str, Mutation] = {
    "cut": lambda content, start: content[:start],
    "zeros": lambda content, start: content[:start].ljust(len(content), b"\x00"),
    "zeros behind": lambda content, start: content[:start].ljust(len(content) + 5000, b"\x00"),
    "garbage": lambda content, start: content[:start] + random.Random(start).randbytes(len(content) - start),
    "older bytes": lambda content, start: content[:start] + content[: len(content) - start],
}
#: Two sealed events, and two whose chain was never flushed: so much of the file is not known to be synced.
KNOWN, UNKNOWN = 4, 2


def quarantined(data: DataDir) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(data.quarantine.iterdir()))


def some(places: Iterable[int], count: int) -> Iterable[int]:
    """All of them under heavy torture, else a sample that is the same each time."""
    places = list(places)
    return places if HEAVY else random.Random(3).sample(places, min(count, len(places)))


def written(folder: Path) -> tuple[DataDir, int]:
    """A history whose last events are synced, but neither chained nor below the watermark, and that watermark."""
    data = data_dir(folder)
    with file_layer(data.root):
        history = HistoryWriter(data, now=50.0)
        history.append([event(seq) for seq in range(1, KNOWN + 1)], 1000.0)
        history.flush_chain()
        watermark = history.watermark
        history.append([event(seq) for seq in range(KNOWN + 1, KNOWN + UNKNOWN + 1)], 1001.0)
    return data, watermark


def copied(source: DataDir, target: Path) -> DataDir:
    data = data_dir(target)
    for path in source.memory.rglob("*"):
        if path.is_file():
            (data.memory / path.relative_to(source.memory)).write_bytes(path.read_bytes())
    return data


@pytest.mark.parametrize("name", TAILS)
@pytest.mark.parametrize("known", [True, False])
def test_a_tail_mutated_from_any_byte_on_costs_no_line_before_it(tmp_path: Path, name: str, known: bool) -> None:
    source, watermark = written(tmp_path / "source")
    content, lines = source.events.read_bytes(), event_lines(source)
    first = 0 if known else watermark
    last = watermark - 1 if known else len(content)
    for start in some(range(first, last + 1), 30):
        data = copied(source, tmp_path / f"{start}")
        mutated = TAILS[name](content, start)
        if mutated == content:
            continue
        data.events.write_bytes(mutated)
        with file_layer(data.root):
            history = HistoryWriter(data, watermark=watermark, now=2000.0)
            faults = list(history.faults)
            history.append([event(99)], 3000.0)
            history.close()
        where = f"{name} from byte {start} on: {list(map(str, faults))}"
        whole = mutated[: mutated[:start].rfind(b"\n") + 1] if start else b""
        after = data.events.read_bytes()
        assert after.startswith(whole), where
        kept = after + quarantined(data)
        assert all(line in kept for line in lines if line + b"\n" in mutated), where
        if known:
            assert faults, where
        elif not faults or name != "older bytes":
            # Whole events of this very history that stand there once more are named, not moved.
            assert seqs(data) == [*range(1, whole.count(b"\n") + 1), 99], where
            assert_consistent(data, verified=not faults)
            assert not faults, f"{where}: what is torn is no damage"


def flips(content: bytes, count: int, size: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the content with each bit flipped, or with so many of them, one at a time; only in its first ``size``."""
    for bit in some(range((size or len(content)) * 8), count):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


@pytest.mark.parametrize("name", [".hash_chain.json.hidden", "tree_index.json"])
def test_a_flipped_bit_in_what_can_be_made_again_never_shows(tmp_path: Path, name: str) -> None:
    source = standing(tmp_path / "source")
    for bit, changed in flips((source.memory / name).read_bytes(), 30):
        data = copied(source, tmp_path / f"{bit}")
        (data.memory / name).write_bytes(changed)
        with file_layer(data.root):
            history = opened(data)
            assert history.faults == []
            for seq in (8, 9, 10):
                history.append([event(seq)], 3000.0 + seq)
                history.flush_chain()
                assert_consistent(data)
            history.close()
        assert_consistent(data)
        assert seqs(data) == list(range(1, 11)), f"bit {bit} of {name}"


def standing(folder: Path) -> DataDir:
    """A history with two snapshots, from the newest of which a start goes on."""
    data = made(folder, 5)
    system = SnapshotSystem(active_services=[], health_status="ok", memory_usage=0.0)
    store = SnapshotStore(data)
    with file_layer(data.root):
        history = opened(data)
        for seq in (6, 7):
            history.append([event(seq)], 2000.0 + seq)
            store.take_snapshot(2000.0 + seq, system, history.sync_state(), kept=5, full_every=5)
        history.close()
    return data


def test_a_flipped_bit_in_a_snapshot_is_named_and_the_start_does_without_it(tmp_path: Path) -> None:
    source = standing(tmp_path / "source")
    base, newest = SnapshotStore(source).paths()
    for path in (base, newest):
        for bit, changed in flips(path.read_bytes(), 30):
            data = copied(source, tmp_path / f"{path.stem}-{bit}")
            (data.snapshots / path.name).write_bytes(changed)
            complaints: list[str] = []
            left = [found.events_count for found in recent_histories(data, complaints)]
            assert left == [7 if path == base else 6]
            assert [path.name in complaint for complaint in complaints] == [True]
            with pytest.raises(DocumentError):
                read_snapshot(data, newest.stem)
            with file_layer(data.root):
                history = opened(data)
                assert (history.faults, history.events, history.cursors) == ([], 7, {"trader": 7})


def test_a_flipped_bit_in_the_log_of_checkpoints_is_named_and_costs_no_other_note(tmp_path: Path) -> None:
    texts = [note(size) for size in (1, 2, 3)]
    source = tmp_path / "source.log"
    log = CheckpointLog(source, tmp_path)
    for text in texts:
        log.append(text, KEY)
    log.close()
    whole = f"\x1e{KEY.text}\n"
    for bit, changed in flips(source.read_bytes(), 200):
        folder = tmp_path / f"{bit}"
        folder.mkdir()
        path = folder / "checkpoints.log"
        path.write_bytes(changed)
        log = CheckpointLog(path, folder)
        log.append(note(4), KEY)
        log.close()
        reading = read_checkpoint_log(path, KEY)
        found = [entry.text for entry in reading.entries]
        # Without the separator after it, a note is none.
        intact = [text for text in texts if f"{whole}{text}\x1e".encode() in changed + b"\x1e"]
        where = f"bit {bit}: {reading.problems}, {log.repaired}"
        assert found == [*intact, note(4)], where
        assert reading.problems or log.repaired, where


def test_a_flipped_bit_in_a_spool_costs_no_other_event(tmp_path: Path) -> None:
    """What the flip made unreadable is kept and named; a flip inside a payload can only be seen by its writer."""
    source = data_dir(tmp_path / "source")
    spool = EventSpool(source.spool, "trader", quarantine=source.quarantine)
    for number in range(1, 11):
        spool.emit("e", {"number": number}, now=1000.0 + number)
    spool.close()
    content = (source.spool / "trader.ndjson").read_bytes()
    lines = content.split(b"\n")[:-1]
    # Its writer went on: what is wrong with a number shows in those after it.
    for bit, changed in flips(content, 100, size=len(b"\n".join(lines[:6])) + 1):
        data = data_dir(tmp_path / f"{bit}")
        (data.spool / "trader.ndjson").write_bytes(changed)
        collected = SpoolMerger(data.spool, data.quarantine, {}).collect()
        # Two lines that became one are none.
        intact = [number for number, line in enumerate(lines, 1) if line in changed.split(b"\n")]
        merged = [(new.seq, new.data) for new in collected.events]
        where = f"bit {bit}: {collected.complaints}, {merged}"
        for number in intact:
            assert merged.count((number, {"number": number})) == 1, where
        numbers = [seq for seq, _ in merged]
        assert numbers == sorted(set(numbers)), where
        assert numbers == list(range(1, 11)) or collected.complaints, where
