"""A process that writes single durable events, to a spool or to a shared database, once its input is closed."""

import sys
import time
from pathlib import Path

from benchmarks.memory.sample_events import sample_events
from benchmarks.memory.sqlite_history import SqliteHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.spools.spool import EventSpool


def main() -> None:
    """``one_writer (spool DATA_DIR | sqlite DATABASE) EVENTS NUMBER``."""
    kind, place, events, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    batch = sample_events(1, events, f"writer-{number}")
    if kind == "spool":
        data = DataDir(place)
        spool = EventSpool(data.spool, f"writer-{number}", quarantine=data.quarantine)
        _begin()
        for event in batch:
            spool.emit(event.event_type, event.data, durable=True)
    else:
        database = SqliteHistory(place, alone=False)
        _begin()
        for event in batch:
            database.append([event], time.time())


def _begin() -> None:
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
