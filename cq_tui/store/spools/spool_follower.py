"""Following the spool of one writer: each event once and in order, and what is wrong with any line."""

import contextlib
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path

from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.journal import MAX_LINE_BYTES, READ_LIMIT, JournalError, quarantine_bytes
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.damaged_lines import DamagedLines
from cq_tui.store.spools.spool_files import SpoolFile, closed_segments, is_transient_writer, spool_path
from cq_tui.store.spools.spool_part import LARGE_READ, SpoolPart, lines_size, read_cost
from cq_tui.store.spools.spooled_line import InvalidSpooledLine

#: An empty file younger than this (seconds) may be about to be locked by its writer.
_MIN_EMPTY_AGE = 60.0


@dataclass(slots=True)
class CollectedEvents:
    """New events by time, in each writer's own order, and complaints."""

    events: list[NewEvent] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Whether some spool has more than was read at once.
    more: bool = False


class SpoolFollower:
    """Reads closed segments in order, then the current file; deletes what was merged.

    ``merged_seq`` is the highest number that was merged.
    """

    def __init__(self, folder: Path, quarantine: Path, writer: str, seen: int) -> None:
        self.writer = writer
        self.merged_seq = seen
        self._folder = folder
        self._path = spool_path(folder, writer)
        self._quarantine = quarantine
        self._damaged = DamagedLines(quarantine, writer)
        #: Closed segments, then the current file.
        self._parts: list[SpoolPart] = []
        #: Inode of the current file when the files were listed; 0 for none.
        self._current_inode = -1

    @property
    def has_files(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self._parts)

    def read(self, collected: CollectedEvents) -> list[NewEvent]:
        """Return new events; complaints go to ``collected``."""
        events: list[NewEvent] = []
        cost = 0
        try:
            self._update_files()
            for part in self._parts:
                while not part.finished:
                    if cost >= READ_LIMIT:
                        collected.more = True
                        return events
                    lines = part.read()
                    cost += read_cost(lines)
                    self._accept_lines(part, lines, events, collected.complaints)
                    if part.last_seq is None:
                        # If it was closed meanwhile, there is a next file.
                        collected.more |= read_cost(lines) > LARGE_READ or _inode(self._path) != part.inode
                        return events
                    if not lines:
                        self._quarantine_tail(part, collected.complaints)
                        part.finished = True
        except JournalError as error:
            collected.complaints.append(str(error))
        return events

    # -- which files exist

    def _update_files(self) -> None:
        """Update the list of files. The current file is checked before the segments, so none can be missed."""
        inode = _inode(self._path)
        if inode == self._current_inode:
            return
        known = {part.inode: part for part in self._parts}
        parts: list[SpoolPart] = []
        for file in [] if is_transient_writer(self.writer) else closed_segments(self._folder, self.writer):
            if file.inode == inode:
                # Closed just now. Newer segments are read next time.
                break
            parts.append(self._segment(file, known.get(file.inode)))
        if inode:
            part = known.get(inode)
            parts.append(part if part and part.last_seq is None else SpoolPart(self._path, inode, self.writer))
        self._parts, self._current_inode = parts, inode

    def _segment(self, file: SpoolFile, part: SpoolPart | None) -> SpoolPart:
        if part is None or part.last_seq not in (None, file.last_seq):
            part = SpoolPart(file.path, file.inode, self.writer)
            part.finished = (file.last_seq or 0) <= self.merged_seq
        part.path, part.last_seq = file.path, file.last_seq
        return part

    # -- what they contain

    def _accept_lines(self, part: SpoolPart, lines: list[bytes], events: list[NewEvent], complaints: list[str]) -> None:
        """Accept new events, and quarantine damaged lines."""
        bad: list[int] = []
        reason = ""
        gaps: list[tuple[int, int]] = []
        for place, line in enumerate(lines):
            try:
                event = part.checker.check(line, self.merged_seq)
            except InvalidSpooledLine as error:
                reason = reason or str(error)
                bad.append(place)
                continue
            if event.seq <= self.merged_seq:
                continue
            if event.seq > self.merged_seq + 1:
                gaps.append((self.merged_seq + 1, event.seq - 1))
            self.merged_seq = event.seq
            events.append(event)
        if gaps:
            complaints.append(f"spool/{part.path.name}: {_missing(gaps)}")
        if bad:
            self._quarantine_lines(part, lines, bad, reason, complaints)

    def _quarantine_lines(
        self, part: SpoolPart, lines: list[bytes], bad: list[int], reason: str, complaints: list[str]
    ) -> None:
        """Quarantine damaged lines, each once: a restart may read them again."""
        start = part.offset - lines_size(lines[bad[0] :])
        where = f"spool/{part.path.name}: {len(bad)} lines from byte {start} on are no events ({reason})"
        try:
            if self._damaged.quarantine([lines[place] for place in bad]):
                complaints.append(f"{where}; they are kept in quarantine")
        except JournalError as error:
            part.must_keep = True
            complaints.append(f"{where}; they stay in the spool, since quarantine refused them ({error})")

    def _quarantine_tail(self, part: SpoolPart, complaints: list[str]) -> None:
        """Quarantine the torn last line of a closed segment, which nobody will complete."""
        try:
            with open(part.path, "rb", buffering=0, opener=open_regular) as file:
                size = os.fstat(file.fileno()).st_size
                if size <= part.offset:
                    return
                quarantine_bytes(file.fileno(), part.offset, size, self._quarantine, part.path.name)
        except OSError as error:
            part.must_keep = True
            complaints.append(f"spool/{part.path.name}: its end cannot be put away ({error.strerror})")
            return
        complaints.append(
            f"spool/{part.path.name}: its last {size - part.offset} bytes are no line; kept in quarantine"
        )

    # -- what is pending, and what can be deleted

    def pending(self) -> tuple[int, int]:
        """Return the lines and bytes not read yet."""
        lines = size = 0
        # Reading reports what cannot be read.
        with contextlib.suppress(JournalError, OSError):
            self._update_files()
            for part in self._parts:
                more, bytes_ = (0, 0) if part.finished else part.pending()
                lines, size = lines + more, size + bytes_
        return lines, size

    def trim(self, now: float) -> bool:
        """Delete what was read, oldest first; return whether nothing is left. All of it must be durable.

        The newest segment stays, so that its writer knows its last number. Raises OSError.
        """
        if is_transient_writer(self.writer):
            return self._delete_transient(now)
        for part in [part for part in self._parts if part.last_seq is not None][:-1]:
            if part.must_keep:
                part.rewind()
            if not part.finished:
                break
            if _inode(part.path) == part.inode:
                part.path.unlink()
            self._parts.remove(part)
        return not self.has_files

    def _delete_transient(self, now: float) -> bool:
        """Delete the spool of a transient writer that ended: locking the file proves that it did."""
        if not self._parts:
            return True
        part = self._parts[0]
        try:
            descriptor = open_regular(self._path, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            if part.must_keep:
                part.rewind()
            is_newborn = not status.st_size and now - status.st_mtime < _MIN_EMPTY_AGE
            if is_newborn or status.st_ino != part.inode or _inode(self._path) != part.inode:
                return False
            rest = status.st_size - part.offset
            if not 0 <= rest <= MAX_LINE_BYTES or b"\n" in os.pread(descriptor, rest, part.offset):
                return False
            if rest:
                quarantine_bytes(descriptor, part.offset, status.st_size, self._quarantine, self._path.name)
            self._path.unlink()
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)


def _missing(gaps: list[tuple[int, int]]) -> str:
    """Describe missing numbers: one fault per read, whatever the number of gaps."""
    (first, last), *more = gaps
    words = f"events {first} to {last} are missing"
    if not more:
        return words
    return f"{words}, and {sum(end - begin + 1 for begin, end in more)} more in {len(more)} gaps up to {more[-1][1]}"


def _inode(path: Path) -> int:
    """Return the inode of a file, 0 if it does not exist. Raises JournalError."""
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{path}: cannot be read ({error.strerror})") from None
