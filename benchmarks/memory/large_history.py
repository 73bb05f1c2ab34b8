"""One long history, made once and read by every row that needs it."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.directory import prepared
from benchmarks.memory.sample_events import START, sample_events
from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter

#: One event in so many is the trader's.
TRADER_EVERY = 10
_BATCH = 2000
#: Events between two flushes of the chain: bounds what waits in memory.
_FLUSHED_EVERY = 50_000
#: Events that come after the snapshot.
_AFTER_SNAPSHOT = 1000


@dataclass(frozen=True, slots=True)
class LargeHistory:
    """A history that was closed in good order, with where it stood shortly before its end."""

    data: DataDir
    events: int
    wanted: int
    watermark: int
    stood: SnapshotHistory

    @property
    def size(self) -> str:
        """How many events there are, for a row's name; fewer than wanted when time ran out."""
        return f"{self.events:,} events" if self.events == self.wanted else f"{self.events:,} of {self.wanted:,} events"


@contextmanager
def large_history(wanted: int, seconds: float, place: Path, facts: Iterator[NewEvent]) -> Iterator[LargeHistory]:
    """Write that many events, or as many as ``seconds`` allow, into a folder that goes at the end.

    ``facts``: the events of the trader among them, in their order.
    """
    with tempfile.TemporaryDirectory(dir=place) as folder:
        data = prepared(Path(folder) / "data", 0)
        history = HistoryWriter(data, now=START)
        deadline = time.perf_counter() + seconds
        while history.events < wanted - _AFTER_SNAPSHOT and time.perf_counter() < deadline:
            _grow(history, facts, min(_BATCH, wanted - _AFTER_SNAPSHOT - history.events))
            if history.events % _FLUSHED_EVERY == 0:
                history.flush_chain()
        stood = history.sync_state()
        _grow(history, facts, _AFTER_SNAPSHOT)
        history.close()
        yield LargeHistory(data, history.events, wanted, history.watermark, stood)


def _grow(history: HistoryWriter, facts: Iterator[NewEvent], count: int) -> None:
    first = history.events + 1
    events = [_shared_out(event, facts) for event in sample_events(first, count)]
    history.append(events, START + first / 1000)


def _shared_out(event: NewEvent, facts: Iterator[NewEvent]) -> NewEvent:
    """Give every tenth event to the trader, and the others to ARES."""
    turn, rest = divmod(event.seq, TRADER_EVERY)
    if rest:
        return event._replace(writer="ares", source="ares", seq=event.seq - turn)
    return next(facts)._replace(occurred_at=event.occurred_at)
