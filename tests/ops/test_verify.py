"""The three verdicts over histories that were signed, cut, copied, put back, rewritten or signed by somebody else."""

import shutil
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoint_file import CheckpointFileError
from cq_tui.ops.verification_report import VerificationReport
from cq_tui.ops.verify import NoHistory, verify_history
from cq_tui.store.checkpoints.acknowledgement import (
    make_acknowledgement,
    sign_acknowledgement,
)
from cq_tui.store.checkpoints.anchoring import Anchoring
from cq_tui.store.checkpoints.checkpoint import Checkpoint, origin_of, parse_unverified, sign_checkpoint
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog, read_checkpoint_log
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.faults import CONTRADICTION_PREFIX, LOG_FAULT_PREFIX
from cq_tui.store.history.writer import HistoryWriter
from tests.store.checkpoints.signing import OTHER_PRIVATE
from tests.store.history.histories import data_dir, event, event_lines, made


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("CQ_CONFIG_DIR", str(folder))
    return folder


def grown(data: DataDir, count: int, *, sign: bool = True, now: float = 5000.0) -> None:
    """Add events to a history and sign a checkpoint of all of them."""
    history = HistoryWriter(data, watermark=data.events.stat().st_size if data.events.exists() else 0, now=50.0)
    first = max(history.cursors.values(), default=0) + 1
    history.append([event(seq) for seq in range(first, first + count)], now)
    if sign:
        anchoring = Anchoring(data)
        anchoring.evidence.add_noted(history.noted)
        assert anchoring.sign(history.events, history.mark, now) is not None, anchoring.problem
        anchoring.close()
    history.close()


def record(data: DataDir, note: str) -> int:
    """Let the history record an acceptance, as memory does; return the index of the event."""
    history = HistoryWriter(data, watermark=data.events.stat().st_size, now=50.0)
    recorded = event(1)._replace(event_type="integrity_acknowledged", data={"note": note}, writer="memory")
    history.append([recorded], 6000.0)
    history.close()
    return history.events


def codes(report: VerificationReport) -> tuple[int, bool, int, bool]:
    return report.exit_code, report.damaged, report.missing, report.anchored


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    made_ = data_dir(tmp_path / "data")
    grown(made_, 6)
    grown(made_, 3)
    return made_


def test_signed_and_intact_is_the_only_zero(data: DataDir) -> None:
    report = verify_history(data)
    assert codes(report) == (0, False, 0, True)
    grown(data, 2, sign=False)
    report = verify_history(data)
    assert report.exit_code == 0
    values = report.to_json()
    assert values["completeness"]["anchored_events"] == 9
    assert values["completeness"]["unanchored_events"] == 2
    (completeness,) = [line for line in report.lines() if line.startswith("completeness")]
    key = values["completeness"]["anchor_key"].split("+")[1]
    assert completeness == (
        f"completeness  complete to 9, signed 1970-01-01 01:23:20 UTC by key {key}, 2 not anchored yet"
    )


def test_without_a_checkpoint_it_is_intact_and_not_anchored(tmp_path: Path) -> None:
    report = verify_history(made(tmp_path, 5))
    assert codes(report) == (1, False, 0, False)
    assert "not anchored" in "\n".join(report.lines())


def test_a_copy_is_as_good_as_the_original_and_is_left_as_it_is(data: DataDir, tmp_path: Path) -> None:
    copy = DataDir(tmp_path / "copy")
    shutil.copytree(data.memory, copy.memory)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.root.rglob("*") if path.is_file()}
    for path in (*copy.root.rglob("*"), copy.root):
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert verify_history(copy, workers=2).exit_code == 0
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    for path in (copy.root, *copy.root.rglob("*")):
        path.chmod(0o700)


def test_a_cut_tail_and_an_old_copy_are_incomplete_by_so_many(data: DataDir, tmp_path: Path) -> None:
    backup = DataDir(tmp_path / "backup")
    shutil.copytree(data.memory, backup.memory)
    grown(data, 4)
    lines = event_lines(data)
    data.events.write_bytes(b"".join(line + b"\n" for line in lines[:8]))
    report = verify_history(data)
    assert codes(report) == (1, False, 5, True)
    assert "INCOMPLETE by 5" in "\n".join(report.lines())
    # The old copy is whole in itself; what was signed since stands outside of it.
    assert codes(verify_history(backup)) == (1, False, 4, True)


def test_a_rewrite_of_everything_is_damage_by_the_anchor(data: DataDir, tmp_path: Path) -> None:
    rewrite(data, tmp_path)
    report = verify_history(data)
    assert report.exit_code == 2
    assert "are not those of the checkpoint" in str(report.faults[0])


