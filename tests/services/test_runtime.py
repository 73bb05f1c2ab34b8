"""The frame of every service, around a small service that does what the test asks for."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from cq_tui.contracts.health import Health
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.services.runner import load_service
from cq_tui.services.runtime import Service, ServiceRuntime, _watch_settings
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalBroken
from cq_tui.store.lock import LockHeld
from tests.services.processes import RunningService, data_directory, running, spooled
from tests.services.waiting import until


class Pretended:
    """A pretended service (see ``pretend``) in a process of its own, and its files."""

    def __init__(self, data: DataDir, process: RunningService) -> None:
        self.data, self.process = data, process

    @property
    def health(self) -> dict[str, Any]:
        return self.process.health

    @property
    def log(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.data.log_of("trader").read_bytes().splitlines()]

    def order(self, word: str) -> None:
        temporary = self.data.root / "order.new"
        temporary.write_text(word)
        temporary.rename(self.data.root / "order")

    async def ended(self) -> int | None:
        """Wait for its end and return the exit code."""
        await until(lambda: not self.process.is_alive)
        return self.process.exit_code


@asynccontextmanager
async def pretend(data: DataDir, **variables: str) -> AsyncIterator[Pretended]:
    async with running("trader", data, "tests.services.pretend:Pretend", **variables) as process:
        yield Pretended(data, process)


async def test_a_run_from_start_to_sigterm(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data) as service:
        await until(lambda: service.health)
        health = service.health
        assert (health["status"], health["service"], health["version"]) == ("ok", "trader", "0.1.0")
        with pytest.raises(LockHeld, match=f"process {service.process.pid}"):
            ServiceRuntime("trader", data)
        first = health["last_update_ts"]
        await until(lambda: service.health["last_update_ts"] > first)
        os.kill(service.process.pid, signal.SIGHUP)
        last = service.health["last_update_ts"]
        await until(lambda: service.health["last_update_ts"] > last)
        assert await service.process.stop() == 0
    events = spooled(data, "trader")
    assert [event["event_type"] for event in events] == ["service_started", "service_stopped"]
    assert events[0]["data"]["pid"] == health["pid"]
    assert (events[1]["data"]["reason"], events[1]["data"]["exit_code"]) == ("requested", 0)
    assert data.lock_of("trader").read_bytes() == b""
    assert [line["event"] for line in service.log] == ["started", "ended in good order", "stopped"]


async def test_a_service_that_does_not_want_to_end_is_ended_within_its_grace(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data) as service:
        await until(lambda: service.health)
        service.order("stubborn")
        await until(lambda: not (data.root / "order").exists())
        asked = time.monotonic()
        assert await service.process.stop() == 0
        assert time.monotonic() - asked >= 0.5
    assert [line["event"] for line in service.log] == ["started", "stopped"]


async def test_changed_settings_are_applied_and_a_bad_file_is_reported(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data", TRADER_ORDER_QUOTE=50.0)
    async with pretend(data) as service:
        await until(lambda: service.health.get("quote") == 50.0)
        write_document(data.settings, {"TRADER_ORDER_QUOTE": 70.0, "LOG_LEVEL": "ERROR"})
        await until(lambda: service.health.get("quote") == 70.0)
        assert service.health["seen"] == 1
        wrong = b'{"TRADER_ORDER_QUOTE": "many", "LOG_LEVEL": "ERROR"}'
        write_document(data.settings, wrong)
        await until(lambda: service.health["status"] == "degraded")
        assert "TRADER_ORDER_QUOTE is 'many'" in service.health["reason"]
        assert service.health["quote"] == 70.0
        assert data.settings.read_bytes() == wrong
        write_document(data.settings, {"TRADER_ORDER_QUOTE": 70.0, "LOG_LEVEL": "INFO"})
        await until(lambda: service.health["status"] == "ok")
        assert [event["data"]["new_status"] for event in spooled(data, "trader", "health_status_changed")] == [
            "degraded",
            "ok",
        ]
    words = [(line["event"], line["level"]) for line in service.log]
    assert words.count(("settings changed", "info")) == 1, "ERROR silenced the first, INFO brought the second back"


async def test_a_change_without_a_notification_is_found_and_an_unchanged_file_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, looks = data_directory(tmp_path / "data", TRADER_ORDER_QUOTE=50.0), 0
    read: list[int] = []

    class Deaf:
        """A watch without notifications; what happens at each look is in the body."""

        async def changes(self, timeout: float) -> set[Path]:
            nonlocal looks
            looks += 1
            if looks == 3:
                write_document(data.settings, {"TRADER_ORDER_QUOTE": 70.0})
            if looks == 6:
                data.settings.unlink()
            if looks == 7:
                (tmp_path / "limits.toml").write_text("TRADER_MAX_POSITIONS = 3")
            if looks == 9:
                raise asyncio.CancelledError
            return set()

    monkeypatch.setenv("CQ_LIMITS_FILE", str(tmp_path / "limits.toml"))

    def record() -> bool:
        read.append(looks)
        return False

    runtime = SimpleNamespace(data=data, reload_settings=record, settings_due_in=None)
    monkeypatch.setattr("cq_tui.services.runtime.watch_folders", lambda folders: nullcontext(Deaf()))
    with pytest.raises(asyncio.CancelledError):
        await _watch_settings(cast(ServiceRuntime, runtime), cast(Service, None))
    assert read == [0, 3, 6, 7]


async def test_a_setting_nobody_knows_is_in_the_log_once(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data", TRADER_MAX_POSITION=3)

    def said(name: str) -> int:
        return sum(f"did you mean {name}?" in str(line.get("problem")) for line in service.log)

    async with pretend(data) as service:
        await until(lambda: service.health)
        assert said("TRADER_MAX_POSITIONS") == 1
        write_document(data.settings, {"TRADER_MAX_POSITION": 3, "trading_state": "halted"})
        await until(lambda: said("TRADING_STATE"))
        assert said("TRADER_MAX_POSITIONS") == 1


async def test_a_crash_leaves_evidence_in_log_and_event(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data) as service:
        await until(lambda: service.health)
        service.order("crash")
        assert await service.ended() == 1
    crashed = next(line for line in service.log if line["event"] == "crashed")
    assert "RuntimeError: as ordered" in crashed["exception"]
    (stopped,) = spooled(data, "trader", "service_stopped")
    assert (stopped["data"]["reason"], stopped["data"]["exit_code"]) == ("crashed: RuntimeError: as ordered", 1)


async def test_commands_are_carried_out_answered_and_remembered(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    interrupted = issue_command(data, "known", "trader", issued_by="room")
    path = data.control / f"{interrupted.command_id}.json"
    path.rename(data.control / f"{interrupted.command_id}.trader.claimed")
    async with pretend(data) as service:
        await until(lambda: service.health)
        for command, outcome in (("known", "done"), ("unknown", "refused")):
            answer = await wait_for_answer(data, issue_command(data, command, "trader", issued_by="room"))
            assert answer.outcome == outcome
        assert (await wait_for_answer(data, interrupted)).outcome == "interrupted"
        await until(lambda: len(spooled(data, "trader", "command_executed")) == 3)
    outcomes = [event["data"]["outcome"] for event in spooled(data, "trader", "command_executed")]
    assert outcomes == ["interrupted", "done", "refused"]


async def test_events_wait_while_the_disk_refuses_and_come_later_in_order(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data) as service:
        await until(lambda: service.health)
        service.order("full")
        await until(lambda: service.health["status"] == "degraded")
        # The change of status is an event, too, and waits with them.
        assert re.match(r"[23] events cannot be written: .*trader\.ndjson: write failed", service.health["reason"])
        assert spooled(data, "trader", "e") == []
        service.order("room")
        await until(lambda: service.health["status"] == "ok")
    assert [event["data"]["number"] for event in spooled(data, "trader", "e")] == [1, 2]
    events = spooled(data, "trader")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    first, second = spooled(data, "trader", "e")
    assert first["occurred_at"] <= second["occurred_at"]


@pytest.mark.parametrize("content", [b"no event\n", None], ids=["rubbish", "folder"])
async def test_a_spool_that_cannot_be_opened_ends_nothing_and_is_opened_later(
    tmp_path: Path, content: bytes | None
) -> None:
    data = data_directory(tmp_path / "data")
    path = data.spool / "trader.ndjson"
    path.mkdir() if content is None else path.write_bytes(content)
    async with pretend(data) as service:
        await until(lambda: service.health.get("status") == "degraded")
        assert "trader.ndjson" in service.health["reason"]
        path.rename(data.quarantine / path.name)
        await until(lambda: service.health["status"] == "ok")
        assert await service.process.stop() == 0
    started, *_, stopped = spooled(data, "trader")
    assert (started["seq"], started["event_type"], stopped["event_type"]) == (1, "service_started", "service_stopped")


async def test_an_oversized_event_is_counted_reported_and_delays_no_other(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data) as service:
        await until(lambda: service.health)
        service.order("unspoolable")
        await until(lambda: service.health["status"] == "degraded")
        assert "1 event could not be written" in service.health["reason"]
        assert [event["data"] for event in spooled(data, "trader", "e")] == [{"number": 3}]


@pytest.mark.parametrize("where", ["health/trader.json", "control/x.json", "ssot/env.json"])
async def test_a_folder_in_place_of_a_file_stops_nothing(tmp_path: Path, where: str) -> None:
    data = data_directory(tmp_path / "data")
    (data.root / where).unlink(missing_ok=True)
    (data.root / where / "inside").mkdir(parents=True)
    async with pretend(data) as service:
        await until(lambda: data.log_of("trader").exists() and service.log)
        answer = await wait_for_answer(data, issue_command(data, "known", "trader", issued_by="room"))
        assert answer.outcome == "done"
        assert (data.root / where / "inside").is_dir()
        assert await service.process.stop() == 0


async def test_a_spool_that_lost_its_disk_ends_the_service_with_a_message(tmp_path: Path) -> None:
    """A sync that failed is never tried again: a new process looks what there is."""
    data = data_directory(tmp_path / "data")
    frame = ServiceRuntime("trader", data)
    frame.emit("e", {})
    assert frame._events._spool is not None
    journal = frame._events._spool._journal
    assert journal is not None
    journal._broken = "sync failed (Input/output error); restart the service"
    with pytest.raises(JournalBroken, match="sync failed"):
        frame.emit("e", {})
    with pytest.raises(JournalBroken, match="sync failed"):
        frame.publish_health(Health(service="trader", status="ok", last_update_ts=1.0, updated_within_sec=0.0))
    frame.close()


async def test_an_answer_that_the_disk_refuses_is_given_later(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    frame = ServiceRuntime("trader", data)
    command = issue_command(data, "known", "trader", issued_by="room")
    (claimed,) = frame.claim_commands()
    data.control_done.rmdir()
    frame.answer_command(claimed, "done", "as asked")
    assert not data.control_done.exists()
    data.control_done.mkdir()
    frame.publish_health(Health(service="trader", status="ok", last_update_ts=1.0, updated_within_sec=0.0))
    async with asyncio.timeout(5):
        assert (await wait_for_answer(data, command)).outcome == "done"
    frame.close()


def test_every_service_can_be_loaded() -> None:
    assert [load_service(name).name for name in SERVICES] == list(SERVICES)


async def test_an_invalid_environment_is_reported_before_anything_starts(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    async with pretend(data, PAPER_MODE="perhaps") as service:
        assert await service.ended() != 0
    assert os.listdir(data.health) == []


async def test_a_data_directory_that_was_open_to_others_is_closed_and_logged(tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    data.root.chmod(0o777)
    async with pretend(data) as service:
        await until(lambda: service.health.get("status") == "ok")
        problems = [line["problem"] for line in service.log if line["event"] == "data directory"]
    assert problems == [f"{data.root} (mode 0777) was open to other users. It is closed to them now"]
