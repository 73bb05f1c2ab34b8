"""Verifying a whole history, whoever wrote it and whether or not anything runs: nothing is written, nothing trusted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.verifier import Verifier

#: Damage is named one by one up to here.
_MAX_FAULTS = 1000
#: Runs between two reports of progress.
PROGRESS_INTERVAL = 16
#: Told how many more bytes of the events are verified.
Progress = Callable[[int], object]


@dataclass(slots=True)
class VerificationResult:
    """What a full check found."""

    events: int = 0
    merkle_root: str = ""
    faults: list[HistoryFault] = field(default_factory=list)
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


def verify(data: DataDir, sizes: Collection[int] = (), progress: Progress = lambda _: None) -> VerificationResult:
    """Verify chain, payloads, order, ids and root from the first byte on, with one process. Raises OSError.

    ``sizes`` are those of the tree at which its root is wanted.
    """
    walk = Verifier(data.events, data.hash_chain, VerificationLimits(sizes=sizes, strict=True, max_faults=_MAX_FAULTS))
    told, runs = 0, 0
    while walk.step():
        runs += 1
        if runs % PROGRESS_INTERVAL == 0:
            progress(walk.position.event_end - told)
            told = walk.position.event_end
    walk.finish()
    progress(walk.position.event_end - told)
    return _make_result(data, walk)


def _make_result(data: DataDir, walk: Verifier) -> VerificationResult:
    """Say what a finished walk found."""
    place, tail = walk.position, walk.tail
    chained = tail.chain_length - 1 if tail is not None else 0
    if walk.torn_at is not None:
        walk.add_fault(data.events, f"what stands from byte {walk.torn_at} on is no event of this history")
    return VerificationResult(
        events=place.events,
        merkle_root=place.frontier.root().hex(),
        faults=walk.faults,
        fault_count=walk.fault_count,
        missing=walk.surplus_blocks,
        unchained=max(0, place.events - max(0, chained)) if walk.fault_count == 0 else 0,
        torn_bytes=0 if walk.torn_at is not None else walk.unverified_bytes,
        roots=walk.roots,
        gaps=sequence_gaps(place),
    )


def sequence_gaps(place: HistoryPosition) -> dict[str, int]:
    """Return how many numbers are missing, by writer: each counts its events from 1 without a gap."""
    found = {writer: first - 1 + place.missing_counts.get(writer, 0) for writer, first in place.first_seqs.items()}
    return {writer: count for writer, count in sorted(found.items()) if count}
