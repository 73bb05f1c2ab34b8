"""One reading of everything that was signed, kept and accepted, whoever reads it and whatever was done to it."""

import os
import shutil
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.anchoring import Anchoring, SigningConflict
from cq_tui.store.checkpoints.checkpoint import open_checkpoint, parse_unverified
from cq_tui.store.checkpoints.evidence import Evidence, read_evidence
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.checkpoints.signing_key import key_path, load_key
from cq_tui.store.history.noted import NotedEvent
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.lock import ProcessLock
from tests.store.checkpoints.desk import SIZES, Desk, acceptance, acknowledged, faults, grow, logged, record, sign
from tests.store.checkpoints.signing import NOW, mark_of


def read(desk: Desk, data: DataDir | None = None, *, copy: bool = False, named: VerifierKey | None = None) -> Evidence:
    """Read as ``verify`` does: nothing is written."""
    own = load_key(desk.config).public_key().public_bytes_raw() if key_path(desk.config).exists() else None
    chosen = str(desk.copy) if copy else None
    return read_evidence(data or desk.data, desk.config, own, copy=chosen, named=named)


def marks(evidence: Evidence) -> dict[int, HistoryMark]:
    return {size: mark_of(size) for size in evidence.sizes}


# -- the checkpoint covers the blocks


def test_blocks_that_were_rebuilt_contradict_the_checkpoint_though_the_events_are_as_signed(desk: Desk) -> None:
    desk.signed(*SIZES)
    rebuilt = {size: mark_of(size)._replace(tip="0" * 64) for size in SIZES}
    for evidence in (desk.open().evidence, read(desk)):
        assert evidence.find_faults(300, marks(evidence)) == []
        (fault,) = evidence.find_faults(300, rebuilt)
        assert fault == (
            "contradicts what was signed: the blocks of the first 100 events are not those of the checkpoint signed "
            "2023-11-14 22:15:00 UTC: the genesis time or block hashes were rebuilt, though the events are as signed"
        )


# -- what a person accepts stays


def accepted_rollback(desk: Desk) -> Anchoring:
    """Put back an old state, and accept that."""
    desk.signed(100)
    grow(desk)
    backup = desk.backup()
    desk.signed(200, 300, copy=True).close()
    desk.put_back(backup)
    after = desk.open(copy=True)
    (reason,) = faults(after, 100)
    assert after.accept(acceptance(after, reason, 100))
    return after


def test_the_next_checkpoint_covers_and_names_the_event_of_the_acceptance(desk: Desk) -> None:
    after = accepted_rollback(desk)
    assert after.sign(150, mark_of(150), NOW) is None
    assert after.problem == "the history does not record yet that a person accepted a contradiction"
    (note,) = [each.text for each in after.evidence.contradictions]
    after.evidence.add_noted([NotedEvent(120, acknowledged(note)), NotedEvent(130, acknowledged(note))])
    for size in (150, 160):
        signed = after.sign(size, mark_of(size), NOW)
        assert signed is not None
        assert (signed.accepted, signed.origin) == ((120,), f"coinquant.r11/{after.directory_id}")
    # Whoever reads it later finds who, when and what.
    (told,) = read(desk).contradictions
    assert (told.acknowledgement.who, told.trusted, told.logged) == ("operator", True, True)
    assert "200 are missing" in told.acknowledgement.fault


def test_external_copies_that_are_not_extended_stay_and_a_second_file_begins(desk: Desk) -> None:
    after = accepted_rollback(desk)
    anchor, before = desk.anchor(after), desk.copy.read_bytes()
    assert sign(after, 150)
    for base in (anchor, desk.copy):
        second = base.with_name(f"{base.name}.2")
        assert base.read_bytes() == before
        assert second.read_text() == after.last_note
        for path in (base, second):
            key = VerifierKey.parse(path.with_name(f"{path.name}.vkey").read_text().strip())
            assert open_checkpoint(path.read_text(), key) == parse_unverified(path.read_text())
    assert sign(desk.open(copy=True), 160)
    assert anchor.read_bytes() == before
    assert len(list(anchor.parent.iterdir())) == 4
    assert read(desk, copy=True).sizes == {150, 160}


