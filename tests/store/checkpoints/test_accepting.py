"""What a person accepts binds no more; nothing else is released with it, and it stays in the log."""

import pytest

from cq_tui.store.checkpoints.acknowledgement import make_acknowledgement, open_acknowledgement
from cq_tui.store.checkpoints.anchoring import AcceptanceRefused, SigningConflict
from cq_tui.store.checkpoints.checkpoint_log import newest_checkpoint, read_checkpoint_log
from cq_tui.store.checkpoints.evidence import read_evidence
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.checkpoints.signing_key import key_path
from tests.store.checkpoints.desk import SIZES, Desk, acceptance, expected_roots, faults, logged, record, sign
from tests.store.checkpoints.signing import NOW, mark_of, root_of


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
    assert [after.problem, after.last_checkpoint, expected_roots(after)] == [None, None, {}]
    # Memory may die before it signs again: what was released is in the log, with its fault.
    restarted = desk.open(copy=True)
    assert (expected_roots(restarted), faults(restarted, 100)) == ({}, [])
    assert sign(restarted, 150, "other")
    assert expected_roots(desk.open(copy=True)) == {150: root_of(150, "other")}
    # Nothing was erased.
    log = read_checkpoint_log(desk.data.checkpoints, VerifierKey.parse(after.public_key))
    assert len(log.entries) == 3
    assert "\n300\n" in desk.copy.read_text()
    assert log.problems == []


def test_another_fault_releases_nothing(desk: Desk) -> None:
    anchoring = desk.signed(100)
    anchoring.stop_signing("spool: something else")
    assert anchoring.accept(make_acknowledgement(
        f"coinquant.r11/{anchoring.directory_id}", 100, root_of(100), NOW, fault="spool: something else", who="operator"
    ))  # fmt: skip
    assert anchoring.problem is None
    assert expected_roots(anchoring) == expected_roots(desk.open()) == {100: root_of(100)}


def test_each_fault_has_to_be_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    anchoring.stop_signing("checkpoints.log: one")
    anchoring.stop_signing("checkpoints.log: two")
    anchoring.accept(acceptance(anchoring, "one", 100))
    assert anchoring.problem == "checkpoints.log: two"
    assert not sign(anchoring, 200)
    anchoring.accept(acceptance(anchoring, "two", 100))
    assert sign(anchoring, 200)


def test_an_accepted_fork_is_over_and_the_other_one_is_noticed(desk: Desk) -> None:
    ours = desk.signed(100)
    twin = desk.open(desk.backup("twin"))
    assert sign(twin, 150, "twin")
    with pytest.raises(SigningConflict) as raised:
        sign(ours, 160)
    ours.stop_signing(f"checkpoints.log: {raised.value}")
    assert ours.accept(acceptance(ours, str(raised.value), 160))
    ours = desk.open()
    assert faults(ours, 160) == []
    assert sign(ours, 160)
    with pytest.raises(SigningConflict):
        sign(twin, 170, "twin")


def test_a_copied_acknowledgement_releases_nothing_that_was_signed_later(desk: Desk) -> None:
    desk.signed(*SIZES)
    after = desk.open()
    (reason,) = faults(after, 200)
    assert after.accept(acceptance(after, reason, 200))
    acknowledgement = logged(desk)[-1]
    for size in (2000, 3000):
        assert sign(after, size)
    known, text = after.directory_id, after.last_note
    after.close()
    with desk.data.checkpoints.open("ab") as file:
        file.write(acknowledgement)
    copied = desk.open()
    assert (set(expected_roots(copied)), copied.last_note) == ({2000, 3000}, text)
    # Nor what only the anchor holds.
    copied.close()
    desk.data.checkpoints.write_bytes(acknowledgement)
    assert expected_roots(desk.open(known_id=known)) == {3000: root_of(3000)}


def test_a_clock_that_was_ahead_can_be_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    assert anchoring.sign(200, mark_of(200), NOW + 10**6)
    (reason,) = faults(anchoring, 150)
    assert anchoring.accept(acceptance(anchoring, reason, 150))
    assert expected_roots(desk.open()) == {}


