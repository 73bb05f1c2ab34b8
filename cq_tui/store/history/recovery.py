"""Recovery: verify from a sound position to the end, and move a torn tail to quarantine."""

import os
from collections.abc import Callable

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.hash_chain import ChainBlock
from cq_tui.store.history.line_inspection import has_object
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.journal import quarantine_bytes
from cq_tui.store.regular_file import open_regular


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

    Nothing is changed: what a fault says was moved to quarantine, ``cut_torn_tail`` moves.
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


def cut_torn_tail(data: DataDir, found: Verifier) -> None:
    """Move the torn tail that was found, if any, to quarantine. Raises OSError."""
    if found.torn_at is None:
        return
    descriptor = open_regular(data.events, os.O_RDWR)
    try:
        quarantine_bytes(descriptor, found.torn_at, os.fstat(descriptor).st_size, data.quarantine, data.events.name)
        os.ftruncate(descriptor, found.torn_at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
