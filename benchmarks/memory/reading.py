"""The last events of a long history, parsed, against ``tail`` and a plain parse of what it prints."""

import subprocess

import orjson

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, in_turn, spent_on
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events

_BAR = 1.2
_COUNT = 1000


def measure(history: LargeHistory, rounds: int) -> Row:
    """Read 1,000 events in this process; the peer starts ``tail`` and parses its lines here."""
    path = history.data.events

    def ours() -> bool:
        with open_events(path) as file:
            entries = file.last_entries(_COUNT, EventFilter())
        return len(entries) == _COUNT and all(entry.event is not None for entry in entries)

    def peer() -> bool:
        printed = subprocess.run(["tail", "-n", str(_COUNT), str(path)], stdout=subprocess.PIPE, check=True).stdout
        return len([orjson.loads(line) for line in printed.splitlines()]) == _COUNT

    compared = in_turn(lambda: spent_on(ours).cpu, lambda: spent_on(peer).cpu, rounds)
    return Row(
        f"last {_COUNT:,} events read and parsed, {history.size}",
        f"CPU {compared.ours:.1f} ms",
        f"tail -n {_COUNT} and orjson, CPU {compared.peer:.1f} ms",
        f"{1 / compared.ratio:.2f}x",
        f"<= {_BAR}x",
        1 / compared.ratio <= _BAR,
    )
