"""500 symbols that change ten times a second: the whole room, against a DataTable alone with update_cell."""

import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.directory import prepared, write_tickers
from benchmarks.report import Row
from benchmarks.terminal import Terminal, room_command

_BAR_PERCENT = 10.0
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


def measure(seconds: float) -> Row:
    """Measure the room at rest and under load, and the peer under the same load."""
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder) / "data", SYMBOLS)
        with Terminal(room_command(str(data.root), "--view")) as terminal:
            terminal.wait_for(b"services")
            terminal.drain(3.0)
            rest = terminal.cpu_percent(seconds)
            stop = threading.Event()

            def change() -> None:
                step = 0
                while not stop.wait(0.1):
                    step += 1
                    write_tickers(data, SYMBOLS, step)

            writer = threading.Thread(target=change)
            writer.start()
            terminal.drain(1.0)
            ours = terminal.cpu_percent(seconds)
            stop.set()
            writer.join()
    with Terminal([sys.executable, "-c", DATA_TABLE, str(SYMBOLS)]) as terminal:
        terminal.wait_for(b"column")
        terminal.drain(2.0)
        peer = terminal.cpu_percent(seconds)
    return Row(
        f"{SYMBOLS} symbols x 10 changes a second",
        f"{ours:.1f} % of a core ({rest:.1f} % at rest)",
        f"DataTable.update_cell alone {peer:.1f} %",
        f"{ours / peer:.2f}x",
        f"<= {_BAR_PERCENT:.0f} %",
        ours <= _BAR_PERCENT,
    )
