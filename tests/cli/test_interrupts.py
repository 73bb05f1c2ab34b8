"""Ctrl+C at any moment ends with 130 and without a traceback; a defect with 70."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.terminal.pseudo_terminal import PseudoTerminal

HEAVY = bool(os.environ.get("CQ_HEAVY_TESTS"))
#: Seconds after the first moment at which Ctrl+C is pressed, and how often it is tried.
FIRST_SECOND = 1.0
MOMENTS = 100 if HEAVY else 5

#: Names the moment from which on SIGINT is ours: before it, Python itself starts.
READY = (
    "import os, signal, sys\nfrom cq_tui import interrupts\nend = interrupts.end_on_interrupt\n"
    "def begin():\n    end()\n    os.write(1, b'ready')\n"
    "interrupts.end_on_interrupt = begin\nfrom cq_tui.__main__ import main\nmain()"
)


def moments() -> list[float]:
    return [FIRST_SECOND * number / MOMENTS for number in range(MOMENTS)]


@pytest.mark.parametrize("words", [["status"], ["events", "--follow"], ["config", "show"], ["verify"]], ids=" ".join)
def test_commands(data: DataDir, words: list[str]) -> None:
    data.root.mkdir(mode=0o700)
    data.memory.mkdir()
    data.events.touch()
    for moment in moments()[:: 1 if HEAVY else 3]:
        process = subprocess.Popen(
            [sys.executable, "-c", READY, *words, "--data-dir", str(data.root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 5) == b"ready"
        time.sleep(moment / 2)
        ended = process.poll()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert b"Traceback" not in told
        # It may have ended by itself, while the signal was on its way.
        assert process.returncode == 130 or ended is not None or words[-1] != "--follow", (moment, told)
        if ended is None:
            # A shell says 130 too when Python had given back the signal's handling at its very end.
            assert process.returncode in (130, -signal.SIGINT, 0, 1, 2, 4), (moment, told)


def test_the_room_while_it_loads(tmp_path: Path) -> None:
    environment = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    for moment in moments():
        words = [sys.executable, "-c", READY, "--data-dir", str(tmp_path / "data"), "--view"]
        with PseudoTerminal(words, environment) as terminal:
            terminal.wait_until(lambda: b"ready" in terminal.seen, "begin")
            time.sleep(moment)
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.wait_for_end() == 130, moment
            assert "Traceback" not in terminal.text
            assert terminal.modes_now() == terminal.modes


def test_an_ignored_interrupt_stays_ignored(data: DataDir) -> None:
    code = "import signal, sys\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + READY.replace(
        "os.write(1, b'ready')", "os.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_that_python_cannot_pass_on(data: DataDir) -> None:
    code = (
        "import os, signal, sys, time\nfrom cq_tui import interrupts\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "interrupts.end_on_interrupt()\ninterrupts.raise_on_interrupt()\n"
        "class Ends:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        "Ends()\nsys.exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")


def test_a_defect_has_its_own_exit_code(data: DataDir) -> None:
    code = (
        "import cq_tui.ops.status\n"
        "def broken(*_):\n    raise RuntimeError('a defect')\n"
        "cq_tui.ops.status.read_status = broken\nfrom cq_tui.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code, "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "RuntimeError: a defect" in done.stderr


def test_a_defect_because_of_an_interrupt_is_an_interrupt(data: DataDir) -> None:
    code = (
        "import cq_tui.ops.status\n"
        "def broken(*_):\n"
        "    try:\n        raise KeyboardInterrupt\n"
        "    except BaseException:\n        raise ImportError('half imported')\n"
        "cq_tui.ops.status.read_status = broken\nfrom cq_tui.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code, "status"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
