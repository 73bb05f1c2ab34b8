"""From the start of the process to the first painted screen, against a bare Textual app."""

import sys
import tempfile
from pathlib import Path

from benchmarks.report import Row, middle
from benchmarks.terminal import Terminal, room_command

_BAR_MS = 400.0
BARE_APP = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("painted")

Bare().run()
"""


def measure(rounds: int) -> Row:
    """Start both in turn, as often as asked for."""
    ours, bare = [], []
    for _ in range(rounds):
        with Terminal([sys.executable, "-c", BARE_APP]) as terminal:
            bare.append((terminal.wait_for(b"painted") - terminal.started) * 1000)
        with tempfile.TemporaryDirectory() as folder:
            command = room_command(str(Path(folder) / "data"), "--view")
            with Terminal(command) as terminal:
                ours.append((terminal.wait_for(b"services") - terminal.started) * 1000)
    more = middle(ours) - middle(bare)
    return Row(
        "first paint",
        f"{middle(ours):.0f} ms",
        f"bare Textual app {middle(bare):.0f} ms",
        f"+{more:.0f} ms ({middle(ours) / middle(bare):.2f}x)",
        f"<= +{_BAR_MS:.0f} ms",
        more <= _BAR_MS,
    )
