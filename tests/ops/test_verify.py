"""The three verdicts over histories that were signed, cut, copied, put back, rewritten or signed by somebody else."""

import shutil
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoints import CheckpointFileError
from cq_tui.ops.verify import NoHistory, Report, report_lines, verify_history
from cq_tui.store.checkpoints.acknowledgement import acknowledge
from cq_tui.store.checkpoints.anchoring import Anchoring
from cq_tui.store.checkpoints.checkpoint import origin_of
from cq_tui.store.history.writer import History
from tests.store.history.histories import data_dir, event, event_lines, made


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("CQ_CONFIG_DIR", str(folder))
    return folder


def grown(data: DataDir, count: int, *, sign: bool = True, now: float = 5000.0) -> None:
    """Add events to a history and sign a checkpoint of all of them."""
    history = History(data, watermark=data.events.stat().st_size if data.events.exists() else 0, now=50.0)
    first = history.events + 1
    history.append([event(seq) for seq in range(first, first + count)], now)
    if sign:
        anchoring = Anchoring(data)
        assert anchoring.sign(history.events, history.root, now) is not None, anchoring.problem
        anchoring.close()
    history.close()


def codes(report: Report) -> tuple[int, bool, int, bool]:
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
    (completeness,) = [line for line in report_lines(report) if line.startswith("completeness")]
    key = values["completeness"]["anchor_key"].split("+")[1]
    assert completeness == (
        f"completeness  complete to 9, signed 1970-01-01 01:23:20 UTC by key {key}, 2 later events not anchored yet"
    )


def test_without_a_checkpoint_it_is_intact_and_not_anchored(tmp_path: Path) -> None:
    report = verify_history(made(tmp_path, 5))
    assert codes(report) == (1, False, 0, False)
    assert "not anchored" in "\n".join(report_lines(report))


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
    assert "INCOMPLETE by 5" in "\n".join(report_lines(report))
    # The old copy is whole in itself; what was signed since stands outside of it.
    assert codes(verify_history(backup)) == (1, False, 4, True)


def test_a_rewrite_of_everything_is_damage_by_the_anchor(data: DataDir, tmp_path: Path) -> None:
    other = made(tmp_path / "other", 9)
    for name in ("events", "hash_chain"):
        getattr(data, name).write_bytes(getattr(other, name).read_bytes())
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
    accepted = acknowledge(
        origin_of(anchoring.directory_id), 9, bytes(32), 6000.0, fault=str(report.faults[0]), who="ann"
    )
    anchoring.accept(accepted)
    anchoring.close()
    report = verify_history(data)
    assert report.exit_code == 2, "accepted is not mended"
    assert "(accepted by ann, 1970-01-01 01:40:00 UTC)" in "\n".join(report_lines(report))


def test_a_kept_checkpoint_tells_what_the_directory_cannot(data: DataDir, tmp_path: Path, own_keys: Path) -> None:
    kept = tmp_path / "kept"
    anchoring = Anchoring(data)
    assert anchoring.last_text is not None
    kept.write_text(anchoring.last_text)
    bundle = tmp_path / "bundle.json"
    integrity = {"checkpoint": anchoring.last_text, "public_key": anchoring.public_key}
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
    with pytest.raises(CheckpointFileError, match="signed by a key that is not known here"):
        verify_history(data, against=kept)


def test_on_another_machine_the_signer_is_not_known(data: DataDir, own_keys: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.log"
    shutil.copy(data.checkpoints, kept)
    shutil.rmtree(own_keys)
    report = verify_history(data)
    assert codes(report) == (1, False, 0, False)
    assert "a key that is not known here" in "\n".join(report_lines(report))
    assert verify_history(data, against=kept).exit_code == 0
    grown(made(tmp_path / "mine", 1), 1)
    assert verify_history(data).exit_code == 1, "a key of one's own says nothing about that of another"


def test_a_log_that_was_tampered_with_is_damage(data: DataDir) -> None:
    content = data.checkpoints.read_bytes()
    data.checkpoints.write_bytes(content.replace(b"\n9\n", b"\n8\n"))
    report = verify_history(data)
    assert report.exit_code == 2
    assert report.faults[0].file == "checkpoints.log"


def test_without_a_history_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="holds no history"):
        verify_history(DataDir(tmp_path))
