"""Verifying a whole history, whoever wrote it and whether or not anything runs: nothing is written, nothing trusted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.place import Limits, Place
from cq_tui.store.history.walk import Walk

#: Damage is named one by one up to here.
_NAMED = 1000
#: Runs between two reports of progress.
RUNS_TOLD = 16
#: Told how many more bytes of the events are verified.
Progress = Callable[[int], object]


@dataclass(slots=True)
class Verification:
    """What a full check found."""

    events: int = 0
    merkle_root: str = ""
    faults: list[Fault] = field(default_factory=list)
    #: All of them; the list may be shorter.
    fault_count: int = 0
    #: Blocks whose events are not there.
    missing: int = 0
    #: Events at the end that the chain does not name yet.
    unchained: int = 0
    #: Bytes at the end that are no whole line.
    torn_bytes: int = 0
    #: Root at each wanted size that was reached.
    roots: dict[int, bytes] = field(default_factory=dict)
    #: Numbers that are missing among the events of a writer, by writer.
    gaps: dict[str, int] = field(default_factory=dict)


def verify(data: DataDir, sizes: Collection[int] = (), progress: Progress = lambda _: None) -> Verification:
    """Verify chain, payloads, order, ids and root from the first byte on, with one process. Raises OSError.

    ``sizes`` are those of the tree at which its root is wanted.
    """
    walk = Walk(data.events, data.hash_chain, Limits(sizes=sizes, strict=True, named=_NAMED))
    told, runs = 0, 0
    while walk.step():
        runs += 1
        if runs % RUNS_TOLD == 0:
            progress(walk.place.event_end - told)
            told = walk.place.event_end
    walk.finish()
    progress(walk.place.event_end - told)
    return _conclude(data, walk)


def _conclude(data: DataDir, walk: Walk) -> Verification:
    """Say what a finished walk found."""
    place, tail = walk.place, walk.tail
    chained = tail.chain_length - 1 if tail is not None else 0
    if walk.torn_at is not None:
        walk.blame(data.events, f"what stands from byte {walk.torn_at} on is no event of this history")
    return Verification(
        events=place.events,
        merkle_root=place.frontier.root().hex(),
        faults=walk.faults,
        fault_count=walk.fault_count,
        missing=walk.surplus,
        unchained=max(0, place.events - max(0, chained)) if walk.fault_count == 0 else 0,
        torn_bytes=0 if walk.torn_at is not None else walk.rest,
        roots=walk.roots,
        gaps=gaps(place),
    )


def gaps(place: Place) -> dict[str, int]:
    """Return how many numbers are missing, by writer: each counts its events from 1 without a gap."""
    found = {writer: first - 1 + place.missing.get(writer, 0) for writer, first in place.first.items()}
    return {writer: count for writer, count in sorted(found.items()) if count}
