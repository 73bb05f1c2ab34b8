"""What ``cq-tui up`` prints, and how it starts in the background."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import ProcessLock
from cq_tui.supervisor.desired_state import read_desired_state, write_desired_state
from cq_tui.supervisor.headless import _acquire
from cq_tui.supervisor.progress import LinePrinter, ProgressPrinter
from cq_tui.supervisor.start import StartupFailed, start_detached
from tests.supervisor.stage import Stage, until


def test_progress_prints_each_change_once() -> None:
    said: list[str] = []
    progress = ProgressPrinter(said.append)
    for name in SERVICES:
        progress.on_state_change(name, ServiceState(state="starting", pid=7))
        progress.on_state_change(name, ServiceState(state="starting", pid=7, reason="waiting for better days"))
    assert said == []
    for name in SERVICES:
        progress.on_state_change(name, ServiceState(state="running", pid=7))
    assert said[:5] == [f"{name} is ready (process 7)" for name in SERVICES]
    assert said[5].startswith("all services are ready after ")
    progress.on_state_change("ares", ServiceState(state="backoff", reason="killed by signal SIGKILL"))
    progress.on_state_change("ares", ServiceState(state="gave_up", reason="crashed 5 times in 60 s"))
    progress.on_state_change(
        "exchange", ServiceState(state="stopped", wanted="stopped", reason="not needed in this mode")
    )
    assert said[6:] == [
        "ares exited (killed by signal SIGKILL); restarting",
        "gave up on ares: crashed 5 times in 60 s",
        "exchange stopped: not needed in this mode",
    ]


async def test_one_that_follows_waits_for_a_room_of_the_first_release(stage: Stage) -> None:
    write_desired_state(stage.data, "trader", "stopped", "room")
    lock = ProcessLock(stage.data.lock_of("supervisor"), "supervisor", "room")
    lock.acquire()
    supervisor = stage.supervisor()
    following = asyncio.create_task(_acquire(stage.data, supervisor, follow=True))
    await asyncio.sleep(0.3)
    assert not following.done()
    lock.release()
    assert await following
    supervisor.release()
    assert read_desired_state(stage.data, "trader") == "stopped"


async def test_one_that_follows_leaves_it_to_another_that_came_first(stage: Stage) -> None:
    first, second = stage.supervisor(), stage.supervisor()
    assert first.acquire()
    assert not await _acquire(stage.data, second, follow=True)
    first.release()


def test_what_stays_stopped_is_told() -> None:
    said: list[str] = []
    ProgressPrinter(said.append).tell_stopped(["trader"])
    assert said == ["trader stays stopped, as it was. Start it in the room (`cq-tui`) with the key s"]


def test_a_reader_that_is_gone_ends_nothing() -> None:
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    printer = LinePrinter(stream)
    try:
        printer.print("one")
        assert os.read(reader, 100) == b"one\n"
        os.close(reader)
        printer.print("two")
        printer.close(timeout=60)
        assert not printer._thread.is_alive()
    finally:
        stream.close()


def _fill(writer: int) -> int:
    """Fill a pipe to the brim with lines; return how many."""
    count = 0
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"-\n")
            count += 1
    os.set_blocking(writer, True)
    return count


async def test_a_reader_that_does_not_read_holds_up_nothing() -> None:
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    printer = LinePrinter(stream)
    lines = [f"{number} ".ljust(1000, ".") for number in range(2000)]
    filler = _fill(writer)
    printer.print(lines[0])
    # The thread has taken it, and waits for the pipe.
    await until(printer._lines.empty)
    for line in lines[1:]:
        printer.print(line)
    printer.close(timeout=0.0)
    assert printer._thread.is_alive()
    with os.fdopen(reader) as file:
        reading = asyncio.create_task(asyncio.to_thread(file.readlines))
        await until(printer._lines.empty)
        printer.print("the last one")
        await asyncio.to_thread(printer.close, 60)
        stream.close()
        seen = (await reading)[filler:]
    assert [line.rstrip() for line in seen[:500]] == lines[:500]
    assert "lines left out" in seen[-2]
    assert seen[-1] == "the last one\n"


def test_a_detached_supervisor_that_cannot_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    monkeypatch.setenv("LOG_LEVEL", "chatty")
    with pytest.raises(StartupFailed, match="LOG_LEVEL is 'CHATTY'"):
        start_detached(data)
