"""The whole history verified, with one process and with two, against parsing and hashing everything with orjson."""

import time

from benchmarks.memory.large_history import LargeHistory
from benchmarks.memory.watched_process import Watched, run_watched
from benchmarks.report import ROUNDS_LAST, Row, middle

_BARS = {1: 1.5, 2: 2.2}
_BAR_MIB = 64.0


def measure(history: LargeHistory, rounds: int) -> list[Row]:
    """Verify in processes of their own, so that each one's memory can be watched."""
    folder = str(history.data.root)
    plain: list[float] = []
    ours: dict[int, list[Watched]] = {workers: [] for workers in _BARS}
    deadline = time.perf_counter() + ROUNDS_LAST
    for _ in range(rounds):
        if plain and time.perf_counter() > deadline:
            break
        plain.append(run_watched("benchmarks.memory.plain_verification", folder).figure)
        for workers, watched in ours.items():
            watched.append(run_watched("benchmarks.memory.our_verification", folder, str(workers)))
    return [_row(history, workers, watched, plain) for workers, watched in ours.items()]


def _row(history: LargeHistory, workers: int, watched: list[Watched], plain: list[float]) -> Row:
    ratio = middle([peer / mine.figure for mine, peer in zip(watched, plain, strict=True)])
    memory, bar = max(mine.peak_mib for mine in watched), _BARS[workers]
    return Row(
        f"full verification, {workers} process{'es' * (workers > 1)}, {history.size}",
        f"{middle([mine.figure for mine in watched]):.2f} s, largest process {memory:.0f} MiB",
        f"orjson, parse and hash {middle(plain):.2f} s",
        f"{ratio:.2f}x",
        f">= {bar}x, <= {_BAR_MIB:.0f} MiB",
        ratio >= bar and memory <= _BAR_MIB,
    )
