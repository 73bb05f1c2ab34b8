"""The trader's book out of a long history: read alone, in a process that prints seconds, and by starting traders."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.memory.large_history import TRADER_EVERY, LargeHistory
from benchmarks.memory.watched_process import run_timed, run_watched
from benchmarks.report import Row, middle
from benchmarks.trader.wire import Stack
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.trader_state import restore_state

#: The state file is missing: CPU seconds and memory of the reader, and seconds until a trader is ready.
_CPU_BAR, _MIB_BAR, _REBUILT_BAR = 5.0, 200.0, 5.0
#: The state file is there.
_READY_BAR = 1.5


def measure(history: LargeHistory, starts: int) -> Iterator[Row]:
    """Read all of the trader's facts, as after the loss of its state; then start traders beside that history."""
    facts = history.events // TRADER_EVERY
    words = ("benchmarks.trader.rebuilding", str(history.data.root), str(facts))
    watched, plain = run_watched(*words), run_timed(*words, "plain")
    yield Row(
        f"book of {facts:,} facts, {history.size}, no state file",
        f"CPU {watched.figure:.2f} s, {watched.peak_mib:.0f} MiB",
        f"its lines found and parsed, nothing else: CPU {plain:.2f} s",
        f"{watched.figure / plain:.1f} x",
        f"<= {_CPU_BAR:.0f} s, <= {_MIB_BAR:.0f} MiB",
        watched.figure <= _CPU_BAR and watched.peak_mib <= _MIB_BAR,
    )
    with tempfile.TemporaryDirectory(dir=history.data.root.parent) as folder:
        [short, _] = asyncio.run(_start_traders(DataDir(Path(folder)), starts))
    ready, rebuilt = asyncio.run(_start_traders(history.data, starts))
    for what, started, bar in (("its state file", ready, _READY_BAR), ("no state file", rebuilt, _REBUILT_BAR)):
        wall, cpu = (middle([*values]) for values in zip(*started, strict=True))
        usual, usual_cpu = (middle([*values]) for values in zip(*short, strict=True))
        yield Row(
            f"trader ready after its start, {history.size}, {what}, middle of {starts}",
            f"{wall:.2f} s, CPU {cpu:.2f} s",
            f"beside an empty history {usual:.2f} s, CPU {usual_cpu:.2f} s",
            f"CPU +{cpu - usual_cpu:.2f} s",
            f"<= {bar:.1f} s",
            wall <= bar,
        )


_Starts = list[tuple[float, float]]


async def _start_traders(data: DataDir, starts: int) -> tuple[_Starts, _Starts]:
    """Start traders with their state file, then without; return the seconds until ready, and of CPU."""
    ready, rebuilt = _Starts(), _Starts()
    async with Stack(data).running() as stack:
        # Until then each start rebuilds it.
        await stack.wait_for_state()
        for without_state, took in (False, ready), (True, rebuilt):
            for _ in range(starts):
                took.append((await stack.restart_trader(without_state=without_state) / 1000, stack.ready_cpu))
    return ready, rebuilt


def main() -> None:
    """``rebuilding DATA_DIR FACTS [plain]``."""
    data, facts = DataDir(Path(sys.argv[1])), int(sys.argv[2])
    started = time.process_time()
    count = _parse_plainly(data.events) if sys.argv[3:] else _rebuild(data)
    spent = time.process_time() - started
    if count != facts:
        raise ValueError(f"{count:,} facts were read instead of {facts:,}")
    print(spent)


def _rebuild(data: DataDir) -> int:
    state = restore_state(data)
    if state.faults or not any(book.fills_count for book in state.books.values()):
        raise ValueError(f"a sound history gave no book: {state.faults}")
    return state.seq


def _parse_plainly(path: Path) -> int:
    """Parse the trader's lines; return their number."""
    with path.open("rb") as file:
        return sum(1 for line in file if b'"writer":"trader"' in line and orjson.loads(line))


if __name__ == "__main__":
    main()
