"""Anchoring: what is signed, and what a rolled-back, replaced or forked history is told."""

import os

import pytest

from cq_tui.store.checkpoints.anchoring import SigningConflict
from cq_tui.store.checkpoints.anchors import anchor_path
from cq_tui.store.checkpoints.checkpoint import open_checkpoint
from cq_tui.store.checkpoints.signed_note import VerifierKey
from tests.store.checkpoints.desk import SIZES, Desk, expected_roots, faults, grow, sign
from tests.store.checkpoints.signing import NOW, mark_of, root_of


def test_what_is_signed_is_logged_anchored_and_expected(desk: Desk) -> None:
    anchoring = desk.signed(*SIZES, copy=True)
    last, text = anchoring.last_checkpoint, anchoring.last_note
    assert last is not None
    assert text is not None
    assert (last.size, last.root, last.time) == (300, root_of(300), NOW + 300)
    assert anchoring.public_key is not None
    assert open_checkpoint(text, VerifierKey.parse(anchoring.public_key)) == last
    assert desk.anchor(anchoring).read_text() == desk.copy.read_text() == text
    assert expected_roots(anchoring) == {size: root_of(size) for size in SIZES}
    assert (anchoring.problem, anchoring.warnings) == (None, [])
    again = desk.open()
    assert (again.directory_id, again.last_note) == (anchoring.directory_id, text)
    assert expected_roots(again) == expected_roots(anchoring)
    assert faults(again, 300) == faults(again, 5000) == []
    assert sign(again, 400)


def test_the_reported_time_is_the_signed_time(desk: Desk) -> None:
    anchoring = desk.open()
    signed = anchoring.sign(1, mark_of(1), NOW + 0.123456789)
    assert signed == anchoring.last_checkpoint == desk.open().last_checkpoint
    assert signed is not None
    assert signed.time == NOW + 0.123457


def test_a_restored_backup_is_detected_by_the_anchor(desk: Desk) -> None:
    desk.signed(100, 200)
    backup = desk.backup()
    desk.signed(300).close()
    desk.put_back(backup)
    after = desk.open()
    assert expected_roots(after) == {size: root_of(size) for size in SIZES}
    (fault,) = faults(after, 200)
    assert "history has 200 events" in fault
    assert "names 300: 100 are missing, or an old copy was put back" in fault
    assert not sign(after, 250)
    assert after.problem is not None
    assert "history has 250 events" in after.problem
    # Grown beyond the anchor it is another history.
    (fault,) = faults(after, 350, "other", since=200)
    assert "the first 300 events are not those" in fault
    assert not after.sign(300, mark_of(300, "other"), NOW)


def test_a_deleted_log_does_not_hide_a_rollback(desk: Desk) -> None:
    known = desk.signed(*SIZES).directory_id
    desk.data.checkpoints.unlink()
    after = desk.open(known_id=known)
    assert after.last_checkpoint is None
    assert expected_roots(after) == {300: root_of(300)}
    assert len(faults(after, 299)) == 1
    (fault,) = faults(after, 300)
    assert fault.startswith("lacks the checkpoint of 300 events"), "a deleted log is told"


@pytest.mark.parametrize("there", ["folder", "pipe", "link"])
def test_a_log_that_cannot_be_read_does_not_hide_a_rollback(desk: Desk, there: str) -> None:
    desk.signed(100)
    grow(desk)
    backup = desk.backup()
    known_id = desk.signed(200).directory_id
    desk.put_back(backup)
    path = desk.data.checkpoints
    path.unlink()
    if there == "folder":
        path.mkdir()
    elif there == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    after = desk.open()
    assert (after.directory_id, list(expected_roots(after))) == (known_id, [200])
    unreadable, reason = faults(after, 100)
    assert "cannot be read" in unreadable
    assert "100 are missing, or an old copy was put back" in reason
    assert not sign(after, 300)


def test_the_copy_is_evidence_too(desk: Desk) -> None:
    known = desk.signed(*SIZES, copy=True).directory_id
    desk.data.checkpoints.unlink()
    anchor_path(desk.config, known).unlink()
    after = desk.open(known_id=known, copy=True)
    assert expected_roots(after) == {300: root_of(300)}


def test_a_fork_is_noticed_by_the_one_that_did_not_sign_last(desk: Desk) -> None:
    ours = desk.signed(100)
    twin = desk.open(desk.backup("twin"))
    assert sign(twin, 150, "twin")
    named = "checkpoint of 150 events, signed .*: another copy of this data directory is in use"
    with pytest.raises(SigningConflict, match=named):
        sign(ours, 160)
    assert desk.anchor(ours).read_text() == twin.last_note
    # The other goes on, and is the one that is noticed after a restart of the first.
    assert sign(twin, 170, "twin")
    (fault,) = faults(desk.open(), 200, "", since=0)
    assert "the first 170 events are not those" in fault


def test_only_the_newest_checkpoints_are_kept_in_mind(desk: Desk) -> None:
    anchoring = desk.signed(*range(1, 131))
    assert expected_roots(anchoring) == expected_roots(desk.open()) == {size: root_of(size) for size in range(31, 131)}


def test_the_same_history_may_be_signed_again_but_not_a_smaller_or_another_one(desk: Desk) -> None:
    anchoring = desk.signed(100)
    assert sign(anchoring, 100)
    assert not sign(anchoring, 99)
    assert not sign(anchoring, 100, "other")
    assert "the first 100 events are not those" in str(anchoring.problem)
    assert sign(anchoring, 101)
    assert anchoring.problem is None
