"""Running ``cq-tui``: in this process for speed, or as users run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cq_tui.cli import app
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.settings import SETTING_KEYS


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the developer's environment out."""
    for key in (*SETTING_KEYS, "CQ_DATA_DIR"):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data directory that does not exist yet."""
    return DataDir(tmp_path / "data")


@pytest.fixture
def cq(data: DataDir) -> Callable[..., CommandResult]:
    """Run a command in this process. A traceback fails the test."""

    def run(*words: str, stdin: str | None = None, code: int | None = None) -> CommandResult:
        result = CliRunner().invoke(app, ["--data-dir", str(data.root), *words], input=stdin, catch_exceptions=False)
        told = CommandResult(result.exit_code, result.stdout, result.stderr)
        assert "Traceback" not in result.output
        assert code is None or told.code == code, told
        return told

    return run


def command(*words: str) -> list[str]:
    """The command line of a real process."""
    return [sys.executable, "-m", "cq_tui", *words]


@pytest.fixture
def start(data: DataDir) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a real process; end whatever still runs afterwards, services included."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command("--data-dir", str(data.root), *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    if data.run.is_dir():
        from cq_tui.supervisor.process import find_process

        for name in ("supervisor", *SERVICES):
            if (left := find_process(data, name)) is not None:
                left.send_signal(signal.SIGKILL)


@pytest.fixture
def real(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., CommandResult]:
    """Run a real process to its end."""

    def run(*words: str, code: int | None = None, **environment: str) -> CommandResult:
        process = start(*words, **environment)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in out + err
        assert code is None or process.returncode == code, (process.returncode, out, err)
        return CommandResult(process.returncode, out, err)

    return run
