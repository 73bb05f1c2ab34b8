"""A data directory that was emptied begins anew, and never in silence: the configuration folder knows what was."""

import shutil
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.anchoring import Anchoring
from cq_tui.store.checkpoints.known_directories import LostHistory, find_lost_history
from tests.store.checkpoints.desk import Desk, grow, sign
from tests.store.history.histories import data_dir


def empty(desk: Desk) -> None:
    """Take everything out of the data directory; the configuration folder stays."""
    desk.opened.pop(desk.data).close()
    shutil.rmtree(desk.data.root)
    data_dir(desk.data.root)


def lost(desk: Desk) -> LostHistory | None:
    return find_lost_history(desk.config, desk.data)


def told(anchoring: Anchoring) -> list[str]:
    return [warning for warning in anchoring.warnings if "was here before" in warning]


def test_an_emptied_directory_gets_a_new_id_and_reports_the_lost_history(desk: Desk) -> None:
    before = desk.signed(100, 200)
    grow(desk)
    empty(desk)
    anchoring = desk.open()
    assert anchoring.directory_id != before.directory_id
    found = lost(desk)
    assert found is not None
    assert (found.checkpoint.origin[-32:], found.checkpoint.size) == (before.directory_id, 200)
    assert told(anchoring) == [str(found)]
    assert "a history of 200 events, last signed 2023-11-14 22:16:40 UTC, was here before and is gone" in str(found)
    assert str(found.record) in str(found)
    assert sign(anchoring, 3), "it is no fault: the new history is signed"


def test_it_is_reported_until_a_person_deletes_the_record(desk: Desk) -> None:
    desk.signed(200)
    grow(desk)
    empty(desk)
    for size in (3, 4):
        assert sign(desk.open(), size)
        grow(desk)
        assert told(desk.open())
    found = lost(desk)
    assert found is not None
    found.record.unlink()
    assert told(desk.open()) == []
    assert told(desk.open()) == []
    assert lost(desk) is None


def test_the_largest_lost_history_is_reported(desk: Desk) -> None:
    for sizes in ((200,), (3,), (4,)):
        desk.signed(*sizes)
        grow(desk)
        empty(desk)
    anchoring = desk.open()
    assert "a history of 200 events" in told(anchoring)[0]


def test_before_the_start_it_is_known_as_well(desk: Desk) -> None:
    desk.signed(200)
    grow(desk)
    assert lost(desk) is None
    empty(desk)
    found = lost(desk)
    assert found is not None
    assert found.checkpoint.size == 200


def test_what_was_never_signed_is_not_missed(desk: Desk) -> None:
    desk.open()
    grow(desk)
    empty(desk)
    assert told(desk.open()) == []
    assert lost(desk) is None


def test_put_back_it_is_lost_no_more(desk: Desk) -> None:
    before = desk.signed(200)
    grow(desk)
    backup = desk.backup()
    empty(desk)
    desk.open()
    grow(desk)
    desk.opened.pop(desk.data).close()
    desk.put_back(backup)
    anchoring = desk.open(known_id=before.directory_id)
    assert anchoring.directory_id == before.directory_id
    assert told(anchoring) == []
    assert find_lost_history(desk.config, desk.data, [before.directory_id]) is None


@pytest.mark.parametrize("left", ["folder", "rubbish"])
def test_what_is_no_log_does_not_hide_it(desk: Desk, left: str) -> None:
    desk.signed(200)
    grow(desk)
    empty(desk)
    if left == "folder":
        desk.data.checkpoints.mkdir()
    else:
        desk.data.checkpoints.write_bytes(b"rubbish")
    assert told(desk.open())
    grow(desk)
    if left == "folder":
        desk.data.checkpoints.rmdir()
        assert "are missing" in desk.open().evidence.find_faults(1, {})[0], "nothing else was signed there meanwhile"
    else:
        assert told(desk.open())


@pytest.mark.parametrize("kept", ["log", "state"])
def test_a_directory_that_names_its_id_must_match_its_anchor(desk: Desk, kept: str, tmp_path: Path) -> None:
    """No new directory at all: events are missing, which is worse."""
    before = desk.signed(200)
    grow(desk)
    log = desk.data.checkpoints.read_bytes()
    empty(desk)
    if kept == "log":
        desk.data.checkpoints.write_bytes(log)
    anchoring = desk.open(known_id=before.directory_id if kept == "state" else None)
    assert anchoring.directory_id == before.directory_id
    assert "are missing" in anchoring.evidence.find_faults(0, {})[0]
    assert told(anchoring) == []


def test_a_damaged_anchor_is_no_evidence(desk: Desk) -> None:
    before = desk.signed(200)
    grow(desk)
    empty(desk)
    desk.anchor(before).write_bytes(b"rubbish")
    assert told(desk.open()) == []


def test_another_directory_misses_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.signed(200)
    grow(desk)
    other = data_dir(tmp_path / "other")
    assert told(desk.open(other)) == []
    assert find_lost_history(desk.config, DataDir(tmp_path / "nowhere")) is None
