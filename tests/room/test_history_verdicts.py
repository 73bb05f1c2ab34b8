"""Three verdicts on the history, independent of each other."""

from pathlib import Path
from typing import Any

import pytest

from cq_tui.contracts.health import MemoryHealth
from cq_tui.room.history_verdicts import (
    backlog,
    completeness,
    fault_alerts,
    integrity,
    last_anchor,
    last_check,
    last_full_check,
)
from cq_tui.store.history.faults import fault_id
from tests.room.stage import NOW, Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("words") / "data")


def test_an_old_health_file_is_not_judged_on_missing_fields(stage: Stage) -> None:
    memory = stage.memory(backlog=None, check_progress=None)
    assert integrity(memory) == ("good", "intact")
    assert completeness(memory) == ("idle", "12,847 events", 0, "")
    assert last_full_check(memory, NOW) is None
    assert last_anchor(memory, NOW, 60) is None
    assert backlog(memory) is None
    assert fault_alerts(memory) == []


@pytest.mark.parametrize(
    ("fields", "level", "text", "since"),
    [
        ({"anchored_count": 12800}, "good", "complete to 12,800", 47),
        ({"anchored_count": 12847, "missing_count": 0}, "good", "complete to 12,847", 0),
        ({"anchored_count": 12847, "missing_count": 3}, "bad", "incomplete by 3", 0),
        ({"anchored_count": 0}, "idle", "not anchored yet", 12847),
        ({"anchored_count": 0, "anchor_problem": "no key"}, "look", "not anchored: no key", 12847),
        ({"anchored_count": 12800, "anchor_problem": "no key"}, "look", "complete to 12,800", 47),
    ],
)
def test_completeness(stage: Stage, fields: dict[str, Any], level: str, text: str, since: int) -> None:
    found = completeness(stage.memory(**fields))
    assert (found.level, found.text, found.unanchored_count) == (level, text, since)


def test_integrity_and_completeness_are_independent(stage: Stage) -> None:
    broken = stage.memory(integrity_ok=False, faults=["chain: block 5"], anchored_count=12800)
    assert integrity(broken) == ("bad", "NOT INTACT: chain: block 5")
    assert completeness(broken).text == "complete to 12,800"
    cut = stage.memory(missing_count=3, anchored_count=12847)
    assert integrity(cut).text == "intact"
    assert completeness(cut).text == "incomplete by 3"


def test_faults_that_do_not_fit_are_counted(stage: Stage) -> None:
    one = stage.memory(integrity_ok=False, faults=["chain: block 5"])
    assert integrity(one, 26).text == "NOT INTACT: chain: block 5"
    assert integrity(one, 25).text == "NOT INTACT: 1 fault"
    assert integrity(stage.memory(integrity_ok=False, faults=["a", "b"])).text == "NOT INTACT: 2 faults"
    assert integrity(stage.memory(integrity_ok=False, faults=["a"], fault_count=7)).text == "NOT INTACT: 7 faults"
    assert integrity(stage.memory(integrity_ok=False, reason="why"), 5).text == "NOT INTACT: why"


def test_ages(stage: Stage) -> None:
    memory = stage.memory(anchored_count=12800, last_anchor_ts=NOW - 100, last_full_check=NOW - 7200)
    assert last_check(memory, NOW) == "checked 0.8 s ago"
    assert last_check(stage.memory(last_integrity_check=0.0), NOW) == "checked not yet"
    assert last_full_check(memory, NOW) == "2 h ago"
    assert last_anchor(memory, NOW, 60) == ("good", "2 min ago, 47 since")
    assert last_anchor(memory, NOW, 10) == ("look", "2 min ago, 47 since")
    all_of_it = stage.memory(anchored_count=12847, last_anchor_ts=NOW - 9000)
    assert last_anchor(all_of_it, NOW, 60) == ("good", "2 h ago")


def test_a_large_backlog_is_shown_in_bytes(stage: Stage) -> None:
    assert backlog(stage.memory(backlog=7, backlog_bytes=2000)) == ("good", "7")
    assert backlog(stage.memory(backlog=9000, backlog_bytes=3_400_000)) == ("look", "9,000 (3.4 MB)")


def test_faults_are_shown_with_the_id_to_acknowledge(stage: Stage) -> None:
    faults = [f"block {number}\x1b" for number in range(5)]
    alerts = fault_alerts(stage.memory(integrity_ok=False, faults=faults, anchor_problem="signing was stopped"))
    assert [alert.text for alert in alerts[:3]] == [f"{fault_id(fault)} {fault[:-1]}␛" for fault in faults[2:]]
    assert "2 earlier faults not shown" in alerts[3].text
    assert "`cq-tui acknowledge`" in alerts[3].text
    assert alerts[4] == ("look", "checkpoints: signing was stopped")


def test_all_open_faults_are_counted(stage: Stage) -> None:
    alerts = fault_alerts(stage.memory(integrity_ok=False, faults=list("abcde"), fault_count=12))
    assert [alert.text[-1] for alert in alerts[:3]] == ["c", "d", "e"]
    assert "9 earlier faults not shown" in alerts[3].text


def test_every_number_fits_the_model(tmp_path: Path) -> None:
    health = Stage(tmp_path / "data").write_all()
    assert isinstance(health.memory_from_history(), MemoryHealth)
    assert completeness(health.memory_from_history()).text == "complete to 11"
