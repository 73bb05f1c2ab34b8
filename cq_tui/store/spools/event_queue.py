"""A spool that outlasts a full disk: events it refuses wait in memory, in order, until it takes them."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from cq_tui.contracts.layout import DataDir
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.reserve import Reserve
from cq_tui.store.spools.spool import EventSpool, UnspoolableEvent

#: Events that may wait in memory; beyond it the oldest are lost, and counted.
_MAX_PENDING = 10_000


class _PendingEvent(NamedTuple):
    event_type: str
    data: BaseModel | Mapping[str, Any]
    metadata: Mapping[str, Any] | None
    occurred_at: float


class EventQueue:
    """The events of one writer, in its spool or waiting for it."""

    def __init__(self, data: DataDir, writer: str) -> None:
        self._data, self._writer, self._reserve = data, writer, Reserve(data)
        self._pending: deque[_PendingEvent] = deque()
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

    def add(self, event_type: str, data: BaseModel | Mapping[str, Any], metadata: Mapping[str, Any] | None) -> None:
        """Queue an event that occurred now; ``flush`` writes it."""
        if len(self._pending) >= _MAX_PENDING:
            self._pending.popleft()
            self._lose(f"more than {_MAX_PENDING:,} events waited")
        self._pending.append(_PendingEvent(event_type, data, metadata, time.time()))

    def flush(self) -> None:
        """Write what waits, as far as the disk takes it, with its reserve if an event of safety waits.

        ``problem`` says why it does not. Raises JournalBroken when what the disk holds is unknown: a new process has to
        look.
        """
        self._error = ""
        try:
            self._reserve.spend_on_events(self._write_pending, self._pending)
        except JournalBroken:
            raise
        except JournalError as error:
            self._error = str(error)

    def _write_pending(self) -> None:
        spool = self._open_spool()
        while self._pending:
            event_type, data, metadata, occurred_at = self._pending[0]
            try:
                spool.emit(event_type, data, metadata=metadata, now=occurred_at)
            except UnspoolableEvent as error:
                self._lose(str(error))
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
