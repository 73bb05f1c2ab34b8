"""Reading a checkpoint that somebody kept: a signed note, a log of them, a debug bundle, a proof."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cq_tui.store.checkpoints.checkpoint import parse_unverified
from cq_tui.store.checkpoints.checkpoint_log import newest_checkpoint
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey, decode_note
from cq_tui.store.document import DocumentError, read_content
from cq_tui.store.journal import JournalError

#: Begins each entry of a log, and stands in nothing else of these.
_ENTRY_MARK = b"\x1e"
_BEGINNING = 4096


class CheckpointFileError(Exception):
    """A file that should hold a checkpoint cannot be used; the message names it, what is wrong, and the remedy."""

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__(f"{path}: {problem}. {remedy or _REMEDY}")


_REMEDY = "Name a signed checkpoint, a checkpoints.log, a debug bundle or a proof"


class KeptCheckpoint(NamedTuple):
    """A checkpoint as somebody kept it. Only its form was looked at: who uses it verifies the signature."""

    #: The signed note.
    text: str
    #: Who signed it, as the same file says (C2SP verifier key); None when it does not say.
    public_key: str | None


def read_checkpoint_file(path: Path) -> KeptCheckpoint:
    """Return the checkpoint in a file: of a log the newest, of a proof the one it leads to.

    Raises CheckpointFileError.
    """
    try:
        if _ENTRY_MARK in _beginning(path):
            return _newest(path)
        content = read_content(path)
    except DocumentError as error:
        raise CheckpointFileError(path, error.problem) from None
    except JournalError as error:
        raise CheckpointFileError(path, str(error).removeprefix(f"{path}: ")) from None
    except OSError as error:
        raise CheckpointFileError(path, f"cannot be read ({error.strerror})") from None
    kept = _from_document(path, content) if content.lstrip().startswith(b"{") else _from_note(path, content)
    _check_form(path, kept)
    return kept


def _beginning(path: Path) -> bytes:
    if not path.is_file():
        # read_content says what is wrong with it.
        return b""
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _newest(path: Path) -> KeptCheckpoint:
    newest = newest_checkpoint(path)
    if newest is None:
        raise CheckpointFileError(path, "holds no checkpoint whose signature is right")
    return KeptCheckpoint(newest.text, newest.public_key)


def _from_note(path: Path, content: bytes) -> KeptCheckpoint:
    try:
        text = decode_note(content)
    except SignedNoteError as error:
        raise CheckpointFileError(path, f"is no checkpoint ({error})") from None
    # Who copies a note by hand loses its last line feed easily.
    return KeptCheckpoint(text if text.endswith("\n") else text + "\n", None)


def _from_document(path: Path, content: bytes) -> KeptCheckpoint:
    """Return what a bundle says in ``memory_integrity``, and a proof or a health file at its top."""
    try:
        value: dict[str, Any] = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise CheckpointFileError(path, f"is not valid JSON ({error})") from None
    where, fields = "", value
    if isinstance(value.get("memory_integrity"), dict):
        where, fields = "memory_integrity.", value["memory_integrity"]
    text, public_key = fields.get("checkpoint"), fields.get("public_key")
    if not isinstance(text, str):
        raise CheckpointFileError(path, f"field '{where}checkpoint': has no signed checkpoint")
    if public_key is not None and not isinstance(public_key, str):
        raise CheckpointFileError(path, f"field '{where}public_key': is no verifier key")
    return KeptCheckpoint(text, public_key)


def _check_form(path: Path, kept: KeptCheckpoint) -> None:
    try:
        parse_unverified(kept.text)
        if kept.public_key is not None:
            VerifierKey.parse(kept.public_key)
    except SignedNoteError as error:
        raise CheckpointFileError(path, f"is no checkpoint of ours ({error})") from None
