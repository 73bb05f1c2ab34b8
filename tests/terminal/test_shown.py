"""What a real terminal shows: rows of one width whatever names are in them, and ASCII where it must be."""

import shutil
import sys
from functools import partial
from pathlib import Path

import pytest
from rich.cells import cell_len

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.document import write_document
from tests.ops.test_characters import DISPUTED
from tests.room.stage import Stage
from tests.terminal.tmux import Tmux

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

UTF_8 = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
COLUMNS, ROWS = 160, 50
#: Each name begins with ``zz``, so that it is found on the screen.
NAMES = [f"zz{text}" for text in DISPUTED.values() if not any(0xD800 <= ord(each) < 0xE000 for each in text)]


def viewer(stage: Stage) -> list[str]:
    return [sys.executable, "-m", "cq_tui", "--view", "--data-dir", str(stage.data.root)]


def shows_names(terminal: Tmux, count: int) -> bool:
    return terminal.screen().count("zz") >= count


def shows_rows_alone(terminal: Tmux, count: int) -> bool:
    """Whether one pane fills the screen, with so many rows."""
    screen = terminal.screen()
    return "1 services" not in screen and sum("zz" in row for row in screen.splitlines()) >= count


def assert_every_row_ends_at_the_border(screen: str, count: int) -> None:
    rows = [row.rstrip() for row in screen.splitlines() if "zz" in row]
    assert len(rows) >= count, screen
    assert {(row[-1], cell_len(row)) for row in rows} == {("│", COLUMNS)}, screen


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Names that terminals dispute, everywhere."""
    made = Stage(tmp_path / "data")
    made.healthy()
    made.supervisor()
    tickers = {name: Ticker(1.0, 1.0, 1.0, 1.0, 1.0, made.now, 2) for name in NAMES}
    write_document(made.data.tickers, tickers_to_bytes(made.now, tickers), durable=False)
    quarantined = QuarantineState(symbol="", reason="", failures=3, since=made.now, until=made.now + 9e9)
    made.account(
        quarantine={name: quarantined.model_copy(update={"symbol": name, "reason": name}) for name in NAMES},
    )
    signals = [made.signal(name, "BUY", 1.0, 1.0, 1.0, 0.5, name, 9) for name in NAMES]
    refused = [
        {"symbol": name, "side": "BUY", "reason": name, "code": name, "leg": "entry", "client_order_id": f"c{number}"}
        for number, name in enumerate(NAMES)
    ]
    made.history(
        [
            *((9.0, "signal_generated", "ares", signal) for signal in signals),
            *((8.0, "order_rejected", "trader", order) for order in refused),
        ]
    )
    made.log("exchange", [{"ts": made.now, "level": "info", "event": name} for name in NAMES])
    return made


def test_names_of_disputed_width_shift_no_row(stage: Stage, tmp_path: Path) -> None:
    with Tmux(tmp_path, viewer(stage), UTF_8, COLUMNS, ROWS) as terminal:
        terminal.wait_for("zz")
        for pane, fewest in (("2", 20), ("3", 20), ("4", 15), ("5", 15), ("6", 20)):
            # What the other panes do not show has few names; with every event, memory shows them all.
            terminal.press(pane, "z", *(["e"] if pane == "6" else []))
            terminal.wait_until(partial(shows_rows_alone, terminal, fewest), f"pane {pane} with its names")
            assert_every_row_ends_at_the_border(terminal.screen(), fewest)
            terminal.press("z")
            terminal.wait_for("1 services")
        terminal.press("1", "l")
        terminal.wait_until(partial(shows_names, terminal, len(NAMES)), "log lines with the names")
        assert all(cell_len(row) <= COLUMNS for row in terminal.screen().splitlines())


def test_the_room_is_ascii_where_the_locale_has_no_signs_and_says_what_it_copies(stage: Stage, tmp_path: Path) -> None:
    plain = {"TERM": "xterm-256color", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Tmux(tmp_path, viewer(stage), plain, COLUMNS, ROWS) as terminal:
        screen = terminal.wait_for("1 services")
        terminal.wait_until(lambda: "zz" in terminal.screen(), "names")
        terminal.press("?")
        screen += terminal.wait_for("keys and icons")
        assert screen.isascii()
        assert "\\u" not in screen
        # Under tmux a viewer says the text: it may not write it anywhere, and tmux may not take it.
        terminal.press("Escape")
        terminal.wait_for("1 services")
        terminal.press("1", "Enter", "Enter", "c")
        said = terminal.wait_for("The text:")
        assert "set-clipboard" in said
        assert said.isascii()
    assert not stage.data.copied.exists()
