"""``memory/checkpoints.log``: every signed checkpoint and acknowledgement, oldest first.

An entry is a record separator (0x1E, as in RFC 7464), the signer's verifier key, a line feed, and the note. A note
has no control characters but line feeds, so a separator always begins an entry, whatever precedes it.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cq_tui.store.checkpoints.acknowledgement import (
    ACKNOWLEDGEMENT_SUFFIX,
    Acknowledgement,
    is_acknowledgement,
    open_acknowledgement,
)
from cq_tui.store.checkpoints.checkpoint import Checkpoint, open_checkpoint
from cq_tui.store.checkpoints.signed_note import SIGNATURE_MARK, SignedNoteError, VerifierKey, decode_note
from cq_tui.store.journal import JournalError, JournalWriter, open_journal

_SEPARATOR = b"\x1e"
_BLOCK = 64 * 1024
#: Upper limit of an entry's size.
_MAX_ENTRY = 64 * 1024
_NAMED_PROBLEMS = 20
#: A year of checkpoints, one a minute, fits.
_MAX_SEARCH = 256 * 1024 * 1024
#: Only so many of the newest checkpoints are searched for one of a certain signer.
_MAX_SEARCHED = 1024
_ACKNOWLEDGEMENT_MARK = f"{ACKNOWLEDGEMENT_SUFFIX}\n".encode()


@dataclass(frozen=True, slots=True)
class Statement:
    """A signed checkpoint, and what is known of it."""

    checkpoint: Checkpoint
    #: The signed note.
    text: str
    key: VerifierKey
    #: Whether its signer is known here; if not, the log's word for it is all there is.
    trusted: bool
    #: Where it was found: ``log``, ``anchor``, ``copy``, or a file that the user named.
    source: str = "log"
    #: Whether the log has it, as it must.
    logged: bool = True


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A signed acknowledgement: a fault that a person accepted."""

    acknowledgement: Acknowledgement
    text: str
    key: VerifierKey
    trusted: bool
    #: Whether the log has it, as it must.
    logged: bool = True
    #: Index of the event that records it; None if it was not found in the history (yet).
    index: int | None = None


@dataclass(slots=True)
class LogReading:
    """The entries of a log, or of the end of it."""

    #: Verified, oldest first.
    entries: list[Statement | Acceptance] = field(default_factory=list)
    #: What is damaged; these entries are ignored.
    problems: list[str] = field(default_factory=list)
    #: Other signers; each is one problem, however much it signed.
    foreign_keys: set[VerifierKey] = field(default_factory=set)
    #: Bytes of an incomplete note at the end.
    torn_bytes: int = 0

    def add_problem(self, problem: str) -> None:
        """Add a problem; after the first 20 only note that there are more."""
        if len(self.problems) < _NAMED_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == _NAMED_PROBLEMS:
            self.problems.append("and more")


class CheckpointLog:
    """The one writer of the log. Opening moves an incomplete last note to quarantine. Raises JournalError."""

    def __init__(self, path: Path, quarantine: Path) -> None:
        self._journal = JournalWriter(path, quarantine=quarantine, locked=True, whole_end=_whole_end)
        #: What opening removed; None if nothing.
        self.repaired: str | None = None
        if self._journal.torn is not None:
            kept, size = self._journal.torn
            self.repaired = f"{size} bytes of an incomplete note were moved to {kept.name}"

    @property
    def was_replaced(self) -> bool:
        """Whether the open file is no longer the one of this name."""
        return not self._journal.has_name

    def append(self, text: str, key: VerifierKey) -> None:
        """Add a note, synced. On JournalError the log is unchanged; on JournalBroken it is unusable."""
        self._journal.append_bytes(_entry(text, key), durable=True)

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def read_checkpoint_log(path: Path, *keys: VerifierKey, newest: int | None = None) -> LogReading:
    """Read the log, or only from its ``newest``-th last checkpoint on; a missing log is empty.

    Entries of other signers than ``keys`` are ignored and told, and those of other keys than the first are told.
    Without a key each note is verified with the key that its entry names: that detects damage, not forgery. Raises
    JournalError if the file cannot be read.
    """
    reading = LogReading()
    with open_journal(path) as descriptor:
        if descriptor is None:
            return reading
        # What a killed writer left incomplete is no problem; the next one moves it to quarantine.
        size = os.fstat(descriptor).st_size
        end = _whole_end(descriptor, size)
        reading.torn_bytes = size - end
        start = 0 if newest is None else next(islice(_checkpoints_backward(descriptor, end), newest - 1, None), (0,))[0]
        repeated: set[bytes] = set()
        for offset, record in _records(descriptor, start, end):
            if record not in repeated:
                _add_record(reading, offset, record, keys)
            if _ACKNOWLEDGEMENT_MARK in record:
                repeated.add(record)
    return reading


