"""The room's memory after many updates: 500 symbols that change ten times a second, for minutes."""

import tempfile
from pathlib import Path

from benchmarks.directory import LiveTickers, prepared
from benchmarks.report import Row
from benchmarks.table_cost import SYMBOLS
from benchmarks.terminal import Terminal, room_command

_BAR_MIB = 1.0


def measure(first: int, last: int) -> Row:
    """Measure after ``first`` and after ``last`` updates of a symbol; a million take 200 seconds."""
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder) / "data", SYMBOLS)
        with Terminal(room_command(str(data.root), "--view")) as terminal:
            terminal.wait_for(b"services")
            with LiveTickers(data, SYMBOLS) as live:
                sizes = []
                for updates in (first, last):
                    while live.updates < updates:
                        terminal.drain(0.5)
                    sizes.append(terminal.memory_mb())
    before, after = sizes
    return Row(
        f"room's memory after {last:,} updates",
        f"{after:.1f} MiB",
        f"after {first:,} {before:.1f} MiB",
        f"+{after - before:.1f} MiB",
        f"<= +{_BAR_MIB:.0f} MiB",
        after - before <= _BAR_MIB,
    )
