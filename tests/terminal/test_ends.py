"""However the room ends, it is soon, with the documented exit code, and the terminal is as it was."""

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.terminal.pseudo_terminal import PseudoTerminal
from tests.terminal.test_bytes import ENVIRONMENT, show_help, view

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(240)]

#: Seconds that an end may take where it must not wait for the terminal; a busy machine is slower.
SOON = 5.0
#: Mouse, paste and focus reports, the screen of its own, keys of the kitty protocol: each is ended after it was begun.
MODES = (b"?1000", b"?1003", b"?1006", b"?1015", b"?2004", b"?1004", b"?1049")


def assert_sane(terminal: PseudoTerminal) -> None:
    assert terminal.modes_now() == terminal.modes
    for mode in MODES:
        assert terminal.seen.rfind(b"\x1b[%sl" % mode) > terminal.seen.rfind(b"\x1b[%sh" % mode), mode
    assert terminal.seen.rfind(b"\x1b[?25h") > terminal.seen.rfind(b"\x1b[?25l")
    assert "Traceback" not in terminal.text


def files(tmp_path: Path) -> set[str]:
    """Everything in the data directory but its logs."""
    found = (path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith("data/logs/")}


def broken(tmp_path: Path, patch: str) -> list[str]:
    """The command of a room with a defect."""
    (tmp_path / "data" / "logs").mkdir(parents=True)
    code = f"import sys\n{patch}\nfrom cq_tui.__main__ import main\nsys.argv[1:] = {view(tmp_path)[3:]!r}\nmain()"
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("is_read", [True, False])
def test_a_signal(tmp_path: Path, number: signal.Signals, is_read: bool) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        before = files(tmp_path)
        if not is_read:
            terminal.stop_reading()
            for _ in range(30):
                terminal.send(b"?")
                time.sleep(0.02)
                terminal.send(b"\x1b[27u")
        asked_at = time.monotonic()
        os.kill(terminal.process.pid, number)
        assert terminal.wait_for_end() == {signal.SIGTERM: 0, signal.SIGINT: 130}[number]
        assert time.monotonic() - asked_at < SOON
        terminal.go_on_reading()
        terminal.wait_until_idle()
        assert_sane(terminal)
        assert files(tmp_path) == before


@pytest.mark.parametrize("is_controlling", [True, False])
def test_a_terminal_that_is_closed(tmp_path: Path, is_controlling: bool) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT, is_controlling=is_controlling) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        before = files(tmp_path)
        closed_at = time.monotonic()
        terminal.hang_up()
        assert terminal.process.wait(60) == 0
        assert time.monotonic() - closed_at < SOON
        assert files(tmp_path) == before


def test_a_terminal_that_is_closed_while_it_is_not_read(tmp_path: Path) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT, is_controlling=False) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        terminal.stop_reading()
        for _ in range(30):
            terminal.send(b"?")
            time.sleep(0.02)
            terminal.send(b"\x1b[27u")
        terminal.hang_up()
        assert terminal.process.wait(60) == 0


@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_standard_output_that_takes_nothing(tmp_path: Path, redirection: str) -> None:
    command = f"exec {shlex.join(view(tmp_path))} {redirection}"
    with PseudoTerminal(["sh", "-c", command], ENVIRONMENT, columns=100) as terminal:
        terminal.wait_for("1 services")
        # The size is that of the terminal that is drawn on.
        terminal.wait_until(lambda: any(len(line.rstrip()) == 100 for line in terminal.text.splitlines()), "width")
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait_for_end() == 0
        assert_sane(terminal)


def test_a_stopped_room_ends_when_its_shell_does(tmp_path: Path) -> None:
    """A shell that ends sends SIGHUP and SIGCONT to its stopped jobs."""
    with PseudoTerminal(view(tmp_path), ENVIRONMENT) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        os.kill(terminal.process.pid, signal.SIGTSTP)
        terminal.wait_until(lambda: terminal.state() == psutil.STATUS_STOPPED, "stop")
        os.kill(terminal.process.pid, signal.SIGHUP)
        os.kill(terminal.process.pid, signal.SIGCONT)
        assert terminal.wait_for_end() == 0
        assert_sane(terminal)


@pytest.mark.parametrize(
    ("patch", "keys"),
    [
        ("import cq_tui.room.screens.room as r\nr.RoomScreen.action_zoom = lambda screen: 1 / 0", b"z"),
        (
            "from cq_tui.room.terminal.input_filter import InputFilter as F\nfeed = F.feed\n"
            "F.feed = lambda f, data, now: 1 / 0 if data == b'z' else feed(f, data, now)",
            b"z",
        ),
        (
            "from cq_tui.room.terminal.output import TerminalWriter as W\nwrite = W._write\n"
            "W._write = lambda w, data: 1 / 0 if b'keys and' in data else write(w, data)",
            b"?",
        ),
    ],
    ids=["a key", "the input thread", "the output thread"],
)
def test_a_defect(tmp_path: Path, patch: str, keys: bytes) -> None:
    with PseudoTerminal(broken(tmp_path, patch), ENVIRONMENT) as terminal:
        terminal.wait_for("1 services")
        terminal.send(keys)
        assert terminal.wait_for_end() == 70
        terminal.wait_for("the report is in ")
        assert "internal error: ZeroDivisionError" in terminal.text
        assert_sane(terminal)
    (report,) = (tmp_path / "data" / "logs").glob("room-*.crash")
    assert "1 / 0" in report.read_text() or "division by zero" in report.read_text()


def test_a_loop_that_hangs_does_not_keep_the_room_from_ending(tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    patch = (
        "import pathlib, time, cq_tui.room.screens.room as r\n"
        f"r.RoomScreen.action_zoom = lambda screen: pathlib.Path({str(hangs)!r}).touch() or time.sleep(60)"
    )
    with PseudoTerminal(broken(tmp_path, patch), ENVIRONMENT) as terminal:
        terminal.wait_for("1 services")
        show_help(terminal)
        terminal.send(b"z")
        terminal.wait_until(hangs.exists, "the hang")
        os.kill(terminal.process.pid, signal.SIGTERM)
        asked_at = time.monotonic()
        assert terminal.wait_for_end() == 0
        assert time.monotonic() - asked_at < SOON
        assert_sane(terminal)
