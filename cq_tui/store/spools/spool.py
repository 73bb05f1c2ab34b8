"""Spools: what a process wants remembered, in a journal of its own that nothing else can stall.

Each line carries the writer's own ``seq``, from 1 without gaps, so that a lost event shows and a doubled one is
dropped. The numbering goes on after a restart. Who has the file locked is its writer; when the file is long enough
it is closed and a new one begun, and memory deletes what it has merged.
"""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from cq_tui.store.durable import sync_folder
from cq_tui.store.journal import MAX_LINE_BYTES, JournalError, JournalWriter, last_lines
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.last_merged import last_merged_seq
from cq_tui.store.spools.spool_files import (
    closed_segment_path,
    closed_segments,
    current_path,
    is_transient_writer,
    is_writer_name,
)
from cq_tui.store.spools.spooled_line import MAX_SPOOLED_BYTES, seq_or_zero

#: A file of so many bytes is closed before the next event.
SEGMENT_BYTES = 1024 * 1024
#: So many bytes of one writer may wait for memory.
LIMIT_BYTES = 256 * 1024 * 1024
#: Lines that are looked at to find a last number that can be read.
_TAIL_LINES = 1000
#: Seconds between two looks whether somebody deleted or moved the file away.
_NAME_CHECK_INTERVAL = 0.1


class UnspoolableEvent(ValueError):
    """No line can hold this event, whatever the disk does."""


class SpoolHeld(JournalError):
    """Another process is this writer."""


