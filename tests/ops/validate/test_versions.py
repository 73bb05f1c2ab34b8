"""Data directories of other versions are judged by their own rules."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.old_chain import item_hash
from tests.ops.validate.folders import example, rules_of, sound_directory, validated, write


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))


def contract_directory(root: Path, *, metadata: bool, health: bool) -> DataDir:
    """Return the contract's own files, as another program may have written them."""
    data = DataDir(root)
    event = example("event")
    if not metadata:
        del event["metadata"]
    write(data.events, orjson.dumps(event) + b"\n")
    write(data.hash_chain, orjson.dumps(example("hash_chain"), option=orjson.OPT_INDENT_2))
    feeder = example("health_feeder")
    if not health:
        for field in ("ws_connected", "rest_api_ok", "symbols_count"):
            del feeder[field]
    write(data.health_of("feeder"), feeder)
    return data


@pytest.mark.parametrize(
    ("version", "metadata", "health"), [("1.0", False, False), ("1.1", True, False), ("1.2", True, True)]
)
def test_each_earlier_version_is_valid_with_a_word_on_migrating(
    tmp_path: Path, version: str, metadata: bool, health: bool
) -> None:
    report = validated(contract_directory(tmp_path, metadata=metadata, health=health).root)
    assert report.data_version == version
    assert rules_of(report) == {str(tmp_path): {"version.older"}}
    assert report.exit_code is ExitCode.FAILED


def test_fields_that_their_version_has_are_required(tmp_path: Path) -> None:
    data = contract_directory(tmp_path, metadata=True, health=False)
    write(data.version, {"data_version": "1.2"})
    assert rules_of(validated(data.root))["health/feeder.json"] == {"schema.required"}


def test_rules_hold_for_earlier_versions_too(tmp_path: Path) -> None:
    data = contract_directory(tmp_path, metadata=False, health=True)
    data.events.write_bytes(data.events.read_bytes() * 2)
    chain = example("hash_chain")
    chain["chain"][1]["previous_hash"] = "nonsense"
    write(data.hash_chain, chain)
    found = rules_of(validated(data.root))
    assert found["memory/event_chain.ndjson"] == {"event.id_repeated"}
    assert found["memory/hash_chain.json"] == {"chain.link"}


def test_a_newer_version_is_named_and_not_judged(tmp_path: Path) -> None:
    data = sound_directory(tmp_path)
    write(data.health_of("feeder"), b"anything")
    write(data.version, {"data_version": "2.0"})
    assert rules_of(validated(data.root)) == {"version.json": {"version.newer"}}


def test_an_interrupted_migration_is_named(tmp_path: Path) -> None:
    data = sound_directory(tmp_path)
    write(data.migration / "plan.json", {})
    assert "version.interrupted" in {rule for rules in rules_of(validated(data.root)).values() for rule in rules}


def r11_directory(root: Path) -> Path:
    events = [{"timestamp": 100.0 + number, "event_type": "signal", "data": {"n": number}} for number in range(3)]
    write(root / "memory" / "events.jsonl", b"".join(orjson.dumps(each) + b"\n" for each in events))
    block: dict[str, Any] = {
        "timestamp": 100.0, "previous_hash": "", "merkle_root": item_hash(events[0]), "data_count": 1
    }  # fmt: skip
    block["block_hash"] = item_hash(block)
    write(root / "memory" / "hash_chain.json", {"blocks": [block], "last_hash": block["block_hash"]})
    write(root / "memory" / "snapshots" / "full_100.json", {"timestamp": 100.0})
    return root


def test_an_r11_installation_is_judged_by_its_rules(tmp_path: Path) -> None:
    root = r11_directory(tmp_path)
    report = validated(root)
    assert (report.data_version, rules_of(report)) == ("R11", {str(root): {"version.older"}})
    assert sum(file.records for file in report.files) == 3


