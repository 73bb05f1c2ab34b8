"""A service that is alive but silent: named as hung, killed, started again. Real processes, real signals."""

import os
import signal
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from cq_tui.contracts.health import Health
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.status import read_status
from cq_tui.ops.verdict import Verdict
from cq_tui.store.document import write_document
from cq_tui.supervisor.hang_watch import HangWatch
from cq_tui.supervisor.managed_service import Report, read_report
from cq_tui.supervisor.process import WAITS_FOR_DISK, ServiceProcess, spawn_service
from cq_tui.supervisor.silence import SilenceLimits
from cq_tui.supervisor.supervisor import Supervisor
from tests.supervisor.pretend import report
from tests.supervisor.requests import events
from tests.supervisor.stage import Stage, in_state, states, until


def limits(service: str, seconds: float, *, startup: float = 60.0, grace: float = 0.5) -> SilenceLimits:
    """Short limits for one service; the others, on a busy machine, are not to be killed."""
    return SilenceLimits(dict.fromkeys(SERVICES, 60.0) | {service: seconds}, startup, grace)


def verdict(stage: Stage, service: str) -> Verdict:
    """What every reader shows."""
    return read_status(stage.data).verdicts[service]


def hung(stage: Stage, service: str) -> Callable[[], bool]:
    return lambda: verdict(stage, service).word == "hung"


async def restarted(supervisor: Supervisor, service: str) -> None:
    await until(lambda: supervisor.state_of(service).restarts >= 1)
    await until(in_state(supervisor, "running", service))


async def test_a_suspended_service_is_named_killed_and_started_again(stage: Stage) -> None:
    supervisor = stage.supervisor(limits=limits("trader", 2.0, grace=1.5))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        os.kill(before["trader"], signal.SIGSTOP)
        await until(hung(stage, "trader"))
        assert verdict(stage, "trader").reason == "no report for more than 2 s: suspended by a signal"
        await restarted(supervisor, "trader")
        await until(lambda: stage.pids().get("trader") not in (None, before["trader"]))
        assert supervisor.state_of("trader").hung is None
    (event,) = events(stage, "service_stopped")
    assert event["service"] == "trader"
    assert event["exit_code"] == -signal.SIGKILL
    words = event["reason"].split()
    assert words[:4] == ["hung:", "no", "report", "for"]
    assert words[6:] == ["suspended", "by", "a", "signal;", "killed"]


async def test_a_real_service_that_is_suspended_comes_back(stage: Stage) -> None:
    def launch(data: DataDir, service: str) -> ServiceProcess:
        if service != "memory":
            return stage.launch(data, service)
        process = spawn_service(data, service)
        stage.launched.append((service, process))
        return process

    supervisor = Supervisor(stage.data, launch=launch, silence_limits=limits("memory", 4.0))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running", "memory"))
        before = stage.pids()["memory"]
        os.kill(before, signal.SIGSTOP)
        await restarted(supervisor, "memory")
        assert stage.pids()["memory"] != before
    reasons = [event["reason"] for event in events(stage, "service_stopped") if event["service"] == "memory"]
    assert reasons[0].startswith("hung: no report for ")


async def test_an_endless_loop_is_a_hang(stage: Stage) -> None:
    stage.behavior["ares"] = ["loops_forever"]
    supervisor = stage.supervisor(limits=limits("ares", 2.0))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        (stage.data.root / "loop").touch()
        await until(lambda: supervisor.state_of("ares").hung)
        assert supervisor.state_of("ares").state == "running"
        (stage.data.root / "loop").unlink()
        await restarted(supervisor, "ares")


async def test_a_process_that_never_reports_has_the_startup_limit(stage: Stage) -> None:
    stage.behavior["trader"] = ["never_reports"]
    supervisor = stage.supervisor(limits=limits("trader", 1.0, startup=3.0))
    async with stage.supervised(supervisor):
        began = time.monotonic()
        await until(lambda: supervisor.state_of("trader").state == "starting")
        await until(hung(stage, "trader"))
        assert time.monotonic() - began >= 3.0
        assert verdict(stage, "trader").reason == "no report 3 s after its start"
        stage.behavior.clear()
        await restarted(supervisor, "trader")


async def test_one_that_reports_again_is_left_alone(stage: Stage) -> None:
    supervisor = stage.supervisor(limits=limits("exchange", 1.0, grace=60.0))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        before = stage.pids()["exchange"]
        os.kill(before, signal.SIGSTOP)
        await until(lambda: supervisor.state_of("exchange").hung)
        os.kill(before, signal.SIGCONT)
        await until(lambda: supervisor.state_of("exchange").hung is None)
        assert stage.pids()["exchange"] == before
        assert supervisor.state_of("exchange").restarts == 0
    assert events(stage, "service_stopped") == []


