"""Verifying a whole history, read-only and without trusting its writer."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.line_inspection import has_object
from cq_tui.store.history.noted import NotedEvent
from cq_tui.store.history.position import HistoryMark, VerificationLimits
from cq_tui.store.history.verifier import Verifier

#: Batches between two progress reports.
PROGRESS_INTERVAL = 16
#: Called with the number of further bytes of events that are verified.
Progress = Callable[[int], object]


@dataclass(slots=True)
class VerificationResult:
    """What a full verification found."""

    events: int = 0
    merkle_root: str = ""
    faults: list[HistoryFault] = field(default_factory=list)
    #: Number of all faults; the list may be shorter.
    fault_count: int = 0
    #: Blocks whose events are missing.
    missing: int = 0
    #: Events at the end that have no block yet.
    unchained: int = 0
    #: Bytes of an incomplete last line.
    torn_bytes: int = 0
    #: Root and tip at each wanted size that was reached.
    marks: dict[int, HistoryMark] = field(default_factory=dict)
    #: Sound events about the history itself.
    noted: list[NotedEvent] = field(default_factory=list)
    #: Number of missing sequence numbers, by writer.
    gaps: dict[str, int] = field(default_factory=dict)


def verify(
    data: DataDir, sizes: Collection[int] = (), progress: Progress = lambda _: None, *, watermark: int = 0
) -> VerificationResult:
    """Verify chain, payloads, order, ids and root from the first byte on, in one process. Raises OSError.

    ``sizes`` are the tree sizes whose marks are wanted. Events before ``watermark``, an offset, must have blocks.
    """
    limits = VerificationLimits(watermark, sizes=sizes, strict=True)
    verifier = Verifier(data.events, data.hash_chain, limits)
    reported, batches = 0, 0
    while verifier.step():
        batches += 1
        if batches % PROGRESS_INTERVAL == 0:
            progress(verifier.position.event_end - reported)
            reported = verifier.position.event_end
    verifier.finish()
    progress(verifier.position.event_end - reported)
    return _make_result(data, verifier)


def _make_result(data: DataDir, verifier: Verifier) -> VerificationResult:
    """Return what a finished verifier found."""
    position, tail = verifier.position, verifier.tail
    chained = tail.chain_length - 1 if tail is not None else 0
    if verifier.torn_at is not None and has_object(data.events, verifier.torn_at):
        verifier.add_fault(data.events, f"what stands from byte {verifier.torn_at} on is no event of this history")
    return VerificationResult(
        events=position.events,
        merkle_root=position.frontier.root().hex(),
        faults=verifier.faults,
        fault_count=verifier.fault_count,
        missing=verifier.surplus_blocks,
        unchained=max(0, position.events - max(0, chained)) if verifier.fault_count == 0 else 0,
        torn_bytes=verifier.unverified_bytes,
        marks=verifier.marks,
        noted=verifier.noted,
        gaps=position.gaps,
    )