def test_mistakes_of_an_r11_installation_are_named(tmp_path: Path) -> None:
    root = r11_directory(tmp_path)
    events = root / "memory" / "events.jsonl"
    events.write_bytes(events.read_bytes() + b'{"timestamp":1,"event_type":"x"}\nnonsense\n')
    chain = root / "memory" / "hash_chain.json"
    chain.write_bytes(chain.read_bytes().replace(b'"data_count":1', b'"data_count":2'))
    write(root / "memory" / "snapshots" / "full_100.json", b"{")
    assert rules_of(validated(root)) == {
        str(root): {"version.older"},
        "memory/events.jsonl": {"event.line", "event.time_back"},
        "memory/hash_chain.json": {"chain.fault"},
        "memory/snapshots/full_100.json": {"json.syntax"},
    }


def manifest_of(name: str, content: bytes) -> bytes:
    file = {"name": name, "kind": "unknown", "size": len(content), "sha256": sha256(content).hexdigest()}
    return json.dumps({"source": "/r11", "files": [file], "skipped": []}).encode()


def test_originals_of_an_import_are_those_of_their_manifest(tmp_path: Path) -> None:
    data = sound_directory(tmp_path)
    original = b"an original\n"
    manifest = manifest_of("memory/events.jsonl", original)
    folder = data.imported / sha256(manifest).hexdigest()
    write(folder / "manifest.json", manifest)
    path = write(folder / "files" / "memory" / "events.jsonl", original)
    assert rules_of(validated(data.root)) == {}
    path.write_bytes(b"another\n")
    name = f"memory/imported/{folder.name}/manifest.json"
    assert rules_of(validated(data.root)) == {name: {"import.file"}}
    path.unlink()
    assert rules_of(validated(data.root)) == {name: {"import.file"}}
    write(folder / "manifest.json", b"{}")
    assert "import.manifest" in rules_of(validated(data.root))[name]


def test_originals_that_a_backup_without_keys_leaves_out_are_a_warning(tmp_path: Path) -> None:
    data = sound_directory(tmp_path)
    manifest = manifest_of("config.env", b"A=1")
    folder = data.imported / sha256(manifest).hexdigest()
    write(folder / "manifest.json", manifest)
    report = validated(data.root)
    assert rules_of(report) == {f"memory/imported/{folder.name}/manifest.json": {"import.left_out"}}
    assert report.exit_code is ExitCode.FAILED


@pytest.mark.parametrize(
    "manifest",
    [b"", b"{}", b"[]", b"null", b'{"files": 1}', b'{"files": [1]}', b'{"files": [{}]}', b"[" * 100_000, b"\xff\xfe{"],
)
def test_a_manifest_of_an_import_may_hold_anything(tmp_path: Path, manifest: bytes) -> None:
    data = sound_directory(tmp_path)
    folder = data.imported / sha256(manifest).hexdigest()
    write(folder / "manifest.json", manifest)
    assert "import.manifest" in rules_of(validated(data.root))[f"memory/imported/{folder.name}/manifest.json"]


@pytest.mark.parametrize("name", ["../../../version.json", "/etc/passwd", "a\0b", "\ud800", ""])
def test_an_import_names_files_of_its_folder_alone(tmp_path: Path, name: str) -> None:
    data = sound_directory(tmp_path)
    outside = tmp_path.joinpath("version.json").read_bytes()
    manifest = manifest_of(name, outside)
    folder = data.imported / sha256(manifest).hexdigest()
    write(folder / "manifest.json", manifest)
    (folder / "files").mkdir()
    found = rules_of(validated(data.root))[f"memory/imported/{folder.name}/manifest.json"]
    assert "import.file" in found


def test_originals_may_have_names_that_are_no_text(tmp_path: Path) -> None:
    data = sound_directory(tmp_path)
    name, original = os.fsdecode(b"lat\xe9n.json"), b"{}"
    manifest = manifest_of(name, original)
    folder = data.imported / sha256(manifest).hexdigest()
    write(folder / "manifest.json", manifest)
    path = write(folder / "files" / name, original)
    assert rules_of(validated(data.root)) == {}
    path.write_bytes(b"[]")
    report = validated(data.root)
    assert rules_of(report) == {f"memory/imported/{folder.name}/manifest.json": {"import.file"}}
    assert "lat\\udce9n.json" in orjson.dumps(report.to_json()).decode().replace("\\\\", "\\")
