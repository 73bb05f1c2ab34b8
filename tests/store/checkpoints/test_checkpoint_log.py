"""The log of checkpoints: whole notes only, damage named, the newest found at once, whatever killed the writer."""

import os
import signal
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cq_tui.store.checkpoints.acknowledgement import sign_acknowledgement
from cq_tui.store.checkpoints.checkpoint_log import (
    Acceptance,
    CheckpointLog,
    LogReading,
    Statement,
    _entry,
    newest_checkpoint,
    read_acknowledgements,
    read_checkpoint_log,
)
from cq_tui.store.checkpoints.evidence import Evidence
from cq_tui.store.journal import JournalBroken, JournalError
from tests.store.checkpoints.signing import KEY, NOW, ORIGIN, OTHER_KEY, OTHER_PRIVATE, PRIVATE, accepted, note
from tests.store.processes import program, word

CHECKPOINT_FAULT = "checkpoints.log: contradicts what was signed: history has 2 events"

# Appends checkpoints of 1, 2, 3 … events until it is killed; says after each that it is safe.
APPENDER = """
import sys
from pathlib import Path
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog, read_checkpoint_log
from tests.store.checkpoints.signing import KEY, note
folder = Path(sys.argv[1])
log = CheckpointLog(folder / "checkpoints.log", folder)
reading = read_checkpoint_log(folder / "checkpoints.log", KEY, newest=1)
size = reading.entries[-1].checkpoint.size if reading.entries else 0
while True:
    size += 1
    log.append(note(size), KEY)
    print(size, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.log"


def written(path: Path, *texts: str) -> bytes:
    """Write a log and return its bytes."""
    log = CheckpointLog(path, path.parent)
    for text in texts:
        log.append(text, KEY)
    log.close()
    return path.read_bytes()


def released(until: int, private_key: Ed25519PrivateKey = PRIVATE) -> str:
    """Accept, when the checkpoint of so many events was signed, that the history is another one."""
    return sign_acknowledgement(accepted(CHECKPOINT_FAULT, time=NOW + until), private_key)


def sizes(reading: LogReading) -> list[int]:
    return [entry.checkpoint.size for entry in reading.entries if isinstance(entry, Statement)]


def binding(reading: LogReading) -> list[int]:
    """Return the sizes of the checkpoints that no acceptance released."""
    evidence = Evidence()
    for entry in reading.entries:
        if isinstance(entry, Statement):
            evidence.statements.append(entry)
        else:
            evidence.acceptances.append(entry)
    evidence.apply_acceptances()
    return [each.checkpoint.size for each in evidence.statements]


def test_the_bytes_are_these(path: Path) -> None:
    content = written(path, note(1), note(2))
    assert content == f"\x1e{KEY.text}\n{note(1)}\x1e{KEY.text}\n{note(2)}".encode()


def test_entries_come_back_in_order(path: Path) -> None:
    written(path, note(1), sign_acknowledgement(accepted("some fault"), PRIVATE), note(2))
    for keys in ([KEY], []):
        reading = read_checkpoint_log(path, *keys)
        assert [type(entry) for entry in reading.entries] == [Statement, Acceptance, Statement]
        assert [entry.key.text for entry in reading.entries] == [KEY.text] * 3
        assert reading.entries[2].text == note(2)
        assert (binding(reading), reading.problems) == ([1, 2], [])
        assert reading == read_checkpoint_log(path, *keys, newest=2)


def test_an_accepted_fault_of_checkpoints_releases_those_before_it(path: Path) -> None:
    written(path, note(1), note(9), released(9), note(3))
    reading = read_checkpoint_log(path, KEY)
    assert (sizes(reading), binding(reading)) == ([1, 9, 3], []), "what binds is signed with a later time"


def test_it_releases_only_earlier_checkpoints_at_any_position(path: Path) -> None:
    written(path, note(1), note(9), released(9), note(10), released(9))
    reading = read_checkpoint_log(path, KEY)
    assert binding(reading) == [10], "a copy of it releases nothing that was signed later"
    path.unlink()
    written(path, note(1), note(9), released(5))
    assert binding(read_checkpoint_log(path, KEY)) == [9]


def test_a_strangers_acknowledgement_releases_its_own_checkpoints_only(path: Path) -> None:
    written(path, note(1))
    log = CheckpointLog(path, path.parent)
    log.append(note(2, private_key=OTHER_PRIVATE), OTHER_KEY)
    log.append(released(9, OTHER_PRIVATE), OTHER_KEY)
    log.close()
    assert binding(read_checkpoint_log(path)) == binding(read_checkpoint_log(path, KEY)) == [1]


def test_what_was_accepted_is_found_however_long_ago_and_once(path: Path) -> None:
    first, second = accepted("some fault"), accepted("another fault")
    for text in (first, second, first):
        written(path, sign_acknowledgement(text, PRIVATE), *(note(size) for size in range(1, 200)))
    with path.open("ab") as file:
        file.write(_entry(sign_acknowledgement(accepted("forged"), OTHER_PRIVATE), OTHER_KEY))
        file.write(_entry(sign_acknowledgement(accepted("forged"), OTHER_PRIVATE), KEY))
    found = [(each.key, each.acknowledgement) for each in read_acknowledgements(path)]
    assert found == [(KEY, first), (KEY, second), (OTHER_KEY, accepted("forged"))]
    assert read_acknowledgements(path.parent / "missing") == []


def test_a_missing_log_is_empty(path: Path) -> None:
    assert read_checkpoint_log(path, KEY) == LogReading()
    assert newest_checkpoint(path) is None
    path.touch()
    assert read_checkpoint_log(path, KEY) == LogReading()
    assert newest_checkpoint(path) is None


def test_the_newest_are_read_from_the_end(path: Path) -> None:
    written(path, *(note(size) for size in range(1, 301)))
    for count in (1, 7, 150, 299):
        reading = read_checkpoint_log(path, KEY, newest=count)
        assert sizes(reading) == list(range(301 - count, 301))
    assert read_checkpoint_log(path, KEY, newest=300) == read_checkpoint_log(path, KEY)
    assert sizes(read_checkpoint_log(path, KEY, newest=1000)) == list(range(1, 301))


def test_the_newest_checkpoint_is_found_behind_acknowledgements(path: Path) -> None:
    seen = sign_acknowledgement(accepted("some fault"), PRIVATE)
    written(path, note(1), note(2), *[seen] * 40)
    newest = newest_checkpoint(path)
    assert newest is not None
    assert (newest.checkpoint.size, newest.key.text) == (2, KEY.text)


def test_reading_the_end_does_not_depend_on_what_came_before(path: Path) -> None:
    entry = written(path, note(1))
    path.write_bytes(entry * 100_000 + entry.replace(note(1).encode(), note(2).encode()))
    began = time.process_time()
    newest = newest_checkpoint(path, KEY.raw)
    took = time.process_time() - began
    assert newest is not None
    assert newest.checkpoint.size == 2
    # The whole log would take a hundred times as long.
    assert took < 0.2


def test_every_torn_tail_is_cut_and_kept(path: Path) -> None:
    first = written(path, note(1))
    whole = written(path, note(2))
    ends = {*range(len(first), len(whole), 13), *range(len(whole) - 3, len(whole) + 1)}
    for end in sorted(ends):
        for tail in (b"", bytes(10)):
            torn = whole[:end] + tail
            path.write_bytes(torn)
            kept_before = set(path.parent.glob("*.torn"))
            log = CheckpointLog(path, path.parent)
            log.append(note(3), KEY)
            log.close()
            reading = read_checkpoint_log(path, KEY)
            good = whole if end == len(whole) else first
            assert (sizes(reading), reading.problems) == ([1, 2, 3] if end == len(whole) else [1, 3], [])
            assert path.read_bytes().startswith(good + b"\x1e")
            kept = [file.read_bytes() for file in set(path.parent.glob("*.torn")) - kept_before]
            assert kept == ([torn[len(good) :]] if len(torn) > len(good) else [])
            assert bool(kept) == bool(log.repaired)


def test_a_log_of_nothing_but_a_torn_note_begins_anew(path: Path) -> None:
    for torn in (b"\x1e", b"\x1ecoin", bytes(400), b"no separator\n"):
        path.write_bytes(torn)
        written(path, note(1))
        assert sizes(read_checkpoint_log(path, KEY)) == [1]


def test_damage_is_named_and_the_rest_is_read(path: Path) -> None:
    content = written(path, note(1), note(2), note(3))
    length = len(content) // 3
    for index in range(length, 2 * length):
        path.write_bytes(content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :])
        reading = read_checkpoint_log(path, KEY)
        if index > length:
            assert sizes(reading) == [1, 3]
            assert len(reading.problems) == 1
            assert reading.problems[0].startswith(f"entry at byte {length}: ")
        else:
            # Without its separator the second note belongs to the first one's entry.
            assert sizes(reading) == [3]
            assert reading.problems[0].startswith("entry at byte 0: ")


def test_a_reader_reports_an_incomplete_last_note(path: Path) -> None:
    content = written(path, note(1), note(2))
    path.write_bytes(content[:-1])
    reading = read_checkpoint_log(path, KEY)
    assert (sizes(reading), reading.problems) == ([1], [])
    assert reading.torn_bytes > len(note(2))


def test_notes_of_another_key_are_ignored(path: Path) -> None:
    written(path, note(1))
    log = CheckpointLog(path, path.parent)
    log.append(note(2, private_key=OTHER_PRIVATE), OTHER_KEY)
    log.append(note(2, private_key=OTHER_PRIVATE), OTHER_KEY)
    # Even when the entry claims the right key.
    log.append(note(3, private_key=OTHER_PRIVATE), KEY)
    log.close()
    reading = read_checkpoint_log(path, KEY)
    assert sizes(reading) == [1]
    assert len(reading.problems) == 2
    assert f"another key, {ORIGIN}+{OTHER_KEY.key_id.hex()}" in reading.problems[0]
    assert "not signed by" in reading.problems[1]
    assert sizes(read_checkpoint_log(path)) == [1, 2, 2]


def test_a_released_history_ends_no_complaint_about_the_log(path: Path) -> None:
    content = written(path, note(1))
    path.write_bytes(content.replace(b"time", b"tide"))
    written(path, released(9), note(10))
    reading = read_checkpoint_log(path, KEY)
    assert binding(reading) == [10]
    assert len(reading.problems) == 1


def test_hostile_logs_are_read_in_bounds(path: Path) -> None:
    good = written(path, note(1))
    for garbage in (b"x" * 1_000_000, b"\x1e" * 1000, b"\n" * 200_000, b"\x1e" + b"y" * 300_000):
        path.write_bytes(garbage + good)
        reading = read_checkpoint_log(path, KEY)
        assert sizes(reading) == [1]
        assert 1 <= len(reading.problems) <= 21
    path.write_bytes(good + b"\x1e" + b"z" * 300_000 + b"\n")
    written(path, note(2))
    reading = read_checkpoint_log(path, KEY)
    assert sizes(reading) == [1, 2]
    assert reading.problems


@pytest.mark.slow
def test_a_huge_log_without_entries_is_not_read_to_its_start(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**36)
    assert newest_checkpoint(path) is None


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for use in (lambda: read_checkpoint_log(tmp_path, KEY), lambda: CheckpointLog(tmp_path, tmp_path)):
        with pytest.raises(JournalError, match=str(tmp_path)):
            use()


def test_a_closed_log_accepts_no_line(path: Path) -> None:
    log = CheckpointLog(path, path.parent)
    log.close()
    with pytest.raises(JournalBroken):
        log.append(note(1), KEY)


def test_nothing_that_was_safe_is_lost_to_a_kill(path: Path) -> None:
    safe = 0
    for round_number in range(6):
        with program(APPENDER, path.parent) as process:
            for _ in range(3 + round_number):
                safe = int(word(process))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        CheckpointLog(path, path.parent).close()
        reading = read_checkpoint_log(path, KEY)
        assert reading.problems == []
        # One that was written but not yet reported may be there as well, and more that waited in the pipe.
        assert sizes(reading) == list(range(1, len(sizes(reading)) + 1))
        assert len(sizes(reading)) >= safe


def test_a_second_writer_cuts_nothing(path: Path) -> None:
    log = CheckpointLog(path, path.parent)
    log.append(note(1), KEY)
    whole = path.read_bytes()
    with path.open("ab") as half_written:
        half_written.write(whole[:-20])
    with pytest.raises(JournalError, match="another process is writing it"):
        CheckpointLog(path, path.parent)
    assert path.read_bytes() == whole + whole[:-20]
    assert not list(path.parent.glob("*.torn"))
    log.close()
