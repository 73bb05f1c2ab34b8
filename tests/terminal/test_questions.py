"""Questions about money in a real terminal of the smallest usual size: what they name, and what typing does."""

import shutil
import sys
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from tests.room.stage import Stage
from tests.room.test_closing import position
from tests.terminal.test_view_only import ACTING_ROOM
from tests.terminal.tmux import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

ENVIRONMENT = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def terminal(tmp_path: Path, stage: Stage) -> Tmux:
    command = [sys.executable, "-c", ACTING_ROOM, str(stage.data.root)]
    return Tmux(tmp_path, command, ENVIRONMENT | {"CQ_CONFIG_DIR": str(tmp_path / "config")}, 80, 24)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path / "data")
    made.healthy()
    made.account(positions={one: position(one) for one in ("BTCUSDT", "DOGEUSDT")}, orders=[])
    return made


def reasons(data: DataDir) -> list[object]:
    lines = [line for path in data.spool.glob("room-*.ndjson") for line in path.read_bytes().splitlines()]
    told = [orjson.loads(line) for line in lines]
    return [each["data"].get("why") for each in told if each["event_type"] == "trading_state_changed"]


def test_halting_with_a_reason_written_at_once(terminal: Tmux, stage: Stage) -> None:
    with terminal:
        terminal.wait_for("1 services")
        terminal.press("H")
        terminal.wait_for("Stop opening positions?")
        terminal.answer("w", "w say why")
        terminal.wait_for("esc drops it")
        terminal.write("try: yes or no")
        terminal.wait_for("try: yes or no")
        assert not stage.data.stop_of("halted").exists()
        terminal.press("Enter", "Enter")
        terminal.wait_until(stage.data.stop_of("halted").exists, "halt")
        terminal.wait_for("HALTED")
        terminal.wait_until(lambda: reasons(stage.data) == ["try: yes or no"], "the reason in the spool")


@pytest.mark.parametrize(
    ("key", "question", "named"),
    [
        ("F", "Sell everything and halt?", ["BTCUSDT: 0.1", "DOGEUSDT: 0.1", "y yes, flatten all"]),
        ("c", "Close BTCUSDT?", ["BTCUSDT: 0.1", "y yes, close it"]),
        ("q", "Quit cq-tui?", ["BTCUSDT 0.1: its stop at 39600 stands at the exchange", "a stop all"]),
    ],
)
def test_what_sells_or_leaves_names_what_is_open(terminal: Tmux, key: str, question: str, named: list[str]) -> None:
    with terminal:
        terminal.wait_for("BTCUSDT")
        terminal.press(key)
        screen = terminal.wait_for(question)
        assert all(text in screen for text in named), screen
