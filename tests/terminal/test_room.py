"""The room in a real terminal over a real stack: keys, screen and files."""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil
import pytest
from textual.color import Color

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.room.themes import DARK
from cq_tui.store.checkpoints.checkpoint_log import Statement, read_checkpoint_log
from cq_tui.store.control import issue_command
from cq_tui.store.lock import is_alive, read_holder
from tests.room.calm import find_alarms, split_colors
from tests.terminal.tmux import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.stack,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

#: The environment of every test's process: the caller's settings must not affect it. A small market opens soon.
ENVIRONMENT = {
    "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
    "SYMBOLS": "BTCUSDT,ETHUSDT",
}  # fmt: skip
#: The color of trouble, as a terminal is told: red, green, blue.
RED = tuple(Color.parse(DARK.error or "").rgb)


def room(data: DataDir, *words: str) -> list[str]:
    return [sys.executable, "-m", "cq_tui", "--data-dir", str(data.root), *words]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    directory = DataDir(tmp_path / "data")
    yield directory
    subprocess.run([*room(directory)[:3], "down", "--data-dir", str(directory.root)], check=False, capture_output=True)
    deadline = time.monotonic() + 30
    while left := [process.pid for process in psutil.process_iter() if str(directory.root) in _words(process)]:
        # A room whose terminal has just been closed may still be ending.
        assert time.monotonic() < deadline, f"processes left behind: {left}"
        time.sleep(0.1)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def settings(data: DataDir) -> dict[str, object]:
    try:
        found: dict[str, object] = orjson.loads(data.settings.read_bytes())
    except FileNotFoundError:
        return {}
    return found


def event_types(data: DataDir) -> list[str]:
    return [orjson.loads(line)["event_type"] for line in data.events.read_bytes().splitlines()]


def calmly_wait_for(terminal: Tmux, is_there: Callable[[str], bool]) -> None:
    """Wait for a screen; no screen until then may alarm."""

    def look() -> bool:
        text, red = split_colors(terminal.colored_screen(), RED)
        assert not find_alarms(text.splitlines(), red), text
        return is_there(text)

    terminal.wait_until(look, "calm screen as expected", timeout=90)


def test_the_most_important_keys(data: DataDir, tmp_path: Path) -> None:
    with Tmux(tmp_path, room(data), ENVIRONMENT, 160, 45) as terminal:
        started = time.monotonic()
        terminal.wait_for("SIMULATION")
        # Frame after frame, nothing reads as trouble: not while the stack starts, not while one service does.
        calmly_wait_for(terminal, lambda screen: "all services ok" in screen)
        print(f"all services ok after {time.monotonic() - started:.1f} s")
        screen = terminal.wait_for("history intact")
        assert "BTCUSDT" in screen
        assert "guardrails on" in screen

        before = read_holder(data.lock_of("ares"))
        issue_command(data, "restart_service", "supervisor", target="ares", issued_by="the test")
        calmly_wait_for(terminal, lambda screen: "ares starting" in screen)
        calmly_wait_for(terminal, lambda screen: "all services ok" in screen)
        assert read_holder(data.lock_of("ares")) not in (None, before)

        # g asks, the same key does not confirm, no is the default.
        terminal.press("g")
        terminal.wait_for("n no")
        terminal.press("g")
        terminal.answer("Enter", "n no")
        assert "DISABLE_ORDER_GUARDRAILS" not in settings(data)
        terminal.press("g")
        terminal.wait_for("n no")
        terminal.answer("y", "n no")
        terminal.wait_until(
            lambda: settings(data).get("DISABLE_ORDER_GUARDRAILS") is True, "guardrails off in the file"
        )
        terminal.wait_until(lambda: "config_changed" in event_types(data), "config_changed event")

        # What is typed before a question can be read acts nowhere; all that follows a slash is the filter's.
        terminal.write("guy")
        terminal.wait_for("too early: u y")
        terminal.press("Escape")
        terminal.wait_until(lambda: "too early" not in terminal.screen(), "closed dialog")
        terminal.write("/btcHgxs")
        terminal.wait_for("filter: btcHgxs")
        terminal.press("Escape")
        terminal.wait_until(lambda: "filter: btc" not in terminal.screen(), "cleared filter")
        assert settings(data) == {"DISABLE_ORDER_GUARDRAILS": True}
        assert not any(data.root.glob("debug_bundle_*.json"))

        # b writes a bundle and shows where.
        terminal.press("b")
        terminal.wait_until(lambda: any(data.root.glob("debug_bundle_*.json")), "debug bundle")
        terminal.wait_for("debug_bundle_")

        # t asks as well, and changes no flag that changes nothing.
        terminal.press("t")
        terminal.wait_for("The mode is SIMULATION")
        terminal.answer("n", "n no")
        assert "BINANCE_USE_TESTNET" not in settings(data)

        # Enter shows an event's proof. Memory signs once after its start; events before that are proved.
        terminal.wait_for("checkpoint ")
        terminal.press("6", "Enter")
        terminal.wait_for("matches the line")
        terminal.press("Home", "Right")
        terminal.wait_for("event 1 of")
        terminal.wait_for("Proved by the checkpoint")
        terminal.wait_for("as signed")
        terminal.press("Escape")
        terminal.wait_for("6 memory")

        # q asks; stop all ends every process.
        terminal.press("q")
        terminal.wait_for("Quit cq-tui?")
        terminal.answer("a", "Quit cq-tui?")
        terminal.wait_until(terminal.ended, "end of the room")
        assert terminal.exit_code() == 0
        assert not any(read_holder(data.lock_of(name)) for name in (*SERVICES, "supervisor"))

        # The last checkpoint stays in the terminal.
        kept = terminal.scrollback()
        entries = read_checkpoint_log(data.checkpoints).entries
        roots = {entry.checkpoint.root.hex() for entry in entries if isinstance(entry, Statement)}
        assert any(f"root {root}, " in kept for root in roots), kept


