"""Reading a kept checkpoint from a signed note, a checkpoint log, a debug bundle or a proof."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cq_tui.store.checkpoints.anchors import read_key_beside
from cq_tui.store.checkpoints.checkpoint import open_checkpoint, parse_unverified
from cq_tui.store.checkpoints.checkpoint_log import Statement, newest_checkpoint
from cq_tui.store.checkpoints.evidence import Evidence, opens
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey, decode_note
from cq_tui.store.document import DocumentError, read_content
from cq_tui.store.journal import JournalError

#: Begins each entry of a log; the other formats never contain it.
_ENTRY_MARK = b"\x1e"
_BEGINNING = 4096


class CheckpointFileError(Exception):
    """A checkpoint file cannot be used; the message names file, problem and remedy."""

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__(f"{path}: {problem}. {remedy or _REMEDY}")


_REMEDY = "Use a signed checkpoint, a checkpoints.log, a debug bundle or a proof"


def open_kept_checkpoint(path: Path, own: bytes | None, evidence: Evidence) -> Statement:
    """Open the checkpoint in a file with the first key that fits. Raises CheckpointFileError.

    The keys are the user's (``own``, 32 bytes) and those known here, the one in the file or beside it, and the log's.
    """
    kept = read_checkpoint_file(path)
    named = VerifierKey.parse(kept.public_key) if kept.public_key else read_key_beside(path)
    origin = parse_unverified(kept.text).origin
    known = [*filter(None, [own]), *(each.raw for each in evidence.trusted)]
    ours = [VerifierKey(origin, raw) for raw in known]
    for key in (*ours, *filter(None, [named]), *(each.key for each in evidence.statements)):
        if opens(kept.text, key):
            return Statement(open_checkpoint(kept.text, key), kept.text, key, True, str(path))
    raise CheckpointFileError(
        path, "is signed by an unknown key", "Use a debug bundle or a proof, which include their key, or name it: --key"
    )


class KeptCheckpoint(NamedTuple):
    """A kept checkpoint. Only its format is checked: users must verify the signature."""

    #: The signed note.
    text: str
    #: Who signed it (C2SP verifier key), from the same file; None if the file does not say.
    public_key: str | None


def read_checkpoint_file(path: Path) -> KeptCheckpoint:
    """Return the checkpoint in a file: the newest of a log, the final one of a proof.

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
        # read_content reports what is wrong with it.
        return b""
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _newest(path: Path) -> KeptCheckpoint:
    newest = newest_checkpoint(path)
    if newest is None:
        raise CheckpointFileError(path, "has no checkpoint with a valid signature")
    return KeptCheckpoint(newest.text, newest.key.text)


def _from_note(path: Path, content: bytes) -> KeptCheckpoint:
    try:
        text = decode_note(content)
    except SignedNoteError as error:
        raise CheckpointFileError(path, f"is not a checkpoint ({error})") from None
    # The last line feed is easily lost when copying a note by hand.
    return KeptCheckpoint(text if text.endswith("\n") else text + "\n", None)


def _from_document(path: Path, content: bytes) -> KeptCheckpoint:
    """Read a bundle's ``memory_integrity``, or the top level of a proof or health file."""
    try:
        value: dict[str, Any] = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise CheckpointFileError(path, f"is not valid JSON ({error})") from None
    where, fields = "", value
    if isinstance(value.get("memory_integrity"), dict):
        where, fields = "memory_integrity.", value["memory_integrity"]
    text, public_key = fields.get("checkpoint"), fields.get("public_key")
    if not isinstance(text, str):
        raise CheckpointFileError(path, f"field '{where}checkpoint': is not a signed checkpoint")
    if public_key is not None and not isinstance(public_key, str):
        raise CheckpointFileError(path, f"field '{where}public_key': is not a verifier key")
    return KeptCheckpoint(text, public_key)


def _check_form(path: Path, kept: KeptCheckpoint) -> None:
    try:
        parse_unverified(kept.text)
        if kept.public_key is not None:
            VerifierKey.parse(kept.public_key)
    except SignedNoteError as error:
        raise CheckpointFileError(path, f"is not a checkpoint of ours ({error})") from None
