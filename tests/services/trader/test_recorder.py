"""Facts recorded as events: together, synced if they must be, and never dropped."""

import pytest
import structlog

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.recorder import NotRecorded, Recorder
from cq_tui.store.reserve import Reserve
from cq_tui.store.spools.event_queue import EventQueue
from cq_tui.store.spools.spool_files import last_spooled_events
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.codec import from_event
from cq_tui.trading.core.effects import Record

DENIED = f.SignalDenied("key", "BTCUSDT", "BUY", "sample", "exposure", "too much")
DOUBT = f.DoubtRaised("BTCUSDT", "balance", "less is there", 5)


def no_trace(step: str, key: str, **milliseconds: float) -> None:
    pass


@pytest.fixture
def queue(data: DataDir) -> EventQueue:
    return EventQueue(data, "trader")


@pytest.fixture
def recorder(queue: EventQueue) -> Recorder:
    return Recorder(queue, Book(account="simulated:7", owner="abcde"), structlog.get_logger(), no_trace)


def facts_in(data: DataDir) -> list[f.Fact | None]:
    return [from_event(event.event_type, event.data) for event in last_spooled_events(data.spool, "trader", 100)]


def test_facts_carry_their_account(data: DataDir, recorder: Recorder) -> None:
    recorder.record(Record((DENIED, DOUBT)))
    denied, doubt = last_spooled_events(data.spool, "trader", 10)
    assert denied.metadata == {"account": "simulated:7", "strategy": "sample"}
    assert doubt.metadata == {"account": "simulated:7"}
    assert facts_in(data) == [DENIED, DOUBT]


def test_facts_that_wait_keep_their_order(data: DataDir, queue: EventQueue, recorder: Recorder) -> None:
    queue.add("service_started", {}, None)
    recorder.record(Record((DENIED,), durable=True, needed_by=1))
    blocked = data.spool / "trader.ndjson"
    queue.close()
    kept = blocked.rename(blocked.with_suffix(".kept"))
    blocked.mkdir()
    recorder.record(Record((DOUBT,)))
    with pytest.raises(NotRecorded):
        recorder.record(Record((DENIED,), durable=True, needed_by=2))
    blocked.rmdir()
    kept.rename(blocked)
    recorder.record(Record((DOUBT,)))
    assert facts_in(data)[1:] == [DENIED, DOUBT, DENIED, DOUBT]


def test_what_a_request_needs_is_refused_on_a_full_disk_and_an_exit_goes_on(
    data: DataDir, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reserve, "problem", "the disk is full")
    with pytest.raises(NotRecorded, match="the disk is full"):
        recorder.record(Record((DENIED,), durable=True, needed_by=1))
    recorder.record(Record((DOUBT,), durable=True))
    assert facts_in(data) == [DENIED, DOUBT]
