"""A spool that outlasts a full disk: events it refuses wait in memory, in order, until it takes them."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import BaseModel

from cq_tui.contracts.layout import DataDir
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.reserve import Reserve
from cq_tui.store.spools.spool import EventSpool, SpoolEvent, UnspoolableEvent

#: Events that may wait in memory; beyond it the oldest are lost, and counted.
_MAX_PENDING = 10_000
#: Events written at once.
_BATCH = 256


class EventQueue:
    """The events of one writer, in its spool or waiting for it."""

    def __init__(self, data: DataDir, writer: str) -> None:
        self._data, self._writer, self._reserve = data, writer, Reserve(data)
        self._pending: deque[SpoolEvent] = deque()
        self._spool: EventSpool | None = None
        self._error = ""
        self._lost_count = 0
        self._lost_reason = ""

    @property
    def problem(self) -> str | None:
        """Why events wait or are lost; None when all are spooled."""
        if self._error:
            return f"{_format_count(len(self._pending))} cannot be written: {self._error}"
        if self._lost_count:
            return f"{_format_count(self._lost_count)} could not be written and will be missing: {self._lost_reason}"
        return None

    @property
    def last_seq(self) -> int | None:
        """Number of the last event, which the spool has; None while events wait or before the spool is open."""
        return self._spool.seq if self._spool is not None and not self._pending else None

    def add(self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None) -> None:
        """Queue an event that occurred now; ``flush`` writes it."""
        self._queue(SpoolEvent(event_type, data, metadata, time.time()))

    def _queue(self, event: SpoolEvent) -> None:
        if len(self._pending) >= _MAX_PENDING:
            self._pending.popleft()
            self._lose(f"more than {_MAX_PENDING:,} events waited")
        self._pending.append(event)

    def flush(self, *, durable: bool = False) -> None:
        """Write what waits, as far as the disk takes it, with its reserve if an event of safety waits.

        ``problem`` says why it does not. Raises JournalBroken when what the disk holds is unknown: a new process has to
        look.
        """
        self._error = ""
        try:
            self._reserve.spend_on_events(lambda: self._write_pending(durable=durable), self._pending)
        except JournalBroken:
            raise
        except JournalError as error:
            self._error = str(error)

    def record(self, events: Sequence[SpoolEvent], *, durable: bool = False, opens_risk: bool = False) -> None:
        """Write events, with what waits before them, in one append; with ``durable``, wait for the disk.

        Raises JournalError when they wait in memory instead, or when they open risk and the disk is full, whatever of
        the reserve is let go for others. None is dropped: those that follow say that what they announce was not done.
        """
        problem = self._reserve.problem if opens_risk else None
        for event in events:
            self._queue(event)
        self.flush(durable=durable)
        if problem := problem or self._error:
            raise JournalError(problem)

    def _write_pending(self, *, durable: bool) -> None:
        spool, count = self._open_spool(), _BATCH
        while batch := list(islice(self._pending, count)):
            try:
                spool.append(batch, durable=durable)
            except UnspoolableEvent as error:
                if len(batch) > 1:
                    count = 1
                    continue
                self._lose(str(error))
            for _ in batch:
                self._pending.popleft()

    def emit_durably(
        self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None
    ) -> None:
        """Write what waits, then this event, and wait for the disk. Raises JournalError when it does not have it.

        It may open risk, so it is refused while the disk is full, whatever of the reserve is let go for others.
        """
        self.flush()
        if problem := self._reserve.problem:
            raise JournalError(problem)
        if self._pending:
            raise JournalError(f"earlier events still wait: {self._error}")
        self._open_spool().emit(event_type, data, metadata=metadata, durable=True)

    def close(self) -> None:
        """Close the spool; what waits in memory is written when it is opened again."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _open_spool(self) -> EventSpool:
        if self._spool is None:
            self._spool = EventSpool(self._data.spool, self._writer, quarantine=self._data.quarantine)
        return self._spool

    def _lose(self, reason: str) -> None:
        self._lost_count += 1
        self._lost_reason = reason


def _format_count(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events" if count else "events"
