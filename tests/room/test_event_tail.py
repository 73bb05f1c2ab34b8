"""The tail of the history: each event once, however the journal grows or is replaced."""

from pathlib import Path

import orjson

from cq_tui.room.event_tail import MAX_EVENTS, EventTail
from cq_tui.store.journal import JournalWriter


def line(number: int) -> bytes:
    return orjson.dumps(
        {"event_id": f"evt_{number}", "timestamp": number, "event_type": "service_started", "source": "x", "data": {}}
    )


def test_new_events_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    writer, tail = JournalWriter(path), EventTail(path, tmp_path)
    assert tail.refresh() == []
    writer.append([line(1), line(2)])
    assert [event.event_id for event in tail.refresh()] == ["evt_1", "evt_2"]
    assert tail.known_since == 0.0
    assert tail.refresh() == []
    writer.append([line(3)])
    assert [event.event_id for event in tail.refresh()] == ["evt_3"]
    writer.close()


def test_a_replaced_journal_is_read_again_without_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(line(1) + b"\n" + line(2) + b"\n")
    tail = EventTail(path, tmp_path)
    tail.refresh()
    other = tmp_path / "other"
    other.write_bytes(line(2) + b"\n" + line(3) + b"\n")
    other.rename(path)
    assert [event.event_id for event in tail.refresh()] == ["evt_3"]


def test_a_long_journal_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(line(number) + b"\n" for number in range(50_000)))
    tail = EventTail(path, tmp_path)
    fresh = tail.refresh()
    assert len(fresh) < MAX_EVENTS
    assert fresh[-1].event_id == "evt_49999"
    assert tail.known_since == fresh[0].happened_at > 0
    writer = JournalWriter(path)
    writer.append([line(number) for number in range(50_000, 55_000)])
    writer.close()
    tail.refresh()
    assert len(tail.events) <= MAX_EVENTS
    assert tail.events[-1].event_id == "evt_54999"


def test_lines_that_are_not_events_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'\xff\n[]\n{"event_id": 3}\n' + line(1) + b"\n")
    tail = EventTail(path, tmp_path)
    assert [event.event_id for event in tail.refresh()] == ["evt_1"]
    assert tail.problem == "events.ndjson: 3 lines are not events"
