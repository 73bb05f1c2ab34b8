"""The history as the trader reads it: each line that the chain covers once, across restarts and replaced files."""

import time
from collections import deque
from collections.abc import Callable
from types import NoneType

from cq_tui.contracts.layout import DataDir
from cq_tui.store.journal import JournalError
from cq_tui.store.reading.chained_lines import ChainedLine, ChainedLines, RefusedLines

#: Seconds that lines may wait for their blocks before it is a problem: memory shows them twice a second.
_COVER_LIMIT = 5.0
#: Seconds for which refused lines are a problem; memory's own fault stays until a person accepts it.
_REFUSED_SHOWN = 600.0


class SignalHistory:
    """Follows the history. The stored cursor says how far lines were *processed*, not read.

    Only lines with a block in ``hash_chain.json`` are returned. Timestamps of events never go back. When the file is
    replaced and read again, signals older than the newest answered one are skipped.
    """

    def __init__(
        self, data: DataDir, cursor: object, answered_ts: object, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Continue at ``cursor`` (an offset); None starts at the end. Raises TypeError for anything else."""
        if not isinstance(cursor, (int, NoneType)) or not isinstance(answered_ts, (int, float)):
            raise TypeError(f"cursor {cursor!r} and answered_ts {answered_ts!r}: numbers are needed")
        self._lines = ChainedLines(data, cursor)
        self._clock = clock
        #: Returned lines from the first on that is not done, and which of them are done.
        self._open: deque[ChainedLine] = deque()
        self._done: set[bytes] = set()
        self.cursor = self._lines.offset
        self._replacements = 0
        self.answered_ts = float(answered_ts)
        #: Ids of the answered signals with that timestamp.
        self._answered_ids: set[str] = set()
        self._read_problem: str | None = None
        #: Since when there are lines that wait for their blocks.
        self._waiting_since: float | None = None
        self._refused: tuple[str, float] | None = None
        #: What was refused since the caller took it, for the log.
        self._refusals: list[str] = []
        self._stored_cursor = self.cursor
        self._stored_ts = self.answered_ts
        self._stored_at = float("-inf")

    # -- lines

    def read(self) -> list[bytes]:
        """Return the next covered lines; none if there are none yet. Call ``done`` for each, in any order."""
        try:
            found = self._lines.read_new()
            self._read_problem = None
        except (JournalError, OSError) as error:
            self._read_problem = f"no signals: {error}"
            return []
        if self._lines.replacements != self._replacements:
            self._replacements = self._lines.replacements
            self._open.clear()
            self._done.clear()
            self.cursor = self._lines.offset
        else:
            self._open += found
        for refused in self._lines.take_refused():
            text = _describe(refused)
            self._refusals.append(text)
            self._refused = text, self._clock()
        self._note_waiting(is_moving=bool(found))
        return [each.line for each in found]

    @property
    def has_more(self) -> bool:
        """Whether ``read`` may return more at once: do not wait before it is called again."""
        return self._lines.has_more

    def done(self, line: bytes) -> None:
        """Record that a line was processed; the cursor moves past those before which none is left."""
        self._done.add(line)
        while self._open and self._open[0].line in self._done:
            first = self._open.popleft()
            self._done.discard(first.line)
            self.cursor = first.end
        if not self._open:
            # Of another file.
            self._done.clear()

    def _note_waiting(self, *, is_moving: bool) -> None:
        if is_moving or not self._lines.waiting_bytes():
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._clock()

    # -- problems

    @property
    def problem(self) -> str | None:
        """Why signals cannot be read or were refused lately; None if nothing is wrong."""
        now = self._clock()
        if self._read_problem is not None:
            return self._read_problem
        if self._waiting_since is not None and now - self._waiting_since > _COVER_LIMIT:
            size, seconds = self._lines.waiting_bytes(), now - self._waiting_since
            return f"no signals: memory has not chained the last {size:,} bytes of the history for {seconds:.0f} s"
        if self._refused is not None and now - self._refused[1] < _REFUSED_SHOWN:
            return self._refused[0]
        return None

    def take_refusals(self) -> list[str]:
        """Return what was refused since the last call: each once, for the log."""
        taken, self._refusals = self._refusals, []
        return taken

    # -- answered signals, and what is stored

    def is_old(self, timestamp: float, event_id: str) -> bool:
        """Whether this signal was answered before the file was replaced."""
        return timestamp < self.answered_ts or (timestamp == self.answered_ts and event_id in self._answered_ids)

    def answered(self, timestamp: float, event_id: str) -> None:
        """Record that a signal was answered."""
        if timestamp > self.answered_ts:
            self.answered_ts = timestamp
            self._answered_ids.clear()
        self._answered_ids.add(event_id)

    def is_due(self, now: float, interval: float, lag: int) -> bool:
        """Whether to store the cursor now; lines without signals may be read again."""
        if now - self._stored_at < interval:
            return False
        return self.answered_ts != self._stored_ts or abs(self.cursor - self._stored_cursor) > lag

    def stored(self, now: float) -> None:
        """Record that cursor and time were stored."""
        self._stored_cursor, self._stored_ts, self._stored_at = self.cursor, self.answered_ts, now


def _describe(refused: RefusedLines) -> str:
    lines = "1 line that is" if refused.lines == 1 else f"{refused.lines:,} lines that are"
    return (
        f"event_chain.ndjson has {lines} not in hash_chain.json, from byte {refused.offset:,} on: no signal is taken "
        "from there. Run cq-tui verify"
    )
