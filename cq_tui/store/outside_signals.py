"""Signals from outside as files: put into ``control/signals/``, taken one by one by rename, answered in ``done/``."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.outside_signals import MAX_SIGNAL_BYTES, OutsideOutcome
from cq_tui.store.document import DocumentError, read_document, read_with_owner, write_document
from cq_tui.store.regular_file import open_regular

#: Outcomes are deleted after a day, and the oldest of more than so many.
_KEPT_SECONDS, _KEPT_FILES = 24 * 3600.0, 2_000
#: Bytes that are no JSON may be a file that is just being written: it is read again until it is so many seconds old.
_BEING_WRITTEN = 1.0
#: Bytes of a name that leave room for what marks an outcome while it is written.
_LONGEST_NAME = 240


class TakenFile(NamedTuple):
    """A file that was taken, as it was found."""

    path: Path
    content: bytes
    #: User id of its owner.
    owner: int
    #: When it was written (Unix seconds).
    written_ts: float
    #: Digest of name, time and content: the same after a restart, another for another file of that name.
    digest: str
    #: Why it cannot be read, in words; None if it can.
    problem: str | None = None

    @property
    def is_being_written(self) -> bool:
        """Whether it is so new that its writer may not have finished it."""
        return abs(time.time() - self.written_ts) < _BEING_WRITTEN

    @property
    def shown_name(self) -> str:
        """Its name as a text that can be written and shown: somebody else chose it, and it may be no Unicode."""
        return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in self.path.name)


class SignalInbox:
    """The files of signals. One process takes them: each is renamed first, so that none is taken twice."""

    def __init__(self, data: DataDir) -> None:
        self._data = data

    def take(self) -> Iterator[TakenFile]:
        """Take the files: first what an earlier process took and has not answered, then the oldest first.

        One that is not answered is returned again by the next call, and so is one that a folder keeps from being taken.
        Raises OSError.
        """
        for path in _json_files(self._data.signals_taken):
            yield from self._read(path)
        for path in _json_files(self._data.signals):
            taken = self._data.signals_taken / path.name
            if taken.is_dir() and not taken.is_symlink():
                yield from self._read(path)
                continue
            if taken.exists():
                # One of that name is not answered yet.
                continue
            try:
                os.rename(path, taken)
            except FileNotFoundError:
                # Withdrawn.
                continue
            yield from self._read(taken)

    def _read(self, path: Path) -> Iterator[TakenFile]:
        try:
            status = path.lstat()
        except FileNotFoundError:
            return
        content, owner, problem = b"", status.st_uid, None
        try:
            content, owner = read_with_owner(path, MAX_SIGNAL_BYTES, opener=open_regular)
        except DocumentError as error:
            problem = error.problem
        digest = sha256(os.fsencode(path.name) + f"\n{status.st_mtime_ns}\n".encode() + content).hexdigest()[:32]
        found = TakenFile(path, content, owner, status.st_mtime_ns / 1e9, digest, problem)
        if self._is_answered(found):
            path.unlink(missing_ok=True)
        else:
            yield found

    def _is_answered(self, file: TakenFile) -> bool:
        """Whether its outcome was written before the process that took it ended."""
        try:
            return read_document(self._data.signals_done / file.path.name, OutsideOutcome).file == file.digest
        except DocumentError:
            return False

    def unanswerable(self, file: TakenFile) -> str | None:
        """Return why its outcome cannot be written, with the remedy; None if it can. Nothing unanswered is acted on."""
        if len(os.fsencode(file.path.name)) > _LONGEST_NAME:
            return f"its name has more than {_LONGEST_NAME} bytes. Delete it in control/signals/taken/"
        if file.path.parent == self._data.signals:
            return "control/signals/taken/ has a folder of its name. Delete that"
        if (self._data.signals_done / file.path.name).is_dir():
            return "control/signals/done/ has a folder of its name. Delete that"
        return None

    def answer(self, file: TakenFile, outcome: OutsideOutcome) -> None:
        """Write the outcome and delete the file. Raises OSError; then it is taken again."""
        write_document(self._data.signals_done / file.path.name, outcome, durable=False)
        file.path.unlink(missing_ok=True)

    def waiting(self) -> int:
        """Return how many files are not answered yet; 0 if that cannot be seen."""
        with contextlib.suppress(OSError):
            return sum(len(_json_files(folder)) for folder in (self._data.signals_taken, self._data.signals))
        return 0

    def sweep(self, now: float) -> None:
        """Delete old outcomes, and the oldest of too many."""
        ages = []
        for path in self._data.signals_done.glob("*.json"):
            with contextlib.suppress(OSError):
                ages.append((path.stat().st_mtime, path))
        ages.sort(reverse=True)
        for number, (written, path) in enumerate(ages):
            if number >= _KEPT_FILES or now - written > _KEPT_SECONDS:
                with contextlib.suppress(OSError):
                    path.unlink()


def _json_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be signals, oldest first. Raises OSError."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if (
                entry.name.endswith(".json")
                and not entry.name.startswith(".")
                and not entry.is_dir(follow_symlinks=False)
            ):
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    return [folder / name for _, name in sorted(found)]


def put_signal(data: DataDir, fields: dict[str, Any], way: str) -> str:
    """Put a signal where ARES takes it, and return the name of its file. ``way``: how it comes. Raises OSError."""
    name = f"{way}-{int(time.time() * 1000)}-{secrets.token_hex(4)}.json"
    write_document(data.signals / name, orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))
    return name


async def wait_for_outcome(data: DataDir, name: str, patience: float, poll: float = 0.02) -> OutsideOutcome | None:
    """Wait until a signal is answered, at most ``patience`` seconds; None if it is not."""
    end = time.monotonic() + patience
    while True:
        with contextlib.suppress(DocumentError):
            return read_document(data.signals_done / name, OutsideOutcome)
        if time.monotonic() > end:
            return None
        await asyncio.sleep(poll)


def withdraw_signal(data: DataDir, name: str) -> bool:
    """Take back a signal that nobody has taken, and return whether that was so. Taking and this exclude each other."""
    try:
        (data.signals / name).unlink()
    except FileNotFoundError:
        return False
    return True
