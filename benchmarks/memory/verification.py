"""The whole history verified, with one process and with two, against parsing and hashing everything with orjson."""

import time

from benchmarks.memory.large_history import LargeHistory
from benchmarks.memory.watched_process import run_timed, run_watched
from benchmarks.report import ROUNDS_LAST, Row, middle

_BARS = {1: 1.5, 2: 2.2}
_BAR_MIB = 64.0


def measure(history: LargeHistory, rounds: int) -> list[Row]:
    """Verify in processes of their own; once more to watch their memory, which takes a part of a processor."""
    folder = str(history.data.root)
    plain: list[float] = []
    ours: dict[int, list[float]] = {workers: [] for workers in _BARS}
    deadline = time.perf_counter() + ROUNDS_LAST
    for _ in range(rounds):
        if plain and time.perf_counter() > deadline:
            break
        plain.append(run_timed("benchmarks.memory.plain_verification", folder))
        for workers, seconds in ours.items():
            seconds.append(run_timed("benchmarks.memory.our_verification", folder, str(workers)))
    return [_row(history, workers, seconds, plain) for workers, seconds in ours.items()]


def _row(history: LargeHistory, workers: int, seconds: list[float], plain: list[float]) -> Row:
    ratio, bar = middle([peer / mine for mine, peer in zip(seconds, plain, strict=True)]), _BARS[workers]
    memory = run_watched("benchmarks.memory.our_verification", str(history.data.root), str(workers)).peak_mib
    return Row(
        f"full verification, {workers} process{'es' * (workers > 1)}, {history.size}",
        f"{middle(seconds):.2f} s, largest process {memory:.0f} MiB",
        f"orjson, parse and hash {middle(plain):.2f} s",
        f"{ratio:.2f}x",
        f">= {bar}x, <= {_BAR_MIB:.0f} MiB",
        ratio >= bar and memory <= _BAR_MIB,
    )
