"""Events that wait for their spool: in order, and counted when they are too many."""

from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.event_queue import EventQueue


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