class StubProcess(ServiceProcess):
    """A process that names its obstacle and counts the kills."""

    obstacle: str | None = None
    kills = 0

    def describe_obstacle(self) -> str | None:
        return self.obstacle

    def send_signal(self, number: signal.Signals) -> None:
        assert number == signal.SIGKILL
        self.kills += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass."""
    now = [1000.0]
    monkeypatch.setattr("cq_tui.supervisor.hang_watch.time.monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_what_waits_for_the_disk_is_named_and_not_killed(clock: Callable[[float], None]) -> None:
    process = StubProcess(4711, 0.0)
    process.obstacle = WAITS_FOR_DISK
    watch = HangWatch("memory", process, SilenceLimits({"memory": 5.0}))
    ours = Report(Health(service="memory", status="ok", last_update_ts=1.0, updated_within_sec=0.0, pid=4711), (1,) * 4)
    assert watch.look(ours, can_write=True) is None
    for _ in range(60):
        clock(2.0)
        said = watch.look(ours, can_write=True)
    assert said == "no report for more than 5 s: waits for the disk"
    assert process.kills == 0
    process.obstacle = None
    for _ in range(10):
        # Killed once, even if the kill itself has to wait.
        assert watch.look(ours, can_write=True) == "no report for more than 5 s"
        clock(2.0)
    assert (process.kills, process.kill_reason) == (1, "hung: no report for 120 s; killed")


@pytest.mark.parametrize(("can_write", "is_unreadable"), [(False, False), (True, True)])
def test_silence_that_is_not_the_service_s_own_kills_nobody(
    clock: Callable[[float], None], can_write: bool, is_unreadable: bool
) -> None:
    process = StubProcess(4711, 0.0)
    watch = HangWatch("trader", process, SilenceLimits({"trader": 5.0}, startup=5.0))
    for _ in range(60):
        assert watch.look(Report(None, None, is_unreadable), can_write=can_write) is None
        clock(2.0)
    assert process.kills == 0


async def test_a_full_disk_kills_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[object] = []

    def refuse(path: object, *_: object, **__: object) -> None:
        refused.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cq_tui.supervisor.supervisor._HEARTBEAT_INTERVAL", 0.2)
    monkeypatch.setattr("cq_tui.supervisor.recorder.write_document", refuse)
    stage.behavior["ares"] = ["never_reports"]
    supervisor = stage.supervisor(limits=SilenceLimits(dict.fromkeys(SERVICES, 60.0), startup=0.4, grace=0.1))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "starting", "ares"))
        seen = len(refused)
        await until(lambda: len(refused) > seen + 10)
        assert supervisor.state_of("ares").hung is None
        assert supervisor.state_of("ares").restarts == 0
        monkeypatch.setattr("cq_tui.supervisor.recorder.write_document", write_document)
        await until(lambda: supervisor.state_of("ares").restarts == 1)


async def test_a_pause_of_the_supervisor_kills_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The computer slept: hours have gone by at once, and a service has yet to wake up."""
    looks, slept = [0.0], [0.0]

    def monotonic() -> float:
        looks.append(time.clock_gettime(time.CLOCK_MONOTONIC) + slept[0])
        return looks[-1]

    monkeypatch.setattr("cq_tui.supervisor.supervisor._RUNNING_POLL", 0.2)
    monkeypatch.setattr("cq_tui.supervisor.hang_watch.time", SimpleNamespace(monotonic=monotonic))
    supervisor = stage.supervisor(limits=SilenceLimits(dict.fromkeys(SERVICES, 20.0), grace=1.0))
    async with stage.supervised(supervisor):
        await until(in_state(supervisor, "running"))
        before = stage.pids()
        os.kill(before["feeder"], signal.SIGSTOP)
        slept[0] = 8 * 3600.0
        seen = len(looks)
        # Each of the five was looked at more than once.
        await until(lambda: len(looks) > seen + 10)
        assert states(supervisor)["feeder"].hung is None
        os.kill(before["feeder"], signal.SIGCONT)
        await until(lambda: len(looks) > seen + 20)
        assert stage.pids() == before
    assert events(stage, "service_stopped") == []


def test_reports_are_told_apart(stage: Stage) -> None:
    data = stage.data
    assert read_report(data, "ares") == Report(None, None)
    data.health_of("ares").mkdir()
    assert read_report(data, "ares").is_unreadable
    data.health_of("ares").rmdir()
    seen = set()
    for _ in range(50):
        # A clock that was never set gives every report the same time.
        report("ares", data.root, ready=True)
        found = read_report(data, "ares")
        assert found.is_from(os.getpid())
        assert found.identity not in seen
        seen = {found.identity}
