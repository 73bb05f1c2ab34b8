"""From the start of the process to the first painted screen, against a bare Textual app."""

import sys
import tempfile
from pathlib import Path

from benchmarks.directory import LiveTickers, prepared
from benchmarks.report import Row
from benchmarks.terminal import Terminal, room_command

_BAR = 1.6
_SYMBOLS = 14
BARE_APP = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("painted")

Bare().run()
"""


def measure(rounds: int) -> Row:
    """Start both in turn, as often as asked for, over the directory of a running stack; the best start counts."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder) / "data", _SYMBOLS)
        with LiveTickers(data, _SYMBOLS):
            for _ in range(rounds):
                with Terminal([sys.executable, "-c", BARE_APP]) as terminal:
                    bare.append((terminal.wait_for(b"painted") - terminal.started) * 1000)
                with Terminal(room_command(str(data.root), "--view")) as terminal:
                    ours.append((terminal.wait_for(b"services") - terminal.started) * 1000)
    ratio = min(ours) / min(bare)
    return Row(
        "first paint",
        f"{min(ours):.0f} ms",
        f"bare Textual app {min(bare):.0f} ms",
        f"{ratio:.2f}x",
        f"<= {_BAR:.1f}x",
        ratio <= _BAR,
    )
