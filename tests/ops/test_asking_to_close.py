"""Asking a trader to close, and noticing that nobody will answer: nothing is left in its inbox then."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.ops import asking_to_close
from cq_tui.ops.asking_to_close import NoAnswer, ask_to_close
from cq_tui.ops.closings import ClosingAnswer
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import ProcessLock
from cq_tui.supervisor.desired_state import write_desired_state
from tests.cli.fake_service import service_that_answers
from tests.supervisor.stage import Stage, staged, until

SOON = 0.2


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    found = DataDir(tmp_path / "data")
    prepare_data_directory(found)
    return found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with staged(tmp_path / "stage") as found:
        yield found


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_to_close, "_UNCLAIMED", SOON)
    monkeypatch.setattr(asking_to_close, "_SILENCE", SOON)


async def no_answer(data: DataDir) -> str:
    """Ask, and return why nobody answers."""
    with pytest.raises(NoAnswer) as caught:
        await ask_to_close(data, "flatten", None, "cli", {})
    assert list(data.control.glob("*.json")) == [], "nobody is to find it later"
    return str(caught.value)


async def test_without_trader_and_supervisor_nothing_is_asked(data: DataDir) -> None:
    assert await no_answer(data) == "no trader runs, and no supervisor starts one"


async def test_a_supervisor_that_shall_not_start_one_is_not_waited_for(data: DataDir) -> None:
    supervisor = ProcessLock(data.lock_of("supervisor"), "supervisor")
    supervisor.acquire()
    try:
        assert await no_answer(data) == "no trader runs, and the supervisor has not started one"
        write_desired_state(data, "trader", "stopped", "room")
        assert await no_answer(data) == "no trader runs, and no supervisor starts one"
    finally:
        supervisor.release()


async def test_a_trader_that_takes_no_command_does_not_answer(stage: Stage) -> None:
    process = await begin_trader(stage)
    assert await no_answer(stage.data) == f"the trader (process {process}) does not answer"


async def begin_trader(stage: Stage) -> int:
    """Start a trader that reports and reads no commands; return its pid."""
    process = stage.launch(stage.data, "trader")
    await until(lambda: stage.pids().get("trader") == process.pid)
    await until(lambda: stage.data.health_of("trader").exists())
    return process.pid


def claim(data: DataDir) -> bool:
    """Take the command that waits, as a trader does."""
    for path in data.control.glob("*.json"):
        os.rename(path, path.with_name(f"{path.stem}.trader.claimed"))
        return True
    return False


async def test_a_trader_that_took_it_is_followed_while_it_reports_and_given_up_in_silence(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_to_close, "_UNCLAIMED", 30.0)
    # It reports five times a second.
    monkeypatch.setattr(asking_to_close, "_SILENCE", 2.0)
    process = await begin_trader(stage)
    asking = asyncio.create_task(no_answer(stage.data))
    await until(lambda: claim(stage.data))
    done, _ = await asyncio.wait([asking], timeout=3.0)
    assert not done, "it reports"
    os.kill(process, signal.SIGSTOP)
    assert await asking == f"the trader (process {process}) has taken it, and is silent since"


async def test_a_trader_that_dies_over_it_is_noticed(stage: Stage) -> None:
    process = await begin_trader(stage)
    asking = asyncio.create_task(no_answer(stage.data))
    await until(lambda: claim(stage.data))
    os.kill(process, signal.SIGKILL)
    assert await asking == "no trader runs, and no supervisor starts one"


async def test_a_trader_that_follows_one_that_died_over_it_is_asked_again(data: DataDir) -> None:
    answers = iter([("interrupted", "it ended"), ("done", "BTCUSDT closed")])

    def answer(_: Command) -> tuple[str, str]:
        return next(answers)

    with service_that_answers(data, "trader", answer) as asked:
        assert await ask_to_close(data, "close", "BTCUSDT", "cli", {}) == ClosingAnswer(True, "BTCUSDT closed", [])
    assert [one.command for one in asked] == ["close", "close"]


async def test_a_folder_that_takes_no_file_is_no_obstacle(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Command:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(asking_to_close, "issue_command", refuse)
    with service_that_answers(data, "trader", lambda _: ("done", "")):
        assert (await no_answer(data)).startswith("the trader cannot be asked: No space left on device")
