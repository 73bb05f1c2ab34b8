"""Growing the Merkle tree, against pymerkle's tree in memory."""

import time

import pymerkle

from benchmarks.report import Row, in_turn
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash

_BAR = 5.0


def measure(rounds: int, entries: int) -> Row:
    """Append entries one by one, their hashing included; both roots must be the same."""
    lines = [b'{"event":%d,"padding":"%b"}' % (number, b"x" * 300) for number in range(entries)]
    roots: set[bytes] = set()

    def ours() -> float:
        started = time.perf_counter()
        frontier = MerkleFrontier()
        for line in lines:
            frontier.append(leaf_hash(line))
        roots.add(frontier.root())
        return (time.perf_counter() - started) / entries

    def peer() -> float:
        started = time.perf_counter()
        tree = pymerkle.InmemoryTree(algorithm="sha256")
        for line in lines:
            tree.append_entry(line)
        roots.add(tree.get_root())
        return (time.perf_counter() - started) / entries

    compared = in_turn(ours, peer, rounds)
    if len(roots) != 1:
        raise ValueError("the two trees have different roots")
    return Row(
        f"Merkle tree, one entry more, {entries:,} entries",
        f"{compared.ours * 1e6:.2f} µs",
        f"pymerkle in memory {compared.peer * 1e6:.2f} µs",
        f"{compared.ratio:.1f}x",
        f">= {_BAR:.0f}x",
        compared.ratio >= _BAR,
    )
