"""Anchors: copies of the last checkpoint outside the data directory, unaffected by a rollback of that directory.

One is in the configuration folder, another in a file of the user's choice (setting MEMORY_CHECKPOINT_COPY).
"""

from collections.abc import Callable
from pathlib import Path

from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    directory_id_of,
    open_checkpoint,
    origin_of,
    parse_unverified,
)
from cq_tui.store.checkpoints.config_folder import make_private, replace_file
from cq_tui.store.checkpoints.signed_note import MAX_NOTE_BYTES, SignedNoteError, VerifierKey, decode_note
from cq_tui.store.document import DocumentError, DocumentMissing, read_content


class AnchorError(Exception):
    """An anchor cannot be read, written or used; the message names the file and the remedy."""


def anchor_path(folder: Path, directory_id: str) -> Path:
    """Return the path of a data directory's anchor in a configuration folder. Raises SignedNoteError."""
    return folder / "anchors" / f"{directory_id_of(origin_of(directory_id))}.checkpoint"


def read_anchor(path: Path) -> str | None:
    """Return the note in an anchor file, unverified; None if there is no file. Raises AnchorError."""
    try:
        text = decode_note(read_content(path, MAX_NOTE_BYTES))
        parse_unverified(text)
    except DocumentMissing:
        return None
    except DocumentError as error:
        raise AnchorError(f"{path}: {error.problem}. Move it away") from None
    except SignedNoteError as error:
        raise AnchorError(f"{path}: is not a checkpoint of ours ({error}). Move it away") from None
    return text


def write_anchor(path: Path, text: str) -> None:
    """Replace the anchor. On AnchorError the old one is unchanged."""
    try:
        make_private(path.parent.parent)
        make_private(path.parent)
        replace_file(path, text.encode())
    except OSError as error:
        raise AnchorError(f"{path}: cannot be written ({error.strerror})") from None


def write_copy(path: Path, text: str) -> None:
    """Replace the user's own copy, whose folder must exist. Raises AnchorError.

    A file with anything but a checkpoint of the same data directory is left unchanged.
    """
    present = read_anchor(path)
    if present is not None and parse_unverified(present).origin != parse_unverified(text).origin:
        raise AnchorError(f"{path}: contains the checkpoint of another data directory. Choose another file")
    try:
        # A symbolic link stays: its target is replaced.
        replace_file(path.resolve(), text.encode())
    except OSError as error:
        raise AnchorError(f"{path}: cannot be written ({error.strerror}). Choose another file") from None


class Anchors:
    """Both anchors of one data directory; detects other writers."""

    def __init__(self, folder: Path, key: VerifierKey, copy: str | None) -> None:
        """Read both. ``folder`` is the configuration folder, ``copy`` the user's setting."""
        self._key = key
        self._anchor = anchor_path(folder, directory_id_of(key.name))
        #: What is wrong with the anchor or the copy.
        self.problems: dict[str, str] = {}
        self._copy = self._copy_path(copy)
        #: Notes that the anchor may have: found there at the start, or written here.
        self._ours = set(self.read())

    def allow_overwrite(self, *, foreign_only: bool = False) -> None:
        """Allow overwriting the present anchor, whoever wrote it, or only if another key signed it."""
        try:
            text = read_anchor(self._anchor)
        except AnchorError:
            return
        if foreign_only and text is not None and self._is_signed_by_own_key(text):
            return
        self._ours = set() if text is None else {text}

    def read(self) -> dict[str, Checkpoint]:
        """Return the checkpoints by their notes. Anything else becomes a problem."""
        found = {}
        for name, path in (("anchor", self._anchor), ("copy", self._copy)):
            try:
                text = read_anchor(path) if path else None
                if path and text is not None:
                    found[text] = self._open(path, text)
            except AnchorError as error:
                self.problems[name] = str(error)
        return found

    def other_writer(self) -> Checkpoint | None:
        """Return the anchor's checkpoint if it was neither read nor written here: another process signs too.

        Raises AnchorError if the anchor cannot be read.
        """
        text = read_anchor(self._anchor)
        return None if text is None or text in self._ours else self._open(self._anchor, text)

    def write(self, text: str) -> None:
        """Replace both. A failure becomes a problem."""
        # After a failed sync the file may have either text.
        self._ours.add(text)
        self._attempt("anchor", lambda: write_anchor(self._anchor, text))
        if "anchor" not in self.problems:
            self._ours = {text}
        if (copy := self._copy) is not None:
            self._attempt("copy", lambda: write_copy(copy, text))

    def _attempt(self, name: str, write: Callable[[], None]) -> None:
        try:
            write()
        except AnchorError as error:
            self.problems[name] = str(error)
        else:
            self.problems.pop(name, None)

    def _open(self, path: Path, text: str) -> Checkpoint:
        try:
            return open_checkpoint(text, self._key)
        except SignedNoteError as error:
            raise AnchorError(f"{path}: {error}. Bring back the key that signed it, or move the file away") from None

    def _is_signed_by_own_key(self, text: str) -> bool:
        try:
            open_checkpoint(text, self._key)
        except SignedNoteError:
            return False
        return True

    def _copy_path(self, copy: str | None) -> Path | None:
        if not copy:
            return None
        try:
            path = Path(copy).expanduser()
        except RuntimeError:
            path = Path(copy)
        if not path.is_absolute() or "\0" in copy:
            self.problems["copy"] = f"MEMORY_CHECKPOINT_COPY: {copy!r} is not an absolute path. Use an absolute path"
            return None
        return path
