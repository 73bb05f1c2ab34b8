"""The id of a data directory: kept, found again, never taken from others."""

import shutil
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.store.checkpoints.desk import SIZES, Desk, acceptance, expected_roots, faults, grow, sign
from tests.store.checkpoints.signing import NOW, mark_of, root_of
from tests.store.history.histories import data_dir


def test_a_directory_keeps_its_id(desk: Desk) -> None:
    first = desk.open()
    assert len(first.directory_id) == 32
    # Nothing was signed: nothing but the state knows it.
    assert desk.open(known_id=first.directory_id).directory_id == first.directory_id
    assert desk.open().directory_id != first.directory_id


def test_a_log_of_another_directory_is_a_fault(desk: Desk, tmp_path: Path) -> None:
    known = desk.signed(100).directory_id
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere")
    other.signed(100)
    shutil.copy(other.data.checkpoints, desk.data.checkpoints)
    after = desk.open(known_id=known)
    assert after.directory_id == known, "what others signed does not rename it"
    assert expected_roots(after) == {100: root_of(100)}, "the anchor holds it"
    assert "signed with another key" in faults(after, 100)[0]


def test_a_history_that_lost_its_id_gets_it_back_and_must_match_its_anchor(desk: Desk) -> None:
    known = desk.signed(*SIZES).directory_id
    grow(desk)
    desk.data.checkpoints.unlink()
    for told in (None, "f" * 32):
        after = desk.open(known_id=told)
        assert after.directory_id == known
        assert "the first 300 events are not those" in faults(after, 300, "forged")[0]
        assert not after.sign(300, mark_of(300, "forged"), NOW)
    known_file = next((desk.config / "directories").iterdir())
    assert known_file.stat().st_mode & 0o777 == 0o600
    # Somewhere else, or without events, it begins anew.
    assert desk.open(desk.backup("elsewhere")).directory_id != known
    desk.data.events.unlink()
    assert desk.open().directory_id != known


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"directory_id": "../../evil"}', b"x" * 100])
def test_a_damaged_record_of_the_id_is_rewritten(desk: Desk, content: bytes) -> None:
    known = desk.signed(100).directory_id
    grow(desk)
    (file,) = (desk.config / "directories").iterdir()
    file.write_bytes(content)
    assert desk.open().directory_id == known
    desk.data.checkpoints.unlink()
    after = desk.open()
    assert after.directory_id == known
    assert after.problem is None


def test_an_id_that_cannot_be_kept_is_a_warning(desk: Desk) -> None:
    desk.config.mkdir()
    (desk.config / "directories").touch()
    anchoring = desk.signed(100)
    assert "the data directory's id cannot be saved there" in anchoring.warnings[0]


def two_directories(desk: Desk) -> tuple[str, DataDir, str]:
    """Sign in the directory and in another one of the same user; return the id of the first, the other, and its id."""
    known = desk.signed(100).directory_id
    grow(desk)
    other = data_dir(desk.folder / "other")
    anchoring = desk.open(other)
    assert sign(anchoring, 50)
    anchoring.close()
    return known, other, anchoring.directory_id


def test_the_own_log_of_another_directory_is_a_fault_until_accepted(desk: Desk) -> None:
    known, other, moved = two_directories(desk)
    shutil.copy(other.checkpoints, desk.data.checkpoints)
    after = desk.open(known_id=moved)
    (fault,) = faults(after, 100)
    assert fault == f"is that of another data directory ({moved}, not {known})"
    assert not sign(after, 100)
    assert after.accept(acceptance(after, fault, 100))
    assert expected_roots(after) == {50: root_of(50)}
    again = desk.open()
    assert faults(again, 100) == []
    assert again.directory_id == moved


def test_an_entry_of_another_directory_does_not_rename_it(desk: Desk) -> None:
    known, other, _ = two_directories(desk)
    with desk.data.checkpoints.open("ab") as log:
        log.write(other.checkpoints.read_bytes())
    after = desk.open()
    assert after.directory_id == known
    (fault,) = faults(after, 100)
    assert "holds entries signed with another key" in fault
    assert expected_roots(after) == {100: mark_of(100).root}


@pytest.mark.parametrize("told", ["../../evil", "", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_what_is_no_id_is_not_used(desk: Desk, told: str) -> None:
    anchoring = desk.open(known_id=told)
    assert anchoring.directory_id != told
    assert sign(anchoring, 100)
