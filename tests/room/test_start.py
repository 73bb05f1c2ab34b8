"""While the stack starts and all is well, the room alarms nobody: not in a fresh directory, not in yesterday's."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from textual.pilot import Pilot

from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.runfiles import DesiredState
from cq_tui.ops.render import status_lines
from cq_tui.ops.status import read_status
from cq_tui.room.app import RoomApp
from cq_tui.store.document import write_document
from cq_tui.supervisor.process import ServiceProcess
from tests.room.calm import ALARMING, find_alarms
from tests.room.conftest import screen_text
from tests.room.stage import NOW, Stage, staged_holder

#: A day after what the stage wrote.
TODAY = NOW + 20 * 3600.0
SIZES = [(160, 45), (50, 14)]


@pytest.fixture(params=["fresh", "yesterday", "stopped yesterday"])
def data(request: pytest.FixtureRequest, tmp_path: Path, staged: Path) -> DataDir:
    """A directory in which nothing runs."""
    if request.param == "fresh":
        return Stage(tmp_path / "data").data
    stage = Stage(tmp_path / "data").write_all()
    for name in (*SERVICES, "supervisor"):
        stage.data.lock_of(name).unlink()
        if request.param == "stopped yesterday":
            stopped = DesiredState(wanted="stopped", changed_by="cli", changed_ts=NOW)
            write_document(stage.data.desired_state_of(name), stopped, durable=False)
    return stage.data


@pytest.fixture
def slow_supervisor() -> Iterator[Callable[[DataDir, bool], ServiceProcess]]:
    """A supervisor that has not come to its lock yet."""
    children: list[subprocess.Popen[bytes]] = []

    def start(data: DataDir, follow: bool) -> ServiceProcess:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        children.append(child)
        return ServiceProcess(child.pid, psutil.Process(child.pid).create_time(), child)

    yield start
    for child in children:
        child.kill()
        child.wait()


def red_texts(pilot: Pilot[int]) -> list[str]:
    """What stands on the screen in the color of trouble, in front or behind."""
    red = pilot.app.theme_variables["error"].lower()
    found = []
    for strip in pilot.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            colors = [color.get_truecolor().hex for color in (style and style.color, style and style.bgcolor) if color]
            if red in colors:
                found.append(text)
    return found


#: What rooms of different sizes say when all is well.
ALL_WELL = ("all services ok", "● 5 services", "no problems")


async def calmly_until(pilot: Pilot[int], is_there: Callable[[str], bool]) -> None:
    """Look at frame after frame until one shows what is expected; none may alarm."""
    async with asyncio.timeout(30):
        while True:
            text = screen_text(pilot)
            alarms = find_alarms(text.splitlines(), red_texts(pilot))
            assert not alarms, "\n".join([*alarms, "", text])
            if is_there(text):
                return
            await pilot.pause(0.02)


@pytest.mark.parametrize("size", SIZES)
async def test_the_room_that_starts_the_stack_says_starting(
    data: DataDir, slow_supervisor: Callable[[DataDir, bool], ServiceProcess], size: tuple[int, int]
) -> None:
    app = RoomApp(data, environment={}, now=lambda: TODAY, find_holder=staged_holder, start_supervisor=slow_supervisor)
    async with app.run_test(size=size) as pilot:
        await calmly_until(pilot, lambda text: "starting" in text)


class Starting:
    """Writes what a supervisor and its services write while they start."""

    def __init__(self, data: DataDir) -> None:
        self.stage = Stage(data.root, now=TODAY)
        self.states = {name: ServiceState(state="starting") for name in SERVICES}

    def take_lock(self) -> None:
        holder = {"pid": 5100, "process_started": TODAY - 1, "name": "supervisor"}
        write_document(self.stage.data.lock_of("supervisor"), holder, durable=False)

    def report(self) -> None:
        health = SupervisorHealth(
            service="supervisor", pid=5100, status="ok", last_update_ts=TODAY, updated_within_sec=0.0,
            services=self.states,
        )  # fmt: skip
        self.stage.health(health)

    def spawn(self) -> None:
        for number, name in enumerate(SERVICES):
            self.states[name] = ServiceState(state="starting", pid=5101 + number, cpu_percent=80.0, memory_mb=30.0)
        self.report()

    def lock_services(self) -> None:
        for number, name in enumerate(SERVICES):
            self.stage.lock(name, 5101 + number)
        self.report()

    def first_reports(self) -> None:
        """Nothing is ready; of what there is nothing yet, each says what it waits for."""
        self.stage.healthy()
        self.lock_services()
        waits = {"exchange": "", "memory": "verifying the history", "feeder": "the simulated exchange"}
        waits |= {"ares": "klines of 14 symbols", "trader": "the simulated exchange"}
        for name, what in waits.items():
            self._change(name, status="degraded", ready=False, waiting_for=what or None, reason=f"waiting for {what}")

    def all_ready(self) -> None:
        for name in SERVICES:
            self._change(name, status="ok", ready=True, waiting_for=None, reason=None)
            self.states[name] = self.states[name].model_copy(update={"state": "running"})
        self.report()
        self.stage.tickers()

    def _change(self, name: str, **fields: Any) -> None:
        path, number = self.stage.data.health_of(name), SERVICES.index(name)
        report = orjson.loads(path.read_bytes()) | {"pid": 5101 + number, "started_ts": TODAY - 1} | fields
        write_document(path, report, durable=False)


@pytest.mark.parametrize("size", SIZES)
async def test_a_room_that_watches_a_start_sees_no_trouble(data: DataDir, size: tuple[int, int]) -> None:
    starting = Starting(data)
    starting.take_lock()
    app = RoomApp(data, supervise=False, environment={}, now=lambda: TODAY, find_holder=staged_holder)
    async with app.run_test(size=size) as pilot:
        await calmly_until(pilot, lambda text: "starting" in text)
        for step in (starting.report, starting.spawn, starting.lock_services, starting.first_reports):
            step()
            for _ in range(5):
                await calmly_until(pilot, lambda text: "starting" in text)
                await pilot.pause(0.02)
        starting.all_ready()
        await calmly_until(pilot, lambda text: any(words in text for words in ALL_WELL))


def test_status_during_a_start_sees_no_trouble(data: DataDir) -> None:
    starting = Starting(data)
    steps = (starting.take_lock, starting.report, starting.spawn, starting.lock_services, starting.first_reports)
    for step in steps:
        step()
        status = read_status(data, TODAY, staged_holder)
        assert status.overall == "degraded"
        assert [line for line in status_lines(status) if ALARMING.search(line) or "✖" in line] == []
    starting.all_ready()
    assert read_status(data, TODAY, staged_holder).overall == "ok"
