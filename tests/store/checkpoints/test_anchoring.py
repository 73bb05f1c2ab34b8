"""Anchoring: what a rolled-back, replaced, forked or foreign history is told, and what a person can do about it."""

import shutil
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, acknowledge, open_acknowledgement
from cq_tui.store.checkpoints.anchoring import AcceptanceRefused, Anchoring, ForkDetected
from cq_tui.store.checkpoints.anchors import anchor_path
from cq_tui.store.checkpoints.checkpoint import open_checkpoint
from cq_tui.store.checkpoints.checkpoint_log import read_checkpoint_log
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.checkpoints.signing_key import key_path
from tests.store.checkpoints.signing import NOW, root_of
from tests.store.history.histories import data_dir

SIZES = (100, 200, 300)


class Desk:
    """One machine: a configuration folder and a data directory, which may be copied and put back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config"
        self.copy = folder / "copy.checkpoint"
        self.data = data_dir(folder / "data")
        self.opened: dict[DataDir, Anchoring] = {}

    def open(self, data: DataDir | None = None, *, known_id: str | None = None, copy: bool = False) -> Anchoring:
        """Start memory there, after the end of the one before."""
        chosen, data = str(self.copy) if copy else None, data or self.data
        if data in self.opened:
            self.opened[data].close()
        self.opened[data] = Anchoring(data, known_id=known_id, copy=chosen, folder=self.config)
        return self.opened[data]

    def signed(self, *sizes: int, copy: bool = False) -> Anchoring:
        anchoring = self.open(copy=copy)
        for size in sizes:
            assert sign(anchoring, size)
        return anchoring

    def backup(self, name: str = "backup") -> DataDir:
        shutil.copytree(self.data.root, self.folder / name)
        return DataDir(self.folder / name)

    def put_back(self, backup: DataDir) -> None:
        shutil.rmtree(self.data.root)
        backup.root.rename(self.data.root)

    def anchor(self, anchoring: Anchoring) -> Path:
        return anchor_path(self.config, anchoring.directory_id)


@pytest.fixture
def desk(tmp_path: Path) -> "Desk":
    return Desk(tmp_path)


def sign(anchoring: Anchoring, size: int, branch: str = "") -> bool:
    """Sign a history of so many events; return whether it was."""
    return anchoring.sign(size, root_of(size, branch), NOW + size) is not None


def faults(anchoring: Anchoring, events: int, branch: str = "", since: int = 0) -> list[str]:
    """Hold a history of so many events against what was signed; from ``since`` on it is another one."""
    roots = {size: root_of(size, branch if size > since else "") for size in anchoring.expected() if size <= events}
    return anchoring.faults(events, roots)


def acceptance(anchoring: Anchoring, reason: str, events: int) -> Acknowledgement:
    origin = f"coinquant.r11/{anchoring.directory_id}"
    fault = f"checkpoints.log: {reason}"
    return acknowledge(origin, events, root_of(events), NOW + 1000, fault=fault, who="operator")


def test_what_is_signed_is_logged_anchored_and_expected(desk: Desk) -> None:
    anchoring = desk.signed(*SIZES, copy=True)
    last, text = anchoring.last, anchoring.last_text
    assert last is not None
    assert text is not None
    assert (last.size, last.root, last.time) == (300, root_of(300), NOW + 300)
    assert anchoring.public_key is not None
    assert open_checkpoint(text, VerifierKey.parse(anchoring.public_key)) == last
    assert desk.anchor(anchoring).read_text() == desk.copy.read_text() == text
    assert anchoring.expected() == {size: root_of(size) for size in SIZES}
    assert (anchoring.problem, anchoring.warnings) == (None, [])
    again = desk.open()
    assert (again.directory_id, again.last_text) == (anchoring.directory_id, text)
    assert again.expected() == anchoring.expected()
    assert faults(again, 300) == faults(again, 5000) == []
    assert sign(again, 400)


def test_the_time_that_is_told_is_the_time_that_was_signed(desk: Desk) -> None:
    anchoring = desk.open()
    signed = anchoring.sign(1, root_of(1), NOW + 0.123456789)
    assert signed == anchoring.last == desk.open().last
    assert signed is not None
    assert signed.time == NOW + 0.123457


def test_a_directory_keeps_its_id(desk: Desk) -> None:
    first = desk.open()
    assert len(first.directory_id) == 32
    # Nothing was signed: nothing but the state knows it.
    assert desk.open(known_id=first.directory_id).directory_id == first.directory_id
    assert desk.open().directory_id != first.directory_id


def test_a_restored_backup_is_told_from_the_anchor(desk: Desk) -> None:
    desk.signed(100, 200)
    backup = desk.backup()
    desk.signed(300).close()
    desk.put_back(backup)
    after = desk.open()
    assert after.expected() == {size: root_of(size) for size in SIZES}
    (fault,) = faults(after, 200)
    assert "history has 200 events" in fault
    assert "names 300: 100 are missing, or an old copy was put back" in fault
    assert not sign(after, 250)
    assert after.problem is not None
    assert "history has 250 events" in after.problem
    # Grown beyond the anchor it is another history.
    (fault,) = faults(after, 350, "other", since=200)
    assert "the first 300 events are not those" in fault
    assert not after.sign(300, root_of(300, "other"), NOW)


def test_a_deleted_log_does_not_hide_a_rollback(desk: Desk) -> None:
    known = desk.signed(*SIZES).directory_id
    desk.data.checkpoints.unlink()
    after = desk.open(known_id=known)
    assert after.last is None
    assert after.expected() == {300: root_of(300)}
    assert len(faults(after, 299)) == 1
    assert faults(after, 300) == []


def test_the_copy_tells_as_well(desk: Desk) -> None:
    known = desk.signed(*SIZES, copy=True).directory_id
    desk.data.checkpoints.unlink()
    anchor_path(desk.config, known).unlink()
    after = desk.open(known_id=known, copy=True)
    assert after.expected() == {300: root_of(300)}


def test_an_accepted_rollback_binds_no_more_even_after_a_restart(desk: Desk) -> None:
    desk.signed(100)
    backup = desk.backup()
    desk.signed(200, 300, copy=True).close()
    desk.put_back(backup)
    after = desk.open(copy=True)
    (reason,) = faults(after, 100)
    after.stop_signing(f"checkpoints.log: {reason}")
    assert not sign(after, 400)
    assert after.problem == f"checkpoints.log: {reason}"
    note = after.accept(acceptance(after, reason, 100))
    assert note is not None
    assert after.public_key is not None
    assert open_acknowledgement(note, VerifierKey.parse(after.public_key)).size == 100
    assert [after.problem, after.last, after.expected()] == [None, None, {}]
    # Memory may die before it signs again: what was released is in the log, with its fault.
    restarted = desk.open(copy=True)
    assert (restarted.expected(), faults(restarted, 100)) == ({}, [])
    assert sign(restarted, 150, "other")
    assert desk.open(copy=True).expected() == {150: root_of(150, "other")}
    # Nothing was erased.
    log = read_checkpoint_log(desk.data.checkpoints, VerifierKey.parse(after.public_key))
    assert len(log.entries) == 4
    assert log.problems == []


def test_another_fault_releases_nothing(desk: Desk) -> None:
    anchoring = desk.signed(100)
    anchoring.stop_signing("spool: something else")
    assert anchoring.accept(acknowledge(
        f"coinquant.r11/{anchoring.directory_id}", 100, root_of(100), NOW, fault="spool: something else", who="operator"
    ))  # fmt: skip
    assert anchoring.problem is None
    assert anchoring.expected() == desk.open().expected() == {100: root_of(100)}


def test_each_fault_has_to_be_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    anchoring.stop_signing("checkpoints.log: one")
    anchoring.stop_signing("checkpoints.log: two")
    anchoring.accept(acceptance(anchoring, "one", 100))
    assert anchoring.problem == "checkpoints.log: two"
    assert not sign(anchoring, 200)
    anchoring.accept(acceptance(anchoring, "two", 100))
    assert sign(anchoring, 200)


def test_a_fork_is_noticed_by_the_one_that_did_not_sign_last(desk: Desk) -> None:
    ours = desk.signed(100)
    twin = desk.open(desk.backup("twin"))
    assert sign(twin, 150, "twin")
    with pytest.raises(ForkDetected, match="another copy of this data directory is in use") as raised:
        sign(ours, 160)
    assert (raised.value.ours, raised.value.theirs) == (ours.last, twin.last)
    assert desk.anchor(ours).read_text() == twin.last_text
    # The other goes on, and is the one that is noticed after a restart of the first.
    assert sign(twin, 170, "twin")
    (fault,) = faults(desk.open(), 200, "", since=0)
    assert "the first 170 events are not those" in fault


def test_an_accepted_fork_is_over_and_the_other_one_is_noticed(desk: Desk) -> None:
    ours = desk.signed(100)
    twin = desk.open(desk.backup("twin"))
    assert sign(twin, 150, "twin")
    with pytest.raises(ForkDetected) as raised:
        sign(ours, 160)
    ours.stop_signing(f"checkpoints.log: {raised.value}")
    assert ours.accept(acceptance(ours, str(raised.value), 160))
    ours = desk.open()
    assert faults(ours, 160) == []
    assert sign(ours, 160)
    with pytest.raises(ForkDetected):
        sign(twin, 170, "twin")


def test_a_log_of_another_key_is_a_fault(desk: Desk) -> None:
    before = desk.signed(100)
    key_path(desk.config).unlink()
    after = desk.open()
    assert after.directory_id == before.directory_id
    assert after.public_key != before.public_key
    (fault,) = faults(after, 100)
    assert "signed with another key" in fault
    assert not sign(after, 200)
    assert after.problem == fault
    assert desk.anchor(after).read_text() == before.last_text
    after.accept(acceptance(after, fault, 100))
    assert sign(after, 200)
    assert faults(desk.open(), 200) == []


def test_an_anchor_of_another_key_is_not_overwritten(desk: Desk) -> None:
    known = desk.signed(100).directory_id
    key_path(desk.config).unlink()
    desk.data.checkpoints.unlink()
    after = desk.open(known_id=known)
    assert not sign(after, 200)
    assert "Bring back the key" in str(after.problem)


def test_a_log_of_another_directory_is_a_fault(desk: Desk, tmp_path: Path) -> None:
    known = desk.signed(100).directory_id
    (tmp_path / "elsewhere").mkdir()
    other = Desk(tmp_path / "elsewhere")
    other.signed(100)
    shutil.copy(other.data.checkpoints, desk.data.checkpoints)
    after = desk.open(known_id=known)
    assert after.directory_id == known, "what others signed does not rename it"
    assert after.expected() == {100: root_of(100)}, "the anchor holds it"
    assert "signed with another key" in faults(after, 100)[0]


def test_damage_in_the_log_is_a_fault_and_the_rest_still_binds(desk: Desk) -> None:
    desk.signed(*SIZES)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.write_bytes(content.replace(b"\n200\n", b"\n201\n"))
    after = desk.open()
    (fault,) = faults(after, 300)
    assert "its text was changed" in fault
    assert set(after.expected()) == {100, 300}
    assert not sign(after, 400)
    assert after.accept(acceptance(after, fault, 300))
    assert sign(after, 400)


def test_a_torn_note_is_a_warning_only(desk: Desk) -> None:
    desk.signed(*SIZES)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.write_bytes(content[:-20])
    after = desk.open()
    assert len(after.warnings) == 1
    assert "incomplete note" in after.warnings[0]
    # The anchor had it already.
    assert set(after.expected()) == set(SIZES)
    assert faults(after, 300) == []
    assert sign(after, 400)


def test_only_the_newest_checkpoints_are_kept_in_mind(desk: Desk) -> None:
    anchoring = desk.signed(*range(1, 131))
    assert anchoring.expected() == desk.open().expected() == {size: root_of(size) for size in range(31, 131)}


def test_without_a_key_nothing_is_signed_and_the_log_still_tells(desk: Desk) -> None:
    desk.signed(*SIZES)
    key_path(desk.config).write_text("damaged")
    after = desk.open()
    assert "is damaged" in str(after.problem)
    assert "restart memory" in str(after.problem)
    assert not sign(after, 400)
    assert after.public_key is None
    assert after.last is not None
    assert after.last.size == 300
    assert len(faults(after, 200)) == 1
    # A person may accept what is wrong all the same; it is only not signed.
    (reason,) = faults(after, 200)
    assert after.accept(acceptance(after, reason, 200)) is None
    assert faults(after, 200) == []
    assert faults(desk.open(), 200) == [reason], "it is forgotten then"


def test_without_a_configuration_folder_nothing_is_signed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.config.touch()
    anchoring = desk.open()
    assert "CQ_CONFIG_DIR" in str(anchoring.problem) or "cannot be read" in str(anchoring.problem)
    assert not sign(anchoring, 1)
    assert anchoring.expected() == {}


def test_a_log_that_cannot_be_opened_is_a_problem(desk: Desk) -> None:
    desk.data.checkpoints.mkdir()
    anchoring = desk.open()
    assert str(desk.data.checkpoints) in str(anchoring.problem)
    assert not sign(anchoring, 1)


def test_an_anchor_that_cannot_be_written_is_a_warning(desk: Desk) -> None:
    anchoring = desk.signed(100)
    desk.anchor(anchoring).parent.rename(desk.config / "aside")
    desk.anchor(anchoring).parent.touch()
    assert not sign(anchoring, 200)
    assert "anchors" in str(anchoring.problem)
    desk.anchor(anchoring).parent.unlink()
    assert sign(anchoring, 200)
    assert anchoring.problem is None


def test_a_damaged_anchor_is_not_overwritten(desk: Desk) -> None:
    anchoring = desk.signed(100)
    desk.anchor(anchoring).write_text("something else")
    assert not sign(anchoring, 200)
    assert "Move it away" in str(anchoring.problem)
    after = desk.open()
    assert not sign(after, 200)
    desk.anchor(anchoring).unlink()
    assert sign(after, 200)
    assert (after.problem, after.warnings) == (None, [])


def test_the_same_history_may_be_signed_again_but_not_a_smaller_or_another_one(desk: Desk) -> None:
    anchoring = desk.signed(100)
    assert sign(anchoring, 100)
    assert not sign(anchoring, 99)
    assert not sign(anchoring, 100, "other")
    assert "the first 100 events are not those" in str(anchoring.problem)
    assert sign(anchoring, 101)
    assert anchoring.problem is None


def test_what_cannot_be_signed_is_a_problem(desk: Desk) -> None:
    anchoring = desk.open()
    assert anchoring.sign(1, b"short", NOW) is None
    assert "root has 5 bytes" in str(anchoring.problem)
    anchoring.close()
    assert not sign(anchoring, 1)
    assert "closed" in str(anchoring.problem)


def grow(desk: Desk) -> None:
    """Let there be a history."""
    desk.data.events.write_bytes(b"{}\n")


def logged(desk: Desk) -> list[bytes]:
    return [b"\x1e" + entry for entry in desk.data.checkpoints.read_bytes().split(b"\x1e")[1:]]


def test_a_copied_acknowledgement_releases_nothing_that_was_signed_later(desk: Desk) -> None:
    desk.signed(*SIZES)
    after = desk.open()
    (reason,) = faults(after, 200)
    assert after.accept(acceptance(after, reason, 200))
    acknowledgement = logged(desk)[-1]
    for size in (2000, 3000):
        assert sign(after, size)
    known, text = after.directory_id, after.last_text
    after.close()
    with desk.data.checkpoints.open("ab") as file:
        file.write(acknowledgement)
    copied = desk.open()
    assert (set(copied.expected()), copied.last_text) == ({2000, 3000}, text)
    # Nor what only the anchor holds.
    copied.close()
    desk.data.checkpoints.write_bytes(acknowledgement)
    assert desk.open(known_id=known).expected() == {3000: root_of(3000)}


def test_a_clock_that_was_ahead_can_be_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    assert anchoring.sign(200, root_of(200), NOW + 10**6)
    (reason,) = faults(anchoring, 150)
    assert anchoring.accept(acceptance(anchoring, reason, 150))
    assert desk.open().expected() == {}


def test_accepting_a_line_that_is_no_entry_releases_nothing(desk: Desk) -> None:
    desk.signed(*SIZES).close()
    with desk.data.checkpoints.open("ab") as file:
        file.write(b"\x1ejunk\n\xe2\x80\x94 x y\n")
    after = desk.open()
    (fault,) = faults(after, 300)
    assert fault.startswith("entry at byte")
    assert not sign(after, 400)
    assert after.accept(acceptance(after, fault, 300))
    assert set(after.expected()) == set(SIZES)
    again = desk.open()
    assert faults(again, 300) == []
    assert set(again.expected()) == set(SIZES)
    assert "the first" in faults(again, 300, "other")[0]
    assert sign(again, 400)


def test_accepting_a_strangers_entry_does_not_release_the_own_anchor(desk: Desk) -> None:
    anchoring = desk.signed(*SIZES)
    (desk.folder / "stranger").mkdir()
    stranger = Desk(desk.folder / "stranger")
    stranger.signed(100).close()
    anchoring.close()
    with desk.data.checkpoints.open("ab") as file:
        file.write(logged(stranger)[0])
    after = desk.open()
    assert after.directory_id == anchoring.directory_id
    (fault,) = faults(after, 300)
    assert after.accept(acceptance(after, fault, 300))
    assert set(after.expected()) == set(SIZES)
    assert sign(desk.open(desk.backup("twin")), 350, "twin")
    with pytest.raises(ForkDetected):
        sign(after, 400)


def test_what_was_accepted_is_told_by_the_own_key_alone(desk: Desk) -> None:
    anchoring = desk.signed(100)
    fault = "event_chain.ndjson at index 3: is not the event that was chained"
    accepted = acknowledge(f"coinquant.r11/{anchoring.directory_id}", 100, root_of(100), NOW, fault=fault, who="ann")
    assert anchoring.accept(accepted)
    assert anchoring.accepted == desk.open().accepted == {accepted.fault_id: fault}
    key_path(desk.config).rename(desk.config / "aside")
    assert desk.open().accepted == {}
    key_path(desk.config).write_text("damaged")
    assert desk.open().accepted == {}


def test_what_cannot_be_logged_is_not_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    (reason,) = faults(anchoring, 50)
    anchoring.stop_signing(f"checkpoints.log: {reason}")
    anchoring.close()
    with pytest.raises(AcceptanceRefused, match=r"cannot be signed and logged: .*closed"):
        anchoring.accept(acceptance(anchoring, reason, 50))
    assert faults(anchoring, 50) == [reason]
    assert not sign(anchoring, 100)
    assert anchoring.accepted == {}


def test_a_history_that_lost_its_id_gets_it_back_and_is_held_to_its_anchor(desk: Desk) -> None:
    known = desk.signed(*SIZES).directory_id
    grow(desk)
    desk.data.checkpoints.unlink()
    for told in (None, "f" * 32):
        after = desk.open(known_id=told)
        assert after.directory_id == known
        assert "the first 300 events are not those" in faults(after, 300, "forged")[0]
        assert not after.sign(300, root_of(300, "forged"), NOW)
    known_file = next((desk.config / "directories").iterdir())
    assert known_file.stat().st_mode & 0o777 == 0o600
    # Somewhere else, or without events, it begins anew.
    assert desk.open(desk.backup("elsewhere")).directory_id != known
    desk.data.events.unlink()
    assert desk.open().directory_id != known


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"directory_id": "../../evil"}', b"x" * 100])
def test_a_damaged_memory_of_the_id_is_made_anew(desk: Desk, content: bytes) -> None:
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
    assert "the data directory's id cannot be kept there" in anchoring.warnings[0]


def test_the_own_log_of_another_directory_is_a_fault_until_accepted(desk: Desk) -> None:
    known = desk.signed(100).directory_id
    grow(desk)
    other = data_dir(desk.folder / "other")
    moved = desk.open(other)
    assert sign(moved, 50)
    moved.close()
    shutil.copy(other.checkpoints, desk.data.checkpoints)
    after = desk.open(known_id=moved.directory_id)
    (fault,) = faults(after, 100)
    assert fault == f"is that of another data directory ({moved.directory_id}, not {known})"
    assert not sign(after, 100)
    assert after.accept(acceptance(after, fault, 100))
    assert after.expected() == {50: root_of(50)}
    again = desk.open()
    assert faults(again, 100) == []
    assert again.directory_id == moved.directory_id


@pytest.mark.parametrize("told", ["../../evil", "", "A" * 32, "0" * 31, "0" * 32 + "\n"])
def test_what_is_no_id_is_not_used(desk: Desk, told: str) -> None:
    anchoring = desk.open(known_id=told)
    assert anchoring.directory_id != told
    assert sign(anchoring, 100)
