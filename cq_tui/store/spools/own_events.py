"""All events of one writer in the order of their numbers, from history and spool: to rebuild what it knew.

Memory may run and merge meanwhile. It deletes what it has merged only after the history has it, so the history is read
again, from where it was read to, for whatever the spool lost.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent, has_header, may_follow
from cq_tui.store.journal import JournalError, last_line_end
from cq_tui.store.line_blocks import blocks, blocks_backwards, lines_with
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spool_files import SpoolFile, closed_segments, spool_path
from cq_tui.store.spools.spooled_line import InvalidSpooledLine, LineChecker


def read_own_events(data: DataDir, writer: str, after_seq: int = 0) -> "OwnEvents":
    """Return the events of a writer whose numbers are above ``after_seq``: each once, wherever it is."""
    return OwnEvents(data, writer, after_seq)


class OwnEvents:
    """Iterate over it once; then ``missing`` and ``problems`` say what was not there. No file makes it raise."""

    def __init__(self, data: DataDir, writer: str, after_seq: int) -> None:
        #: Number of the last event that was returned.
        self.last_seq = after_seq
        #: First and last of each range of numbers that no event has.
        self.missing: list[tuple[int, int]] = []
        #: What cannot be read, or is damaged.
        self.problems: list[str] = []
        self._history = _OwnHistory(data.events, writer, after_seq, self.problems)
        self._spool = _OwnSpool(data.spool, writer, self.problems)

    def __iter__(self) -> Iterator[NewEvent]:
        """Yield the events in the order of their numbers."""
        yield from self._from_history()
        while True:
            # Before the spool is read: of what is closed later nothing is missing yet.
            closed = self._spool.newest_closed()
            yield from self._from_spool()
            known = self.last_seq
            yield from self._from_history()
            if self.last_seq == known:
                break
        self._note_missing(closed)

    def _from_history(self) -> Iterator[NewEvent]:
        """Yield what the history has by now; from the spool what is damaged there."""
        for event in self._history.read_new():
            if event.seq > self.last_seq + 1:
                for kept in self._spool.between(self.last_seq + 1, event.seq - 1):
                    yield from self._take(kept)
            yield from self._take(event)

    def _from_spool(self) -> Iterator[NewEvent]:
        for event in self._spool.read(self.last_seq + 1):
            if event.seq > self.last_seq + 1:
                yield from self._from_history()
            yield from self._take(event)

    def _take(self, event: NewEvent) -> Iterator[NewEvent]:
        if event.seq > self.last_seq and may_follow(self.last_seq, event.seq):
            self._note_missing(event.seq - 1)
            self.last_seq = event.seq
            yield event

    def _note_missing(self, last: int) -> None:
        """Note that no event has the numbers up to ``last``."""
        if last > self.last_seq and may_follow(self.last_seq, last):
            self.missing.append((self.last_seq + 1, last))


class _OwnHistory:
    """The writer's events in the events file. Lines of others are not parsed."""

    def __init__(self, path: Path, writer: str, after_seq: int, problems: list[str]) -> None:
        self._path, self._writer, self._after_seq, self._problems = path, writer, after_seq, problems
        self._mark = b'"metadata":{"writer":"%s","seq":' % writer.encode()
        self._inode: int | None = None
        self._offset = 0

    def read_new(self) -> Iterator[NewEvent]:
        """Yield the events since the last call, in the order of the file."""
        damaged = 0
        try:
            with open(self._path, "rb", opener=open_regular) as file:
                status = os.fstat(file.fileno())
                end = last_line_end(file.fileno(), status.st_size)
                if self._inode is None:
                    self._inode, self._offset = status.st_ino, self._find_start(file, end)
                elif status.st_ino != self._inode:
                    self._problems.append(f"{self._path}: was replaced while it was read. Read it again")
                    return
                for line in lines_with(file, self._offset, end, self._mark):
                    event = _parse(line, self._writer)
                    # The mark may be in another event's payload.
                    damaged += event is None
                    if event is not None and event.writer == self._writer:
                        yield event
                self._offset = max(self._offset, end)
        except FileNotFoundError:
            return
        except OSError as error:
            self._problems.append(f"{self._path}: cannot be read ({error.strerror})")
        if damaged:
            self._problems.append(
                f"{self._path}: damaged lines that name {self._writer}: {damaged:,}. Run cq-tui verify"
            )

    def _find_start(self, file: BinaryIO, end: int) -> int:
        """Return an offset after which all wanted events come, searching from the end."""
        earliest = self._after_seq + 1
        for block in blocks_backwards(file, 0, end) if self._after_seq else ():
            for line in reversed(block.lines):
                event = _parse(line, self._writer) if self._mark in line else None
                if event is None or event.writer != self._writer:
                    continue
                # If numbers are missing in between, the events may not be in order.
                if event.seq <= self._after_seq and earliest == self._after_seq + 1:
                    return block.offset
                earliest = event.seq
        return 0


