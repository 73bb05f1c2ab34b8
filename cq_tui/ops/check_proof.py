"""Checking a proof document offline, with nothing else, and explaining what it shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from cq_tui.contracts.proof import AcceptanceProof, ConsistencyProof, InclusionProof
from cq_tui.ops.formatting import format_datetime, pluralize, sanitize
from cq_tui.store.checkpoints.acknowledgement import open_acknowledgement
from cq_tui.store.checkpoints.checkpoint import Checkpoint, open_checkpoint, parse_unverified
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.document import DocumentError, describe_validation_error, read_content
from cq_tui.store.history.event_line import EventLineError, parse_header
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.proofs.merkle_proofs import verify_consistency, verify_inclusion

_HASH = re.compile(r"[0-9a-f]{64}")
_KINDS: dict[str, type[InclusionProof] | type[ConsistencyProof]] = {
    "inclusion": InclusionProof,
    "consistency": ConsistencyProof,
}
_MAKE_ANEW = "Make the proof again with `cq-tui prove`"


class ProofFileError(Exception):
    """The file is not a proof document; the message names file, field and remedy."""

    def __init__(self, source: str, problem: str, remedy: str = _MAKE_ANEW) -> None:
        super().__init__(f"{source}: {problem}. {remedy}")


class _DoesNotHold(Exception):
    """The document is well-formed but proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class CheckedProof:
    """Whether a proof holds, and lines of text that say what it shows or why it does not."""

    holds: bool
    lines: tuple[str, ...]


def check_proof(source: Path | bytes, verifier_key: str | None = None) -> CheckedProof:
    """Check a proof document. ``verifier_key`` (C2SP) is the required signer; by default the one in the proof.

    Raises ProofFileError if the file is not a proof document or the key not a verifier key.
    """
    name = "the proof" if isinstance(source, bytes) else str(source)
    proof = read_proof(source)
    signer = _parse_key(name, "field 'public_key'", proof.public_key)
    trusted = None if verifier_key is None else _parse_key("--key", "the verifier key", verifier_key)
    try:
        if trusted is not None and trusted != signer:
            raise _DoesNotHold(f"it is signed by {_format_key(signer)}, not by {_format_key(trusted)}")
        if isinstance(proof, InclusionProof):
            shown = _check_inclusion(name, proof, signer)
        else:
            shown = _check_consistency(name, proof, signer)
    except _DoesNotHold as error:
        return CheckedProof(False, (f"the {proof.kind} proof DOES NOT HOLD: {error}",))
    whose = "the key you gave" if trusted else "the key in the proof: compare it with one you trust"
    lines = (f"the {proof.kind} proof holds", *shown, f"signed by {_format_key(signer)}", f"checked with {whose}")
    return CheckedProof(True, lines if trusted else (*lines, f"key      {sanitize(signer.text)}"))


def read_proof(source: Path | bytes) -> InclusionProof | ConsistencyProof:
    """Parse a proof document; its hashes and sizes are not verified yet. Raises ProofFileError."""
    name = "the proof" if isinstance(source, bytes) else str(source)
    try:
        value: Any = orjson.loads(source if isinstance(source, bytes) else read_content(source))
    except DocumentError as error:
        raise ProofFileError(name, error.problem, "Use a file that `cq-tui prove` wrote") from None
    except orjson.JSONDecodeError as error:
        raise ProofFileError(name, f"is not valid JSON ({error})") from None
    kind = value.get("kind") if isinstance(value, dict) else None
    model = _KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        problem = f"field 'kind': {sanitize(repr(kind), 80)} is neither 'inclusion' nor 'consistency'"
        raise ProofFileError(name, problem, "Use a file that `cq-tui prove` wrote")
    try:
        proof = model.model_validate(value, strict=True)
    except ValidationError as error:
        raise ProofFileError(name, sanitize(describe_validation_error(error))) from None
    _check_hashes(name, "path", proof.path)
    for place, each in enumerate(proof.acceptances or ()):
        _check_hashes(name, f"acceptances.{place}.path", each.path)
    return proof


def _check_hashes(name: str, field: str, path: list[str]) -> None:
    for place, node in enumerate(path):
        if not _HASH.fullmatch(node):
            problem = f"field '{field}.{place}': {sanitize(repr(node), 80)} is not a hash of 64 hex digits"
            raise ProofFileError(name, problem)


