"""Closed and full standard streams, for every command: no traceback, no hang, the documented exit code."""

import os
import subprocess
import sys
import typing
from collections.abc import Callable

import pytest
import typer

from cq_tui.cli import app
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from tests.cli.conftest import CommandResult, command

Cq = Callable[..., CommandResult]
#: Each command with all streams closed; otherwise each third one, and those that print nothing.
HEAVY = "CQ_HEAVY_TESTS" in os.environ

#: What each command is called with; those that serve are only asked for their help.
WORDS: dict[str, list[str]] = {
    "up": ["--help"],
    "service": ["--help"],
    "exchange": ["--help"],
    "backup": ["none/b.tar.gz"],
    "restore": ["none.tar.gz"],
    "prove": ["1"],
    "check-proof": ["none.json"],
    "release": ["BTCUSDT"],
    "accept": ["BTCUSDT", "--why", "x"],
    "adopt": ["BTCUSDT", "--stop", "1"],
    "config set": ["TRADING_STATE=halted"],
    "config unset": ["TRADING_STATE"],
}


def command_names() -> list[str]:
    """Every command of the command line, read from it."""
    group = typing.cast("typing.Any", typer.main.get_command(app))

    def walk(found: typing.Any, words: tuple[str, ...]) -> typing.Iterator[str]:
        for name, each in found.commands.items():
            if hasattr(each, "commands"):
                yield from walk(each, (*words, name))
            else:
                yield " ".join((*words, name))

    return sorted(walk(group, ()))


CALLS = [*([*name.split(), *WORDS.get(name, [])] for name in command_names()), ["--help"], ["--version"]]


def run(redirections: str, words: list[str], data: DataDir) -> tuple[int, str]:
    """Run a command with redirected streams; return its exit code and what standard error got."""
    called = command(*words) if words[0].startswith("--") else command(*words, "--data-dir", str(data.root))
    line = " ".join(f"'{word}'" for word in called)
    done = subprocess.run(
        ["sh", "-c", f"exec {line} {redirections}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_closed_and_full_streams(data: DataDir, words: list[str]) -> None:
    data.root.mkdir(mode=0o700)
    code, told = run(">/dev/full", words, data)
    lost = "standard output: No space left on device" in told
    assert told
    if lost:
        assert code == ExitCode.UNUSABLE
    if lost and not HEAVY and CALLS.index(words) % 3:
        return
    # Nobody wants its output: it does what it does.
    expected, _ = run("<&- >&- 2>&-", words, data)
    assert expected in {code.value for code in ExitCode} - {ExitCode.DEFECT}
    # It had nothing to print.
    assert lost or code == expected


def test_full_standard_error_changes_nothing(data: DataDir) -> None:
    for words, code in ((["status"], 2), (["verify"], 4), (["status", "--sideways"], 2)):
        assert run("2>/dev/full", words, data)[0] == code


def test_what_is_printed_is_said_to_be_lost(data: DataDir) -> None:
    data.root.mkdir(mode=0o700)
    for words in (["--help"], ["--version"], ["status"], ["status", "--json"], ["config", "show"]):
        code, told = run(">/dev/full", words, data)
        assert (code, told.count("\n")) == (ExitCode.UNUSABLE, 1), told
        assert told.startswith("cq-tui: "), told
        assert "standard output: No space left on device" in told


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(data: DataDir, closed: str) -> None:
    code = (
        "import sys\nfrom cq_tui.standard_streams import reopen_closed\nreopen_closed()\n"
        f"opened = open({str(data.root.parent / 'data file')!r}, 'w')\n"
        "print('lost'); print('lost', file=sys.stderr); sys.stdin.read()\n"
        "sys.exit(10 + (opened.fileno() > 2))"
    )
    line = f"exec '{sys.executable}' -c \"{code}\" {closed}"
    done = subprocess.run(
        ["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, (data.root.parent / "data file").read_text()) == (11, ""), done.stderr


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-"])
def test_the_room_needs_its_streams(data: DataDir, closed: str) -> None:
    code, told = run(closed, [f"--data-dir={data.root}"], data)
    assert code == ExitCode.TERMINAL
    assert ("the control room needs a terminal" in told) == ("2>&-" not in closed)