class _OwnSpool:
    """The writer's events in its spool: closed segments, then the current file."""

    def __init__(self, folder: Path, writer: str, problems: list[str]) -> None:
        self._folder, self._writer, self._problems = folder, writer, problems

    def read(self, first: int) -> Iterator[NewEvent]:
        """Yield the events from number ``first`` on."""
        with ExitStack() as stack:
            # The current file first: it may be closed, and get another name, at any time.
            current = self._open(spool_path(self._folder, self._writer), stack)
            inode = os.fstat(current.fileno()).st_ino if current else 0
            for segment in self._segments():
                if (segment.last_seq or 0) >= first and segment.inode != inode:
                    with ExitStack() as inner:
                        # One that is gone was merged.
                        yield from self._events(self._open(segment.path, inner), segment.path, first)
            yield from self._events(current, spool_path(self._folder, self._writer), first)

    def between(self, first: int, last: int) -> Iterator[NewEvent]:
        """Yield the events with these numbers."""
        oldest = next(self.read(1), None)
        if oldest is not None and oldest.seq <= last:
            yield from takewhile(lambda event: event.seq <= last, self.read(first))

    def newest_closed(self) -> int:
        """Return the number of the last event in closed segments, by their names."""
        return max((segment.last_seq or 0 for segment in self._segments()), default=0)

    def _segments(self) -> list[SpoolFile]:
        try:
            return closed_segments(self._folder, self._writer)
        except JournalError as error:
            self._complain(str(error))
            return []

    def _open(self, path: Path, stack: ExitStack) -> BinaryIO | None:
        try:
            return stack.enter_context(open(path, "rb", opener=open_regular))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(f"{path}: cannot be read ({error.strerror})")
            return None

    def _events(self, file: BinaryIO | None, path: Path, first: int) -> Iterator[NewEvent]:
        if file is None:
            return
        checker, damaged = LineChecker(self._writer), 0
        try:
            end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
            for line in (line for block in blocks(file, 0, end) for line in block.lines):
                try:
                    event = checker.check(line, first - 1)
                except InvalidSpooledLine:
                    damaged += 1
                    continue
                if event.seq >= first:
                    yield event
        except OSError as error:
            self._complain(f"{path}: cannot be read ({error.strerror})")
        if damaged:
            self._complain(f"{path}: damaged lines, which memory keeps in quarantine: {damaged:,}")

    def _complain(self, problem: str) -> None:
        # Files are read again and again.
        if problem not in self._problems:
            self._problems.append(problem)


def _parse(line: bytes, writer: str) -> NewEvent | None:
    """Return the event of a line of the history, whoever wrote it; None if the line is damaged."""
    if not has_header(line):
        return None
    try:
        fields = orjson.loads(line)
        data, metadata = fields["data"], fields.get("metadata") or {}
        if "writer" not in metadata:
            # Of an earlier data version.
            return NewEvent(fields["event_type"], fields["source"], data, "", 0, 0.0, metadata)
        origin = metadata.pop("writer"), metadata.pop("seq"), float(metadata.pop("occurred_at"))
        event = NewEvent(fields["event_type"], fields["source"], data, *origin, metadata)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    is_sound = type(event.seq) is int and event.seq > 0 and type(data) is dict
    return event if is_sound or event.writer != writer else None
