"""One file of a spool: how far it was read, what its next number should be, and how much of it waits."""

import os
from itertools import islice
from pathlib import Path

from cq_tui.store.journal import JournalReader
from cq_tui.store.line_blocks import count_line_feeds
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.spooled_line import seq_or_zero

#: Bytes of one spool that are read at once; the rest is safe where it is.
READ_LIMIT = 4 * 1024 * 1024
#: Whoever read so much of a file has probably not read all of it.
LARGE_READ = READ_LIMIT // 2
#: The least that a line counts for: fewer bytes are no event of ours, and no less work.
_MIN_LINE_COST = 128
#: So many numbers after a doubtful one are asked: the first of them may be damaged itself.
_LOOK_AHEAD = 3


class SpoolPart:
    """A file is known by its inode, since its name changes when it is closed.

    Each line of a writer has the next number, damaged lines too. A number that does not follow is believed only if
    what comes next goes on from it: otherwise one flipped digit would hide all that comes later.
    """

    def __init__(self, path: Path, inode: int, last_seq: int | None = None, offset: int = 0) -> None:
        self.inode = inode
        #: Number of the last line, which the name of a closed segment says.
        self.last_seq = last_seq
        #: Closed, and all of it read.
        self.finished = False
        #: Quarantine could not take what is damaged here: the file must stay, and be read again.
        self.must_keep = False
        self._reader = JournalReader(path, offset)
        self._reset()

    def _reset(self) -> None:
        #: Last number that was believed; 0 for none.
        self.accepted_seq = 0
        #: Damaged lines since then.
        self.damaged_lines = 0
        #: Whether the numbers began again at an earlier one.
        self.went_back = False
        self._lines = 0
        #: Bytes whose lines were counted, and the lines in them.
        self._counted = (0, 0)

    @property
    def path(self) -> Path:
        """Its name at the moment."""
        return self._reader.path

    @path.setter
    def path(self, path: Path) -> None:
        self._reader.path = path

    @property
    def offset(self) -> int:
        """Bytes that were read."""
        return self._reader.offset

    def read(self) -> list[bytes]:
        """Return new whole lines. Raises JournalError."""
        before = self.offset
        lines = self._reader.read_new(READ_LIMIT)
        if self.offset - lines_size(lines) != before:
            # Somebody cut or replaced the file: it was read from its start.
            self._reset()
        self._lines += len(lines)
        most = READ_LIMIT // _MIN_LINE_COST
        if len(lines) > most:
            self.push_back(lines[most:])
        return lines[:most]

    def push_back(self, lines: list[bytes]) -> None:
        """Leave the last lines that were read for the next time."""
        self._reader.offset -= lines_size(lines)
        self._lines -= len(lines)

    def rewind(self) -> None:
        """Read the file from its start again; what was merged is known by its number."""
        self._reader.offset = 0
        self.finished = self.must_keep = False
        self._reset()

    def is_next(self, seq: int, before: int) -> bool:
        """Whether a number is the next one: in this file, or after ``before``, the last one that is known."""
        last = self.accepted_seq or before
        return seq in (last + 1, last + 1 + self.damaged_lines, before + 1)

    def is_continued(self, lines: list[bytes], place: int, seq: int) -> bool | None:
        """Whether what comes after a line goes on from its number; None when nothing comes yet."""
        after = ((later - place, seq_or_zero(lines[later])) for later in range(place + 1, len(lines)))
        if numbered := list(islice(((distance, number) for distance, number in after if number), _LOOK_AHEAD)):
            return any(number == seq + distance for distance, number in numbered)
        if read_cost(lines) >= LARGE_READ:
            # What comes later is read together with this line, unless it was so this time.
            return False if place == 0 else None
        return None if self.last_seq is None else seq + len(lines) - 1 - place == self.last_seq

    def pending(self) -> tuple[int, int]:
        """Return the lines and bytes that were not read yet; each byte is counted once. Raises OSError."""
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
    """Bytes that lines take in a file."""
    return sum(map(len, lines)) + len(lines)


def read_cost(lines: list[bytes]) -> int:
    """What reading them counts for, in bytes."""
    return max(lines_size(lines), len(lines) * _MIN_LINE_COST)


def _count_lines(path: Path, start: int, end: int) -> int:
    with open(path, "rb", buffering=0, opener=open_regular) as file:
        return count_line_feeds(file, start, end)
