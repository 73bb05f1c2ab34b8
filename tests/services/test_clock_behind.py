"""A clock that went back: event times never do, memory says so, and nothing is bought until it has caught up."""

import time
from pathlib import Path

import orjson

from cq_tui.contracts.health import HEALTH_MODELS
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from tests.services.memory_process import ready, spool_of
from tests.services.processes import RunningService, data_directory, running
from tests.services.waiting import until


def history_ahead_by(data: DataDir, seconds: float) -> None:
    """Make a history whose newest event was remembered while the clock was ahead."""
    now = time.time() + seconds
    history = HistoryWriter(data, now=now)
    history.append([NewEvent("e", "room", {}, "room-1", 1, now, {})], now)
    history.close()


def told(data: DataDir) -> list[dict[str, object]]:
    events = map(orjson.loads, data.events.read_bytes().splitlines())
    return [event["data"] for event in events if event["event_type"] == "clock_behind"]


async def degraded(memory: RunningService) -> None:
    await ready(memory)
    await until(lambda: memory.health["status"] == "degraded")


async def test_it_is_told_once_until_the_clock_has_caught_up(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    history_ahead_by(data, 3600.0)
    async with running("memory", data) as memory:
        await degraded(memory)
        health = memory.health
        assert 3500 < health["clock_ahead_sec"] <= 3600
        assert "s ahead of the clock" in health["reason"]
        assert health["integrity_ok"]
        await until(lambda: told(data))
        assert any("s ahead of the clock" in line for line in status_lines(read_status(data)))
        memory.kill()
    async with running("memory", data) as memory:
        await degraded(memory)
        spool = spool_of(data)
        spool.emit("e", {"last": True})
        spool.close()
        await until(lambda: b'"last":true' in data.events.read_bytes())
        assert await memory.stop() == 0
    (once,) = told(data)
    assert 3500 < orjson.loads(orjson.dumps(once))["ahead_sec"] <= 3600


async def test_memory_is_ok_again_once_the_clock_has_caught_up(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    history_ahead_by(data, 65.0)
    async with running("memory", data) as memory:
        await degraded(memory)
        await until(lambda: told(data))
        await until(lambda: memory.health["status"] == "ok")
        assert "clock_ahead_sec" not in memory.health
        assert await memory.stop() == 0


def test_older_reports_have_no_such_field() -> None:
    old = {
        "service": "memory", "status": "ok", "last_update_ts": 1.0, "updated_within_sec": 0.0, "integrity_ok": True,
        "events_count": 1, "snapshots_count": 0, "last_integrity_check": 1.0, "merkle_root": "", "chain_length": 2,
    }  # fmt: skip
    assert HEALTH_MODELS["memory"].model_validate(old).model_dump()["clock_ahead_sec"] is None
