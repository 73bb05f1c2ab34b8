"""Recovery: verify from a sound position to the end."""

from collections.abc import Callable

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.hash_chain import ChainBlock
from cq_tui.store.history.line_inspection import has_object
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.verifier import Verifier


def examine(
    data: DataDir,
    limits: VerificationLimits,
    first: ChainBlock,
    *,
    start: HistoryPosition | None,
    take_bytes: Callable[[bytes], None],
    sink: Callable[[bytes], None],
) -> Verifier:
    """Verify the history to its end and return the verifier, whose parameters these are. Raises OSError.

    Nothing is changed: the writer moves the torn tail that was found to quarantine.
    """
    files = data.events, data.hash_chain
    verifier = Verifier(*files, limits, start=start, take_bytes=take_bytes, sink=sink, first=first)
    while verifier.step():
        pass
    if verifier.torn_at is not None and has_object(data.events, verifier.torn_at):
        reason = f"what stands from byte {verifier.torn_at} on is no event of this history: moved to quarantine"
        verifier.add_fault(data.events, reason)
    verifier.finish()
    if verifier.surplus_blocks:
        reason = f"has {verifier.surplus_blocks} blocks more than there are events: the end of the history is missing"
        verifier.add_fault(data.hash_chain, reason)
        verifier.needs_rebuild = True
    elif verifier.position.event_end < limits.watermark:
        missing = f"{limits.watermark - verifier.position.event_end} bytes"
        verifier.add_fault(data.events, f"is {missing} shorter than it was: the end of the history is missing")
    return verifier
