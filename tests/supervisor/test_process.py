"""Processes as the system sees them: started, found, watched and ended."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.folders import prepare
from cq_tui.supervisor.process import (
    EndWatch,
    ServiceProcess,
    command_line,
    find,
    find_by_command_line,
    last_words,
    output_of,
    spawn,
)
from tests.supervisor.stage import Stage, until


def adopted(process: ServiceProcess) -> ServiceProcess:
    """The same process as somebody sees it who is not its parent."""
    return ServiceProcess(process.pid, process.process_started)


async def test_a_process_is_found_by_its_lock(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    found = find(stage.data, "memory")
    assert found is not None
    assert (found.pid, found.child) == (process.pid, None)
    assert find(stage.data, "trader") is None


async def test_a_dead_process_is_not_found(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    process.signal(signal.SIGKILL)
    await until(lambda: find(stage.data, "memory") is None)
    assert not adopted(process).alive()


async def test_sigterm_ends_it_gracefully(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    await process.end()
    assert process.exit_code == 0
    assert process.end_in_words() == "exit code 0"
    assert stage.told() == ["memory asked", "memory ended"]


async def test_a_suspended_process_ends_gracefully_too(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    process.signal(signal.SIGSTOP)
    await process.end()
    assert process.exit_code == 0


async def test_sigkill_ends_what_ignores_sigterm(stage: Stage) -> None:
    stage.behaviour["memory"] = ["ignores_sigterm"]
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    await adopted(process).end(patience=0.3)
    assert not process.alive()
    assert process.end_in_words() == "killed by signal SIGKILL"


async def test_an_adopted_process_ends_without_a_known_exit_code(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find(stage.data, "memory"))
    known = adopted(process)
    await known.end()
    assert known.exit_code is None
    assert "not known" in known.end_in_words()


async def test_signals_to_the_dead_are_nothing(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    process.signal(signal.SIGKILL)
    await process.ended()
    process.signal(signal.SIGTERM)
    assert process.usage() == (0.0, 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
@pytest.mark.parametrize("parent", [True, False])
async def test_the_end_is_told_at_once(stage: Stage, parent: bool) -> None:
    process = stage.launch(stage.data, "memory")
    told = asyncio.Event()
    watch = EndWatch(process if parent else adopted(process), told.set)
    assert watch.prompt
    process.signal(signal.SIGKILL)
    async with asyncio.timeout(30):
        await told.wait()
    watch.close()
    watch.close()
    assert not process.alive()


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
async def test_a_watch_on_nobody_is_not_prompt() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    watch = EndWatch(ServiceProcess(child.pid, 0.0), lambda: None)
    assert not watch.prompt
    watch.close()


async def test_a_spawned_process_has_its_own_session_and_output(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare(data)
    process = spawn(data, "memory", ["service", "no_such_service"])
    # Held, since it ends by itself; its command line appears a moment after its pid.
    process.signal(signal.SIGSTOP)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    expected = command_line(data, "service", "no_such_service")[1:]
    await until(lambda: psutil.Process(process.pid).cmdline()[1:] == expected)
    process.signal(signal.SIGCONT)
    await process.ended()
    assert process.exit_code == 2
    assert "there is no service 'no_such_service'" in last_words(data, "memory")
    assert output_of(data, "memory").stat().st_mode & 0o777 == 0o600


async def test_a_young_process_is_found_by_its_command_line(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare(data)
    process = spawn(data, "memory", ["service", "memory"])
    try:
        # Held before it can take its lock: it has not imported anything yet.
        process.signal(signal.SIGSTOP)
        assert find(data, "memory") is None
        await until(lambda: [(name, p.pid) for name, p in find_by_command_line(data)] == [("memory", process.pid)])
        assert list(find_by_command_line(DataDir(tmp_path / "other"))) == []
    finally:
        process.signal(signal.SIGKILL)
        await process.ended()
    assert list(find_by_command_line(data)) == []


def test_last_words_are_the_last_line_that_says_something(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare(data)
    assert last_words(data, "trader") == ""
    output_of(data, "trader").write_bytes(b"x" * 5000 + b"\nfirst\n\xff last \n\n  \n")
    assert last_words(data, "trader") == "\ufffd last"