def _check_inclusion(name: str, proof: InclusionProof, signer: VerifierKey) -> list[str]:
    head = _checkpoint(name, "checkpoint", proof.checkpoint, signer)
    _same_size("tree_size", proof.tree_size, head)
    if not _is_included(proof, head):
        raise _DoesNotHold("its hashes do not lead from the event to the root that was signed")
    return [
        f"event    {_event_words(proof.event.encode())}",
        f"line     {sanitize(proof.event)}",
        f"place    event {proof.leaf_index + 1:,} of {head.size:,}, as of {_time(head)}",
        *_check_acceptances(proof, head, signer),
    ]


def _is_included(proof: InclusionProof | AcceptanceProof, head: Checkpoint) -> bool:
    path = [bytes.fromhex(node) for node in proof.path]
    return verify_inclusion(leaf_hash(proof.event.encode()), proof.leaf_index, head.size, path, head.root)


def _check_consistency(name: str, proof: ConsistencyProof, signer: VerifierKey) -> list[str]:
    old = _checkpoint(name, "old_checkpoint", proof.old_checkpoint, signer)
    head = _checkpoint(name, "checkpoint", proof.checkpoint, signer)
    _same_size("old_size", proof.old_size, old)
    _same_size("tree_size", proof.tree_size, head)
    path = [bytes.fromhex(node) for node in proof.path]
    if not verify_consistency(old.size, old.root, head.size, head.root, path):
        raise _DoesNotHold("its hashes do not lead from the earlier root to the later one")
    return [
        f"earlier  {pluralize(old.size, 'event')} at {_time(old)}",
        f"later    {pluralize(head.size, 'event')} at {_time(head)}, which begin with the earlier ones, all unchanged",
        *_check_acceptances(proof, head, signer),
    ]


def _check_acceptances(
    proof: InclusionProof | ConsistencyProof, head: Checkpoint, signer: VerifierKey
) -> Iterator[str]:
    """Yield who accepted each contradiction that the checkpoint names, as far as the file holds it."""
    held = proof.acceptances or []
    by_index = {each.leaf_index + 1: each for each in held}
    if len(by_index) != len(held) or not by_index.keys() <= set(head.accepted):
        raise _DoesNotHold("field 'acceptances': holds other events than the checkpoint names")
    for index in head.accepted:
        said = "the acceptance is not in this file"
        if found := by_index.get(index):
            if not _is_included(found, head):
                raise _DoesNotHold(f"field 'acceptances': event {index:,} does not lead to the root that was signed")
            said = _acceptance_words(found.event, signer)
        yield f"accepted event {index:,}: {said}"


def _acceptance_words(line: str, signer: VerifierKey) -> str:
    try:
        found = open_acknowledgement(str(orjson.loads(line)["data"]["note"]), signer)
    except (orjson.JSONDecodeError, KeyError, TypeError, SignedNoteError) as error:
        return f"not an acceptance signed with this key ({sanitize(str(error), 80)})"
    comment = f" ({sanitize(found.comment)})" if found.comment else ""
    return f"{found.who}, {format_datetime(found.time)}, accepted: {sanitize(found.fault)}{comment}"


def _checkpoint(name: str, field: str, text: str, signer: VerifierKey) -> Checkpoint:
    try:
        parse_unverified(text)
    except SignedNoteError as error:
        raise ProofFileError(name, f"field '{field}': {sanitize(str(error))}") from None
    try:
        return open_checkpoint(text, signer)
    except SignedNoteError as error:
        raise _DoesNotHold(f"field '{field}': {sanitize(str(error))}") from None


def _same_size(field: str, size: int, head: Checkpoint) -> None:
    if size != head.size:
        raise _DoesNotHold(f"field '{field}' is {size:,}, but the checkpoint was signed for {head.size:,} events")


def _parse_key(name: str, field: str, text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except SignedNoteError as error:
        remedy = "It is in health/memory.json and in every debug bundle" if name == "--key" else _MAKE_ANEW
        raise ProofFileError(name, f"{field}: {sanitize(str(error))}", remedy) from None


def _event_words(line: bytes) -> str:
    try:
        head = parse_header(line)
    except EventLineError:
        return "not in the format of events"
    return f"{sanitize(head.event_id, 80)}, {sanitize(head.event_type, 80)}, {format_datetime(float(head.timestamp))}"


def _time(head: Checkpoint) -> str:
    return format_datetime(head.time)


def _format_key(key: VerifierKey) -> str:
    return f"{sanitize(key.name, 80)} (key {key.key_id.hex()})"
