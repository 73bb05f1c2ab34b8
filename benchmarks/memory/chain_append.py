"""One more block in a long chain document, against writing the whole document anew."""

import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, middle
from cq_tui.store.document import write_document
from cq_tui.store.history.chain_file import ChainFile, read_chain_tail
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import SEPARATOR, ChainTail, build_block

_BAR = 10_000
_APPENDS = 200


def measure(history: LargeHistory, place: Path, rewrites: int) -> Row:
    """Append to a copy, then rewrite the copy from its bytes in memory. Both are synced."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        path = Path(folder) / "hash_chain.json"
        shutil.copyfile(history.data.hash_chain, path)
        ours = middle(_appends(path))
        content = path.read_bytes()
        peer = middle([_rewrite(path, content) for _ in range(rewrites)])
    return Row(
        f"one block more, {history.size}",
        f"{ours * 1e6:.0f} µs",
        f"rewriting {len(content) / 1e6:.0f} MB {peer:.2f} s",
        f"{peer / ours:,.0f}x",
        f">= {_BAR:,}x",
        peer / ours >= _BAR,
    )


def _appends(path: Path) -> list[float]:
    chain = ChainFile(path)
    chain.open()
    tail, previous = read_chain_tail(path), "0" * 64
    times: list[float] = []
    for index in range(tail.chain_length, tail.chain_length + _APPENDS):
        block = build_block(index, EventHeader("evt_2000000000_001", "2000000000.000000", "e"), "0" * 64, previous)
        started = time.perf_counter()
        chain.flush([SEPARATOR, block.content], ChainTail(tail.merkle_root, index + 1, integrity_verified=True))
        times.append(time.perf_counter() - started)
        previous = block.hash
    return times


def _rewrite(path: Path, content: bytes) -> float:
    started = time.perf_counter()
    write_document(path, content)
    return time.perf_counter() - started
