"""The supervisor over real processes that pretend to be services."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.commands import CommandOutcome
from cq_tui.contracts.layout import SERVICES
from cq_tui.store.control import issue, wait_for_answer
from cq_tui.store.lock import read_holder
from cq_tui.store.settings_file import change_settings
from cq_tui.supervisor.process import find
from cq_tui.supervisor.supervisor import NEEDS
from cq_tui.supervisor.wanted import read_wanted
from tests.supervisor.stage import Stage, in_state, staged, states, until


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "data") as stage:
        yield stage


def events(stage: Stage, event_type: str) -> list[dict[str, Any]]:
    spool = stage.data.spool / "supervisor.ndjson"
    lines = map(orjson.loads, spool.read_bytes().splitlines()) if spool.exists() else []
    return [line["data"] for line in lines if line["event_type"] == event_type]


async def ask(stage: Stage, command: str, target: str | None = None) -> CommandOutcome:
    """What a viewer does: ask the supervisor through a file."""
    return await wait_for_answer(stage.data, issue(stage.data, command, "supervisor", issued_by="room", target=target))


async def test_everything_starts_in_the_order_of_need(stage: Stage) -> None:
    stage.behaviour["exchange"] = ["never_ready"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running", "memory", "ares"))
        assert in_state(supervisor, "waiting", "feeder", "trader")()
        assert supervisor.state_of("feeder").reason == "waits for exchange"
        assert supervisor.state_of("exchange").reason == "better days"
        assert [name for name, _ in stage.launched] == ["exchange", "memory", "ares"]
        stage.behaviour.clear()
        await supervisor.restart("exchange")
        await until(in_state(supervisor, "running"))
    assert set(NEEDS["trader"]) == {"exchange", "memory"}


async def test_paper_starts_with_the_feeder_whose_prices_the_exchange_needs(stage: Stage) -> None:
    change_settings(stage.data.settings, {"SIMULATION_MODE": False, "PAPER_MODE": True})
    async with stage.supervised() as supervisor:
        await until(lambda: all(supervisor.state_of(name).state == "running" for name in SERVICES))
        order = [name for name, _ in stage.launched]
        assert order.index("feeder") < order.index("exchange") < order.index("trader")


async def test_each_runs_in_its_own_session(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert {os.getsid(pid) for pid in stage.pids().values()} == set(stage.pids().values())


async def test_a_killed_service_is_noticed_and_started_again(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        os.kill(before["trader"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("trader").state != "running", patience=1.0)
        await until(in_state(supervisor, "running"))
        after = stage.pids()
        assert supervisor.state_of("trader").restarts == 1
    assert after.pop("trader") != before.pop("trader")
    assert after == before
    (event,) = events(stage, "service_stopped")
    assert (event["service"], event["reason"], event["exit_code"]) == ("trader", "killed by signal SIGKILL", -9)


async def test_a_service_that_crashes_on_start_is_given_up_and_forgiven_on_request(stage: Stage) -> None:
    stage.behaviour["ares"] = ["crashes"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "gave_up", "ares"))
        assert stage.launches("ares") == 5
        reason = "crashed 5 times in 60 s, last: exit code 1: no luck today"
        assert supervisor.state_of("ares").reason == reason
        report = stage.report()
        assert (report.status, report.reason) == ("error", "gave up on ares")
        assert report.services["ares"].reason == reason
        await until(in_state(supervisor, "running", "exchange", "memory", "feeder", "trader"))
        # News of others, or of the same settings, is no reason to try again.
        os.kill(stage.pids()["feeder"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("feeder").restarts == 1)
        await until(in_state(supervisor, "running", "feeder"))
        assert stage.launches("ares") == 5
        stage.behaviour.clear()
        assert (await ask(stage, "start_service", "ares")).outcome == "done"
        await until(in_state(supervisor, "running"))
        assert stage.report().status == "ok"
    assert len(events(stage, "service_stopped")) == 6


async def test_new_settings_give_a_service_another_try(stage: Stage) -> None:
    stage.behaviour["exchange"] = ["crashes"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "gave_up", "exchange"))
        # What waits for a service that is given up waits no longer.
        await until(in_state(supervisor, "running", "feeder", "trader"))
        stage.behaviour.clear()
        change_settings(stage.data.settings, {"SIMULATOR_SEED": 7})
        await until(in_state(supervisor, "running"))


async def test_what_cannot_be_started_is_given_up(stage: Stage) -> None:
    def fail() -> None:
        raise OSError(12, "Cannot allocate memory")

    stage.before_launch["memory"] = fail
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "gave_up", "memory"))
        assert supervisor.state_of("memory").reason == "cannot be started: Cannot allocate memory"
        await supervisor.start("memory")
        await until(in_state(supervisor, "running"))


async def test_exit_code_3_adopts_the_holder_of_the_lock(stage: Stage) -> None:
    def come_first() -> None:
        stage.launch(stage.data, "memory")
        end = time.monotonic() + 30
        while find(stage.data, "memory") is None:
            assert time.monotonic() < end
            time.sleep(0.01)

    stage.before_launch["memory"] = come_first
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        (_, first), (_, second) = [each for each in stage.launched if each[0] == "memory"]
        await until(lambda: supervisor.state_of("memory").pid == first.pid)
        assert second.exit_code == 3
        assert supervisor.state_of("memory").restarts == 0
    assert events(stage, "service_stopped") == []


async def test_only_one_supervises(stage: Stage) -> None:
    first, second = stage.supervisor(), stage.supervisor()
    assert first.acquire()
    assert not second.acquire()
    assert (first.holds, second.holds) == (True, False)
    first.release()
    assert second.acquire()
    second.release()


async def test_the_next_supervisor_adopts_what_runs(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
    before = stage.pids()
    assert len(before) == 5
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert {name: state.pid for name, state in states(supervisor).items()} == before
        assert len(stage.launched) == 5
        # It is watched over like a child of our own.
        os.kill(before["memory"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("memory").restarts == 1, patience=1.0)
        await until(in_state(supervisor, "running"))
    assert stage.pids()["memory"] != before["memory"]


async def test_stopping_everything_goes_from_the_last_to_the_first(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.stop_all()
        assert in_state(supervisor, "stopped")()
        assert stage.pids() == {}
        expected = [f"{name} {word}" for name in reversed(SERVICES) for word in ("asked", "ended")]
        assert stage.told() == expected
        assert {read_wanted(stage.data, name) for name in SERVICES} == {"stopped"}
    assert len(stage.launched) == 5


async def test_nothing_is_started_while_everything_is_stopped(stage: Stage) -> None:
    stage.behaviour["trader"] = ["takes_its_time"]
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


async def test_the_wish_outlives_its_supervisor(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.stop("trader")
    async with stage.supervised(stage.supervisor(keep_wanted=True)) as supervisor:
        await until(in_state(supervisor, "running", "exchange", "memory", "feeder", "ares"))
        assert supervisor.state_of("trader").wanted == "stopped"
        assert len(stage.launched) == 5
    async with stage.supervised() as supervisor:
        # Somebody opened the room, or said `up`: everything is wanted again.
        await until(in_state(supervisor, "running"))
    assert stage.launches("trader") == 2


async def test_stops_and_starts_at_the_same_time_end_in_one_process(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        for _ in range(3):
            await asyncio.gather(supervisor.stop("ares"), supervisor.restart("ares"), supervisor.start("ares"))
            await supervisor.start("ares")
            await until(in_state(supervisor, "running", "ares"))
        alive = [process.pid for name, process in stage.launched if name == "ares" and process.alive()]
        assert alive == [stage.pids()["ares"]] == [supervisor.state_of("ares").pid]
        assert supervisor.state_of("ares").restarts == 0


async def test_a_start_does_not_wait_for_the_backoff(stage: Stage) -> None:
    supervisor = stage.supervisor()
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        charge = supervisor._charges["ares"]
        charge.policy.first_delay = 1000.0
        os.kill(stage.pids()["ares"], signal.SIGKILL)
        await until(in_state(supervisor, "backoff", "ares"))
        assert charge.not_before - time.monotonic() > 10
        await supervisor.start("ares")
        await until(in_state(supervisor, "running", "ares"))


async def test_leaving_the_simulation_stops_the_exchange(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        change_settings(stage.data.settings, {"SIMULATION_MODE": False})
        await until(in_state(supervisor, "stopped", "exchange"))
        assert supervisor.state_of("exchange").reason == "not needed in this mode"
        assert supervisor.state_of("exchange").wanted == "running"
        os.kill(stage.pids()["trader"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("trader").restarts == 1)
        await until(in_state(supervisor, "running", "trader"))
        change_settings(stage.data.settings, {"SIMULATION_MODE": True})
        await until(in_state(supervisor, "running"))


async def test_viewers_ask_through_files(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        assert (await ask(stage, "stop_service", "feeder")).outcome == "done"
        assert "feeder" not in stage.pids()
        assert (await ask(stage, "start_service", "feeder")).outcome == "done"
        assert (await ask(stage, "restart_service", "memory")).outcome == "done"
        await until(in_state(supervisor, "running"))
        assert stage.pids()["feeder"] != before["feeder"]
        assert stage.pids()["memory"] != before["memory"]
        refused = [await ask(stage, "start_service", "butler"), await ask(stage, "dance", "feeder")]
        refused.append(await ask(stage, "stop_service"))
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


async def test_shut_down_ends_everything_and_then_the_supervisor(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert not supervisor.ended.is_set()
        answer = await ask(stage, "shut_down")
        assert (answer.outcome, stage.pids()) == ("done", {})
        assert supervisor.ended.is_set()
        assert read_holder(stage.data.lock_of("supervisor")) is not None
    assert read_holder(stage.data.lock_of("supervisor")) is None
    # A room that stays can take over again.
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        assert not supervisor.ended.is_set()


async def test_an_order_cut_short_is_answered_by_the_next(stage: Stage) -> None:
    command = issue(stage.data, "stop_service", "supervisor", issued_by="room", target="feeder")
    (stage.data.control / f"{command.command_id}.json").rename(
        stage.data.control / f"{command.command_id}.supervisor.claimed"
    )
    async with stage.supervised() as supervisor:
        assert (await wait_for_answer(stage.data, command)).outcome == "interrupted"
        await until(in_state(supervisor, "running"))


async def test_a_slow_stop_holds_up_no_report(stage: Stage) -> None:
    stage.behaviour["trader"] = ["takes_its_time"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        asked = asyncio.create_task(ask(stage, "stop_service", "trader"))
        await until(in_state(supervisor, "stopping", "trader"))
        first = stage.report().last_update_ts
        await until(lambda: stage.report().last_update_ts > first + 1.0)
        assert not asked.done()
        assert stage.report().services["trader"].state == "stopping"
        (stage.data.root / "enough").touch()
        assert (await asked).outcome == "done"


async def test_a_wish_that_cannot_be_written_still_holds(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        path = stage.data.wanted_of("trader")
        path.unlink()
        path.mkdir()
        await supervisor.stop("trader")
        assert "trader" not in stage.pids()
        await until(lambda: stage.report().status == "degraded")
        assert str(path) in (stage.report().reason or "")
        path.rmdir()
        await supervisor.start("trader")
        await until(in_state(supervisor, "running"))
        await until(lambda: stage.report().status == "ok")


async def test_a_damaged_spool_keeps_nothing_from_running(stage: Stage) -> None:
    spool = stage.data.spool / "supervisor.ndjson"
    spool.write_text("no event\n")
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await until(lambda: stage.report().status == "degraded")
        assert "no spooled event" in (stage.report().reason or "")
    assert spool.read_text() == "no event\n"


async def test_a_bad_settings_file_is_named_and_changes_nothing(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        stage.data.settings.write_text('{"SIMULATION_MODE": "perhaps"}')
        await until(lambda: stage.report().status == "degraded")
        assert "SIMULATION_MODE is 'perhaps'" in (stage.report().reason or "")
        assert in_state(supervisor, "running")()


async def test_a_folder_in_the_place_of_the_inbox_is_no_end(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        done = stage.data.control_done
        done.rmdir()
        done.write_text("")
        issue(stage.data, "stop_service", "supervisor", issued_by="room", target="trader")
        await until(in_state(supervisor, "stopped", "trader"))
        await until(lambda: stage.report().status == "degraded")
        done.unlink()
        done.mkdir()
        assert (await ask(stage, "start_service", "trader")).outcome == "done"
        await until(in_state(supervisor, "running"))


async def test_what_happens_is_logged(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        os.kill(stage.pids()["ares"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("ares").restarts == 1)
    lines = [orjson.loads(line) for line in stage.data.log_of("supervisor").read_bytes().splitlines()]
    crash = next(line for line in lines if line["event"] == "ares backoff")
    assert (crash["level"], crash["reason"]) == ("warning", "killed by signal SIGKILL")
    assert all(line["service"] == "supervisor" and abs(line["ts"] - time.time()) < 600 for line in lines)


async def test_usage_is_measured(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await until(lambda: (stage.report().services["memory"].memory_mb or 0) > 1)
        await until(lambda: stage.report().services["memory"].cpu_percent is not None)


async def test_handing_over_stops_nothing(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
    before = stage.pids()
    assert supervisor.acquire()
    await supervisor.stop("trader")
    supervisor.hand_over()
    lock = stage.data.lock_of("supervisor")
    await until(lambda: read_holder(lock) is not None)
    holder = read_holder(lock)
    assert holder is not None
    assert (holder.pid, holder.kind) != (os.getpid(), "room")
    try:
        await until(lambda: stage.report().pid == holder.pid)
        await until(
            lambda: [state.state for state in stage.report().services.values()] == ["running"] * 4 + ["stopped"]
        )
        report = stage.report()
        assert {name: report.services[name].pid for name in before} == before | {"trader": None}
        assert report.kind == "headless"
    finally:
        os.kill(holder.pid, signal.SIGTERM)
        successor = supervisor._successor
        assert successor is not None
        await until(lambda: not successor.alive())
    assert successor.exit_code == 0
    assert stage.pids() == {}
    assert stage.told()[2::2] == [f"{name} asked" for name in ("ares", "feeder", "memory", "exchange")]
