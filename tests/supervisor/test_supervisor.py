"""The supervisor over fake services in real processes: started, restarted, adopted."""

import os
import signal
import sys
import time

import orjson
import pytest

from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.settings import SECRET_KEYS
from cq_tui.store.document import write_document
from cq_tui.store.settings_file import change_settings
from cq_tui.supervisor.process import find_process
from tests.supervisor.requests import events, send_command
from tests.supervisor.stage import Stage, in_state, states, until


async def test_services_start_together_and_none_waits_for_another(stage: Stage) -> None:
    stage.behavior["exchange"] = stage.behavior["memory"] = ["never_ready"]
    async with stage.supervised() as supervisor:
        # What each of them waits for it says itself.
        await until(in_state(supervisor, "running", "feeder", "ares", "trader"))
        await until(lambda: supervisor.state_of("exchange").reason == "better days")
        assert in_state(supervisor, "starting", "exchange", "memory")()
        assert [name for name, _ in stage.launched] == list(SERVICES)


async def test_each_runs_in_its_own_session(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert {os.getsid(pid) for pid in stage.pids().values()} == set(stage.pids().values())


@pytest.fixture
def _told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit of a running process is notified, or never noticed."""
    if sys.platform == "linux":
        monkeypatch.setattr("cq_tui.supervisor.supervisor._RUNNING_POLL", 3_600.0)


@pytest.mark.usefixtures("_told_only")
async def test_a_killed_service_is_restarted(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        os.kill(before["trader"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("trader").restarts == 1)
        await until(in_state(supervisor, "running"))
        after = stage.pids()
        state = supervisor.state_of("trader")
        assert (state.restarts, state.last_stop_reason) == (1, "killed by signal SIGKILL")
        assert state.last_stopped_ts is not None
        assert state.last_recovered_ts is not None
        assert 0 <= state.last_recovered_ts - state.last_stopped_ts < 30
        assert stage.report().services["trader"].last_recovered_ts == state.last_recovered_ts
        assert stage.report().services["ares"].last_stopped_ts is None
    assert after.pop("trader") != before.pop("trader")
    assert after == before
    (event,) = events(stage, "service_stopped")
    assert (event["service"], event["reason"], event["exit_code"]) == ("trader", "killed by signal SIGKILL", -9)


async def test_what_is_asked_for_is_no_stop_to_tell_of(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await supervisor.restart("ares")
        await until(in_state(supervisor, "running"))
        assert supervisor.state_of("ares").last_stopped_ts is None
    lines = [orjson.loads(line)["event"] for line in stage.data.log_of("supervisor").read_bytes().splitlines()]
    # A restart passes no state that reads as if the service stayed down.
    assert "ares stopping" in lines
    assert "ares stopped" not in lines


async def test_the_next_supervisor_knows_of_stops_and_notices_those_that_nobody_saw(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        os.kill(stage.pids()["ares"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("ares").last_recovered_ts is not None)
        told = supervisor.state_of("ares")
    unseen = stage.pids()["memory"]
    os.kill(unseen, signal.SIGKILL)
    await until(lambda: find_process(stage.data, "memory") is None)
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        ares, memory = supervisor.state_of("ares"), supervisor.state_of("memory")
        assert (ares.last_stopped_ts, ares.last_recovered_ts) == (told.last_stopped_ts, told.last_recovered_ts)
        assert memory.last_stop_reason == "ended while no supervisor was running"
        assert memory.last_recovered_ts is not None
        assert supervisor.state_of("feeder").last_stopped_ts is None
        await supervisor.stop_all()
    stops = [(event["service"], event["pid"]) for event in events(stage, "service_stopped")][1:]
    assert stops == [("memory", unseen), ("supervisor", os.getpid())]
    # What was stopped on purpose did not end by itself.
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        assert supervisor.state_of("feeder").last_stopped_ts is None
        assert len(events(stage, "service_stopped")) == 3


async def test_a_service_that_keeps_crashing_is_given_up_until_a_request(stage: Stage) -> None:
    stage.behavior["ares"] = ["crashes"]
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
        stage.behavior.clear()
        assert (await send_command(stage, "start_service", "ares")).outcome == "done"
        await until(in_state(supervisor, "running"))
        assert stage.report().status == "ok"
    assert len(events(stage, "service_stopped")) == 6


async def test_new_settings_restart_a_service_that_was_given_up(stage: Stage) -> None:
    stage.behavior["exchange"] = ["crashes"]
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "gave_up", "exchange"))
        stage.behavior.clear()
        change_settings(stage.data.settings, {"SIMULATOR_SEED": 7})
        await until(in_state(supervisor, "running"))


async def test_a_service_that_cannot_be_started_is_given_up(stage: Stage) -> None:
    def fail() -> None:
        raise OSError(12, "Cannot allocate memory")

    def fail_for_a_file() -> None:
        raise OSError(21, "is no regular file. Move it away", "logs/ares.out")

    stage.before_launch |= {"memory": fail, "ares": fail_for_a_file}
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "gave_up", "memory"))
        assert supervisor.state_of("memory").reason == "cannot be started: Cannot allocate memory"
        await until(in_state(supervisor, "gave_up", "ares"))
        named = "cannot be started: logs/ares.out: is no regular file. Move it away"
        assert supervisor.state_of("ares").reason == named
        await supervisor.start("memory")
        await supervisor.start("ares")
        await until(in_state(supervisor, "running"))


async def test_exit_code_3_adopts_the_holder_of_the_lock(stage: Stage) -> None:
    def come_first() -> None:
        stage.launch(stage.data, "memory")
        end = time.monotonic() + 30
        while find_process(stage.data, "memory") is None:
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


async def test_only_one_supervisor_holds_the_lock(stage: Stage) -> None:
    first, second = stage.supervisor(), stage.supervisor()
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


@pytest.mark.usefixtures("_told_only")
async def test_the_next_supervisor_adopts_running_services(stage: Stage) -> None:
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
        await until(lambda: supervisor.state_of("memory").restarts == 1)
        await until(in_state(supervisor, "running"))
    assert stage.pids()["memory"] != before["memory"]


async def test_leaving_the_simulation_stops_the_exchange(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        change_settings(stage.data.settings, {"SIMULATION_MODE": False, **dict.fromkeys(SECRET_KEYS, "x")})
        await until(in_state(supervisor, "stopped", "exchange"))
        assert supervisor.state_of("exchange").reason == "not needed in this mode"
        assert supervisor.state_of("exchange").wanted == "running"
        os.kill(stage.pids()["trader"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("trader").restarts == 1)
        await until(in_state(supervisor, "running", "trader"))
        change_settings(stage.data.settings, {"SIMULATION_MODE": True})
        await until(in_state(supervisor, "running"))


async def test_a_damaged_spool_does_not_stop_the_services(stage: Stage) -> None:
    spool = stage.data.spool / "supervisor.ndjson"
    spool.write_text("no event\n")
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        await until(lambda: stage.report().status == "degraded")
        assert "no spooled event" in (stage.report().reason or "")
    assert spool.read_text() == "no event\n"


async def test_events_wait_for_a_spool_that_can_be_written(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cq_tui.supervisor.supervisor._HEARTBEAT_INTERVAL", 0.2)
    spool = stage.data.spool / "supervisor.ndjson"
    spool.mkdir()
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        os.kill(stage.pids()["ares"], signal.SIGKILL)
        await until(lambda: supervisor.state_of("ares").restarts == 1)
        await until(lambda: "1 event cannot be written" in (stage.report().reason or ""))
        spool.rmdir()
        await until(lambda: stage.report().status == "ok")
    (event,) = events(stage, "service_stopped")
    assert event["service"] == "ares"


async def test_a_bad_settings_file_is_named_and_changes_nothing(stage: Stage) -> None:
    async with stage.supervised() as supervisor:
        await until(in_state(supervisor, "running"))
        write_document(stage.data.settings, b'{"SIMULATION_MODE": "perhaps"}')
        await until(lambda: stage.report().status == "degraded")
        assert "SIMULATION_MODE is 'perhaps'" in (stage.report().reason or "")
        assert in_state(supervisor, "running")()


async def test_state_changes_are_logged(stage: Stage) -> None:
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
