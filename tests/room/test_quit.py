"""The supervisor as the room sees it: found, started, asked, replaced; and three ways to leave."""

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.layout import DataDir
from cq_tui.room import supervisor_keeper
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import Dialog
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.process import ServiceProcess
from cq_tui.supervisor.silence import SilenceLimits
from cq_tui.supervisor.start import spawn_supervisor
from tests.room.conftest import (
    MakeRoom,
    quick_clock,
    screen_text,
    wait_for_question,
    wait_for_text,
    wait_until,
    wait_until_loaded,
)
from tests.room.stage import NOW, Stage
from tests.supervisor.stage import Stage as Processes

SIZE = (80, 24)


class Supervisors:
    """Fake supervisors in real processes; they are started as the room asks for it."""

    def __init__(self, stage: Stage) -> None:
        self.data = stage.data
        self.processes = Processes(stage.data.root)
        #: Whether each one was asked to follow another.
        self.following: list[bool] = []
        self.problem: OSError | None = None

    def start(self, data: DataDir, follow: bool = False) -> ServiceProcess:
        self.following.append(follow)
        if self.problem is not None:
            raise self.problem
        return self.processes.launch(data, "supervisor")

    @property
    def pid(self) -> int | None:
        """The one that holds the lock."""
        holder = read_holder(self.data.lock_of("supervisor"))
        return None if holder is None else holder.pid

    @property
    def told(self) -> list[str]:
        """The commands they were given."""
        return [line for line in self.processes.told() if not line.startswith("supervisor ")]


@pytest.fixture
def supervisors(stage: Stage) -> Iterator[Supervisors]:
    stage.data.lock_of("supervisor").unlink()
    supervisors = Supervisors(stage)
    yield supervisors
    supervisors.processes.close()


def room(supervisors: Supervisors) -> RoomApp:
    return RoomApp(
        supervisors.data, start_supervisor=supervisors.start, environment={}, now=lambda: NOW, clock=quick_clock()
    )


async def press_quit(pilot: Pilot[int]) -> None:
    await pilot.press("q")
    await wait_for_question(pilot)


async def test_a_room_starts_a_supervisor_and_asks_it(supervisors: Supervisors) -> None:
    async with room(supervisors).run_test(size=SIZE, notifications=True) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        await pilot.press("1", "down", "s")
        await wait_until(pilot, lambda: supervisors.told == ["start_service memory room"])
        await pilot.press("x")
        await wait_for_text(pilot, "Stop memory?")
        await pilot.press("y")
        await wait_until(pilot, lambda: supervisors.told[1:] == ["stop_service memory room"])
        await pilot.press("r")
        await wait_for_text(pilot, "Restart memory?")
        await pilot.press("y")
        await wait_until(pilot, lambda: supervisors.told[2:] == ["restart_service memory room"])
        await pilot.press("up", "s")
        await wait_for_text(pilot, "refused: not today")
    assert supervisors.following == [False]


async def test_a_request_waits_for_a_supervisor_that_starts(supervisors: Supervisors) -> None:
    async with room(supervisors).run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        await pilot.press("1", "down", "x")
        await wait_for_question(pilot)
        os.kill(supervisors.pid or 0, signal.SIGKILL)
        await pilot.press("y")
        await wait_until(pilot, lambda: supervisors.told == ["stop_service memory room"])


async def test_every_service_has_a_worker(supervisors: Supervisors) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        names = {worker.name for worker in app.workers if worker.group == "services" and worker.is_running}
        assert names == {"supervisor", "exchange", "memory", "feeder", "ares", "trader"}


async def test_a_running_supervisor_is_found_and_asked(supervisors: Supervisors) -> None:
    supervisors.start(supervisors.data)
    async with room(supervisors).run_test(size=SIZE, notifications=True) as pilot:
        await wait_until_loaded(pilot)
        await pilot.press("1", "down", "s")
        await wait_until(pilot, lambda: supervisors.told == ["start_service memory room"])
    assert supervisors.following == [False]


async def test_leaving_ends_the_room_alone(supervisors: Supervisors) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        await press_quit(pilot)
        await pilot.press("d")
        await wait_until(pilot, lambda: not app.is_running)
    assert app.return_code == 0
    assert supervisors.pid is not None
    assert supervisors.told == []


async def test_stop_all_stops_the_supervisor_and_leaves(supervisors: Supervisors) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        await press_quit(pilot)
        await pilot.press("a")
        await wait_until(pilot, lambda: not app.is_running)
    assert supervisors.told == ["shut_down room"]
    assert supervisors.pid is None
    assert supervisors.following == [False]


async def test_staying_is_the_default_answer(supervisors: Supervisors) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        for keys in (["enter"], ["escape"], ["n"], ["q", "q", "enter"]):
            await press_quit(pilot)
            await pilot.press(*keys)
            await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
        assert app.is_running
        assert supervisors.told == []


async def test_ctrl_c_and_ctrl_q_ask_too(supervisors: Supervisors) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        for key in ("ctrl+c", "ctrl+q"):
            await pilot.press(key)
            await wait_for_text(pilot, "Quit cq-tui?")
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is app.room)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_the_room_alone(supervisors: Supervisors, number: signal.Signals) -> None:
    app = room(supervisors)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        with app.ending.on_signals():
            os.kill(os.getpid(), number)
            await wait_until(pilot, lambda: not app.is_running)
    assert supervisors.pid is not None


