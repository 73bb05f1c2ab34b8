"""A command that acts in a service's place holds its lock for a while: it is no service that crashed."""

import os
import signal
import time
from pathlib import Path

from cq_tui.supervisor.process import ServiceProcess
from cq_tui.supervisor.restart import CRASH_LIMIT
from tests.supervisor.requests import events, send_command
from tests.supervisor.stage import Stage, in_state, staged, until


def stand_in(stage: Stage) -> ServiceProcess:
    """Start one in the trader's place."""
    stage.behavior["trader"] = ["stands_in"]
    process = stage.launch(stage.data, "trader")
    del stage.behavior["trader"]
    return process


async def test_its_end_is_no_crash_and_the_service_starts_after_it(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        process = stand_in(stage)
        await until(lambda: stage.pids().get("trader") == process.pid)
        async with stage.supervised() as supervisor:
            await until(in_state(supervisor, "running"))
            assert supervisor.state_of("trader").pid == process.pid
            assert supervisor.state_of("trader").reason == "a command sells in its place"
            await process.terminate()
            await until(lambda: stage.launches("trader") == 2)
            await until(in_state(supervisor, "running", "trader"))
            assert supervisor.state_of("trader").restarts == 0
            assert events(stage, "service_stopped") == []


async def test_a_service_that_is_killed_for_it_again_and_again_is_not_given_up(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        taken: list[ServiceProcess] = []

        def take_place() -> None:
            taken.append(stand_in(stage))
            while stage.pids().get("trader") != taken[-1].pid:
                time.sleep(0.005)

        async with stage.supervised() as supervisor:
            for _ in range(CRASH_LIMIT + 1):
                await until(lambda: supervisor.state_of("trader").pid not in (None, *(one.pid for one in taken)))
                stage.before_launch["trader"] = take_place
                os.kill(supervisor.state_of("trader").pid or 0, signal.SIGKILL)
                await until(lambda: taken and supervisor.state_of("trader").pid == taken[-1].pid)
                await taken[-1].terminate()
            await until(in_state(supervisor, "running", "trader"))


async def test_it_outlives_a_service_that_shall_not_run_but_no_end_of_all(tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        async with stage.supervised() as supervisor:
            await until(in_state(supervisor, "running"))
            await send_command(stage, "stop_service", "trader")
            process = stand_in(stage)
            await until(lambda: stage.pids().get("trader") == process.pid)
            # Another service's change has it looked at.
            await send_command(stage, "restart_service", "ares")
            await until(lambda: supervisor.state_of("trader").reason == "a command sells in its place")
            assert supervisor.state_of("trader").state == "stopped"
            assert process.is_running()
            await supervisor.stop_all()
            assert not process.is_running()
            assert "trader asked" in stage.told()
