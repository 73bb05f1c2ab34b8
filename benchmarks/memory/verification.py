"""The whole history verified, with one process and with two, against parsing and hashing everything with orjson."""

from benchmarks.memory.large_history import LargeHistory
from benchmarks.memory.watched_process import run_watched
from benchmarks.report import Row, in_turn

_BARS = {1: 2.5, 2: 5.0}
_BAR_MIB = 64.0


def measure(history: LargeHistory, rounds: int) -> list[Row]:
    """Verify in processes of their own, so that each one's memory can be watched."""
    return [_row(history, rounds, workers, bar) for workers, bar in _BARS.items()]


def _row(history: LargeHistory, rounds: int, workers: int, bar: float) -> Row:
    folder, peaks = str(history.data.root), list[float]()

    def ours() -> float:
        watched = run_watched("benchmarks.memory.our_verification", folder, str(workers))
        peaks.append(watched.peak_mib)
        return watched.figure

    def peer() -> float:
        return run_watched("benchmarks.memory.plain_verification", folder).figure

    compared = in_turn(ours, peer, rounds)
    return Row(
        f"full verification, {workers} process{'es' * (workers > 1)}, {history.size}",
        f"{compared.ours:.2f} s, largest process {max(peaks):.0f} MiB",
        f"orjson, parse and hash {compared.peer:.2f} s",
        f"{compared.ratio:.2f}x",
        f">= {bar}x, <= {_BAR_MIB:.0f} MiB",
        compared.ratio >= bar and max(peaks) <= _BAR_MIB,
    )
