"""Checkpoints in whatever file somebody kept one."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoint_file import CheckpointFileError, KeptCheckpoint, read_checkpoint_file
from cq_tui.ops.prove import prove_event, prove_since
from cq_tui.store.document import write_document
from tests.ops.signed_histories import anchored, log, sign
from tests.store.checkpoints.signing import KEY


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return anchored(tmp_path / "data", 20, 15)


def written(path: Path, content: bytes | str | dict[str, Any]) -> Path:
    plain = orjson.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(plain.encode() if isinstance(plain, str) else plain)
    return path


def test_a_signed_note(data: DataDir, tmp_path: Path) -> None:
    note = sign(data, 15)
    for text in (note, note.removesuffix("\n")):
        assert read_checkpoint_file(written(tmp_path / "kept", text)) == KeptCheckpoint(note, None)


def test_the_newest_of_a_log(data: DataDir) -> None:
    assert read_checkpoint_file(data.checkpoints) == KeptCheckpoint(sign(data, 15), KEY.text)
    log(data, sign(data, 18))
    assert read_checkpoint_file(data.checkpoints) == KeptCheckpoint(sign(data, 18), KEY.text)


def test_a_bundle_and_what_else_names_one(data: DataDir, tmp_path: Path) -> None:
    fields = {"checkpoint": sign(data, 15), "public_key": KEY.text}
    for value in ({"bundle_id": "debug_1", "memory_integrity": fields}, {"service": "memory", **fields}):
        found = read_checkpoint_file(written(tmp_path / "document.json", value))
        assert found == KeptCheckpoint(fields["checkpoint"], KEY.text)
    keyless = {"memory_integrity": {"checkpoint": fields["checkpoint"], "public_key": None}}
    assert read_checkpoint_file(written(tmp_path / "bundle.json", keyless)).public_key is None


def test_a_proof_names_the_checkpoint_it_leads_to(data: DataDir, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    for proof in (prove_event(data, "evt_1001_001"), prove_since(data, sign(data, 4))):
        write_document(path, proof)
        assert read_checkpoint_file(path) == KeptCheckpoint(sign(data, 15), KEY.text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"hello\n", "is not a checkpoint of ours (note: malformed"),
        (b"\xff\xfe\n\n", "is not a checkpoint (note: malformed, it is not UTF-8"),
        (b"{", "is not valid JSON"),
        (b"[]", "is not a checkpoint of ours"),
        (b"{}", "field 'checkpoint': is not a signed checkpoint"),
        (b'{"checkpoint":7}', "field 'checkpoint': is not a signed checkpoint"),
        (b'{"memory_integrity":{}}', "field 'memory_integrity.checkpoint': is not a signed checkpoint"),
        (b'{"memory_integrity":{"checkpoint":"x","public_key":3}}', "field 'memory_integrity.public_key'"),
        (b'{"checkpoint":"hello"}', "is not a checkpoint of ours"),
        (b"\x1e nothing\n", "has no checkpoint with a valid signature"),
        (b"x" * 300_000, "is not a checkpoint (note: is larger"),
    ],
)
def test_a_file_without_a_checkpoint_is_reported(content: bytes, said: str, tmp_path: Path) -> None:
    path = written(tmp_path / "kept", content)
    with pytest.raises(CheckpointFileError) as told:
        read_checkpoint_file(path)
    assert str(told.value).startswith(f"{path}: ")
    assert said in str(told.value)
    assert str(told.value).endswith("Use a signed checkpoint, a checkpoints.log, a debug bundle or a proof")


def test_a_wrong_key_beside_it(data: DataDir, tmp_path: Path) -> None:
    path = written(tmp_path / "kept", {"checkpoint": sign(data, 15), "public_key": "nobody"})
    with pytest.raises(CheckpointFileError, match="public key: is not of the form"):
        read_checkpoint_file(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (("nowhere", "does not exist"), (".", "not a regular file"), ("pipe", "not a regular file")):
        with pytest.raises(CheckpointFileError, match=said):
            read_checkpoint_file(tmp_path / path)
