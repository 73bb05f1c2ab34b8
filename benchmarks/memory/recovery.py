"""Resuming a long history, with and without a snapshot."""

from benchmarks.memory.large_history import LargeHistory
from benchmarks.memory.watched_process import run_watched
from benchmarks.report import Row, middle

#: Seconds. Without a snapshot everything is verified first: see the rows of verification.
_BARS = {True: 0.1, False: None}


def measure(history: LargeHistory, rounds: int) -> list[Row]:
    """Open the history in a new process each time."""
    return [_row(history, rounds, with_snapshot=with_snapshot) for with_snapshot in _BARS]


def _row(history: LargeHistory, rounds: int, *, with_snapshot: bool) -> Row:
    words = [str(history.data.root), str(history.watermark)]
    if with_snapshot:
        words.append(history.stood.model_dump_json())
    seconds = middle([run_watched("benchmarks.memory.start_again", *words).figure for _ in range(rounds)])
    bar = _BARS[with_snapshot]
    kind = "a snapshot 1,000 events old" if with_snapshot else "no snapshot"
    return Row(
        f"starting again with {kind}, {history.size}",
        f"{seconds * 1000:.0f} ms",
        "-",
        "-",
        "-" if bar is None else f"<= {bar * 1000:.0f} ms",
        None if bar is None else seconds <= bar,
    )
