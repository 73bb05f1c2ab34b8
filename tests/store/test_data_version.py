"""The version of a data directory: read, or inferred and said from what; newer and older ones are refused by name."""

import json
import os
from pathlib import Path

import pytest

from cq_tui import __version__
from cq_tui.contracts.data_version import CURRENT, MEANINGS, is_newer, is_older
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.version_document import VersionDocument
from cq_tui.store.data_directory import DataVersionError, prepare_data_directory
from cq_tui.store.data_version import find_version
from cq_tui.store.document import read_document
from tests.store.history.histories import made

EVENT = {"event_id": "evt_1640995200_001", "timestamp": 1640995200.0, "event_type": "x", "source": "t", "data": {}}


def tree(root: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def test_versions_are_ordered_and_each_has_a_meaning() -> None:
    assert list(MEANINGS) == ["R11", "1.0", "1.1", "1.2", "1.3"]
    assert [each for each in MEANINGS if is_older(each)] == ["R11", "1.0", "1.1", "1.2"]
    assert not any(map(is_newer, MEANINGS))
    assert all(map(is_newer, ("1.4", "1.10", "2.0", "2", "10.0", "abc", "", "1..3", "1.3b", "9" * 5000)))
    assert not is_newer("1.3.1"), "a reader of 1.3 reads it"


def test_a_new_directory_gets_its_version_and_keeps_it(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    assert find_version(data).version is None
    prepare_data_directory(data)
    found = read_document(data.version, VersionDocument)
    assert (found.data_version, found.written_by) == (CURRENT, __version__)
    assert data.version.stat().st_mode & 0o777 == 0o600
    before = data.version.stat()
    prepare_data_directory(data)
    assert data.version.stat() == before
    assert sorted(path.name for path in tmp_path.rglob("*version*")) == ["version.json"]


def test_a_directory_of_0_1_0_goes_on_and_gets_its_version(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    data.version.unlink()
    found = find_version(data)
    assert (found.version, found.is_recorded) == (CURRENT, False)
    assert "memory/spool" in found.because
    prepare_data_directory(data)
    assert find_version(data).is_recorded


def test_a_history_of_ours_that_was_copied_alone_is_known_by_its_events(tmp_path: Path) -> None:
    copied = DataDir(tmp_path / "copy")
    copied.memory.mkdir(parents=True)
    copied.events.write_bytes(made(tmp_path / "own", 3).events.read_bytes())
    assert find_version(copied).version == CURRENT


@pytest.mark.parametrize(
    ("files", "version", "because"),
    [
        ({"memory/events.jsonl": "{}\n"}, "R11", "memory/events.jsonl"),
        ({"events.jsonl": ""}, "R11", "events.jsonl"),
        ({"memory/hash_chain.json": '{"schema_version": "1.0", "blocks": []}'}, "R11", "blocks"),
        ({"memory/snapshots/full_1.json": "{}"}, "R11", "full_"),
        ({"config.env": "LOG_LEVEL=INFO"}, "R11", "config.env"),
        ({"memory/hash_chain.json": '{"chain": []}'}, "1.0", "hash_chain.json"),
        ({"memory/event_chain.ndjson": json.dumps(EVENT) + "\n"}, "1.0", "no metadata"),
        ({"memory/event_chain.ndjson": "\xff\n"}, "1.0", "no event that can be read"),
        ({"memory/event_chain.ndjson": json.dumps(EVENT | {"metadata": {}})}, "1.1", "no health documents"),
        (
            {
                "memory/event_chain.ndjson": json.dumps(EVENT | {"metadata": {}}),
                "health/feeder.json": '{"service": "feeder", "status": "ok"}',
            },
            "1.1",
            "health/feeder.json lacks ws_connected",
        ),
        (
            {
                "memory/event_chain.ndjson": json.dumps(EVENT | {"metadata": {}}),
                "health/ares.json": '{"feeder_health_ok": true, "default_signals_blocked": true}',
            },
            "1.2",
            "all fields",
        ),
    ],
)
def test_an_older_layout_is_told_by_its_files_and_left_alone(
    tmp_path: Path, files: dict[str, str], version: str, because: str
) -> None:
    data = DataDir(tmp_path)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="latin-1")
    before = tree(tmp_path)
    found = find_version(data)
    assert found.version == version
    assert because in found.because
    with pytest.raises(DataVersionError, match=rf"{version}.*`cq-tui migrate --data-dir {tmp_path}`"):
        prepare_data_directory(data)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("said", ["1.4", "2.0", 2, 1.4, "next", None, ["1.3"]])
def test_a_newer_version_is_refused_by_name_and_nothing_is_written(tmp_path: Path, said: object) -> None:
    data = DataDir(tmp_path)
    data.version.write_text(json.dumps({"data_version": said, "written_by": "0.9.0"}))
    before = tree(tmp_path)
    with pytest.raises(DataVersionError) as refused:
        prepare_data_directory(data)
    words = str(refused.value)
    assert str(data.version) in words
    assert "written by cq-tui 0.9.0" in words
    assert "Install a newer cq-tui" in words
    assert isinstance(said, list) or said is None or f"data version {said}," in words
    assert tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{\x00}\x00", b"[1]", b"[" * 60_000, b"{}" + b" " * 100_000])
def test_a_damaged_version_is_told_from_the_files_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    data.version.write_bytes(content)
    prepare_data_directory(data)
    assert data.version.read_bytes() == content
    assert find_version(data).version == CURRENT
    assert "cannot be read" in find_version(data).because


def test_a_document_of_another_program_says_nothing_of_the_version(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.version.write_text('{"version": "R11.2"}')
    (tmp_path / "events.jsonl").write_text("")
    found = find_version(data)
    assert (found.version, found.is_recorded) == ("R11", False)
    assert found.because.startswith("version.json has no data_version, and it holds events.jsonl")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_something_else_in_its_place_stops_nothing(tmp_path: Path, make: object) -> None:
    data = DataDir(tmp_path)
    make(data.version)  # type: ignore[operator]
    prepare_data_directory(data)
    assert find_version(data).version is None or find_version(data).version == CURRENT


def test_a_later_addition_to_the_document_is_read(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.version.write_text('\ufeff{"data_version": "1.3.2", "more": 1}\r\n', encoding="utf-8")
    prepare_data_directory(data)
    assert find_version(data).version == "1.3.2"
