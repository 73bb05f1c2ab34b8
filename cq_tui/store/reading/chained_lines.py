"""Following the history as far as the chain covers it: only lines for which ``hash_chain.json`` has a block.

Memory syncs a line before it shows its block. So a line without a block is either new or not memory's: damaged, or
written into the file by somebody else. Blocks keep the order of the lines: what they left out before a covered line is
refused for good, and shifts nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, islice
from typing import BinaryIO, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_follower import ChainFollower, PositionedBlock, find_event_hash
from cq_tui.store.history.line_inspection import event_key
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.journal import OVERLONG, JournalError, JournalReader, last_line_end
from cq_tui.store.line_blocks import blocks_backwards, next_line_start
from cq_tui.store.line_search import Key
from cq_tui.store.reading.events_file import open_events
from cq_tui.store.regular_file import open_regular

#: Lines before the start among which the last covered one is sought.
_LOOKED_AT = 1000
#: No further line is added to so many bytes.
_MOST_BYTES = 1024 * 1024


class ChainedLine(NamedTuple):
    """A covered line without its line feed, and the offset after it."""

    line: bytes
    end: int


class RefusedLines(NamedTuple):
    """Lines that no block covers, though one covers the line after them."""

    offset: int
    lines: int


class _OtherFile(Exception):
    """The events file was replaced or truncated."""


class ChainedLines:
    """Reads covered lines, each once and in order. The files may be missing, truncated or replaced meanwhile."""

    def __init__(self, data: DataDir, offset: int | None) -> None:
        """Start at the offset of a line, or, with None, after the last covered one.

        A file that cannot be read now is tried again by ``read_new``.
        """
        self._data = data
        self._refused: list[RefusedLines] = []
        #: Whether the last call got on, so that there may be more at once.
        self.has_more = False
        #: How often the file was replaced or truncated.
        self.replacements = 0
        #: Sort key of the last covered line.
        self._last: Key = ()
        self._begin = offset
        self._is_started = False
        self._follow_from(offset or 0)
        with suppress(OSError):
            self._start()

    @property
    def offset(self) -> int:
        """Offset after the last line that was read."""
        return self._reader.offset

    def waiting_bytes(self) -> int:
        """Return how much of the history is not covered, or not read, yet."""
        with suppress(OSError):
            return max(0, os.stat(self._data.events).st_size - self.offset)
        return 0

    def read_new(self) -> list[ChainedLine]:
        """Return the next covered lines, or none. Raises JournalError, OSError; then nothing was read."""
        self.has_more = False
        if not self._is_started:
            self._start()
        # Blocks first: their lines are in the file by then.
        blocks, begin = self._chain.peek(), self.offset
        if not blocks:
            return []
        matched = _Matched(blocks, begin)
        try:
            for offset, line in self._unread_lines():
                matched.add(offset, line)
                if matched.is_complete or matched.end - begin >= _MOST_BYTES:
                    break
            else:
                # The lines of the last blocks come before the start, or are missing or damaged.
                matched.place = len(blocks)
        except _OtherFile:
            self._note(matched)
            self._continue_in_other_file()
        except (JournalError, OSError):
            if not matched.found:
                self._reader.offset = begin
                raise
            # The error comes again, once nothing is found before it.
            self._consume(blocks, matched)
        else:
            self._consume(blocks, matched)
        self.has_more = True
        return matched.found

    def _consume(self, blocks: Sequence[PositionedBlock], matched: "_Matched") -> None:
        self._note(matched)
        self._reader.offset = matched.end
        self._chain.consume(blocks[matched.place - 1])

    def take_refused(self) -> list[RefusedLines]:
        """Return what was refused since the last call."""
        taken, self._refused = self._refused, []
        return taken

    def _note(self, matched: "_Matched") -> None:
        self._refused += matched.refused
        if matched.found:
            self._last = event_key(matched.found[-1].line) or self._last

    def _unread_lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines from the offset on, each with its own. Raises _OtherFile, JournalError, OSError."""
        while True:
            expected = self._reader.offset
            try:
                lines = self._reader.read_new()
            except JournalError:
                if not self._skip_overlong():
                    raise
                yield expected, OVERLONG
                continue
            offset = self._reader.offset - sum(map(len, lines)) - len(lines)
            if offset != expected:
                raise _OtherFile
            if not lines:
                if not self._data.events.exists():
                    raise JournalError(f"{self._data.events}: is missing. Start memory")
                return
            for line in lines:
                yield offset, line
                offset += len(line) + 1

    def _skip_overlong(self) -> bool:
        """Skip a line that is too long to be read, if it has an end."""
        with open(self._data.events, "rb", opener=open_regular) as file:
            size = os.fstat(file.fileno()).st_size
            following = next_line_start(file.fileno(), self._reader.offset, size)
        if following is None:
            return False
        self._reader.offset = following
        return True

    # -- where to start

    def _follow_from(self, offset: int) -> None:
        self._reader = JournalReader(self._data.events, offset)
        self._chain = ChainFollower(self._data.hash_chain, self._last)

    def _continue_in_other_file(self) -> None:
        """Continue after the last covered line: ids are ordered, so everything after it is new."""
        self.replacements += 1
        with open_events(self._data.events) as events:
            self._follow_from(events.find_offset(event_key, (*self._last, 0)) if self._last else 0)

    def _start(self) -> None:
        self._follow_from(self._find_start(self._begin))
        self._is_started = True

    def _find_start(self, offset: int | None) -> int:
        """Find the last covered line before the start, and return where to begin. Raises OSError."""
        begin = offset or 0
        with suppress(FileNotFoundError), open(self._data.events, "rb", opener=open_regular) as file:
            end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
            begin = end if offset is None else offset
            if begin > end or (begin and os.pread(file.fileno(), 1, begin - 1) != b"\n"):
                # Another file than that of the cursor: it is read from its start.
                return 0
            for line_end, line in islice(_lines_backwards(file, begin), _LOOKED_AT):
                key = event_key(line)
                if key is not None and find_event_hash(self._data.hash_chain, key) == leaf_hash(line):
                    self._last = key
                    return line_end if offset is None else begin
        return begin


class _Matched:
    """Compares lines with blocks: both are in order, and on either side some may be missing."""

    def __init__(self, blocks: Sequence[PositionedBlock], begin: int) -> None:
        self._places = {block.links.event_hash: place for place, block in enumerate(blocks, 1)}
        self._count = len(blocks)
        #: How many blocks are done.
        self.place = 0
        #: Offset after the last covered line.
        self.end = begin
        self.found: list[ChainedLine] = []
        self.refused: list[RefusedLines] = []
        self._uncovered = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last block has its line."""
        return self.place == self._count

    def add(self, offset: int, line: bytes) -> None:
        """Compare the next line."""
        place = self._places.get(leaf_hash(line), 0)
        if place <= self.place:
            self._uncovered += 1
            return
        if self._uncovered:
            self.refused.append(RefusedLines(self.end, self._uncovered))
        self.place, self.end, self._uncovered = place, offset + len(line) + 1, 0
        self.found.append(ChainedLine(line, self.end))


def _lines_backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield lines, last first, each with the offset after it."""
    for block in blocks_backwards(file, 0, end):
        ends = [*accumulate((len(line) + 1 for line in block.lines), initial=block.offset)][1:]
        yield from zip(reversed(ends), reversed(block.lines), strict=True)