async def test_a_supervisor_that_dies_is_replaced(supervisors: Supervisors) -> None:
    async with room(supervisors).run_test(size=(160, 45), notifications=True) as pilot:
        for count in (1, 2):
            await wait_until(pilot, lambda: supervisors.pid is not None)
            killed = supervisors.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await wait_until(pilot, lambda: supervisors.pid not in (None, killed))  # noqa: B023 - used at once
            assert supervisors.following == [False] + [True] * count
            await wait_for_text(pilot, "The supervisor ended: killed by signal SIGKILL")


async def test_a_supervisor_that_hangs_is_killed_and_replaced(
    supervisors: Supervisors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cq_tui.room.supervisor_keeper._SILENCE", SilenceLimits({"supervisor": 2.0}, grace=0.5))
    async with room(supervisors).run_test(size=(160, 45), notifications=True) as pilot:
        await wait_until(pilot, lambda: supervisors.data.health_of("supervisor").stat().st_mtime > NOW)
        await wait_until(pilot, lambda: supervisors.pid is not None)
        hung = supervisors.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await wait_until(pilot, lambda: supervisors.pid not in (None, hung))
        await wait_for_text(pilot, "The supervisor ended: hung: no report for")
        assert supervisors.following == [False, True]


async def test_no_supervisor_is_killed_for_a_pause_of_the_room(
    supervisors: Supervisors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room's event loop stands still as it does when it is suspended, and nobody could report meanwhile."""
    monkeypatch.setattr("cq_tui.room.supervisor_keeper._SILENCE", SilenceLimits({"supervisor": 4.0}, grace=0.5))
    async with room(supervisors).run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        first = supervisors.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        time.sleep(5.0)  # noqa: ASYNC251 - all of the room stands still
        resumed = time.time()
        os.kill(first, signal.SIGCONT)
        await wait_until(pilot, lambda: supervisors.data.health_of("supervisor").stat().st_mtime > resumed)
        await pilot.pause(1.2)
        assert supervisors.pid == first
    assert supervisors.following == [False]


async def test_a_crash_loop_ends_and_a_key_tries_again(supervisors: Supervisors) -> None:
    supervisors.processes.behavior["supervisor"] = ["crashes"]
    async with room(supervisors).run_test(size=(200, 45), notifications=True) as pilot:
        await wait_for_text(pilot, "5 supervisors ended within 60 s, the last one: no luck today")
        assert len(supervisors.following) == 5
        await wait_for_text(pilot, "no luck today · s tries again")
        await pilot.press("1", "down", "s")
        await wait_for_text(pilot, "the supervisor did not start: no luck today")
        supervisors.processes.behavior.clear()
        await pilot.press("s")
        await wait_until(pilot, lambda: supervisors.told == ["start_service memory room"])
        await wait_until(pilot, lambda: "watch only" not in screen_text(pilot))


async def test_after_a_crash_loop_the_room_tries_again_by_itself(
    supervisors: Supervisors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_keeper, "GIVEN_UP_PAUSE", 0.2)
    supervisors.processes.behavior["supervisor"] = ["crashes"]
    async with room(supervisors).run_test(size=(200, 45)) as pilot:
        await wait_for_text(pilot, "5 supervisors ended within 60 s")
        supervisors.processes.behavior.clear()
        # While one more that crashes is tried, the room watches for a moment without saying so.
        await wait_until(pilot, lambda: supervisors.pid is not None and "watch only" not in screen_text(pilot))


async def test_after_a_shut_down_from_elsewhere_only_a_key_starts_one(supervisors: Supervisors) -> None:
    async with room(supervisors).run_test(size=(160, 45)) as pilot:
        await wait_until(pilot, lambda: supervisors.pid is not None)
        os.kill(supervisors.pid or 0, signal.SIGTERM)
        await wait_for_text(pilot, "1 services  no supervisor")
        await wait_for_text(pilot, "all services stopped")
        assert supervisors.following == [False]
        await pilot.press("1", "down", "s")
        await wait_until(pilot, lambda: supervisors.told == ["start_service memory room"])
        assert supervisors.following == [False, False]


async def test_a_supervisor_that_cannot_start_is_named_and_the_room_watches(supervisors: Supervisors) -> None:
    supervisors.problem = OSError(13, "Permission denied", "logs/supervisor.out")
    async with room(supervisors).run_test(size=(160, 45)) as pilot:
        await wait_for_text(pilot, "watch only: logs/supervisor.out: Permission denied")
        await wait_for_text(pilot, "67,412.10")


async def test_where_nobody_supervises_a_room_that_views_says_so_as_status_does(
    stage: Stage, make_room: MakeRoom
) -> None:
    stage.data.lock_of("supervisor").unlink()
    async with make_room(stage.data).run_test(size=(160, 45)) as pilot:
        await wait_for_text(
            pilot, "no supervisor is running: services that crash stay down. Start one with `cq-tui up`"
        )


async def test_a_folder_in_the_place_of_the_lock_is_named(stage: Stage) -> None:
    lock = stage.data.lock_of("supervisor")
    lock.unlink()
    lock.mkdir()
    started: list[ServiceProcess] = []
    starting, is_over = threading.Lock(), threading.Event()

    def start(data: DataDir, follow: bool) -> ServiceProcess:
        with starting:
            if is_over.is_set():
                raise OSError(errno.ENOENT, "the test is over")
            started.append(spawn_supervisor(data, follow))
            return started[-1]

    app = RoomApp(stage.data, start_supervisor=start, environment={}, now=lambda: NOW)
    async with app.run_test(size=(250, 40)) as pilot:
        await wait_for_text(pilot, f"watch only: {lock}: is no regular file. Move it away")
        await wait_for_text(pilot, "67,412.10")
        # One that starts later would find no folder in its way any more, and run for good.
        with starting:
            is_over.set()
    for process in started:
        await process.wait_until_exited()