def test_an_acceptance_that_the_log_lost_is_found_in_the_history_and_told(desk: Desk) -> None:
    after = accepted_rollback(desk)
    assert sign(after, 150)
    noted = [NotedEvent(120, acknowledged(after.evidence.contradictions[0].text))]
    desk.data.checkpoints.write_bytes(b"".join(each for each in logged(desk) if b"/acknowledgement\n" not in each))
    evidence = read(desk)
    assert evidence.contradictions == []
    evidence.add_noted(noted)
    (told,) = evidence.contradictions
    assert (told.logged, told.index, told.trusted) == (False, 120, True)
    assert evidence.find_faults(150, marks(evidence)) == [
        "lacks 1 of the acceptances that the history records, the first by operator at event 120: "
        "entries of the log were deleted"
    ]
    assert evidence.sizes == {150}, "it still releases what it released"


@pytest.mark.parametrize("harm", ["forged", "of another directory", "not a note", "of another writer"])
def test_what_is_no_acceptance_of_ours_accepts_nothing(desk: Desk, harm: str) -> None:
    desk.signed(*SIZES)
    (desk.folder / "other").mkdir()
    other = accepted_rollback(Desk(desk.folder / "other"))
    note = other.evidence.contradictions[0].text
    if harm == "of another directory":
        # The same user's other directory: the key is the same, the name is not.
        shutil.copy(key_path(desk.config), key_path(desk.folder / "other" / "config"))
    line = {
        "forged": acknowledged(note.replace("operator", "somebody")),
        "of another directory": acknowledged(note),
        "not a note": acknowledged("note"),
        "of another writer": acknowledged(note).replace(b'"memory"', b'"room-1"'),
    }[harm]
    evidence = read(desk)
    evidence.add_noted([NotedEvent(7, line)])
    assert (evidence.acceptances, evidence.accepted, evidence.sizes) == ([], {}, set(SIZES))


# -- missing events


def fault_event(reason: str, writer: str = "memory") -> bytes:
    text = acknowledged("").replace(b"integrity_acknowledged", b"integrity_fault").replace(b'"memory"', b'"%s"')
    return text.replace(b'"note":""', b'"reason":"%s"' % reason.encode()) % writer.encode()


def test_missing_events_stay_missing_when_new_ones_have_passed_the_signed_size(desk: Desk) -> None:
    desk.signed(100)
    backup = desk.backup()
    desk.signed(200, 300).close()
    desk.put_back(backup)
    evidence = read(desk)
    (reason,) = evidence.find_faults(100, {100: mark_of(100)})
    assert evidence.count_missing(100) == 200
    assert evidence.count_missing(120, [f"checkpoints.log: {reason}"]) == 200
    assert evidence.count_missing(120) == 180
    # The history records what memory found.
    evidence.add_noted([NotedEvent(101, fault_event(reason)), NotedEvent(102, fault_event(reason))])
    assert evidence.count_missing(120) == evidence.count_missing(100_000) == 200
    recorded, found = evidence.find_faults(301, {300: mark_of(300, "other")})
    assert (recorded, "the first 300 events are not those" in found) == (reason, True)
    # What others claim does not count.
    evidence.recorded_faults.clear()
    evidence.add_noted([NotedEvent(101, fault_event(reason, "room-1"))])
    assert evidence.count_missing(100_000) == 0


def test_accepted_events_are_missing_no_more(desk: Desk) -> None:
    after = accepted_rollback(desk)
    assert after.evidence.count_missing(100) == 0
    assert read(desk).count_missing(100) == 0


# -- other keys


def test_kept_copies_testify_after_a_change_of_key(desk: Desk) -> None:
    before = desk.signed(*SIZES, copy=True)
    grow(desk)
    old = VerifierKey.parse(str(before.public_key))
    key_path(desk.config).unlink()
    desk.data.checkpoints.unlink()
    evidence = read(desk, copy=True)
    assert evidence.trusted == (old,)
    assert evidence.sizes == {300}
    assert "the first 300 events are not those" in evidence.find_faults(300, {300: mark_of(300, "forged")})[0]
    shutil.rmtree(desk.config / "anchors")
    evidence = read(desk, copy=True)
    assert [(each.source, each.trusted) for each in evidence.statements] == [("copy", False)], "a key beside a copy"
    evidence = read(desk, copy=True, named=old)
    assert [(each.source, each.trusted) for each in evidence.statements] == [("copy", True)], "a key that is named"


