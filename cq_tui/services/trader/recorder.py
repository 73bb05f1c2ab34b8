"""Records the core's facts as the trader's events: one append for what belongs together."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard

from structlog.typing import FilteringBoundLogger

from cq_tui.services.runtime import Trace, elapsed_ms
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.spools.spool import SpoolEvent
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import to_event
from cq_tui.trading.core.effects import Record
from cq_tui.trading.core.facts import Fact, OrderIntended, SignalDenied


class NotRecorded(Exception):
    """Facts that a request needs are not on the disk; the message says why."""


def is_entry(fact: Fact) -> TypeGuard[OrderIntended]:
    """Whether a fact intends an entry."""
    return isinstance(fact, OrderIntended) and fact.order.leg is Leg.ENTRY


class Spool(Protocol):
    """Where events go: the service's runtime."""

    def record(self, events: Sequence[SpoolEvent], *, durable: bool = False, opens_risk: bool = False) -> None:
        """Record events in one append. Raises JournalError when they wait in memory instead."""


class Recorder:
    """The facts of one account's book."""

    def __init__(self, spool: Spool, book: Book, log: FilteringBoundLogger, trace: Trace) -> None:
        self._spool = spool
        self._book = book
        self._log = log
        self._trace = trace

    def record(self, record: Record) -> None:
        """Record facts. Raises NotRecorded if a request needs them and the disk does not have them.

        They wait in memory then, with what says that the request was not sent. What reduces risk goes on.
        """
        now, began = time.time(), time.perf_counter()
        events = [self._event(fact, now) for fact in record.facts]
        entries = [one.order.signal_key for one in record.facts if is_entry(one)]
        for key in entries:
            self._trace("entry decided", key)
        try:
            self._spool.record(events, durable=record.durable, opens_risk=record.needed_by is not None)
        except JournalBroken:
            raise
        except JournalError as error:
            if record.needed_by is not None:
                raise NotRecorded(str(error)) from error
            self._log.error("facts wait in memory", count=len(events), problem=str(error))

        for key in entries:
            self._trace("intent synced", key, took_ms=elapsed_ms(began))

    def _event(self, fact: Fact, now: float) -> SpoolEvent:
        event_type, data = to_event(fact, self._book.orders)
        metadata: Mapping[str, Any] = {"account": self._book.account}
        if isinstance(fact, SignalDenied):
            metadata = {"account": self._book.account, "strategy": fact.strategy}
        return SpoolEvent(event_type, data, metadata, now)
