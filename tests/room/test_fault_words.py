"""Faults as the room shows them: by id, without hashes that nobody compares by eye."""

from pathlib import Path

import pytest

from cq_tui.ops.event_summary import event_level, summarize_event
from cq_tui.ops.history_alerts import fault_alerts
from cq_tui.room.alerts import all_alerts
from cq_tui.room.state import RoomState
from cq_tui.store.history.faults import HistoryFault, fault_id
from cq_tui.store.reading.event import HistoryEvent
from tests.room.stage import NOW, Stage

HASH = "0123456789abcdef" * 4
FAULT = HistoryFault("event_chain.ndjson", "was changed after it was chained", 8, HASH, HASH[::-1])


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "data")


def test_the_pane_shows_the_headline_with_the_fault_s_id(stage: Stage) -> None:
    stage.write_all()
    stage.health(stage.memory(integrity_ok=False, status="error", faults=[str(FAULT)]))
    state = RoomState(stage.data, {})
    state.poll_files()
    memory, history = state.memory, state.history(NOW)
    assert memory is not None
    assert history is not None
    assert fault_alerts(memory, history)[0].text == f"{fault_id(str(FAULT))} {FAULT.headline}"


def test_the_status_bar_shows_the_headline(stage: Stage) -> None:
    stage.write_all()
    stage.health(stage.memory(integrity_ok=False, status="error", faults=[str(FAULT)], reason=FAULT.headline))
    state = RoomState(stage.data, {})
    state.poll_files()
    texts = [alert.text for alert in all_alerts(state, NOW)]
    assert f"history: DAMAGED, 1 fault of events or blocks: {FAULT.headline}" in texts
    assert HASH not in "".join(texts)


def _event(event_type: str, **data: object) -> HistoryEvent:
    return HistoryEvent("evt_1_001", NOW, event_type, "memory", data)


def test_a_fault_and_its_acknowledgement_are_summarized() -> None:
    fault = _event("integrity_fault", reason=FAULT.reason, file=FAULT.file, indexes=[8])
    assert summarize_event(fault) == FAULT.headline
    spooled = _event("integrity_fault", reason="ares.ndjson is damaged", file="spool", indexes=None)
    assert summarize_event(spooled) == "spool: ares.ndjson is damaged"
    accepted = _event(
        "integrity_acknowledged",
        fault_id=fault_id(str(FAULT)), fault=str(FAULT), acknowledged_by="ann", comment="seen", note="a\nb\n",
    )  # fmt: skip
    assert summarize_event(accepted) == f"{fault_id(str(FAULT))} {FAULT.headline} accepted by ann: seen"
    assert summarize_event(_event("integrity_acknowledged")) == "fault accepted by unknown"
    assert event_level("integrity_acknowledged") == "look"
