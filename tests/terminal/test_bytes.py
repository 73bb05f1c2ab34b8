"""The room and the bytes of a real terminal: what is no key does nothing, and keys work afterwards."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.terminal.pseudo_terminal import PseudoTerminal

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(240)]

ENVIRONMENT = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "SYMBOLS": "BTCUSDT"}

PASTE = b"\x1b[200~%s\x1b[201~"
#: None of them may do anything: not open the question of q, t, g, H or b, nor the help of ?.
HARMLESS = [
    b"caf\xe9",
    b"\xe2\x82",
    b"\x1b[M\xff\xff\xff",
    b"\x1b[MqH?",
    b"\x1b[32;12;5M",
    b"\x1b[113~",
    b"\x1b[?62;22c",
    b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1bP>|terminal q\x1b\\",
    b"\x1b[" + b"1;" * 100 + b"q",
    PASTE % b"price 12 \x1b]q",
    PASTE % b"Hey guy",
    PASTE % b"q\x1b[200~q",
    PASTE % (b"guy\n" * 300_000),
]
QUESTION, HELP = "Quit cq-tui?", "keys and icons"


def view(tmp_path: Path) -> list[str]:
    return [sys.executable, "-m", "cq_tui", "--data-dir", str(tmp_path / "data"), "--view"]


def show_help(terminal: PseudoTerminal) -> None:
    """Open the help, and close it again: keys work."""
    terminal.forget()
    terminal.send(b"?")
    terminal.wait_for(HELP)
    terminal.send(b"\x1b")
    # Not before ESC is known to be the escape key: with what follows at once it would be Alt and that key.
    terminal.wait_until(lambda: HELP not in terminal.screen, "closed help")


def test_what_is_no_key_does_nothing_and_keys_work_afterwards(tmp_path: Path) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        for data in HARMLESS:
            terminal.send(data)
            show_help(terminal)
            assert QUESTION not in terminal.text, data
        # Split into its bytes, as a slow line may do.
        for data in HARMLESS[:-1]:
            for byte in data:
                terminal.send(bytes([byte]))
        show_help(terminal)
        assert QUESTION not in terminal.text
        terminal.send(b"q")
        terminal.wait_for(QUESTION)


def test_a_terminal_that_is_not_read_for_a_while(tmp_path: Path) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        terminal.stop_reading()
        for _ in range(40):
            terminal.send(b"?")
            time.sleep(0.02)
            terminal.send(b"\x1b[A\x1b[B\x1b[27u")
        terminal.go_on_reading()
        show_help(terminal)


def test_stopped_and_continued(tmp_path: Path) -> None:
    with PseudoTerminal(view(tmp_path), ENVIRONMENT) as terminal:
        terminal.wait_for("SIMULATION")
        show_help(terminal)
        process = psutil.Process(terminal.process.pid)
        threads, before = process.num_threads(), terminal.modes_now()
        for number in (signal.SIGTSTP, signal.SIGSTOP):
            terminal.forget()
            os.kill(process.pid, number)
            terminal.wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "stop")
            if number == signal.SIGTSTP:
                assert terminal.modes_now() == terminal.modes
                terminal.wait_until(lambda: b"\x1b[?1049l" in terminal.seen, "end of its own screen")
            terminal.forget()
            os.kill(process.pid, signal.SIGCONT)
            terminal.wait_until(lambda: b"\x1b[?1049h" in terminal.seen, "screen of its own")
            terminal.wait_for("1 services")
            show_help(terminal)
            # With two input threads, each would get half of the keys.
            assert process.num_threads() <= threads
            assert terminal.modes_now() == before