def test_damage_is_named_with_index_expected_and_found_and_who_accepted_it(data: DataDir) -> None:
    data.events.write_bytes(data.events.read_bytes().replace(b'"n":4}', b'"n":5}'))
    report = verify_history(data)
    assert report.exit_code == 2
    (fault,) = report.to_json()["integrity"]["faults"]
    assert (fault["file"], fault["index"], fault["accepted_by"]) == ("event_chain.ndjson", 4, None)
    assert len(fault["expected"]) == len(fault["found"]) == 64
    anchoring = Anchoring(data)
    accepted = make_acknowledgement(
        origin_of(anchoring.directory_id), 9, bytes(32), 6000.0, fault=str(report.faults[0]), who="ann"
    )
    anchoring.accept(accepted)
    anchoring.close()
    report = verify_history(data)
    assert report.exit_code == 2, "accepted is not mended"
    assert "(accepted by ann, 1970-01-01 01:40:00 UTC)" in "\n".join(report.lines())


def test_a_saved_checkpoint_reveals_what_the_directory_cannot(data: DataDir, tmp_path: Path, own_keys: Path) -> None:
    kept = tmp_path / "kept"
    anchoring = Anchoring(data)
    assert anchoring.last_note is not None
    kept.write_text(anchoring.last_note)
    bundle = tmp_path / "bundle.json"
    integrity = {"checkpoint": anchoring.last_note, "public_key": anchoring.public_key}
    bundle.write_bytes(orjson.dumps({"memory_integrity": integrity}))
    anchoring.close()
    assert verify_history(data, against=kept).exit_code == 0
    # Everything is put back to an older state, the anchor outside included.
    shutil.rmtree(data.root)
    shutil.rmtree(own_keys)
    grown(data_dir(data.root), 6)
    assert verify_history(data).exit_code == 0, "nothing here tells"
    report = verify_history(data, against=bundle)
    assert (report.exit_code, report.missing) == (1, 3)
    with pytest.raises(CheckpointFileError, match="signed by an unknown key"):
        verify_history(data, against=kept)


