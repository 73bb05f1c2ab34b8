"""Service processes: started, found, watched and stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import cq_tui
from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.supervisor.process import (
    ExitWatch,
    ServiceProcess,
    build_command_line,
    find_process,
    find_processes_by_command_line,
    last_output_line,
    output_path,
    spawn,
)
from tests.supervisor.stage import Stage, until


def adopted(process: ServiceProcess) -> ServiceProcess:
    """The same process, seen by another than its parent."""
    return ServiceProcess(process.pid, process.process_started)


async def test_a_process_is_found_by_its_lock(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    found = find_process(stage.data, "memory")
    assert found is not None
    assert (found.pid, found.child) == (process.pid, None)
    assert find_process(stage.data, "trader") is None


def test_no_file_of_the_folder_that_somebody_is_in_is_imported(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    for name in ("signal", "typer", "pydantic"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit('imported from here')")
    monkeypatch.chdir(tmp_path / "here")
    child = spawn(stage.data, "aside", ["--version"]).child
    assert child is not None
    assert child.wait(60) == 0
    assert output_path(stage.data, "aside").read_text().startswith("cq-tui ")


async def test_a_dead_process_is_not_found(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    process.send_signal(signal.SIGKILL)
    await until(lambda: find_process(stage.data, "memory") is None)
    assert not adopted(process).is_running()


async def test_sigterm_ends_it_gracefully(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    await process.terminate()
    assert process.exit_code == 0
    assert process.describe_exit() == "exit code 0"
    assert stage.told() == ["memory asked", "memory ended"]


async def test_a_suspended_process_ends_gracefully_too(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    process.send_signal(signal.SIGSTOP)
    await process.terminate()
    assert process.exit_code == 0


async def test_sigkill_ends_a_process_that_ignores_sigterm(stage: Stage) -> None:
    stage.behavior["memory"] = ["ignores_sigterm"]
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    await adopted(process).terminate(timeout=0.3)
    assert not process.is_running()
    assert process.describe_exit() == "killed by signal SIGKILL"


async def test_an_adopted_process_ends_without_a_known_exit_code(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    await until(lambda: find_process(stage.data, "memory"))
    known = adopted(process)
    await known.terminate()
    assert known.exit_code is None
    assert "unknown" in known.describe_exit()


async def test_signals_to_an_exited_process_are_ignored(stage: Stage) -> None:
    process = stage.launch(stage.data, "memory")
    process.send_signal(signal.SIGKILL)
    await process.wait_until_exited()
    process.send_signal(signal.SIGTERM)
    assert process.measure_usage() == (0.0, 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
@pytest.mark.parametrize("parent", [True, False])
async def test_the_exit_is_notified_at_once(stage: Stage, parent: bool) -> None:
    process = stage.launch(stage.data, "memory")
    told = asyncio.Event()
    watch = ExitWatch(process if parent else adopted(process), told.set)
    assert watch.is_supported
    process.send_signal(signal.SIGKILL)
    async with asyncio.timeout(30):
        await told.wait()
    watch.close()
    watch.close()
    assert not process.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="pidfds are Linux's")
async def test_a_watch_on_no_process_is_unsupported() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    watch = ExitWatch(ServiceProcess(child.pid, 0.0), lambda: None)
    assert not watch.is_supported
    watch.close()


async def test_a_spawned_process_has_its_own_session_and_output(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    process = spawn(data, "memory", ["service", "no_such_service"])
    # Held, since it ends by itself; its command line appears a moment after its pid.
    process.send_signal(signal.SIGSTOP)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    expected = build_command_line(data, "service", "no_such_service")[1:]
    await until(lambda: psutil.Process(process.pid).cmdline()[1:] == expected)
    process.send_signal(signal.SIGCONT)
    await process.wait_until_exited()
    assert process.exit_code == 2
    assert "unknown service 'no_such_service'" in last_output_line(data, "memory")
    assert output_path(data, "memory").stat().st_mode & 0o777 == 0o600


async def test_a_process_is_found_by_its_command_line(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    prepare_data_directory(data)
    process = spawn(data, "memory", ["service", "memory"])
    try:
        # Held before it can take its lock: it has not imported anything yet.
        process.send_signal(signal.SIGSTOP)
        assert find_process(data, "memory") is None
        await until(
            lambda: [(name, p.pid) for name, p in find_processes_by_command_line(data)] == [("memory", process.pid)]
        )
        assert list(find_processes_by_command_line(DataDir(tmp_path / "other"))) == []
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait_until_exited()
    assert list(find_processes_by_command_line(data)) == []


def test_the_last_output_line_is_not_empty(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    prepare_data_directory(data)
    assert last_output_line(data, "trader") == ""
    output_path(data, "trader").write_bytes(b"x" * 5000 + b"\nfirst\n\xff last \n\n  \n")
    assert last_output_line(data, "trader") == "\ufffd last"


def test_every_process_of_ours_imports_nothing_from_the_working_directory() -> None:
    """A ``signal.py`` there would run with the account's keys in reach."""
    package = Path(cq_tui.__file__).parent
    starters = [path for path in package.rglob("*.py") if "build_command_line(" in path.read_text()]
    assert {path.name for path in starters} >= {"process.py", "controls.py", "direct_process.py"}
    assert [path.name for path in starters if "safe_environment(" not in path.read_text()] == []
