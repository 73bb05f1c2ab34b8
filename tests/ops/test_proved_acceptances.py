"""Accepted contradictions stay part of every later proof: who accepted what is proved with it, and shown."""

import contextlib
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.check_proof import CheckedProof, ProofFileError, check_proof
from cq_tui.ops.prove import prove_event, prove_since
from cq_tui.store.checkpoints.acknowledgement import make_acknowledgement, sign_acknowledgement
from cq_tui.store.checkpoints.checkpoint import Checkpoint, sign_checkpoint
from cq_tui.store.document import document_bytes
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.proofs.merkle_proofs import tree_hash
from tests.ops.signed_histories import SIGNED, log, sign
from tests.ops.test_check_proof import changed
from tests.store.checkpoints.signing import ORIGIN, OTHER_PRIVATE, PRIVATE
from tests.store.history.histories import event, event_lines, made

FAULT = "checkpoints.log: contradicts what was signed: event 3 is another one"
BOTH = (21, 23)


def acceptance(who: str, comment: str | None = None, private_key: Any = PRIVATE) -> str:
    made = make_acknowledgement(ORIGIN, 20, bytes(32), SIGNED, fault=FAULT, who=who, comment=comment)
    return sign_acknowledgement(made, private_key)


def append(data: DataDir, *notes: str | None) -> None:
    """Append an event of an acceptance for each note, and another one for None."""
    history, start = HistoryWriter(data, now=5000.0), len(event_lines(data)) + 1
    for seq, note in enumerate(notes, start):
        plain = event(seq)
        recorded = NewEvent("integrity_acknowledged", "memory", {"note": note}, "trader", seq, 5000.0, {})
        history.append([recorded if note else plain], 5000.0 + seq)
    history.close()


def sign_all(data: DataDir, *accepted: int) -> None:
    lines = event_lines(data)
    root, size = tree_hash([leaf_hash(line) for line in lines]), len(lines)
    log(data, sign_checkpoint(Checkpoint(ORIGIN, size, root, SIGNED + size, "0" * 64, accepted), PRIVATE))


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = made(tmp_path, 20)
    append(data, acceptance("ana", "restored a backup"), None, acceptance("ben"), None)
    sign_all(data, *BOTH)
    return data


def proofs(data: DataDir) -> list[dict[str, Any]]:
    made = [prove_event(data, "evt_1004_001"), prove_since(data, sign(data, 11))]
    return [orjson.loads(document_bytes(proof)) for proof in made]


def checked(document: dict[str, Any]) -> CheckedProof:
    return check_proof(json.dumps(document).encode())


def said(document: dict[str, Any]) -> list[str]:
    found = checked(document)
    assert found.holds
    return [line for line in found.lines if line.startswith("accepted")]


def test_every_later_proof_shows_who_accepted_what(data: DataDir) -> None:
    for _ in range(2):
        for document in proofs(data):
            assert said(document) == [
                f"accepted event 21: ana, 2023-11-14 22:13:20 UTC, accepted: {FAULT} (restored a backup)",
                f"accepted event 23: ben, 2023-11-14 22:13:20 UTC, accepted: {FAULT}",
            ]
        append(data, None)
        sign_all(data, *BOTH)


def test_a_proof_without_acceptances_has_no_such_field(data: DataDir) -> None:
    append(data, None)
    sign_all(data)
    assert not any("acceptances" in document for document in proofs(data))


def test_an_acceptance_that_was_left_out_is_missed(data: DataDir) -> None:
    missing = "the acceptance is not in this file"
    for document in proofs(data):
        first, second = document["acceptances"]
        assert said(document | {"acceptances": [second]})[0] == f"accepted event 21: {missing}"
        assert said(document | {"acceptances": [first]})[1] == f"accepted event 23: {missing}"
        del document["acceptances"]
        assert said(document) == [f"accepted event 21: {missing}", f"accepted event 23: {missing}"]


def test_an_acceptance_whose_event_is_damaged_is_left_out(data: DataDir) -> None:
    lines = event_lines(data)
    lines[20] = lines[20].replace(b"ana", b"eve")
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    assert [document["acceptances"][0]["leaf_index"] for document in proofs(data)] == [22, 22]


def test_without_the_chain_an_acceptance_is_proved_from_the_events(data: DataDir) -> None:
    expected = [said(document) for document in proofs(data)]
    data.hash_chain.unlink()
    assert [said(document) for document in proofs(data)] == expected


def test_every_change_of_an_acceptance_is_refused(data: DataDir) -> None:
    for document in proofs(data):
        first, second = document["acceptances"]
        for field, value in first.items():
            for other in changed(value):
                if other == value:
                    continue
                with contextlib.suppress(ProofFileError):
                    assert not checked(document | {"acceptances": [first | {field: other}, second]}).holds
        assert not checked(document | {"acceptances": [first, first, second]}).holds
        assert not checked(document | {"acceptances": [first | {"leaf_index": 21}, second]}).holds
        with pytest.raises(ProofFileError, match=r"field .acceptances\.1\.path\.0.: .0. is not a hash"):
            checked(document | {"acceptances": [first, second | {"path": ["0"]}]})


def test_what_another_key_accepted_is_called_that(data: DataDir) -> None:
    append(data, acceptance("eve", private_key=OTHER_PRIVATE), "no note")
    sign_all(data, *BOTH, 25, 26)
    for document in proofs(data):
        *_, foreign, none = said(document)
        assert foreign.startswith("accepted event 25: not an acceptance signed with this key (note: not signed by")
        assert none.startswith("accepted event 26: not an acceptance signed with this key (note: malformed")
