"""The spool of one process: its events, in a journal of its own, until memory appends them to the history.

Each line has the writer's own ``seq``, from 1 without gaps, so that lost events are detected and duplicates dropped.
Numbering continues after a restart. The process that has locked the file is its writer. A full file becomes a closed
segment and a new file begins; memory deletes segments that it has merged.
"""

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from cq_tui.store.history.event_line import may_follow
from cq_tui.store.journal import JournalError, JournalLocked, JournalWriter, last_lines
from cq_tui.store.spools.last_merged import last_merged_seq
from cq_tui.store.spools.spool_files import closed_segments, is_transient_writer, is_writer_name, spool_path
from cq_tui.store.spools.spooled_line import (
    MAX_SPOOLED_BYTES,
    InvalidSpooledLine,
    LineChecker,
    build_spooled_line,
    sound_events,
)

#: A file of this size is closed before the next event.
SEGMENT_BYTES = 1024 * 1024
#: Most bytes of one writer that may wait for memory.
LIMIT_BYTES = 256 * 1024 * 1024
#: Lines read from the end of a file to find its last number.
_TAIL_LINES = 1000
#: Seconds between two checks whether the file was deleted or moved.
_NAME_CHECK_INTERVAL = 0.1


class SpoolEvent(NamedTuple):
    """An event as its writer knows it. ``occurred_at`` in Unix seconds by the writer's clock."""

    event_type: str
    data: BaseModel | Mapping[str, Any]
    metadata: Mapping[str, Any] | None
    occurred_at: float


class UnspoolableEvent(ValueError):
    """The event cannot be written: it is too large or not JSON."""


class SpoolHeld(JournalError):
    """Another process is writing under this name."""


