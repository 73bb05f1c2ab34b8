"""What keeps memory from signing: damaged, missing or foreign keys, logs and anchors."""

from pathlib import Path

import pytest

from cq_tui.store.checkpoints.anchoring import AcceptanceRefused
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.history.position import HistoryMark
from tests.store.checkpoints.desk import SIZES, Desk, acceptance, expected_roots, faults, logged, sign
from tests.store.checkpoints.signing import NOW, mark_of


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


def test_an_anchor_of_another_key_testifies_and_is_not_overwritten(desk: Desk) -> None:
    before = desk.signed(100)
    key_path(desk.config).unlink()
    desk.data.checkpoints.unlink()
    after = desk.open(known_id=before.directory_id)
    assert expected_roots(after) == {100: mark_of(100).root}, "its key lies beside it"
    (fault,) = faults(after, 100)
    assert fault.startswith("lacks the checkpoint of 100 events")
    assert "the first 100 events are not those" in faults(after, 100, "forged")[0]
    after.accept(acceptance(after, fault, 100))
    assert sign(after, 200)
    assert desk.anchor(after).read_text() == before.last_note
    assert desk.anchor(after).with_name(f"{desk.anchor(after).name}.2").read_text() == after.last_note


def test_an_anchor_whose_signer_is_not_known_is_a_fault(desk: Desk) -> None:
    known = desk.signed(100).directory_id
    key_path(desk.config).unlink()
    desk.data.checkpoints.unlink()
    for beside in (desk.config / "anchors").glob("*.vkey"):
        beside.unlink()
    after = desk.open(known_id=known)
    (fault,) = faults(after, 100)
    assert fault.startswith("another key signed the anchor of 100 events")
    assert "Bring back the key" in after.warnings[0]
    assert not sign(after, 200)


def test_damage_in_the_log_is_a_fault_and_the_rest_still_binds(desk: Desk) -> None:
    desk.signed(*SIZES)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.write_bytes(content.replace(b"\n200\n", b"\n201\n"))
    after = desk.open()
    (fault,) = faults(after, 300)
    assert "its text was changed" in fault
    assert set(expected_roots(after)) == {100, 300}
    assert not sign(after, 400)
    assert after.accept(acceptance(after, fault, 300))
    assert sign(after, 400)


def test_a_torn_note_is_a_warning_only(desk: Desk) -> None:
    anchor = desk.signed(100, 200).last_note
    desk.signed(300)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.write_bytes(content[:-20])
    # Memory was killed before it wrote the anchor, which it does after the log is synced.
    next((desk.config / "anchors").glob("*.checkpoint")).write_text(str(anchor))
    desk.data.checkpoints.write_bytes(content[:-20])
    after = desk.open()
    assert after.warnings == []
    assert "bytes of an incomplete note were moved to" in str(after.repaired)
    assert set(expected_roots(after)) == {100, 200}
    assert faults(after, 300) == []
    assert sign(after, 400)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_log_that_lost_its_end_is_a_fault_though_the_anchor_stands_in(desk: Desk, left: int) -> None:
    known = desk.signed(*SIZES).directory_id
    desk.data.checkpoints.write_bytes(b"".join(logged(desk)[:left]))
    after = desk.open(known_id=known)
    assert 300 in expected_roots(after)
    (fault,) = faults(after, 300)
    assert fault == (
        "lacks the checkpoint of 300 events signed 2023-11-14 22:18:20 UTC, which the anchor holds: "
        "the log, or its end, was deleted"
    )
    after.accept(acceptance(after, fault, 300))
    assert faults(after, 300) == []
    assert faults(desk.open(known_id=known), 300) == []
    assert sign(desk.open(known_id=known), 400)
    assert faults(desk.open(known_id=known), 400) == []


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
    # What cannot be signed cannot be accepted either: it would be forgotten with this process.
    (reason,) = faults(after, 200)
    with pytest.raises(
        AcceptanceRefused, match=r"cannot be signed, so it would not last: .*checkpoint_key.pem: is damaged"
    ):
        after.accept(acceptance(after, reason, 200))
    assert faults(after, 200) == faults(desk.open(), 200) == [reason]


def test_without_a_configuration_folder_nothing_is_signed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.config.touch()
    anchoring = desk.open()
    assert "CQ_CONFIG_DIR" in str(anchoring.problem) or "cannot be read" in str(anchoring.problem)
    assert not sign(anchoring, 1)
    assert expected_roots(anchoring) == {}


def test_a_log_that_cannot_be_opened_is_a_problem(desk: Desk) -> None:
    desk.data.checkpoints.mkdir()
    anchoring = desk.open()
    assert str(desk.data.checkpoints) in str(anchoring.problem)
    assert not sign(anchoring, 1)


def test_an_anchor_that_cannot_be_written_is_a_warning(desk: Desk) -> None:
    anchoring = desk.signed(100)
    desk.anchor(anchoring).parent.rename(desk.config / "aside")
    desk.anchor(anchoring).parent.touch()
    assert sign(anchoring, 200)
    assert "anchors" in anchoring.warnings[0]
    desk.anchor(anchoring).parent.unlink()
    assert sign(anchoring, 300)
    assert (anchoring.problem, anchoring.warnings) == (None, [])


def test_a_damaged_anchor_is_not_overwritten(desk: Desk) -> None:
    anchoring = desk.signed(100)
    desk.anchor(anchoring).write_text("something else")
    assert sign(anchoring, 200)
    assert desk.anchor(anchoring).read_text() == "something else"
    after = desk.open()
    assert "Move it away" in after.warnings[0]
    assert faults(after, 200) == []
    desk.anchor(anchoring).unlink()
    assert sign(desk.open(), 300)
    assert desk.open().warnings == []


def test_what_cannot_be_signed_is_a_problem(desk: Desk) -> None:
    anchoring = desk.open()
    assert anchoring.sign(1, HistoryMark(b"short", ""), NOW) is None
    assert "root has 5 bytes" in str(anchoring.problem)
    anchoring.close()
    assert not sign(anchoring, 1)
    assert "closed" in str(anchoring.problem)
