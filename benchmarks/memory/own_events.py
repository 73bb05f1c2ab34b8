"""The trader's own events out of a long history that has ten times as many, read in a process that prints seconds."""

import sys
import time
from pathlib import Path

from benchmarks.memory.large_history import TRADER_EVERY, LargeHistory
from benchmarks.memory.watched_process import run_watched
from benchmarks.report import Row
from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.own_events import read_own_events

_BAR_SECONDS = 5.0
_BAR_MIB = 100.0


def measure(history: LargeHistory) -> Row:
    """Read all of them, as a trader does that has lost its state."""
    events = history.events // TRADER_EVERY
    watched = run_watched("benchmarks.memory.own_events", str(history.data.root), str(events))
    return Row(
        f"the trader's own {events:,} events, {history.size}",
        f"CPU {watched.figure:.2f} s, {watched.peak_mib:.0f} MiB",
        "-",
        "-",
        f"<= {_BAR_SECONDS:.0f} s, <= {_BAR_MIB:.0f} MiB",
        watched.figure <= _BAR_SECONDS and watched.peak_mib <= _BAR_MIB,
    )


def main() -> None:
    """``own_events DATA_DIR EVENTS``."""
    started = time.process_time()
    own = read_own_events(DataDir(Path(sys.argv[1])), "trader")
    count = sum(1 for _ in own)
    spent = time.process_time() - started
    if count != int(sys.argv[2]) or own.missing or own.problems:
        raise ValueError(f"{count} events were read; missing {own.missing}, problems {own.problems}")
    print(spent)


if __name__ == "__main__":
    main()