class EventSpool:
    """The one writer of ``memory/spool/<writer>.ndjson`` and its closed segments.

    ``writer`` is a service name, or ``room-<id>`` and ``cli-<id>`` for processes that come and go. Raises SpoolHeld
    when another process writes under this name, JournalError when the spool cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        writer: str,
        *,
        quarantine: Path,
        segment_bytes: int = SEGMENT_BYTES,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        if not is_writer_name(writer):
            raise ValueError(f"spool writer {writer!r} must look like 'trader' or 'room-1a2b'")
        self.writer = writer
        self.source = writer.partition("-")[0]
        self._folder, self._quarantine = folder, quarantine
        self._path = current_path(folder, writer)
        self._segment_bytes = sys.maxsize if is_transient_writer(writer) else segment_bytes
        self._limit_bytes = limit_bytes
        self._journal: JournalWriter | None = None
        #: Descriptor that holds the lock of the file that is filled.
        self._lock = -1
        self._closed_bytes = self._close_at = self._seq = 0
        self._name_checked_at = 0.0
        self._open()

    @property
    def seq(self) -> int:
        """Number of the last spooled event; 0 before the first."""
        return self._seq

    def emit(
        self,
        event_type: str,
        data: BaseModel | Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        durable: bool = False,
        now: float | None = None,
    ) -> int:
        """Spool one event and return its seq. ``durable`` waits until the disk has it.

        Raises JournalError when the disk refuses it or too much waits for memory, UnspoolableEvent when no line can
        hold it.
        """
        journal = self._writable_journal()
        try:
            plain = data.model_dump(mode="json", exclude_none=True) if isinstance(data, BaseModel) else dict(data)
            line = orjson.dumps(
                {
                    "seq": self._seq + 1,
                    "occurred_at": max(0.0, time.time() if now is None else now),
                    "event_type": event_type,
                    "source": self.source,
                    "data": plain,
                    "metadata": dict(metadata or {}),
                }
            )
        except (TypeError, ValueError) as error:
            raise UnspoolableEvent(f"{event_type} cannot be written as JSON: {error}") from None
        if len(line) > MAX_SPOOLED_BYTES:
            raise UnspoolableEvent(f"{event_type} takes {len(line):,} bytes, more than {MAX_SPOOLED_BYTES:,}")
        if self._closed_bytes + journal.size + len(line) > self._limit_bytes:
            self._check_room(journal.size + len(line))
        journal.append([line], durable=durable)
        self._seq += 1
        return self._seq

    def close(self) -> None:
        """Close the spool; another process may write it from now on."""
        if self._journal is not None and not _is_named(self._lock, self._path):
            with contextlib.suppress(JournalError):
                self._move_to_new_file(self._journal)
        self._release()

    def _release(self) -> None:
        _close(self._journal, self._lock)
        self._journal, self._lock = None, -1

    def _writable_journal(self) -> JournalWriter:
        """Return the file to fill: opened again when that failed, followed when it lost its name, closed when full."""
        journal = self._journal
        if journal is None:
            return self._open()
        if (clock := time.monotonic()) - self._name_checked_at >= _NAME_CHECK_INTERVAL:
            if not _is_named(self._lock, self._path):
                return self._move_to_new_file(journal)
            self._name_checked_at = clock
        return self._close_segment(journal) if journal.size >= self._close_at else journal

    def _open(self) -> JournalWriter:
        lock, journal = _open_locked(self._path, self.writer), None
        try:
            journal = JournalWriter(self._path, quarantine=self._quarantine)
            self._seq = self._find_seq()
            self._closed_bytes = self._count_closed()
        except JournalError:
            _close(journal, lock)
            raise
        self._journal, self._lock = journal, lock
        self._close_at = self._segment_bytes
        return journal

    def _find_seq(self) -> int:
        """Return the number of the last event, wherever it is to be found."""
        closed = closed_segments(self._folder, self.writer)
        known = max(self._seq, _last_seq(self._path), (closed[-1].last_seq or 0) if closed else 0)
        # A writer that comes once has a new name each time; only the names that stay can have a past elsewhere.
        if self._seq or is_transient_writer(self.writer):
            return known
        # The history may know more than a spool that a power loss cut, or that somebody deleted.
        return max(known, last_merged_seq(self._folder.parent / "event_chain.ndjson", self.writer))

    def _close_segment(self, journal: JournalWriter) -> JournalWriter:
        """Close the file, which is full, and begin the next one. Where that fails it goes on a while."""
        self._close_at = journal.size + self._segment_bytes
        closed = closed_segment_path(self._folder, self.writer, self._seq)
        if os.path.lexists(closed):
            return journal
        # What comes later must not outlive a power loss that takes away what came before.
        journal.sync()
        try:
            os.rename(self._path, closed)
        except OSError:
            return journal
        self._release()
        return self._open()

    def _move_to_new_file(self, journal: JournalWriter) -> JournalWriter:
        """Go on in a new file with the events of the one that somebody deleted or moved away under us."""
        lock = self._lock
        lines = os.pread(lock, journal.size, 0).split(b"\n")[:-1]
        anew = self._open()
        try:
            there = _last_seq(self._path)
            anew.append([line for line in lines if seq_or_zero(line) > there and len(line) <= MAX_LINE_BYTES])
        except JournalError:
            _close(anew, self._lock)
            self._journal, self._lock = journal, lock
            raise
        _close(journal, lock)
        return anew

    def _count_closed(self) -> int:
        sizes = (_size(file.path) for file in closed_segments(self._folder, self.writer))
        return sum(sizes)

    def _check_room(self, size: int) -> None:
        """Look again how much waits: memory may have deleted some. Raises JournalError."""
        self._closed_bytes = self._count_closed()
        if self._closed_bytes + size > self._limit_bytes:
            limit = f"{self._limit_bytes / 2**20:,.0f} MiB"
            raise JournalError(f"{self._path}: {limit} of events wait for memory, which does not merge them. Start it")


def _open_locked(path: Path, writer: str) -> int:
    """Open and lock a spool, and make sure that the name still means the file that was locked."""
    try:
        while True:
            lock = open_regular(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_named(lock, path):
                    if not os.fstat(lock).st_size:
                        sync_folder(path.parent)
                    return lock
            except BlockingIOError:
                os.close(lock)
                raise SpoolHeld(f"{path}: another process writes as {writer!r}. Stop it first") from None
            except OSError:
                os.close(lock)
                raise
            os.close(lock)
    except OSError as error:
        raise JournalError(f"{path}: cannot be opened for writing ({error.strerror})") from None


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.lstat(path).st_ino == os.fstat(descriptor).st_ino
    except OSError:
        return False


def _close(journal: JournalWriter | None, lock: int) -> None:
    if journal is not None:
        journal.close()
    if lock >= 0:
        os.close(lock)


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _last_seq(path: Path) -> int:
    """Return the number of a file's last line, 0 for none.

    Each line has a number, so damaged lines at the end are counted; a number counts when its neighbour agrees.
    """
    lines = last_lines(path, _TAIL_LINES)
    ends = [number + after for after, line in enumerate(reversed(lines)) if (number := seq_or_zero(line))]
    if lines and not ends:
        raise JournalError(f"{path}: its last lines are no spooled events. Move the file to memory/quarantine")
    return next((end for end, before in pairwise(ends) if end == before), (*ends, 0)[0])
