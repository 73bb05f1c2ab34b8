"""Inclusion and consistency proofs, straight from the files of a long history and the index of its subtrees."""

import random
from functools import partial

from benchmarks.memory.large_history import LargeHistory
from benchmarks.report import Row, Spent, middle, spent_on
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.proofs.merkle_proofs import consistency_path, inclusion_path, verify_consistency, verify_inclusion

_BAR_MS = 10.0


def measure(history: LargeHistory, proofs: int) -> list[Row]:
    """Prove random events and random older sizes; each proof opens the files anew and is verified."""
    draw = random.Random(history.events)
    leaves = [draw.randrange(history.events) for _ in range(proofs)]
    sizes = [draw.randrange(1, history.events) for _ in range(proofs)]
    root = bytes.fromhex(read_chain_tail(history.data.hash_chain).merkle_root)
    known = HistoryFiles(history.data)
    old_roots = [(size, known.subtree(0, size)) for size in sizes]

    def include(leaf: int) -> bool:
        files = HistoryFiles(history.data)
        line = files.event_at(leaf + 1)
        path = inclusion_path(leaf, history.events, files.subtree)
        return line is not None and verify_inclusion(leaf_hash(line), leaf, history.events, path, root)

    def extend(size: int, old_root: bytes) -> bool:
        path = consistency_path(size, history.events, HistoryFiles(history.data).subtree)
        return verify_consistency(size, old_root, history.events, root, path)

    return [
        _row("inclusion", history, [spent_on(partial(include, leaf)) for leaf in leaves]),
        _row("consistency", history, [spent_on(partial(extend, *old)) for old in old_roots]),
    ]


def _row(kind: str, history: LargeHistory, times: list[Spent]) -> Row:
    wall, cpu = (middle(list(each)) for each in zip(*times, strict=True))
    return Row(
        f"{kind} proof made and verified, {history.size}",
        f"{wall:.1f} ms, CPU {cpu:.1f} ms (slowest of {len(times)}: {max(times).wall:.1f})",
        "-",
        "-",
        f"CPU <= {_BAR_MS:.0f} ms",
        cpu <= _BAR_MS,
    )