def read_acknowledgements(path: Path) -> list[Acceptance]:
    """Return what anybody accepted, oldest first, without duplicates; each is verified with the key that it names.

    Reads at most the last 256 MiB, more than a year of checkpoints. Raises JournalError.
    """
    reading = LogReading()
    with open_journal(path) as descriptor:
        if descriptor is None:
            return []
        end = os.fstat(descriptor).st_size
        records = _records(descriptor, max(0, end - _MAX_SEARCH), end, _ACKNOWLEDGEMENT_MARK)
        found = {record: offset for offset, record in records}
        for record, offset in found.items():
            _add_record(reading, offset, record, ())
    return [entry for entry in reading.entries if isinstance(entry, Acceptance)]


def log_contains(path: Path, text: str) -> bool:
    """Whether a note is in the log, however long ago it was written; True if the log cannot be read."""
    try:
        with open_journal(path) as descriptor:
            end = os.fstat(descriptor).st_size if descriptor is not None else 0
            return descriptor is not None and any(_records(descriptor, 0, end, text.encode()))
    except JournalError:
        return True


def newest_checkpoint(path: Path, signer: bytes | None = None, origin: str | None = None) -> Statement | None:
    """Return the newest checkpoint, at most the 1,024th last; None if there is none. Raises JournalError.

    ``signer`` is the public key (32 bytes) that must have signed it, whatever data directory it names, except if that
    must be ``origin``.
    """
    with open_journal(path) as descriptor:
        if descriptor is None:
            return None
        end = _whole_end(descriptor, os.fstat(descriptor).st_size)
        for offset, record in islice(_checkpoints_backward(descriptor, end), _MAX_SEARCHED):
            reading = LogReading()
            _add_record(reading, offset, record, ())
            for entry in reading.entries:
                is_found = signer in (None, entry.key.raw) and origin in (None, entry.key.name)
                if isinstance(entry, Statement) and is_found:
                    return entry
    return None


def _entry(text: str, key: VerifierKey) -> bytes:
    return _SEPARATOR + f"{key.text}\n{text}".encode()


def _add_record(reading: LogReading, offset: int, record: bytes, keys: Sequence[VerifierKey]) -> None:
    """Add the entry in a record, or the problem with it."""
    if offset == 0 and not record:
        return
    try:
        claimed, _, text = decode_note(record).partition("\n")
        signer = VerifierKey.parse(claimed)
        if keys and signer != keys[0]:
            if signer not in reading.foreign_keys:
                reading.add_problem(f"holds entries signed with another key, {_short_key(signer)}")
            reading.foreign_keys.add(signer)
            if signer not in keys:
                return
        if is_acknowledgement(text):
            reading.entries.append(Acceptance(open_acknowledgement(text, signer), text, signer, bool(keys)))
        else:
            reading.entries.append(Statement(open_checkpoint(text, signer), text, signer, bool(keys)))
    except SignedNoteError as error:
        reading.add_problem(f"entry at byte {max(0, offset - 1)}: {error}")


def _short_key(key: VerifierKey) -> str:
    return f"{key.name}+{key.key_id.hex()}"


def _records(descriptor: int, start: int, end: int, mark: bytes = b"") -> Iterator[tuple[int, bytes]]:
    """Yield the bytes between separators up to ``end`` if they contain ``mark``, with their offsets.

    An overlong record comes in pieces. Blocks without the mark are not split.
    """
    held, offset = b"", start
    while block := os.pread(descriptor, max(0, min(_BLOCK, end - offset - len(held))), offset + len(held)):
        stretch = held + block
        *records, held = stretch.split(_SEPARATOR) if mark in stretch else stretch.rsplit(_SEPARATOR, 1)
        for record in records:
            if mark in record:
                yield offset, record
            offset += len(record) + 1
        if len(held) > _MAX_ENTRY:
            if mark in held:
                yield offset, held
            offset, held = offset + len(held), b""
    if mark in held:
        yield offset, held


def _checkpoints_backward(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the records before ``end``, newest first, with their offsets, except acknowledgements."""
    start, held, floor = end, b"", max(0, end - _MAX_SEARCH)
    while start > floor:
        size = min(_BLOCK, start)
        start -= size
        held, *records = (os.pread(descriptor, size, start) + held).split(_SEPARATOR)
        offset = start + len(held) + sum(map(len, records)) + len(records) + 1
        for record in reversed(records):
            offset -= len(record) + 1
            if _ACKNOWLEDGEMENT_MARK not in record:
                yield offset, record
        if len(held) > _MAX_ENTRY:
            # No entry is as long.
            held = b""


def _whole_end(descriptor: int, size: int) -> int:
    """Return the offset after the last entry's last signature line, or where the entry begins if it has none."""
    start = max(0, size - _MAX_ENTRY)
    tail = os.pread(descriptor, size - start, start)
    begin = tail.rfind(_SEPARATOR)
    if begin < 0 and start > 0:
        # Not the end of an entry: reading reports it, and the next entry is found by its separator.
        return size
    end = position = max(0, begin)
    for line in tail[end:].split(b"\n")[:-1]:
        position += len(line) + 1
        if line.startswith(SIGNATURE_MARK.encode()):
            end = position
    return start + end
