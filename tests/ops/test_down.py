"""Stopping the stack while its supervisor starts or dies: everything ends, and nobody starts it again."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops import down
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import read_holder
from cq_tui.supervisor.desired_state import end_was_requested
from cq_tui.supervisor.process import find_process
from cq_tui.supervisor.start import spawn_supervisor
from tests.supervisor.stage import Stage, staged, until


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "data") as stage:
        yield stage


def pid_of(stage: Stage, name: str) -> int | None:
    holder = read_holder(stage.data.lock_of(name))
    return None if holder is None else holder.pid


async def test_a_supervisor_that_dies_meanwhile_keeps_nothing_running(stage: Stage) -> None:
    stage.launch(stage.data, "memory")
    supervisor = stage.launch(stage.data, "supervisor")
    await until(lambda: pid_of(stage, "memory") and pid_of(stage, "supervisor"))
    os.kill(supervisor.pid, signal.SIGSTOP)
    stopping = asyncio.create_task(down.stop_stack(stage.data))
    await until(lambda: any(stage.data.control.glob("*.json")))
    assert not end_was_requested(stage.data)
    os.kill(supervisor.pid, signal.SIGKILL)
    assert await stopping == ["memory"]
    assert stage.pids() == {}
    assert end_was_requested(stage.data)
    follower = spawn_supervisor(stage.data, follow=True)
    await follower.wait_until_exited()
    assert (follower.exit_code, stage.pids()) == (0, {})


async def test_one_that_follows_meanwhile_is_asked_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    really_stop, followers = down._stop_remaining, list[int]()

    async def follow_first(data: DataDir, stopped_by: str) -> None:
        if not followers:
            followers.append(stage.launch(data, "supervisor").pid)
            await until(lambda: pid_of(stage, "supervisor") == followers[0])
        await really_stop(data, stopped_by)

    monkeypatch.setattr(down, "_stop_remaining", follow_first)
    stage.launch(stage.data, "memory")
    await until(lambda: pid_of(stage, "memory"))
    assert await down.stop_stack(stage.data) == ["memory"]
    assert (pid_of(stage, "supervisor"), stage.pids()) == (None, {})
    assert end_was_requested(stage.data)


async def test_a_supervisor_that_only_starts_is_ended(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    supervisor = spawn_supervisor(data)
    await down.stop_stack(data)
    assert not supervisor.is_running()
    assert find_process(data, "supervisor") is None


async def test_where_nothing_ran_nothing_is_written(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    assert await down.stop_stack(data) == []
    assert list(data.run.iterdir()) == []
