"""Supervision from the room: started after the first paint, watch-only beside another supervisor, ended three ways."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from cq_tui.contracts.commands import Command
from cq_tui.room.app import RoomApp
from cq_tui.room.screens.dialog import Dialog
from cq_tui.store.control import CommandInbox
from cq_tui.store.data_directory import DataDirError
from cq_tui.store.lock import ProcessLock
from tests.room.conftest import screen_text, wait_for_text, wait_until, wait_until_loaded
from tests.room.stage import NOW, Stage

SIZE = (80, 24)


class FakeSupervisor:
    """Records the calls."""

    services = ("memory", "feeder")

    def __init__(self, *, free: bool = True, broken: str | None = None) -> None:
        self.ended = asyncio.Event()
        self.calls: list[str] = []
        self.running: set[str] = set()
        self._free = free
        self._broken = broken

    def acquire(self) -> bool:
        return self._free

    async def supervise(self, service: str) -> None:
        if service == self._broken:
            raise RuntimeError("out of processes")
        await self._run(service)

    async def serve(self) -> None:
        await self._run("serve")

    async def _run(self, name: str) -> None:
        self.running.add(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.running.discard(name)

    async def start(self, service: str) -> None:
        self.calls.append(f"start {service}")

    async def stop(self, service: str) -> None:
        self.calls.append(f"stop {service}")

    async def restart(self, service: str) -> None:
        self.calls.append(f"restart {service}")

    async def stop_all(self) -> None:
        self.calls.append("stop all")

    def release(self) -> None:
        self.calls.append(f"release, {len(self.running)} running")

    def hand_over(self) -> None:
        self.calls.append(f"hand over, {len(self.running)} running")


def room(stage: Stage, supervisor: FakeSupervisor | Callable[[], FakeSupervisor]) -> RoomApp:
    make = supervisor if not isinstance(supervisor, FakeSupervisor) else lambda: supervisor
    return RoomApp(stage.data, make_supervisor=make, environment={}, now=lambda: NOW)


async def press_quit(pilot: Pilot[int]) -> None:
    await pilot.press("q")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, Dialog))


async def test_every_service_gets_a_worker(stage: Stage) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: supervisor.running == {"serve", "memory", "feeder"})
        await pilot.press("1", "down", "s")
        await wait_until(pilot, lambda: supervisor.calls == ["start memory"])
        await pilot.press("x")
        await wait_for_text(pilot, "Stop memory?")
        await pilot.press("y")
        await wait_until(pilot, lambda: supervisor.calls[1:] == ["stop memory"])
        await pilot.press("r")
        await wait_for_text(pilot, "Restart memory?")
        await pilot.press("y")
        await wait_until(pilot, lambda: supervisor.calls[2:] == ["restart memory"])


async def test_detaching_ends_the_workers_before_it_hands_over(stage: Stage) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(supervisor.running) == 3)
        await press_quit(pilot)
        await pilot.press("d")
        await wait_until(pilot, lambda: not app.is_running)
    assert supervisor.calls == ["hand over, 0 running"]
    assert app.return_code == 0


async def test_stop_all_stops_the_services_and_quits(stage: Stage) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(supervisor.running) == 3)
        await press_quit(pilot)
        await pilot.press("a")
        await wait_until(pilot, lambda: not app.is_running)
    assert supervisor.calls == ["stop all", "release, 0 running"]


async def test_staying_is_the_default_answer(stage: Stage) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(supervisor.running) == 3)
        for keys in (["enter"], ["escape"], ["n"], ["q", "q", "enter"]):
            await press_quit(pilot)
            await pilot.press(*keys)
            await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
        assert app.is_running
        assert supervisor.calls == []


async def test_ctrl_c_and_ctrl_q_ask_too(stage: Stage) -> None:
    app = room(stage, FakeSupervisor())
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_loaded(pilot)
        for key in ("ctrl+c", "ctrl+q"):
            await pilot.press(key)
            await wait_for_text(pilot, "Quit cq-tui?")
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is app.room)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_lost_terminal_detaches(stage: Stage, number: signal.Signals) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(supervisor.running) == 3)
        os.kill(os.getpid(), number)
        await wait_until(pilot, lambda: not app.is_running)
    assert supervisor.calls == ["hand over, 0 running"]


async def test_a_shut_down_from_elsewhere_leaves_a_room_that_watches(stage: Stage) -> None:
    supervisor = FakeSupervisor()
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: len(supervisor.running) == 3)
        supervisor.ended.set()
        await wait_for_text(pilot, "watch only")
        assert supervisor.calls == ["release, 0 running"]
        await press_quit(pilot)
        assert "only watches" in screen_text(pilot)
        await pilot.press("d")
        await wait_until(pilot, lambda: not app.is_running)
    assert supervisor.calls == ["release, 0 running"]


async def test_a_second_room_asks_the_supervisor_by_command(stage: Stage) -> None:
    lock = ProcessLock(stage.data.lock_of("supervisor"), "supervisor", "headless")
    lock.acquire()
    app = room(stage, FakeSupervisor(free=False))
    try:
        async with app.run_test(size=SIZE, notifications=True) as pilot:
            await wait_for_text(pilot, "watch only")
            await pilot.press("1", "s")
            inbox, taken = CommandInbox(stage.data, "supervisor"), list[Command]()

            def taken_one() -> bool:
                taken.extend(inbox.claim())
                return bool(taken)

            await wait_until(pilot, taken_one)
            assert (taken[0].command, taken[0].target, taken[0].issued_by) == ("start_service", "exchange", "room")
            inbox.answer(taken[0], "refused", "not today")
            await wait_for_text(pilot, "refused: not today")
    finally:
        lock.release()


async def test_failed_supervision_is_an_alert_and_the_rest_keeps_running(stage: Stage) -> None:
    supervisor = FakeSupervisor(broken="feeder")
    app = room(stage, supervisor)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for_text(pilot, "feeder failed: RuntimeError: out of processes")
        assert supervisor.running == {"serve", "memory"}


async def test_a_directory_that_cannot_be_written_is_only_watched(stage: Stage) -> None:
    def refuse() -> FakeSupervisor:
        raise DataDirError("data directory is read-only")

    app = room(stage, refuse)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for_text(pilot, "watch only: data directory is read-only")
        await wait_for_text(pilot, "67,412.10")


async def test_a_folder_in_the_place_of_the_lock_is_named_and_only_watched(stage: Stage) -> None:
    lock = stage.data.lock_of("supervisor")
    lock.unlink(missing_ok=True)
    lock.mkdir()

    def make() -> FakeSupervisor:
        ProcessLock(lock, "supervisor").acquire()
        raise AssertionError("a folder was locked")

    async with room(stage, make).run_test(size=(250, 40)) as pilot:
        await wait_for_text(pilot, f"watch only: {lock}: is no regular file. Move it away")
        await wait_for_text(pilot, "67,412.10")
