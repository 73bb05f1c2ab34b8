"""The history as the trader reads it: each line once, across restarts and replaced files."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType

from cq_tui.store.journal import JournalError, JournalReader


class SignalHistory:
    """Tails ``memory/event_chain.ndjson``. The stored cursor says how far lines were *processed*, not read.

    Timestamps of events never go back. When the file is replaced and read again, signals older than the newest
    answered one are skipped.
    """

    def __init__(self, path: Path, cursor: object, answered_ts: object) -> None:
        """Continue at ``cursor`` (an offset); None starts at the end. Raises TypeError for anything else."""
        if not isinstance(cursor, (int, NoneType)) or not isinstance(answered_ts, (int, float)):
            raise TypeError(f"cursor {cursor!r} and answered_ts {answered_ts!r}: numbers are needed")
        self._reader = JournalReader(path, cursor or 0)
        if cursor is None:
            self._reader.skip_to_end()
        self.cursor = self._reader.offset
        self.answered_ts = float(answered_ts)
        #: Ids of the answered signals with that timestamp.
        self._answered_ids: set[str] = set()
        #: Why the history cannot be read now.
        self.problem: str | None = None
        self._stored_cursor = self.cursor
        self._stored_ts = self.answered_ts
        self._stored_at = float("-inf")

    def read(self) -> Iterator[bytes]:
        """Return the new lines; call ``done`` for each."""
        try:
            lines = self._reader.read_new()
            self.problem = None
        except JournalError as error:
            self.problem = f"no signals: {error}"
            lines = []
        self.cursor = self._reader.offset - sum(len(line) + 1 for line in lines)
        return iter(lines)

    def done(self, line: bytes) -> None:
        """Move the cursor past a line."""
        self.cursor += len(line) + 1

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