class EventSpool:
    """The one writer of ``memory/spool/<writer>.ndjson`` and its closed segments.

    ``writer`` is a service name, or ``room-<id>`` or ``cli-<id>`` for a transient process. Raises SpoolHeld if another
    process writes under this name, JournalError if the spool cannot be opened.
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
        self._path = spool_path(folder, writer)
        self._segment_bytes = sys.maxsize if is_transient_writer(writer) else segment_bytes
        self._limit_bytes = limit_bytes
        self._journal: JournalWriter | None = None
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
        """Spool one event and return its seq. ``durable`` waits until it is synced.

        Raises JournalError if the disk refuses it or too much waits for memory, UnspoolableEvent if it is too large
        or not JSON.
        """
        occurred_at = time.time() if now is None else now
        return self.append([SpoolEvent(event_type, data, metadata, occurred_at)], durable=durable)

    def append(self, events: Sequence[SpoolEvent], *, durable: bool = False) -> int:
        """Spool events in one write, all or none of them, and return the seq of the last. Raises like ``emit``."""
        journal = self._writable_journal()
        lines = [self._line(self._seq + number, event) for number, event in enumerate(events, start=1)]
        size = sum(map(len, lines)) + len(lines) - 1
        if self._closed_bytes + journal.size + size > self._limit_bytes:
            self._check_room(journal.size + size)
        journal.append(lines, durable=durable)
        self._seq += len(lines)
        return self._seq

    def _line(self, seq: int, event: SpoolEvent) -> bytes:
        event_type, data, metadata, occurred_at = event
        try:
            plain = data.model_dump(mode="json", exclude_none=True) if isinstance(data, BaseModel) else dict(data)
            line = build_spooled_line(seq, max(0.0, occurred_at), event_type, self.source, plain, dict(metadata or {}))
        except (TypeError, ValueError) as error:
            raise UnspoolableEvent(f"{event_type} cannot be written as JSON: {error}") from None
        if len(line) > MAX_SPOOLED_BYTES:
            raise UnspoolableEvent(f"{event_type} has {len(line):,} bytes, the limit is {MAX_SPOOLED_BYTES:,}")
        return line

    def close(self) -> None:
        """Close the spool and release its lock."""
        if self._journal is not None and not self._journal.has_name:
            with contextlib.suppress(JournalError):
                self._move_to_new_file(self._journal)
        self._release()

    def _release(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _writable_journal(self) -> JournalWriter:
        """Return the journal to write: reopened after a failure, moved if it lost its name, a new one if full."""
        journal = self._journal
        if journal is None:
            return self._open()
        if (clock := time.monotonic()) - self._name_checked_at >= _NAME_CHECK_INTERVAL:
            if not journal.has_name:
                return self._move_to_new_file(journal)
            self._name_checked_at = clock
        return self._close_segment(journal) if journal.size >= self._close_at else journal

    def _open(self) -> JournalWriter:
        try:
            journal = JournalWriter(self._path, quarantine=self._quarantine, locked=True)
        except JournalLocked:
            raise SpoolHeld(f"{self._path}: another process writes as {self.writer!r}. Stop it first") from None
        try:
            self._seq = self._find_seq()
            self._closed_bytes = self._count_closed()
        except JournalError:
            journal.close()
            raise
        self._journal, self._close_at = journal, self._segment_bytes
        return journal

    def _find_seq(self) -> int:
        """Return the number of the last event, from the spool or the history."""
        known = self._seq
        # A transient writer has a new name each time; only permanent ones can be in the history, which may have more
        # than a spool that was deleted or truncated by a power loss.
        if not known and not is_transient_writer(self.writer):
            known = last_merged_seq(self._folder.parent / "event_chain.ndjson", self.writer)
        for file in closed_segments(self._folder, self.writer):
            if file.last_seq and may_follow(known, file.last_seq):
                known = max(known, file.last_seq)
        # Damaged lines may have been events: each keeps its number.
        last_seq, damaged = _read_end(self._path, self.writer, known)
        return max(known, (last_seq or known) + damaged)

    def _close_segment(self, journal: JournalWriter) -> JournalWriter:
        """Close the full file and begin the next one. If that fails, continue with the old one."""
        self._close_at = journal.size + self._segment_bytes
        closed = spool_path(self._folder, self.writer, self._seq)
        if os.path.lexists(closed):
            return journal
        # Later events must not survive a power loss that loses earlier ones.
        journal.sync()
        try:
            os.rename(self._path, closed)
        except OSError:
            return journal
        self._release()
        return self._open()

    def _move_to_new_file(self, journal: JournalWriter) -> JournalWriter:
        """Copy the events of a file that was deleted or moved away to a new file, and continue there."""
        new_journal = self._open()
        try:
            there, _ = _read_end(self._path, self.writer, self._seq)
            lines = journal.content().split(b"\n")[:-1]
            new_journal.append([line for event, line in sound_events(self.writer, lines) if event.seq > there])
        except JournalError:
            new_journal.close()
            self._journal = journal
            raise
        journal.close()
        return new_journal

    def _count_closed(self) -> int:
        return sum(_size(file.path) for file in closed_segments(self._folder, self.writer))

    def _check_room(self, size: int) -> None:
        """Count waiting bytes again, since memory may have deleted some. Raises JournalError if over the limit."""
        self._closed_bytes = self._count_closed()
        if self._closed_bytes + size > self._limit_bytes:
            limit = f"{self._limit_bytes / 2**20:,.0f} MiB"
            raise JournalError(f"{self._path}: {limit} of events wait for memory, which does not merge them. Start it")


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _read_end(path: Path, writer: str, known: int) -> tuple[int, int]:
    """Return the number of a file's last event, 0 for none, and how many damaged lines follow it.

    Raises JournalError if its last lines tell nothing.
    """
    lines, checker, damaged = last_lines(path, _TAIL_LINES), LineChecker(writer), 0
    for line in lines:
        try:
            checker.check(line, known)
            damaged = 0
        except InvalidSpooledLine:
            damaged += 1
    is_whole = sum(map(len, lines)) + len(lines) == _size(path)
    is_spool = known or any(line.startswith(b'{"seq":') for line in lines)
    if damaged and not checker.seq and not (is_whole and is_spool):
        raise JournalError(f"{path}: its last lines are no spooled events. Move the file to memory/quarantine")
    return checker.seq, damaged
