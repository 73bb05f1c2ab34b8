"""Commands to a supervisor: start and stop services, shut down, hand over."""

import asyncio
import os
import signal
import time

import pytest

from cq_tui.contracts.commands import Command, CommandOutcome
from cq_tui.contracts.layout import SERVICES
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.document import write_document
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.desired_state import read_desired_state
from tests.supervisor.requests import events, send_command
from tests.supervisor.stage import Stage, in_state, until


@pytest.fixture
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come soon."""
    monkeypatch.setattr("cq_tui.supervisor.supervisor._HEARTBEAT_INTERVAL", 0.2)


async def test_services_stop_in_reverse_order(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.stop_all()
        assert in_state(supervisor, "stopped")()
        assert stage.pids() == {}
        expected = [f"{name} {word}" for name in reversed(SERVICES) for word in ("asked", "ended")]
        assert stage.told() == expected
        assert {read_desired_state(stage.data, name) for name in SERVICES} == {"stopped"}
    assert len(stage.launched) == 5


async def test_nothing_is_started_while_everything_is_stopped(stage: Stage) -> None:
    stage.behavior["trader"] = ["takes_its_time"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        stopping = asyncio.create_task(supervisor.stop_all())
        await until(in_state(supervisor, "stopping", "trader"))
        os.kill(stage.pids()["memory"], signal.SIGKILL)
        await until(lambda: "memory" not in stage.pids())
        (stage.data.root / "enough").touch()
        await stopping
        assert in_state(supervisor, "stopped")()
    assert stage.pids() == {}
    assert len(stage.launched) == 5


async def test_a_stopped_service_stays_stopped(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.stop("trader")
        assert "trader" not in stage.pids()
        # Another service's fate wakes its keeper.
        os.kill(stage.pids()["memory"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("memory").restarts == 1)
        await until(in_state(supervisor, "running", "memory"))
        assert supervisor.state_of("trader").state == "stopped"
        assert stage.report().services["trader"].wanted == "stopped"
    assert stage.launches("trader") == 1


async def test_the_desired_state_survives_its_supervisor(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.stop("trader")
    # It died, for all that the next one knows.
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running", "exchange", "memory", "feeder", "ares"))
        assert supervisor.state_of("trader").wanted == "stopped"
        assert len(stage.launched) == 5
        await supervisor.stop_all()
    async with stage.supervised() as supervisor:
        # After one that was asked to end, everything is wanted again.
        await until(in_state(supervisor, "running"))
    assert stage.launches("trader") == 2
    (died,) = events(stage, "service_stopped")
    assert died["service"] == "supervisor"


async def test_concurrent_stops_and_starts_end_with_one_process(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        for _ in range(3):
            await asyncio.gather(supervisor.stop("ares"), supervisor.restart("ares"), supervisor.start("ares"))
            await supervisor.start("ares")
            await until(in_state(supervisor, "running", "ares"))
        alive = [process.pid for name, process in stage.launched if name == "ares" and process.is_running()]
        assert alive == [stage.pids()["ares"]] == [supervisor.state_of("ares").pid]
        assert supervisor.state_of("ares").restarts == 0


async def test_a_start_does_not_wait_for_the_backoff(stage: Stage) -> None:
    supervisor = stage.supervisor()
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        charge = supervisor._managed["ares"]
        charge.policy.initial_delay = 1000.0
        os.kill(stage.pids()["ares"], signal.SIGKILL)
        await until(in_state(supervisor, "backoff", "ares"))
        assert charge.not_before - time.monotonic() > 10
        await supervisor.start("ares")
        await until(in_state(supervisor, "running", "ares"))


async def test_viewers_send_commands_through_files(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        assert (await send_command(stage, "stop_service", "feeder")).outcome == "done"
        assert "feeder" not in stage.pids()
        assert (await send_command(stage, "start_service", "feeder")).outcome == "done"
        assert (await send_command(stage, "restart_service", "memory")).outcome == "done"
        await until(in_state(supervisor, "running"))
        assert stage.pids()["feeder"] != before["feeder"]
        assert stage.pids()["memory"] != before["memory"]
        refused = [await send_command(stage, "start_service", "butler"), await send_command(stage, "dance", "feeder")]
        refused.append(await send_command(stage, "stop_service"))
        assert {answer.outcome for answer in refused} == {"refused"}
        assert "butler" in refused[0].message
        assert "dance" in refused[1].message
    told = [(event["command"], event["outcome"]) for event in events(stage, "command_executed")]
    assert told == [
        ("stop_service", "done"),
        ("start_service", "done"),
        ("restart_service", "done"),
        ("start_service", "refused"),
        ("dance", "refused"),
        ("stop_service", "refused"),
    ]


async def test_shut_down_stops_the_services_then_the_supervisor(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert not supervisor.ended.is_set()
        answer = await send_command(stage, "shut_down")
        assert (answer.outcome, stage.pids()) == ("done", {})
        assert supervisor.ended.is_set()
        assert read_holder(stage.data.lock_of("supervisor")) is not None
    assert read_holder(stage.data.lock_of("supervisor")) is None


async def test_an_interrupted_command_is_answered_by_the_next_supervisor(stage: Stage) -> None:
    command = issue_command(stage.data, "stop_service", "supervisor", issued_by="room", target="feeder")
    (stage.data.control / f"{command.command_id}.json").rename(
        stage.data.control / f"{command.command_id}.supervisor.claimed"
    )
    async with stage.supervised() as supervisor:
        assert (await wait_for_answer(stage.data, command)).outcome == "interrupted"
        await until(in_state(supervisor, "running"))


@pytest.mark.usefixtures("_quick_beats")
async def test_a_slow_stop_does_not_delay_reports(stage: Stage) -> None:
    stage.behavior["trader"] = ["takes_its_time"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        asked = asyncio.create_task(send_command(stage, "stop_service", "trader"))
        await until(in_state(supervisor, "stopping", "trader"))
        first = stage.report().last_update_ts
        await until(lambda: stage.report().last_update_ts > first + 0.3)
        assert not asked.done()
        assert stage.report().services["trader"].state == "stopping"
        (stage.data.root / "enough").touch()
        assert (await asked).outcome == "done"


async def test_a_desired_state_that_cannot_be_written_still_applies(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        path = stage.data.desired_state_of("trader")
        path.mkdir()
        await supervisor.stop("trader")
        assert "trader" not in stage.pids()
        await until(lambda: stage.report().status == "degraded")
        assert str(path) in (stage.report().reason or "")
        path.rmdir()
        await supervisor.start("trader")
        await until(in_state(supervisor, "running"))
        await until(lambda: stage.report().status == "ok")


@pytest.mark.usefixtures("_quick_beats")
async def test_a_file_instead_of_the_inbox_does_not_end_supervision(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        done = stage.data.control_done
        done.rmdir()
        done.write_text("")
        issue_command(stage.data, "stop_service", "supervisor", issued_by="room", target="trader")
        await until(in_state(supervisor, "stopped", "trader"))
        await until(lambda: stage.report().status == "degraded")
        done.unlink()
        done.mkdir()
        assert (await send_command(stage, "start_service", "trader")).outcome == "done"
        await until(in_state(supervisor, "running"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_command_of_another_owner_is_refused_and_remembered_but_stops_a_service(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        answers = [await send_as_another_user(stage, word) for word in ("restart_service", "stop_service")]
        assert [answer.outcome for answer in answers] == ["refused", "done"]
        assert supervisor.state_of("ares").state == "stopped"
    refused, stopped = events(stage, "command_executed")
    assert (refused["command"], refused["outcome"]) == ("restart_service", "refused")
    assert "belongs to user 54321" in refused["message"]
    assert (stopped["command"], stopped["outcome"]) == ("stop_service", "done")
    assert len(stage.launched) == 5


async def send_as_another_user(stage: Stage, word: str) -> CommandOutcome:
    now = time.time()
    command = Command(
        command_id=word, command=word, service="supervisor", target="ares", issued_by="x", issued_ts=now,
        expires_ts=now + 30,
    )  # fmt: skip
    hidden = stage.data.control / word
    write_document(hidden, command)
    os.chown(hidden, 54_321, 54_321)
    hidden.rename(stage.data.control / f"{word}.json")
    return await wait_for_answer(stage.data, command)
