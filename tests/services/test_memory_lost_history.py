"""A data directory that somebody emptied: memory and ``verify`` both ask where its history is."""

import shutil
import time
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.verify import NoHistory, verify_history
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import last_lines
from tests.services.memory_in_process import memory_of, remember
from tests.services.processes import data_directory
from tests.services.waiting import until


@pytest.fixture
async def emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    """Nothing but the configuration folder knows that there was a signed history."""
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    data = data_directory(tmp_path / "data")
    await remember(data, 20)
    assert verify_history(data).exit_code == 0
    shutil.rmtree(data.root)
    prepare_data_directory(data)
    return data


async def test_before_anything_starts_the_lost_history_is_reported(emptied: DataDir) -> None:
    with pytest.raises(NoHistory, match=r"has no history, but a history of 20 events, last signed .* is gone"):
        verify_history(emptied)


async def test_a_new_one_begins_and_the_lost_one_is_reported(emptied: DataDir) -> None:
    await remember(emptied, 3)
    async with memory_of(emptied) as memory:
        health = memory.health(time.time())
        assert health.integrity_ok
        assert health.anchored_count == 3
        assert "a history of 20 events" in (health.anchor_problem or "")
    log = [orjson.loads(line) for line in last_lines(emptied.log_of("memory"), 50)]
    assert any("a history of 20 events" in line.get("problem", "") for line in log)
    report = verify_history(emptied)
    assert report.exit_code == 1
    assert not report.damaged
    assert report.lost is not None
    lines = "\n".join(report.lines())
    assert "completeness  INCOMPLETE by an earlier history of 20, signed" in lines
    assert f"  {report.lost}" in lines
    told = report.to_json()["completeness"]
    assert told["complete"] is False
    assert told["lost_history"]["events"] == 20
    assert told["lost_history"]["record"] == str(report.lost.record)
    report.lost.record.unlink()
    report = verify_history(emptied)
    assert (report.exit_code, report.to_json()["completeness"]["lost_history"]) == (0, None)


async def test_with_an_empty_file_in_its_place_it_is_lost_as_well(emptied: DataDir) -> None:
    emptied.events.touch()
    report = verify_history(emptied)
    assert (report.missing, report.exit_code) == (0, 1)
    assert report.lost is not None
    assert report.lost.checkpoint.size == 20
    async with memory_of(emptied) as memory:
        await until(lambda: memory.health(time.time()).anchor_problem is not None)
        assert "a history of 20 events" in (memory.health(time.time()).anchor_problem or "")
