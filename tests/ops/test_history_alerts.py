"""What the room shows beside the three verdicts: faults by id, acceptances, and why nothing is signed."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.health import MemoryHealth
from cq_tui.ops.formatting import Alert
from cq_tui.ops.history_alerts import fault_alerts, history_alerts
from cq_tui.ops.history_verdicts import judge_memory
from cq_tui.ops.verdict import Verdict
from cq_tui.room.panes.memory import Metric, _backlog
from cq_tui.store.history.faults import fault_id
from tests.room.stage import NOW, Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("words") / "data")


def shown(memory: MemoryHealth, *, is_overview: bool = False, word: Any = "ok") -> list[Alert]:
    history = judge_memory(memory, Verdict("memory", word), 60.0, NOW)
    assert history is not None
    return (history_alerts if is_overview else fault_alerts)(memory, history)


def test_a_history_without_faults_needs_no_lines(stage: Stage) -> None:
    for memory in (stage.memory(), stage.memory(anchored_count=12847), stage.memory(full_check_progress=0.5)):
        assert shown(memory) == shown(memory, is_overview=True) == []


def test_a_large_backlog_is_shown_in_bytes(stage: Stage) -> None:
    assert _backlog(stage.memory(backlog=None)) is None
    assert _backlog(stage.memory(backlog=7, backlog_bytes=2000)) == Metric("backlog", "7")
    assert _backlog(stage.memory(backlog=9000, backlog_bytes=3_400_000)) == Metric("backlog", "9,000 (3.4 MB)", "look")


def test_faults_are_shown_with_the_id_to_acknowledge(stage: Stage) -> None:
    faults = [f"block {number}\x1b" for number in range(5)]
    alerts = shown(stage.memory(integrity_ok=False, faults=faults, anchor_problem="signing was stopped"))
    assert [alert.text for alert in alerts[:3]] == [f"{fault_id(fault)} {fault[:-1]}␛" for fault in faults[2:]]
    assert "2 earlier faults not shown" in alerts[3].text
    assert "`cq-tui acknowledge`" in alerts[3].text
    assert alerts[4] == ("look", "checkpoints: signing was stopped")


def test_all_open_faults_are_counted(stage: Stage) -> None:
    alerts = shown(stage.memory(integrity_ok=False, faults=list("abcde"), fault_count=12))
    assert [alert.text[-1] for alert in alerts[:3]] == ["c", "d", "e"]
    assert "9 earlier faults not shown" in alerts[3].text


def test_a_fault_of_a_spool_is_not_red(stage: Stage) -> None:
    memory = stage.memory(integrity_ok=False, faults=["spool: x", "event_chain.ndjson: y"])
    assert [alert.level for alert in shown(memory)] == ["look", "bad", "idle"]


def test_what_was_accepted_stays_visible(stage: Stage) -> None:
    accepted = [
        {"event_index": 9, "accepted_by": f"ann{number}\x1b", "accepted_at": NOW, "fault": f"checkpoints.log: {number}"}
        for number in range(5)
    ]
    alerts = shown(stage.memory(accepted=accepted))
    assert [alert.level for alert in alerts] == ["idle"] * 3
    assert alerts[-1].text == "accepted by ann4␛, 2026-08-01 14:22:07 UTC: checkpoints.log: 4"


def test_an_alert_for_each_verdict_that_needs_attention(stage: Stage) -> None:
    fields = {
        "faults": ["event_chain.ndjson: y"],
        "missing_count": 3,
        "anchored_count": 12800,
        "anchor_problem": "no key",
    }
    memory = stage.memory(integrity_ok=False, **fields)
    overview = [
        ("bad", "history: DAMAGED, 1 fault of events or blocks: event_chain.ndjson: y"),
        ("bad", "history: INCOMPLETE by 3, anchored to 12,800, 47 not anchored yet"),
        ("look", "checkpoints: no key"),
    ]
    assert shown(memory, is_overview=True) == overview
    # That memory no longer reports is an alert of the service.
    assert shown(memory, is_overview=True, word="stale") == overview
    signed = stage.memory(anchored_count=12800, last_anchor_ts=NOW - 999)
    assert [alert.text.split(",")[0] for alert in shown(signed, is_overview=True)] == ["history: anchor late"]


def test_every_number_fits_the_model(tmp_path: Path) -> None:
    health = Stage(tmp_path / "data").write_all()
    assert isinstance(health.memory_from_history(), MemoryHealth)
    history = judge_memory(health.memory_from_history(), Verdict("memory", "ok"), 60.0, NOW)
    assert history is not None
    assert history.completeness.text == "complete to 11, 2 not anchored yet"
