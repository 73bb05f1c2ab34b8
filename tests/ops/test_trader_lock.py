"""Taking the trader's lock: whoever holds it is asked to end, then killed; nobody else is touched."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cq_tui.contracts.runfiles import DIRECT
from cq_tui.ops import trader_lock
from cq_tui.ops.trader_lock import TraderNotEnded, take_trader_lock
from cq_tui.store.lock import ProcessLock, find_holder, read_holder
from tests.supervisor.stage import Stage, staged, until


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path) as found:
        yield found


async def trader(stage: Stage, *behavior: str) -> int:
    """Start one; return its pid once it reports."""
    stage.behavior["trader"] = [*behavior]
    process = stage.launch(stage.data, "trader")
    await until(lambda: stage.pids().get("trader") == process.pid)
    await until(stage.data.health_of("trader").exists)
    return process.pid


async def taken(stage: Stage) -> list[str]:
    """Take the lock, see that it is ours, and return what was said."""
    said: list[str] = []
    lock = await take_trader_lock(stage.data, said.append)
    try:
        holder = read_holder(stage.data.lock_of("trader"))
        assert holder is not None
        assert (holder.pid, holder.kind) == (os.getpid(), DIRECT)
    finally:
        lock.release()
    return said


async def test_nobody_holds_it(stage: Stage) -> None:
    assert await taken(stage) == []


async def test_a_trader_that_is_well_ends_by_itself(stage: Stage) -> None:
    pid = await trader(stage)
    assert await taken(stage) == [f"ending the trader (process {pid}) to sell in its place"]
    assert stage.told() == ["trader asked", "trader ended"], "it stored what it had to"


@pytest.mark.parametrize("state", ["ignores SIGTERM", "suspended"])
async def test_one_that_does_not_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setattr(trader_lock, "_GRACE", 0.5 if state == "ignores SIGTERM" else 60.0)
    pid = await trader(stage, "ignores_sigterm")
    if state == "suspended":
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    await taken(stage)
    assert stage.told() == []


async def test_one_that_was_faster_is_ended_too(stage: Stage) -> None:
    first = await trader(stage, "ignores_sigterm")
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            # Before the next attempt another one has taken its place, as a supervisor might have it.
            os.kill(first, signal.SIGKILL)
            psutil.Process(first).wait()
            stage.behavior["trader"] = []
            second = stage.launch(stage.data, "trader")
            while (holder := find_holder(stage.data.lock_of("trader"))) is None or holder.pid != second.pid:
                pass

    lock = await take_trader_lock(stage.data, tell)
    lock.release()
    assert len(said) == 2
    assert stage.told() == ["trader asked", "trader ended"]


async def test_one_that_may_not_be_ended_is_named_with_its_owner(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = await trader(stage)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(trader_lock, "send_signal", refuse)
    with pytest.raises(TraderNotEnded, match=f"process {pid}.*belongs to .*Run this as"):
        await taken(stage)
    monkeypatch.undo()


async def test_one_that_does_not_end_is_named_in_the_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = await trader(stage)
    monkeypatch.setattr(trader_lock, "send_signal", lambda *_: None)
    monkeypatch.setattr(trader_lock, "_PATIENCE", 0.3)
    with pytest.raises(TraderNotEnded, match=f"process {pid}.* does not end"):
        await taken(stage)
    monkeypatch.undo()


async def test_this_very_process_is_not_ended(stage: Stage) -> None:
    lock = ProcessLock(stage.data.lock_of("trader"), "trader")
    lock.acquire()
    try:
        with pytest.raises(TraderNotEnded, match="this process"):
            await taken(stage)
    finally:
        lock.release()
