"""Checking proof documents offline: right ones are put into words, every change of one is refused."""

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.check_proof import CheckedProof, ProofFileError, check_proof
from cq_tui.ops.prove import prove_event, prove_since
from cq_tui.store.checkpoints.checkpoint import sign_checkpoint
from cq_tui.store.document import document_bytes, write_document
from tests.ops.signed_histories import anchored, sign
from tests.store.checkpoints.signing import KEY, OTHER_KEY, OTHER_PRIVATE, checkpoint, note

WHO = f"signed by {KEY.name} (key {KEY.key_id.hex()})"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataDir:
    return anchored(tmp_path_factory.mktemp("data"), 30, 23)


@pytest.fixture
def inclusion(data: DataDir) -> dict[str, Any]:
    return dict(orjson.loads(document_bytes(prove_event(data, "evt_1004_001"))))


@pytest.fixture
def consistency(data: DataDir) -> dict[str, Any]:
    return dict(orjson.loads(document_bytes(prove_since(data, sign(data, 11)))))


def checked(document: dict[str, Any], key: str | None = None) -> CheckedProof:
    return check_proof(json.dumps(document).encode(), key)


def test_an_inclusion_proof_in_words(inclusion: dict[str, Any]) -> None:
    assert checked(inclusion) == CheckedProof(
        True,
        (
            "the inclusion proof holds",
            "event    evt_1004_001, order_executed, 1970-01-01 00:16:44 UTC",
            f"line     {inclusion['event']}",
            "place    event 4 of 23, as of 2023-11-14 22:13:43 UTC",
            WHO,
            "checked with the key in the proof: compare it with one you trust",
            f"key      {KEY.text}",
        ),
    )
    assert checked(inclusion, KEY.text).lines[-2:] == (WHO, "checked with the key you gave")


def test_a_consistency_proof_in_words(consistency: dict[str, Any]) -> None:
    assert checked(consistency, KEY.text) == CheckedProof(
        True,
        (
            "the consistency proof holds",
            "earlier  11 events at 2023-11-14 22:13:31 UTC",
            "later    23 events at 2023-11-14 22:13:43 UTC, which begin with the earlier ones, all unchanged",
            WHO,
            "checked with the key you gave",
        ),
    )


def test_a_file_is_all_it_needs(inclusion: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    write_document(path, inclusion)
    assert check_proof(path) == checked(inclusion)


def test_another_key_is_refused(inclusion: dict[str, Any], consistency: dict[str, Any]) -> None:
    for document in (inclusion, consistency):
        found = checked(document, OTHER_KEY.text)
        assert not found.holds
        assert "DOES NOT HOLD: it is signed by" in found.lines[0]
        # Nor does it help to name the other key in the document.
        assert not checked(document | {"public_key": OTHER_KEY.text}).holds
        assert not checked(document | {"public_key": OTHER_KEY.text}, OTHER_KEY.text).holds


def test_a_checkpoint_of_somebody_else_is_refused(inclusion: dict[str, Any]) -> None:
    forged = sign_checkpoint(checkpoint(23), OTHER_PRIVATE)
    found = checked(inclusion | {"checkpoint": forged})
    assert not found.holds
    assert "field 'checkpoint': note: not signed by" in found.lines[0]
    found = checked(inclusion | {"checkpoint": note(23)})
    assert found.lines == (
        "the inclusion proof DOES NOT HOLD: its hashes do not lead from the event to the root that was signed",
    )


def changed(value: Any) -> Iterator[Any]:
    """Every way in which one character or number of a field may be another, or one entry of a list be missing."""
    if isinstance(value, str):
        for place, letter in enumerate(value):
            yield value[:place] + ("0" if letter != "0" else "1") + value[place + 1 :]
            yield value[:place] + value[place + 1 :]
        yield value + "\n"
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield value[:place] + value[place + 1 :]
            yield [*value[:place], entry, *value[place:]]
            for other in changed(entry):
                yield [*value[:place], other, *value[place + 1 :]]
        yield [*value, "0" * 64]
    else:
        yield from (value - 1, value + 1, value + 2**40, -value - 1, 2**64, str(value), value + 0.5, None)


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_every_change_of_a_proof_is_refused(kind: str, request: pytest.FixtureRequest) -> None:
    document: dict[str, Any] = request.getfixturevalue(kind)
    assert checked(document).holds
    count = 0
    for field, value in document.items():
        for other in changed(value):
            if other == value:
                continue
            count += 1
            with contextlib.suppress(ProofFileError):
                assert not checked(document | {field: other}).holds, (field, other)
        without = copy.copy(document)
        del without[field]
        with pytest.raises(ProofFileError):
            checked(without)
    assert count > 1000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "proof"}, "field 'kind': 'proof' is neither 'inclusion' nor 'consistency'"),
        ({"kind": ["inclusion"]}, "field 'kind': ['inclusion'] is neither"),
        ({"kind": None}, "field 'kind': None is neither"),
        ({"event": 7}, "field 'event': "),
        ({"leaf_index": -1}, "field 'leaf_index': "),
        ({"leaf_index": "3"}, "field 'leaf_index': "),
        ({"tree_size": True}, "field 'tree_size': "),
        ({"path": "no list"}, "field 'path': "),
        ({"path": [7]}, "field 'path.0': "),
        ({"path": ["00" * 32, "0g" * 32]}, "field 'path.1': '0g0g"),
        ({"path": ["00" * 31]}, "field 'path.0': '0000"),
        ({"path": ["A" * 64]}, "field 'path.0': 'AAAA"),
        ({"checkpoint": ""}, "field 'checkpoint': "),
        ({"checkpoint": "hello"}, "field 'checkpoint': note: malformed"),
        ({"checkpoint": "\x1b[31m\n\n— a b\n"}, "field 'checkpoint': note: malformed"),
        ({"public_key": "nobody"}, "field 'public_key': public key: is not of the form"),
        ({"public_key": KEY.text[:-4] + "AAA="}, "field 'public_key': public key: "),
    ],
)
def test_what_is_malformed_is_named(
    change: dict[str, Any], said: str, inclusion: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(orjson.dumps(inclusion | change))
    with pytest.raises(ProofFileError) as told:
        check_proof(path)
    message = str(told.value)
    assert message.startswith(f"{path}: {said}")
    assert message.endswith(("with `cq-tui prove`", "that `cq-tui prove` wrote"))
    assert message.isprintable()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"{", "is not valid JSON"), (b"[]", "field 'kind': None"), (b"7", "field 'kind': None")],
)
def test_what_is_no_document(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_bytes(content)
    with pytest.raises(ProofFileError, match=said):
        check_proof(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProofFileError, match="does not exist"):
        check_proof(tmp_path / "nowhere")
    with pytest.raises(ProofFileError, match="is not a regular file"):
        check_proof(tmp_path)


def test_an_invalid_key(inclusion: dict[str, Any]) -> None:
    with pytest.raises(
        ProofFileError, match=r"--key: the verifier key: public key: is not of the form .* in every debug"
    ):
        checked(inclusion, "nobody")


def test_an_old_checkpoint_is_compared_too(consistency: dict[str, Any], data: DataDir) -> None:
    with pytest.raises(ProofFileError, match="field 'old_checkpoint': note: malformed"):
        checked(consistency | {"old_checkpoint": "hello"})
    found = checked(consistency | {"old_checkpoint": sign(data, 12)})
    assert found.lines == (
        "the consistency proof DOES NOT HOLD: field 'old_size' is 11, but the checkpoint was signed for 12 events",
    )
    assert not checked(consistency | {"old_checkpoint": note(11)}).holds
