"""External copies of the last checkpoint, which a rollback of the data directory leaves as they are.

One series is in the configuration folder (the anchor), another where the user chose (MEMORY_CHECKPOINT_COPY). A
series is ``<name>``, ``<name>.2``, ``<name>.3`` …: a file is replaced only by a checkpoint that extends it, so that
what contradicts it goes to the next one. Beside each lies its signer's verifier key, ``<file>.vkey``.
"""

import contextlib
import os
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from cq_tui.store.checkpoints.checkpoint import Checkpoint, directory_id_of, origin_of, parse_unverified
from cq_tui.store.checkpoints.config_folder import make_private, replace_file
from cq_tui.store.checkpoints.signed_note import MAX_NOTE_BYTES, SignedNoteError, VerifierKey, decode_note
from cq_tui.store.document import DocumentError, DocumentMissing, read_content

#: Most files of a series. Each further one takes an accepted contradiction.
_MOST_FILES = 999


class AnchorError(Exception):
    """An anchor cannot be read, written or used; the message names the file and the remedy."""


class KeptNote(NamedTuple):
    """A checkpoint kept outside the data directory, unverified, and the key that lies beside it."""

    path: Path
    text: str
    checkpoint: Checkpoint
    key: VerifierKey | None


def anchor_path(folder: Path, directory_id: str) -> Path:
    """Return the path of a data directory's anchor in a configuration folder. Raises SignedNoteError."""
    return folder / "anchors" / f"{directory_id_of(origin_of(directory_id))}.checkpoint"


def copy_path(copy: str | None) -> Path | None:
    """Return the path in the setting MEMORY_CHECKPOINT_COPY; None if it is not set. Raises AnchorError."""
    if not copy:
        return None
    try:
        path = Path(copy).expanduser()
    except RuntimeError:
        path = Path(copy)
    if not path.is_absolute() or "\0" in copy:
        raise AnchorError(f"MEMORY_CHECKPOINT_COPY: {copy!r} is not an absolute path. Use an absolute path")
    return path


def find_series(folder: Path | None, directory_id: str | None, copy: str | None) -> tuple[dict[str, Path], list[str]]:
    """Return where the series ``anchor`` and ``copy`` begin, as far as they are known, and what is wrong with them."""
    series = {"anchor": anchor_path(folder, directory_id)} if folder is not None and directory_id is not None else {}
    try:
        chosen = copy_path(copy)
    except AnchorError as error:
        return series, [str(error)]
    return series | ({} if chosen is None else {"copy": chosen}), []


def read_anchor(path: Path) -> KeptNote | None:
    """Return what an anchor file keeps, unverified; None if there is no file. Raises AnchorError."""
    try:
        text = decode_note(read_content(path, MAX_NOTE_BYTES))
        return KeptNote(path, text, parse_unverified(text), read_key_beside(path))
    except DocumentMissing:
        return None
    except DocumentError as error:
        raise AnchorError(f"{path}: {error.problem}. Move it away") from None
    except SignedNoteError as error:
        raise AnchorError(f"{path}: is not a checkpoint of ours ({error}). Move it away") from None


def read_key_beside(path: Path) -> VerifierKey | None:
    """Return the verifier key that lies beside a kept checkpoint; None if there is none that can be used."""
    with contextlib.suppress(DocumentError, SignedNoteError):
        return VerifierKey.parse(decode_note(read_content(_key_path(path), MAX_NOTE_BYTES)).strip())
    return None


def read_series(base: Path) -> tuple[list[KeptNote], list[str]]:
    """Return the checkpoints of a series, and what is wrong with its files."""
    notes, problems = [], []
    for path in _existing(base):
        try:
            notes.append(read_anchor(path))
        except AnchorError as error:
            problems.append(str(error))
    return [note for note in notes if note is not None], problems


def write_anchor(base: Path, text: str, key: VerifierKey, *, extends: Callable[[str], bool], private: bool) -> None:
    """Write a checkpoint and its signer's key to the first file of a series that it may replace. Raises AnchorError.

    ``extends`` says whether the checkpoint extends the one in a note. ``private`` creates the folder, mode 0700; a
    folder that the user chose must exist. A symbolic link stays: its target is replaced.
    """
    try:
        if private:
            make_private(base.parent.parent)
            make_private(base.parent)
        else:
            base = base.resolve()
        path = _free_place(base, text, extends)
        if read_key_beside(path) != key:
            replace_file(_key_path(path), f"{key.text}\n".encode())
        replace_file(path, text.encode())
    except OSError as error:
        raise AnchorError(f"{base}: cannot be written ({error.strerror})") from None
    except RuntimeError:
        # So Python up to 3.12 reports it.
        raise AnchorError(f"{base}: is a loop of symbolic links. Move it away") from None


def _free_place(base: Path, text: str, extends: Callable[[str], bool]) -> Path:
    origin = parse_unverified(text).origin
    further = (base.with_name(f"{base.name}.{number}") for number in range(2, _MOST_FILES + 1))
    for path in chain([base], further):
        try:
            present = read_anchor(path)
        except AnchorError:
            if os.path.lexists(path):
                continue
            present = None
        if present is None or extends(present.text):
            return path
        if present.checkpoint.origin != origin:
            raise AnchorError(f"{path}: contains the checkpoint of another data directory. Choose another file")
    raise AnchorError(f"{base}: has {_MOST_FILES} files that this history does not extend. Move them away")


def _existing(base: Path) -> list[Path]:
    """Return the first file of a series, and the others that are there, even if some in between are missing."""
    number = re.compile(re.escape(base.name) + r"\.([2-9]|[1-9][0-9]{1,2})")
    try:
        found = [int(match[1]) for name in os.listdir(base.parent) if (match := number.fullmatch(name))]
    except OSError:
        found = []
    return [base, *(base.with_name(f"{base.name}.{each}") for each in sorted(found))]


def _key_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.vkey")
