"""The history: appended, killed, recovered. Nothing that was acknowledged is lost or doubled."""

import os
import random
from pathlib import Path

import orjson
import pytest

from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, made, raw_blocks, seqs
from tests.store.history.reopening import COUNT, quarantine, reopened
from tests.store.history.torture import HEAVY
from tests.store.processes import finished, program, word


def test_a_new_history_is_consistent_at_every_flush(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    assert_consistent(data)
    assert (history.events, history.chain_length, history.faults, history.cursors) == (0, 1, [], {})
    for start in (1, 2, 5, 9):
        lines = history.append([event(seq) for seq in range(start, start + 4)][: max(1, start // 2)], 1000.0 + start)
        assert event_lines(data)[-len(lines) :] == lines
        assert history.has_unflushed
        history.flush_chain()
        assert_consistent(data)
        assert history.merkle_root == orjson.loads(data.hash_chain.read_bytes())["merkle_root"]
        assert history.check_identity() is None
    assert history.watermark == history.size
    history.append([event(99)], 1000.0)
    assert history.watermark < history.size
    history.close()
    assert_consistent(data)
    assert history.watermark == data.events.stat().st_size
    again = reopened(data)
    assert (again.faults, again.events, again.cursors) == ([], history.events, {"trader": 99})
    again.close()
    assert_consistent(data)


APPENDER = """
import sys, time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
history = HistoryWriter(DataDir(Path(sys.argv[1])), now=time.time())
print(len(history.faults), *map(str, history.faults), flush=True)
seq = history.cursors.get("trader", 0)
turn = 0
while True:
    turn += 1
    batch = [NewEvent("e", "trader", {"n": n}, "trader", n, 1.0, {}) for n in range(seq + 1, seq + 2 + turn % 9)]
    history.append(batch, time.time())
    seq += len(batch)
    sys.stdout.write(f"{seq}\\n")
    sys.stdout.flush()
    if turn % 4 == 0:
        history.flush_chain()
"""


def test_killed_at_random_while_appending_no_event_is_lost_doubled_or_reordered(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    acknowledged = 0
    chance = random.Random(4)
    for _ in range(1000 if HEAVY else 6):
        with program(APPENDER, data.root) as process:
            assert word(process) == b"0", "a kill is no fault"
            for _ in range(chance.randrange(1, 60)):
                acknowledged = int(word(process))
            process.kill()
            out, _ = process.communicate()
            # The last line may be torn, too.
            acknowledged = max([acknowledged, *map(int, out.split(b"\n")[:-1])])
        orjson.loads(data.hash_chain.read_bytes())
    history = HistoryWriter(data, now=3e9)
    history.close()
    assert history.faults == []
    assert seqs(data) == list(range(1, len(event_lines(data)) + 1))
    assert len(event_lines(data)) >= acknowledged
    assert_consistent(data)


@pytest.mark.parametrize("chain_behind", [0, 1, 5, COUNT])
def test_a_chain_that_lags_behind_is_extended_and_its_blocks_stay(tmp_path: Path, chain_behind: int) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(seq) for seq in range(1, COUNT - chain_behind + 1)], 1000.0)
    history.flush_chain()
    mark, before = history.watermark, list(raw_blocks(data))
    for seq in range(COUNT - chain_behind + 1, COUNT + 1):
        history.append([event(seq)], 1000.0)
    # As a killed process leaves it: nothing more is flushed.
    history._journal.close()
    again = reopened(data, mark)
    assert again.faults == []
    again.close()
    assert list(raw_blocks(data))[: len(before)] == before
    assert_consistent(data)
    assert len(event_lines(data)) == COUNT


@pytest.mark.parametrize("torn", [b"{", b'{"event_id":"evt_1', b"\x00" * 5000, b"x" * 70_000, b"\n\n", b"\x00\n\x00\n"])
def test_a_torn_tail_is_kept_in_quarantine_and_cut_and_is_no_fault(tmp_path: Path, torn: bytes) -> None:
    data = made(tmp_path, COUNT)
    whole = data.events.read_bytes()
    with data.events.open("ab") as file:
        file.write(torn)
    history = reopened(data, len(whole))
    assert history.faults == []
    history.close()
    assert data.events.read_bytes() == whole
    assert quarantine(data).startswith(torn.rpartition(b"\n")[2] or torn)
    assert len(quarantine(data)) == len(torn)
    assert_consistent(data)


def test_others_that_touch_the_files_are_noticed(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    history = reopened(data)
    assert history.check_identity() is None
    for path, act, words in (
        (data.events, lambda path: path.write_bytes(path.read_bytes() + b"x"), "changed its size"),
        (data.events, lambda path: os.replace(copied(path), path), "replaced it"),
        (data.events, lambda path: path.unlink(), "was deleted"),
        (data.hash_chain, lambda path: path.write_bytes(path.read_bytes()), "replaced or changed"),
        (data.hash_chain, lambda path: path.unlink(), "was deleted"),
    ):
        content = path.read_bytes()
        act(path)
        fault = history.check_identity()
        assert fault is not None
        assert (fault.file, words in fault.reason) == (path.name, True)
        path.write_bytes(content)
        history.close()
        history = reopened(data)
    history.close()


def copied(path: Path) -> Path:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    return copy


FULL = """
import os, resource, sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalError
data = DataDir(Path(sys.argv[1]))
history = HistoryWriter(data, now=1.0)
make = lambda n: NewEvent("e", "trader", {"fill": "x" * 100}, "trader", n, 1.0, {})
history.append([make(n) for n in range(1, 6)], 1.0)
history.flush_chain()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(data.events) + 300, hard))
refused = 0
for _ in range(3):
    try:
        history.append([make(n) for n in range(6, 12)], 1.0)
    except JournalError:
        refused += 1
try:
    history.flush_chain()
except OSError:
    refused += 10
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
history.append([make(n) for n in range(6, 12)], 1.0)
history.flush_chain()
history.close()
print(refused)
"""


def test_a_full_disk_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    assert finished(FULL, data.root).strip() in ("3", "13")
    assert seqs(data) == list(range(1, 12))
    assert_consistent(data)


def test_faults_and_forgiveness_show_in_the_chain_document(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    data.hash_chain.unlink()
    history = reopened(data)
    assert_consistent(data, verified=False)
    history.clear_faults()
    assert history.has_unflushed
    history.close()
    assert_consistent(data)