def test_accepting_a_line_that_is_no_entry_releases_nothing(desk: Desk) -> None:
    desk.signed(*SIZES).close()
    with desk.data.checkpoints.open("ab") as file:
        file.write(b"\x1ejunk\n\xe2\x80\x94 x y\n")
    after = desk.open()
    (fault,) = faults(after, 300)
    assert fault.startswith("entry at byte")
    assert not sign(after, 400)
    assert after.accept(acceptance(after, fault, 300))
    assert set(expected_roots(after)) == set(SIZES)
    again = desk.open()
    assert faults(again, 300) == []
    assert set(expected_roots(again)) == set(SIZES)
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
    assert set(expected_roots(after)) == set(SIZES)
    assert sign(desk.open(desk.backup("twin")), 350, "twin")
    with pytest.raises(SigningConflict):
        sign(after, 400)


def test_only_our_own_key_shows_what_was_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    fault = "event_chain.ndjson at index 3: is not the event that was chained"
    accepted = make_acknowledgement(
        f"coinquant.r11/{anchoring.directory_id}", 100, root_of(100), NOW, fault=fault, who="ann"
    )
    assert anchoring.accept(accepted)
    assert anchoring.evidence.accepted == desk.open().evidence.accepted == {accepted.fault_id: fault}
    key_path(desk.config).rename(desk.config / "aside")
    assert desk.open().evidence.accepted == {accepted.fault_id: fault}, "the earlier key lies beside the anchor"
    for beside in (desk.config / "anchors").glob("*.vkey"):
        beside.unlink()
    assert desk.open().evidence.accepted == {}
    key_path(desk.config).write_text("damaged")
    assert desk.open().evidence.accepted == {}


def test_what_cannot_be_logged_is_not_accepted(desk: Desk) -> None:
    anchoring = desk.signed(100)
    (reason,) = faults(anchoring, 50)
    anchoring.stop_signing(f"checkpoints.log: {reason}")
    anchoring.close()
    with pytest.raises(AcceptanceRefused, match=r"cannot be signed and logged: .*closed"):
        anchoring.accept(acceptance(anchoring, reason, 50))
    assert faults(anchoring, 50) == [reason]
    assert not sign(anchoring, 100)
    assert anchoring.evidence.accepted == {}


@pytest.mark.parametrize("count", [150, pytest.param(2500, marks=pytest.mark.slow)])
def test_many_acceptances_do_not_push_the_last_checkpoint_out_of_sight(desk: Desk, count: int) -> None:
    anchoring = desk.signed(100, 200)
    origin = f"coinquant.r11/{anchoring.directory_id}"
    anchoring.accept(make_acknowledgement(origin, 200, root_of(200), NOW + 300, fault="spool: one", who="operator"))
    with desk.data.checkpoints.open("ab") as log:
        log.write(logged(desk)[-1] * count)
    assert desk.open().last_checkpoint == anchoring.last_checkpoint
    # In a copy at another place nothing but the log tells how far the history went.
    assert max(read_evidence(desk.data, None, None).sizes) == 200
    assert (newest := newest_checkpoint(desk.data.checkpoints)) is not None
    assert newest.checkpoint.size == 200


def test_an_acceptance_written_once_more_releases_nothing_though_the_clock_went_back(desk: Desk) -> None:
    """What is signed after an acceptance has a later time, whatever the clock says by then."""
    ahead = desk.signed(100)
    backup = desk.backup()
    assert ahead.sign(200, mark_of(200), NOW + 3600)
    desk.put_back(backup)
    after = desk.open()
    (reason,) = faults(after, 100)
    after.accept(acceptance(after, reason, 100))
    entry = logged(desk)[-1]
    for size in (300, 400):
        record(after)
        assert after.sign(size, mark_of(size), NOW)
        with desk.data.checkpoints.open("ab") as log:
            log.write(entry)
        after = desk.open()
        assert size in expected_roots(after)
