"""The last events of a long history, parsed, against ``tail`` and a plain parse of what it prints."""

import subprocess
import time
from collections.abc import Callable, Sized

import orjson

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, in_turn
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events

_BAR = 1.2
_COUNT = 1000


def measure(history: LargeHistory, rounds: int) -> Row:
    """Read 1,000 events in this process; the peer starts ``tail`` and parses its lines here, for it has no reader."""
    path = history.data.events

    def ours() -> Sized:
        with open_events(path) as file:
            return [entry for entry in file.last_entries(_COUNT, EventFilter()) if entry.event is not None]

    def peer() -> Sized:
        printed = subprocess.run(["tail", "-n", str(_COUNT), str(path)], stdout=subprocess.PIPE, check=True).stdout
        return [orjson.loads(line) for line in printed.splitlines()]

    compared = in_turn(lambda: _milliseconds(ours), lambda: _milliseconds(peer), rounds)
    return Row(
        f"last {_COUNT:,} events read and parsed, {history.size}",
        f"{compared.ours:.1f} ms",
        f"tail -n {_COUNT} and orjson {compared.peer:.1f} ms",
        f"{1 / compared.ratio:.2f}x",
        f"<= {_BAR}x",
        1 / compared.ratio <= _BAR,
    )


def _milliseconds(read: Callable[[], Sized]) -> float:
    started = time.perf_counter()
    events = read()
    spent = (time.perf_counter() - started) * 1000
    if len(events) != _COUNT:
        raise ValueError("not all events could be read")
    return spent
