"""500 symbols that change ten times a second: the whole room, against a DataTable alone with update_cell."""

import sys
import tempfile
from pathlib import Path

from benchmarks.directory import LiveTickers, prepared
from benchmarks.report import Row
from benchmarks.terminal import Terminal, room_command

_CPU_BAR = 10.0
_OUTPUT_BAR = 20.0
SYMBOLS = 500
DATA_TABLE = """
import sys
from textual.app import App
from textual.widgets import DataTable

ROWS, COLUMNS = int(sys.argv[1]), 8

class Peer(App):
    def compose(self):
        yield DataTable()

    def on_mount(self):
        table = self.query_one(DataTable)
        self.columns = [table.add_column(f"column {c}", width=12) for c in range(COLUMNS)]
        self.rows = [table.add_row(*["-"] * COLUMNS) for _ in range(ROWS)]
        self.step = 0
        self.set_interval(0.1, self.change)

    def change(self):
        self.step += 1
        table = self.query_one(DataTable)
        for number, row in enumerate(self.rows):
            for column in self.columns[1:]:
                table.update_cell(row, column, f"{number + self.step / 100:,.2f}")

Peer().run()
"""


def measure(seconds: float) -> list[Row]:
    """Measure the room at rest and under load, and the peer under the same load."""
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder) / "data", SYMBOLS)
        with Terminal(room_command(str(data.root), "--view")) as terminal:
            terminal.wait_for(b"services")
            terminal.drain(3.0)
            rest = terminal.load(seconds)
            with LiveTickers(data, SYMBOLS):
                terminal.drain(1.0)
                ours = terminal.load(seconds)
    with Terminal([sys.executable, "-c", DATA_TABLE, str(SYMBOLS)]) as terminal:
        terminal.wait_for(b"column")
        terminal.drain(2.0)
        peer = terminal.load(seconds)
    return [
        Row(
            f"{SYMBOLS} symbols x 10 changes a second, CPU",
            f"{ours.cpu:.1f} % of a core ({rest.cpu:.1f} % at rest)",
            f"DataTable.update_cell alone {peer.cpu:.1f} %",
            f"{ours.cpu / peer.cpu:.2f}x",
            f"<= {_CPU_BAR:.0f} %",
            ours.cpu <= _CPU_BAR,
        ),
        Row(
            f"{SYMBOLS} symbols x 10 changes a second, output",
            f"{ours.output:.1f} kB/s",
            f"DataTable.update_cell alone {peer.output:.1f} kB/s",
            f"{ours.output / peer.output:.2f}x",
            f"<= {_OUTPUT_BAR:.0f} kB/s",
            ours.output <= _OUTPUT_BAR,
        ),
    ]