def test_a_key_beside_a_copy_releases_nothing(desk: Desk) -> None:
    """Whoever can write there, or name the place in the settings, must not accept what the user's key has signed."""
    desk.signed(*SIZES)
    (desk.folder / "stranger").mkdir()
    stranger = Desk(desk.folder / "stranger")
    other = Anchoring(stranger.data, folder=stranger.config, new_id=lambda: desk.open().directory_id)
    assert sign(other, 500, "stranger")
    note = other.accept(acceptance(other, "contradicts what was signed: all of it", 500))
    other.close()
    shutil.copy(desk.folder / "stranger" / "config" / "anchors" / f"{other.directory_id}.checkpoint", desk.copy)
    beside = desk.copy.with_name(f"{desk.copy.name}.vkey")
    beside.write_text(f"{other.public_key}\n")
    with desk.data.checkpoints.open("ab") as log:
        log.write(stranger.data.checkpoints.read_bytes())
    evidence = read(desk, copy=True)
    evidence.add_noted([NotedEvent(7, acknowledged(str(note)))])
    assert evidence.acceptances == []
    assert {each.checkpoint.size: each.trusted for each in evidence.statements} == dict.fromkeys(SIZES, True) | {
        500: False
    }


# -- other copies of the directory, other files


def test_a_live_second_copy_is_called_that_by_both(desk: Desk) -> None:
    ours = desk.signed(100)
    grow(desk)
    twin = desk.backup("twin")
    theirs = desk.open(twin)
    (twin.root / "run").mkdir(exist_ok=True)
    (desk.data.root / "run").mkdir(exist_ok=True)
    lock = ProcessLock(twin.lock_of("memory"), "memory")
    lock.acquire()
    named = (
        f"another copy of this data directory is running under the same key: {twin.root.resolve()}. Stop one of them"
    )
    with pytest.raises(SigningConflict) as raised:
        sign(ours, 200)
    assert str(raised.value) == named
    assert read(desk).problems == desk.open().evidence.problems == [named]
    assert read(desk, twin).problems == []
    lock.release()
    assert read(desk).problems == []
    assert theirs.problem is None


def test_a_log_that_was_replaced_while_memory_runs_is_a_conflict(desk: Desk) -> None:
    anchoring = desk.signed(100)
    content = desk.data.checkpoints.read_bytes()
    desk.data.checkpoints.unlink()
    for _ in range(2):
        with pytest.raises(SigningConflict, match="was deleted or replaced while memory was running"):
            sign(anchoring, 200)
        desk.data.checkpoints.write_bytes(content)
    note = anchoring.accept(acceptance(anchoring, "was deleted or replaced while memory was running", 100))
    assert note
    assert note in desk.data.checkpoints.read_text()
    assert sign(anchoring, 200)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "rubbish", "empty", "unreadable"])
@pytest.mark.parametrize("name", ["log", "anchor", "copy", "key beside", "record", "state"])
def test_whatever_stands_in_the_place_of_a_file_is_read_without_an_error(desk: Desk, name: str, kind: str) -> None:
    anchoring = desk.signed(*SIZES, copy=True)
    grow(desk)
    path = {
        "log": desk.data.checkpoints,
        "anchor": desk.anchor(anchoring),
        "copy": desk.copy,
        "key beside": desk.copy.with_name(f"{desk.copy.name}.vkey"),
        "record": next((desk.config / "directories").iterdir()),
        "state": desk.data.state_of("memory"),
    }[name]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    put(path, kind)
    for evidence in (read(desk, copy=True), desk.open(copy=True).evidence):
        assert evidence.directory_id == anchoring.directory_id
        assert 300 in evidence.sizes
        told = evidence.find_faults(300, marks(evidence))
        assert bool(told) == (name == "log")


def put(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"rubbish\n" if kind == "rubbish" else b"")
        path.chmod(0o000 if kind == "unreadable" else 0o600)


def test_a_recorded_acceptance_is_read_from_the_log_once(desk: Desk) -> None:
    after = accepted_rollback(desk)
    record(after)
    record(after)
    assert len(after.evidence.acceptances) == 1
