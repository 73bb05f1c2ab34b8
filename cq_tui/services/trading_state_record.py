"""What the history knows of halts and resumptions: each is an event, once, whoever made it and whatever ended then.

The one who acts spools the event under a name that also stands in the comment of the file. Memory looks at the comments
and finishes what is missing; a name and a number are taken once. What no comment explains was done by ``file``.
"""

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import closing, suppress

from cq_tui.contracts.events import TradingStateChanged
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import TRADING_STATES
from cq_tui.contracts.state_files import AnnouncedStop, TradingStateRecordDocument
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.journal import JournalError
from cq_tui.store.person import person_here
from cq_tui.store.reserve import Reserve
from cq_tui.store.spools.spool import EventSpool, SpoolHeld
from cq_tui.store.trading_state import (
    STOPPED,
    Seen,
    StateRequest,
    Stop,
    last_resumption,
    lift_stops,
    prepare_stops,
    put_stop,
    seen_prepared,
    seen_stops,
    standing_stops,
)


def make_request(verb: str, before: str, after: str, asked_by: str, why: str | None = None) -> StateRequest:
    """Return what the person here asks for, by ``room`` or ``cli``; ``verb`` is ``halt``, ``reduce`` or ``resume``.

    With ``signal``, nobody knows the person.
    """
    writer = f"{asked_by}-{secrets.token_hex(4)}"
    person = "a signal" if asked_by == "signal" else person_here()
    return StateRequest(verb, person, round(max(0.0, time.time()), 6), before, after, writer, why)


def stop_trading(data: DataDir, request: StateRequest) -> bool:
    """Make the file and record it; False if it is there already. Raises OSError if no file can be made."""
    return put_stop(data, request, lambda asked: record_change(data, asked))


def lift_every_stop(data: DataDir, request: StateRequest) -> tuple[str, ...]:
    """Take away the files and record it; return their states. Raises OSError, which names the file that stays."""
    return lift_stops(data, request, lambda asked: record_change(data, asked))


def record_change(data: DataDir, request: StateRequest) -> None:
    """Spool the event of a request; what cannot be spooled is recorded by memory, from the comment."""
    if os.geteuid() != data.root.stat().st_uid:
        # Memory could not read a file of another user.
        return
    with suppress(OSError, JournalError):
        Reserve(data).spend(lambda: _spool(data, request.writer, event_of(request), request.ts))


def event_of(request: StateRequest) -> TradingStateChanged:
    """Return the event that records a request."""
    return TradingStateChanged(
        old_state=request.old_state,
        new_state=request.new_state,
        by=request.by,
        person=None if request.by == "signal" else request.person,
        why=request.why,
    )


def _spool(data: DataDir, writer: str, change: TradingStateChanged, occurred_at: float) -> None:
    with closing(EventSpool(data.spool, writer, quarantine=data.quarantine)) as spool:
        if not spool.seq:
            spool.emit("trading_state_changed", change, durable=True, now=occurred_at)


#: Who made what no comment explains.
_FILE = "file"


class TradingStateRecord:
    """Records what its maker could not, and keeps the prepared files ready. For memory alone."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._path = data.trading_state_record
        self._seen: tuple[Seen, ...] | None = None

    def follow(self, settings_state: str) -> None:
        """Record what changed since the last call; ``settings_state`` is the trading state by settings alone.

        Raises OSError or JournalError; call it again later.
        """
        prepare_stops(self._data)
        seen = (*seen_stops(self._data), *seen_prepared(self._data))
        if seen == self._seen:
            return
        # Whoever acts at this moment is recorded next time.
        with suppress(SpoolHeld):
            before = record = self._finish(self._read())
            for state in STOPPED:
                record = self._follow_one(record, state, settings_state)
            if record != before:
                write_document(self._path, record)
            self._seen = seen

    def _follow_one(
        self, record: TradingStateRecordDocument, state: str, settings_state: str
    ) -> TradingStateRecordDocument:
        stop = next((stop for stop in standing_stops(self._data) if stop.state == state), None)
        request = None if stop is None else stop.request
        maker = None if stop is None else request.writer if request else _FILE
        if maker is not None and maker == record.standing.get(state):
            return record
        record = self._follow_resumption(record, state)
        before = record.standing
        if maker == before.get(state):
            return record
        standing = {name: each for name, each in before.items() if name != state}
        after = record.model_copy(update={"standing": standing | ({state: maker} if maker else {})})
        if request is not None:
            if request.by != "signal":
                # Who got the signal records it, file or not.
                _spool(self._data, request.writer, event_of(request), request.ts)
            return after
        change = TradingStateChanged(
            old_state=_safest(settings_state, before), new_state=_safest(settings_state, after.standing), by=_FILE
        )
        announced = AnnouncedStop(
            writer=f"{_FILE}-{secrets.token_hex(4)}", change=change, occurred_at=self._moment(state, stop)
        )
        after = after.model_copy(update={"announced": announced})
        write_document(self._path, after)
        return self._finish(after)

    def _follow_resumption(self, record: TradingStateRecordDocument, state: str) -> TradingStateRecordDocument:
        """Record the last resumption, after which what was known to stand is gone."""
        request = last_resumption(self._data, state)
        if request is None or request.writer == record.resumed.get(state):
            return record
        _spool(self._data, request.writer, event_of(request), request.ts)
        standing = {name: each for name, each in record.standing.items() if name != state}
        resumed = record.resumed | {state: request.writer}
        return record.model_copy(update={"standing": standing, "resumed": resumed})

    def _moment(self, state: str, stop: Stop | None) -> float:
        """Return when somebody did it: for a file that stands its own time, which the system rounds down."""
        if stop is None or stop.since is None:
            return max(0.0, time.time())
        resumption = last_resumption(self._data, state)
        return max(stop.since, 0.0 if resumption is None else resumption.ts)

    def _finish(self, record: TradingStateRecordDocument) -> TradingStateRecordDocument:
        """Spool what was announced; the record without it is written with the next change."""
        announced = record.announced
        if announced is None:
            return record
        _spool(self._data, announced.writer, announced.change, announced.occurred_at)
        finished = record.model_copy(update={"announced": None})
        write_document(self._path, finished)
        return finished

    def _read(self) -> TradingStateRecordDocument:
        """Return the record; an empty one if there is none, or it cannot be read."""
        try:
            return read_document(self._path, TradingStateRecordDocument)
        except DocumentError:
            return TradingStateRecordDocument()


def _safest(state: str, others: Iterable[str]) -> str:
    return max((state, *others), key=TRADING_STATES.index)
