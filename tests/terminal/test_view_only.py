"""A room that only views, in a real terminal: whatever is typed, no file changes and no process starts."""

import random
import sys
import time
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from tests.room.stage import Stage
from tests.room.test_view_only import tree
from tests.terminal.pseudo_terminal import PseudoTerminal

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(120)]

ENVIRONMENT = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
#: Opens a room that acts and starts no supervisor.
ACTING_ROOM = """
import sys
import time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.room.app import RoomApp
RoomApp(DataDir(Path(sys.argv[1])), supervise=False).run()
"""
#: Everything that acts, with every consent; everything else that can be typed, but what quits.
ACTING_KEYS = b"".join(bytes([key]) + answer + b"\x1b" for key in b"tgHsxr" for answer in (b"y", b"\r"))
OTHER_KEYS = bytes(set(range(0x20, 0x7F)) - set(b"q")) + b"\r\t\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F"


def typed(seed: int) -> bytes:
    """Everything that can be typed, in a random order."""
    keys = [bytes([key]) for key in OTHER_KEYS]
    random.Random(seed).shuffle(keys)
    return b"".join(keys)


def sent(terminal: PseudoTerminal, *keys: bytes) -> bool:
    """Press keys, slowly."""
    for key in keys:
        terminal.send(key)
        time.sleep(0.2)
    return True


def asks_to_quit(terminal: PseudoTerminal) -> bool:
    """Whether the question shows, after closing what may be open."""
    return sent(terminal, b"\x1b", b"\x1b", b"q") and "Quit cq-tui?" in terminal.text


def view(data: DataDir) -> PseudoTerminal:
    command = [sys.executable, "-m", "cq_tui", "--view", "--data-dir", str(data.root)]
    return PseudoTerminal(command, ENVIRONMENT, columns=160, rows=45)


def test_whatever_is_typed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = Stage(tmp_path / "data").write_all().data
    before = tree(data.root)
    with view(data) as terminal:
        terminal.wait_for("VIEW ONLY")
        terminal.wait_for("67,412.10")
        terminal.send(ACTING_KEYS)
        terminal.wait_for("View only: this room was opened with --view")
        for seed in range(3):
            terminal.send(typed(seed))
        # Once the question shows, everything before it was read.
        terminal.wait_until(lambda: asks_to_quit(terminal), "question")
        terminal.send(b"aaa")
        time.sleep(0.5)
        assert terminal.process.poll() is None
    assert tree(data.root) == before


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    with view(data) as terminal:
        terminal.wait_for("VIEW ONLY")
        terminal.wait_for("no report yet")
        terminal.send(ACTING_KEYS)
        terminal.wait_for("View only")
    assert not data.root.exists()


def test_a_room_beside_it_acts(tmp_path: Path) -> None:
    data = Stage(tmp_path / "data").write_all().data
    with (
        view(data) as viewer,
        PseudoTerminal([sys.executable, "-c", ACTING_ROOM, str(data.root)], ENVIRONMENT) as terminal,
    ):
        for each in (viewer, terminal):
            each.wait_for("67,412.10")
        terminal.send(b"g")
        terminal.wait_for("limits about appetite")
        terminal.wait_until(lambda: sent(terminal, b"y") and data.settings.exists(), "changed setting")
        viewer.wait_for("GUARDRAILS OFF")
