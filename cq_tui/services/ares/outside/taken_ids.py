"""Which signals from outside were taken, over any restart: a bounded journal, and the spool for what it lacks.

A signal is first an event in the spool, synced; then its id is a line here; then its file is answered. A kill in
between loses nothing: the next process reads the events that came after the last line.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import orjson

from cq_tui.contracts.events import signal_key
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, JournalWriter, read_lines
from cq_tui.store.spools.own_events import read_own_events

#: Ids that are remembered; of more, the oldest are forgotten.
KEPT: Final = 20_000
#: The journal is rewritten once it has grown to so many times that.
_SLACK = 2
#: A mark is written after so many events without a signal from outside, so that a restart reads no more than these.
_MARK_EVERY = 1_000
_WRITER: Final = "ares"


class Taken(NamedTuple):
    """A signal that was taken."""

    key: str
    #: Events of ARES up to this number have their lines.
    seq: int
    #: Digest of its file; None if the process that took it ended before it could say.
    file: str | None
    ts: float

    def line(self) -> bytes:
        """Return its line."""
        return orjson.dumps({"key": self.key, "seq": self.seq, "file": self.file, "ts": self.ts})


class TakenIds:
    """The ids that count no more."""

    def __init__(self, data: DataDir, last_seq: int, warn: Callable[[str], object]) -> None:
        """Read what is known. ``last_seq``: number of the last event of ARES. Raises JournalError."""
        self._data, self._warn = data, warn
        self._known: dict[str, Taken] = {}
        self._lines = 0
        is_new = not data.signal_ids.exists()
        self._journal = JournalWriter(data.signal_ids, quarantine=data.quarantine)
        #: Lines that the disk has refused so far, in order.
        self._unwritten: list[bytes] = []
        #: Events up to this number have their lines. Before there was such a file, there was no signal from outside.
        self._seq = last_seq if is_new else self._read()
        if not is_new:
            self._recover()
        # A history that was put back to an earlier state counts from there.
        self._mark(last_seq or self._seq)

    def find(self, key: str) -> Taken | None:
        """Return what is known of a signal; None if it was never taken, or so many signals ago that it is forgotten."""
        return self._known.get(key)

    def add(self, key: str, seq: int, file: str) -> None:
        """Remember that a signal is in the spool. What the disk refuses is written later; the spool has it."""
        taken = Taken(key, seq, file, round(time.time(), 3))
        self._remember(taken)
        self._write(taken.line(), seq)

    def claim(self, taken: Taken, file: str) -> None:
        """Remember the file of a signal whose taker ended before it could say."""
        claimed = taken._replace(file=file, seq=self._seq)
        self._remember(claimed)
        self._write(claimed.line(), self._seq)

    def note_events(self, last_seq: int | None) -> None:
        """Say how many events of ARES there are, now and then: what a restart has to read stays short."""
        if last_seq is not None and last_seq - self._seq >= _MARK_EVERY:
            self._mark(last_seq)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def __len__(self) -> int:
        return len(self._known)

    def _remember(self, taken: Taken) -> None:
        self._known.pop(taken.key, None)
        self._known[taken.key] = taken
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def _read(self) -> int:
        """Read the journal and return the number in its last line."""
        last = damaged = 0
        for line in read_lines(self._data.signal_ids):
            self._lines += 1
            try:
                fields = orjson.loads(line)
                seq, key = int(fields["seq"]), fields.get("key")
                if key is not None:
                    self._remember(Taken(str(key), seq, fields.get("file"), float(fields["ts"])))
                last = seq
            except (ValueError, KeyError, TypeError, AttributeError):
                damaged += 1
        if damaged:
            self._warn(f"{self._data.signal_ids.name} has damaged lines: {damaged:,}. Their ids may count again")
        return last

    def _recover(self) -> None:
        """Read the signals that were spooled before a kill, and not written here."""
        events = read_own_events(self._data, _WRITER, self._seq)
        for event in events:
            self._seq = max(self._seq, event.seq)
            if event.event_type != "signal_generated" or not event.data.get("signal_id"):
                continue
            taken = Taken(signal_key(event.data), event.seq, None, event.occurred_at)
            if self.find(taken.key) is None:
                self._remember(taken)
                self._write(taken.line(), event.seq)
        for problem in events.problems:
            self._warn(problem)

    def _mark(self, seq: int) -> None:
        self._write(orjson.dumps({"seq": seq}), seq)

    def _write(self, line: bytes, seq: int) -> None:
        self._unwritten.append(line)
        self._seq = seq
        try:
            self._journal.append(self._unwritten)
        except JournalError as error:
            self._warn(str(error))
            return
        self._lines += len(self._unwritten)
        self._unwritten.clear()
        if self._lines > KEPT * _SLACK:
            self._rewrite((*self._known.values(),))

    def _rewrite(self, kept: Iterable[Taken]) -> None:
        lines = [taken.line() for taken in kept] + [orjson.dumps({"seq": self._seq})]
        try:
            write_document(self._data.signal_ids, b"\n".join((*lines, b"")))
            journal = JournalWriter(self._data.signal_ids, quarantine=self._data.quarantine)
        except (OSError, JournalError) as error:
            self._warn(f"{self._data.signal_ids}: cannot be replaced ({error})")
            return
        self._journal.close()
        self._journal, self._lines = journal, len(lines)