def test_on_another_machine_the_signer_is_not_known(data: DataDir, own_keys: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.log"
    shutil.copy(data.checkpoints, kept)
    shutil.rmtree(own_keys)
    report = verify_history(data)
    assert codes(report) == (1, False, 0, False)
    assert "an unknown key" in "\n".join(report.lines())
    assert verify_history(data, against=kept).exit_code == 0
    grown(made(tmp_path / "mine", 1), 1)
    assert verify_history(data).exit_code == 1, "a key of one's own says nothing about that of another"


def test_a_log_that_was_tampered_with_is_damage(data: DataDir) -> None:
    content = data.checkpoints.read_bytes()
    data.checkpoints.write_bytes(content.replace(b"\n9\n", b"\n8\n"))
    report = verify_history(data)
    assert report.exit_code == 2
    assert report.faults[0].file == "checkpoints.log"


def test_a_missing_history_is_reported(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="has no history"):
        verify_history(DataDir(tmp_path))


def rewrite(data: DataDir, tmp_path: Path) -> None:
    """Put another history of the same size in its place."""
    other = made(tmp_path / "other", 9)
    for name in ("events", "hash_chain"):
        getattr(data, name).write_bytes(getattr(other, name).read_bytes())


def remember(data: DataDir, directory_id: str) -> None:
    data.state_of("memory").parent.mkdir(exist_ok=True)
    data.state_of("memory").write_bytes(orjson.dumps({"directory_id": directory_id}))


def test_without_its_log_a_history_must_match_the_outside_anchor(data: DataDir, tmp_path: Path, own_keys: Path) -> None:
    anchoring = Anchoring(data)
    anchoring.close()
    data.checkpoints.unlink()
    report = verify_history(data)
    assert report.exit_code == 2
    assert [str(fault)[:51] for fault in report.faults] == ["checkpoints.log: lacks the checkpoint of 9 events s"]
    rewrite(data, tmp_path)
    assert verify_history(data).exit_code == 2, "the configuration folder knows the id"
    shutil.rmtree(own_keys / "directories")
    assert verify_history(data).exit_code == 1, "nothing here tells"
    remember(data, anchoring.directory_id)
    assert verify_history(data).exit_code == 2, "memory's state tells"
    remember(data, "../../evil")
    kept = tmp_path / "kept"
    assert anchoring.last_note is not None
    kept.write_text(anchoring.last_note)
    assert verify_history(data, against=kept).exit_code == 2


def test_what_a_stranger_writes_into_the_log_releases_nothing(data: DataDir, tmp_path: Path) -> None:
    origin = parse_unverified(read_checkpoint_log(data.checkpoints).entries[-1].text).origin
    rewrite(data, tmp_path)
    found = verify_history(data).result
    before = data.checkpoints.read_bytes()
    root = bytes.fromhex(found.merkle_root)
    accepted = make_acknowledgement(
        origin, 9, root, 9000.0, fault=f"{LOG_FAULT_PREFIX}{CONTRADICTION_PREFIX}x", who="x"
    )
    texts = [
        sign_acknowledgement(accepted, OTHER_PRIVATE),
        sign_checkpoint(Checkpoint(origin, 9, root, 9000.0), OTHER_PRIVATE),
    ]
    for some, kept in ((texts[:1], before), (texts[1:], before), (texts, before), (texts * 60, before), (texts, b"")):
        data.checkpoints.write_bytes(kept)
        log = CheckpointLog(data.checkpoints, data.quarantine)
        for text in some:
            log.append(text, VerifierKey.of(origin, OTHER_PRIVATE))
        log.close()
        report = verify_history(data)
        words = [str(fault) for fault in report.faults]
        assert report.exit_code == 2
        assert any("are not those of the checkpoint" in fault for fault in words)
        assert any("holds entries signed with another key" in fault for fault in words)
        assert report.acceptances == []


def test_a_release_never_passes_in_silence(data: DataDir, tmp_path: Path) -> None:
    rewrite(data, tmp_path)
    (fault,) = verify_history(data).faults
    anchoring = Anchoring(data)
    accepted = make_acknowledgement(
        f"coinquant.r11/{anchoring.directory_id}", 9, bytes(32), 6000.0, fault=str(fault), who="ann"
    )
    assert accepted.releases_checkpoints
    note = anchoring.accept(accepted)
    assert note
    anchoring.close()
    entry = b"\x1e" + data.checkpoints.read_bytes().split(b"\x1e")[-1]
    report = verify_history(data)
    assert (report.exit_code, report.anchored, report.faults) == (1, False, [])
    line = next(line for line in report.lines() if "released the checkpoints" in line)
    assert line.startswith("  ann, 1970-01-01 01:40:00 UTC, 9 events, key ")
    (told,) = report.to_json()["completeness"]["accepted"]
    assert (told["accepted_by"], told["accepted_at"], told["events"]) == ("ann", 6000.0, 9)
    assert told["releases_checkpoints"] is True
    # Later checkpoints stand, however often the same words are written again, and name the event of the acceptance.
    index = record(data, note)
    grown(data, 1, now=7000.0)
    report = verify_history(data)
    assert report.exit_code == 0
    assert report.anchor is not None
    assert (report.anchor.checkpoint.accepted, report.acceptances[0].index) == ((index,), index)
    # Also when they are gone from the log: the history has them, and it is told.
    whole = data.checkpoints.read_bytes()
    data.checkpoints.write_bytes(whole.replace(entry, b""))
    report = verify_history(data)
    assert report.exit_code == 2
    assert "lacks 1 of the acceptances that the history records, the first by ann" in str(report.faults[0])
    assert len(report.log_acceptances) == 1
    data.checkpoints.write_bytes(whole)
    rewrite(data, tmp_path / "again")
    with data.checkpoints.open("ab") as file:
        file.write(entry)
    report = verify_history(data)
    assert (report.exit_code, report.missing) == (1, 2)
    assert len(report.log_acceptances) == 1


def test_an_accepted_fault_of_the_log_is_shown_and_releases_nothing(data: DataDir, tmp_path: Path) -> None:
    with data.checkpoints.open("ab") as file:
        file.write(b"\x1ejunk\n\xe2\x80\x94 x y\n")
    (fault,) = verify_history(data).faults
    anchoring = Anchoring(data)
    assert anchoring.accept(
        make_acknowledgement(
            f"coinquant.r11/{anchoring.directory_id}", 9, bytes(32), 6000.0, fault=str(fault), who="ann"
        )
    )
    anchoring.close()
    report = verify_history(data)
    assert report.exit_code == 0
    assert any("accepted: entry at byte" in line for line in report.lines())
    rewrite(data, tmp_path)
    assert verify_history(data).exit_code == 2


def test_another_change_of_the_same_event_is_another_fault(data: DataDir) -> None:
    content, names = data.events.read_bytes(), set()
    for changed in (b'"n":5}', b'"n":6}'):
        data.events.write_bytes(content.replace(b'"n":4}', changed))
        names.add(verify_history(data).to_json()["integrity"]["faults"][0]["id"])
    assert len(names) == 2