def test_detaching_keeps_everything_running_and_a_new_room_finds_it(data: DataDir, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with Tmux(tmp_path / "first", room(data), ENVIRONMENT, 80, 24) as terminal:
        terminal.wait_for("● 5 services", timeout=90)
        before = {name: read_holder(data.lock_of(name)) for name in SERVICES}
        terminal.press("q")
        terminal.wait_for("Quit cq-tui?")
        terminal.answer("d", "Quit cq-tui?")
        terminal.wait_until(terminal.ended, "end of the room")
    with Tmux(tmp_path / "second", room(data), ENVIRONMENT, 80, 24) as terminal:
        terminal.wait_for("● 5 services")
        assert {name: read_holder(data.lock_of(name)) for name in SERVICES} == before
        supervisor = read_holder(data.lock_of("supervisor"))
        assert supervisor is not None
        assert supervisor.kind == "headless"


def test_a_lost_terminal_detaches_without_a_busy_loop(data: DataDir, tmp_path: Path) -> None:
    with Tmux(tmp_path, room(data), ENVIRONMENT, 120, 40) as terminal:
        terminal.wait_for("● 5 services", timeout=90)
        pid, born = terminal.pid, psutil.Process(terminal.pid).create_time()
        before = {name: read_holder(data.lock_of(name)) for name in SERVICES}
        terminal.hang_up()
        deadline = time.monotonic() + 60
        while is_alive(pid, born):
            assert time.monotonic() < deadline, "the room lives on without its terminal"
            time.sleep(0.1)
        while (holder := read_holder(data.lock_of("supervisor"))) is None or holder.kind != "headless":
            assert time.monotonic() < deadline, "nobody took over"
            time.sleep(0.1)
        assert {name: read_holder(data.lock_of(name)) for name in SERVICES} == before


def test_small_terminals_show_the_mode(data: DataDir, tmp_path: Path) -> None:
    # A text that each size shows and the previous one did not.
    expected = {
        (20, 5): "exchange stopped", (40, 10): "VIEW ONLY", (60, 15): "no report yet", (80, 24): "H halt",
        (100, 30): "x stop",
    }  # fmt: skip
    with Tmux(tmp_path, room(data, "--view"), ENVIRONMENT, 20, 5) as terminal:
        for size, words in expected.items():
            terminal.resize(*size)
            assert "SIMULATION" in terminal.wait_for(words)
        terminal.press("q")
        terminal.wait_for("Quit cq-tui?")


def test_a_dumb_terminal_is_refused_with_a_message(data: DataDir, tmp_path: Path) -> None:
    # The shell stays open, so that its screen can be read after the refusal.
    command = f"TERM=dumb {shlex.join(room(data))}; echo exit code $?; exec sleep 60"
    with Tmux(tmp_path, ["sh", "-c", command], ENVIRONMENT, 160, 24) as terminal:
        assert "TERM is dumb" in terminal.wait_for("exit code 5")
