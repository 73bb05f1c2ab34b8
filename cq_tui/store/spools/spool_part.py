"""One file of a spool: how far it was read, what its lines are checked against, and how much is pending."""

import os
from pathlib import Path

from cq_tui.store.journal import READ_LIMIT, JournalReader
from cq_tui.store.line_blocks import count_line_feeds
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spooled_line import LineChecker

#: A read of this size probably did not reach the end.
LARGE_READ = READ_LIMIT // 2
#: Minimum cost of a line in bytes: shorter lines take as much work.
_MIN_LINE_COST = 128


class SpoolPart(JournalReader):
    """A file, identified by its inode, since its name changes when it is closed."""

    def __init__(self, path: Path, inode: int, writer: str) -> None:
        super().__init__(path)
        self.inode = inode
        #: Number of the last line, from the name of a closed segment.
        self.last_seq: int | None = None
        #: Whether it is closed and completely read.
        self.finished = False
        #: Damaged lines could not be quarantined: the file must stay and be read again.
        self.must_keep = False
        self._writer = writer
        #: Between which offsets lines were counted, and their number.
        self._counted = (0, 0), 0
        self._reset()

    def _reset(self) -> None:
        self.checker = LineChecker(self._writer)

    def read(self) -> list[bytes]:
        """Return new whole lines. Raises JournalError."""
        before = self.offset
        # The writer may close its current file and begin the next one at any time.
        lines = self.read_new(inode=self.inode if self.last_seq is None else None)
        if self.offset - lines_size(lines) != before:
            # The file was truncated or replaced, and read from its start.
            self._reset()
        most = READ_LIMIT // _MIN_LINE_COST
        if rest := lines[most:]:
            # Leave them for the next time.
            self.offset -= lines_size(rest)
        return lines[:most]

    def rewind(self) -> None:
        """Read the file from its start again; merged events are recognized by their numbers."""
        self.offset = 0
        self.finished = self.must_keep = False
        self._reset()

    def pending(self) -> tuple[int, int]:
        """Return the lines and bytes not read yet. Raises OSError."""
        unread = self.offset, max(self.offset, os.stat(self.path).st_size)
        if unread != self._counted[0]:
            self._counted = unread, _count_lines(self.path, *unread)
        lines = self._counted[1]
        return lines, unread[1] - unread[0] if lines else 0


def lines_size(lines: list[bytes]) -> int:
    """Return the size of lines in a file, in bytes."""
    return sum(map(len, lines)) + len(lines)


def read_cost(lines: list[bytes]) -> int:
    """Return the cost of reading lines, in bytes."""
    return max(lines_size(lines), len(lines) * _MIN_LINE_COST)


def _count_lines(path: Path, start: int, end: int) -> int:
    with open(path, "rb", buffering=0, opener=open_regular) as file:
        return count_line_feeds(file, start, end)
