"""Events that wait for their spool: in order, and counted when they are too many."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError
from cq_tui.store.reserve import Reserve
from cq_tui.store.spools.event_queue import EventQueue
from cq_tui.store.spools.spool import SpoolEvent


def queue(root: Path) -> tuple[EventQueue, Path]:
    data = DataDir(root)
    prepare_data_directory(data)
    return EventQueue(data, "trader"), data.spool / "trader.ndjson"


def numbers(spool: Path) -> list[int]:
    return [orjson.loads(line)["data"]["n"] for line in spool.read_bytes().splitlines()]


def test_the_oldest_are_lost_and_counted_when_too_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cq_tui.store.spools.event_queue._MAX_PENDING", 3)
    events, spool = queue(tmp_path)
    spool.mkdir()
    for number in range(5):
        events.add("e", {"n": number}, None)
        events.flush()
    assert (events.problem or "").startswith("3 events cannot be written: ")
    with pytest.raises(JournalError, match="earlier events still wait"):
        events.emit_durably("e", {"n": 5}, None)
    spool.rmdir()
    events.emit_durably("e", {"n": 5}, None)
    events.close()
    assert numbers(spool) == [2, 3, 4, 5]
    assert events.problem == "2 events could not be written and will be missing: more than 3 events waited"


def test_what_waits_survives_closing(tmp_path: Path) -> None:
    events, spool = queue(tmp_path)
    events.add("e", {"n": 1}, None)
    events.close()
    events.flush()
    events.close()
    assert numbers(spool) == [1]
    assert events.problem is None


def events_from(first: int, count: int) -> list[SpoolEvent]:
    return [SpoolEvent("e", {"n": number}, None, 1.0) for number in range(first, first + count)]


def test_events_recorded_together_take_one_write_and_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events, spool = queue(tmp_path)
    syncs: list[int] = []
    monkeypatch.setattr("cq_tui.store.journal.os.fdatasync", syncs.append)
    events.record(events_from(0, 3))
    assert syncs == []
    events.record(events_from(3, 4), durable=True)
    assert len(syncs) == 1
    assert events.last_seq == 7
    events.close()
    assert numbers(spool) == list(range(7))


def test_recorded_events_wait_when_refused_and_keep_their_order(tmp_path: Path) -> None:
    events, spool = queue(tmp_path)
    spool.mkdir()
    events.add("e", {"n": 0}, None)
    with pytest.raises(JournalError):
        events.record(events_from(1, 2), durable=True)
    assert [events.last_seq] == [None]
    spool.rmdir()
    events.record(events_from(3, 1))
    assert events.last_seq == 4
    events.close()
    assert numbers(spool) == [0, 1, 2, 3]


def test_what_opens_risk_is_refused_on_a_full_disk_but_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, spool = queue(tmp_path)
    monkeypatch.setattr(Reserve, "problem", "the disk is full")
    with pytest.raises(JournalError, match="the disk is full"):
        events.record(events_from(0, 1), durable=True, opens_risk=True)
    events.record(events_from(1, 1), durable=True)
    events.close()
    assert numbers(spool) == [0, 1]


def test_one_event_that_no_line_can_hold_takes_no_other_with_it(tmp_path: Path) -> None:
    events, spool = queue(tmp_path)
    events.record([*events_from(0, 1), SpoolEvent("e", {"n": 2**70}, None, 1.0), *events_from(2, 1)])
    events.close()
    assert numbers(spool) == [0, 2]
    assert "1 event could not be written" in (events.problem or "")
