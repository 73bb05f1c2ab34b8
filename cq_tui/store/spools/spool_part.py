"""One file of a spool: how far it was read, which number comes next, and how much is pending."""

import os
from itertools import islice
from pathlib import Path

from cq_tui.store.journal import JournalReader
from cq_tui.store.line_blocks import count_line_feeds
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spooled_line import seq_or_zero

#: Most bytes of one spool read at once; the rest waits on disk.
READ_LIMIT = 4 * 1024 * 1024
#: A read of this size probably did not reach the end.
LARGE_READ = READ_LIMIT // 2
#: Minimum cost of a line in bytes: shorter lines take as much work.
_MIN_LINE_COST = 128
#: Numbers compared after a doubtful one: the first of them may be damaged too.
_LOOK_AHEAD = 3


class SpoolPart:
    """A file, identified by its inode, since its name changes when it is closed.

    Each line has the next number, damaged lines too. A number out of sequence is accepted only if the following lines
    continue from it: otherwise one flipped digit would hide all later events.
    """

    def __init__(self, path: Path, inode: int, last_seq: int | None = None, offset: int = 0) -> None:
        self.inode = inode
        #: Number of the last line, from the name of a closed segment.
        self.last_seq = last_seq
        #: Whether it is closed and completely read.
        self.finished = False
        #: Damaged lines could not be quarantined: the file must stay and be read again.
        self.must_keep = False
        self._reader = JournalReader(path, offset)
        self._reset()

    def _reset(self) -> None:
        #: Last number accepted; 0 for none.
        self.accepted_seq = 0
        #: Damaged lines since then.
        self.damaged_lines = 0
        #: Whether the numbers started again at an earlier one.
        self.went_back = False
        self._lines = 0
        #: Offset up to which lines were counted, and their number.
        self._counted = (0, 0)

    @property
    def path(self) -> Path:
        """Its current path."""
        return self._reader.path

    @path.setter
    def path(self, path: Path) -> None:
        self._reader.path = path

    @property
    def offset(self) -> int:
        """Offset up to which it was read."""
        return self._reader.offset

    def read(self) -> list[bytes]:
        """Return new whole lines. Raises JournalError."""
        before = self.offset
        lines = self._reader.read_new(READ_LIMIT)
        if self.offset - lines_size(lines) != before:
            # The file was truncated or replaced, and read from its start.
            self._reset()
        self._lines += len(lines)
        most = READ_LIMIT // _MIN_LINE_COST
        if len(lines) > most:
            self.push_back(lines[most:])
        return lines[:most]

    def push_back(self, lines: list[bytes]) -> None:
        """Leave the last lines read for the next time."""
        self._reader.offset -= lines_size(lines)
        self._lines -= len(lines)

    def rewind(self) -> None:
        """Read the file from its start again; merged events are recognized by their numbers."""
        self._reader.offset = 0
        self.finished = self.must_keep = False
        self._reset()

    def is_next(self, seq: int, before: int) -> bool:
        """Whether a number is the next one in this file, or after ``before``, the last known one."""
        last = self.accepted_seq or before
        return seq in (last + 1, last + 1 + self.damaged_lines, before + 1)

    def is_continued(self, lines: list[bytes], place: int, seq: int) -> bool | None:
        """Whether the lines after this one continue its number; None if there are none yet."""
        after = ((later - place, seq_or_zero(lines[later])) for later in range(place + 1, len(lines)))
        if numbered := list(islice(((distance, number) for distance, number in after if number), _LOOK_AHEAD)):
            return any(number == seq + distance for distance, number in numbered)
        if read_cost(lines) >= LARGE_READ:
            # The next read begins with this line, unless this one did already.
            return False if place == 0 else None
        return None if self.last_seq is None else seq + len(lines) - 1 - place == self.last_seq

    def pending(self) -> tuple[int, int]:
        """Return the lines and bytes not read yet; each byte is counted once. Raises OSError."""
        size = os.stat(self.path).st_size
        if size <= self.offset:
            return 0, 0
        counted_to, lines = self._counted
        if not self.offset <= counted_to <= size:
            counted_to, lines = self.offset, self._lines
        lines += _count_lines(self.path, counted_to, size)
        self._counted = (size, lines)
        waiting = lines - self._lines
        return waiting, size - self.offset if waiting else 0


def lines_size(lines: list[bytes]) -> int:
    """Return the size of lines in a file, in bytes."""
    return sum(map(len, lines)) + len(lines)


def read_cost(lines: list[bytes]) -> int:
    """Return the cost of reading lines, in bytes."""
    return max(lines_size(lines), len(lines) * _MIN_LINE_COST)


def _count_lines(path: Path, start: int, end: int) -> int:
    with open(path, "rb", buffering=0, opener=open_regular) as file:
        return count_line_feeds(file, start, end)
