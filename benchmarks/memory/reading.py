"""The last events of a long history, parsed, against ``tail`` that only prints them."""

import subprocess
import time

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, in_turn
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events

_BAR_MS = 5.0
_COUNT = 1000


def measure(history: LargeHistory, rounds: int) -> Row:
    """Read 1,000 events; the peer is there for scale, since it is a process that has to start."""
    path = history.data.events

    def ours() -> float:
        started = time.perf_counter()
        with open_events(path) as file:
            entries = file.last_entries(_COUNT, EventFilter())
        spent = (time.perf_counter() - started) * 1000
        if len(entries) != _COUNT or any(entry.event is None for entry in entries):
            raise ValueError("not all events could be read")
        return spent

    def peer() -> float:
        started = time.perf_counter()
        subprocess.run(["tail", "-n", str(_COUNT), str(path)], stdout=subprocess.PIPE, check=True)
        return (time.perf_counter() - started) * 1000

    compared = in_turn(ours, peer, rounds)
    return Row(
        f"last {_COUNT:,} events read and parsed, {history.size}",
        f"{compared.ours:.1f} ms",
        f"tail -n {_COUNT} {compared.peer:.1f} ms",
        f"{1 / compared.ratio:.2f}x",
        f"<= {_BAR_MS:.0f} ms",
        compared.ours <= _BAR_MS,
    )
