"""What keeps memory from signing: damaged, missing or foreign keys, logs and anchors."""

from pathlib import Path

from cq_tui.store.checkpoints.signing_key import key_path
from tests.store.checkpoints.desk import SIZES, Desk, acceptance, faults, sign
from tests.store.checkpoints.signing import NOW


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
    assert desk.anchor(after).read_text() == before.last_note
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


def test_damage_in_the_log_is_a_fault_and_the_rest_still_binds(desk: Desk) -> None:
    desk.signed(*SIZES)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.write_bytes(content.replace(b"\n200\n", b"\n201\n"))
    after = desk.open()
    (fault,) = faults(after, 300)
    assert "its text was changed" in fault
    assert set(after.expected_roots()) == {100, 300}
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
    assert set(after.expected_roots()) == set(SIZES)
    assert faults(after, 300) == []
    assert sign(after, 400)


def test_without_a_key_nothing_is_signed_but_the_log_is_still_evidence(desk: Desk) -> None:
    desk.signed(*SIZES)
    key_path(desk.config).write_text("damaged")
    after = desk.open()
    assert "is damaged" in str(after.problem)
    assert "restart memory" in str(after.problem)
    assert not sign(after, 400)
    assert after.public_key is None
    assert after.last_checkpoint is not None
    assert after.last_checkpoint.size == 300
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
    assert anchoring.expected_roots() == {}


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


def test_what_cannot_be_signed_is_a_problem(desk: Desk) -> None:
    anchoring = desk.open()
    assert anchoring.sign(1, b"short", NOW) is None
    assert "root has 5 bytes" in str(anchoring.problem)
    anchoring.close()
    assert not sign(anchoring, 1)
    assert "closed" in str(anchoring.problem)
