"""Starting again: verify forward from a place that is known to be sound, and cut a torn tail off into quarantine."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.hash_chain import ChainBlock
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.journal import quarantine_bytes
from cq_tui.store.line_blocks import blocks
from cq_tui.store.regular_file import open_regular


def recover(
    data: DataDir,
    limits: VerificationLimits,
    *,
    start: HistoryPosition | None = None,
    take_bytes: Callable[[bytes], None] | None = None,
    sink: Callable[[bytes], None] | None = None,
    first: ChainBlock | None = None,
) -> Verifier:
    """Verify the history up to its end and return the walk that did it; see there. Raises OSError."""
    walk = Verifier(data.events, data.hash_chain, limits, start=start, take_bytes=take_bytes, sink=sink, first=first)
    while walk.step():
        pass
    if walk.torn_at is not None and cut_torn_tail(data.events, walk.torn_at, data.quarantine):
        reason = f"what stands from byte {walk.torn_at} on is no event of this history: moved to quarantine"
        walk.add_fault(data.events, reason)
    walk.finish()
    if walk.surplus_blocks:
        reason = f"has {walk.surplus_blocks} blocks more than there are events: the end of the history is missing"
        walk.add_fault(data.hash_chain, reason)
        walk.needs_rebuild = True
    elif walk.position.event_end < limits.watermark:
        missing = f"{limits.watermark - walk.position.event_end} bytes"
        walk.add_fault(data.events, f"is {missing} shorter than it was: the end of the history is missing")
    return walk


def cut_torn_tail(path: Path, offset: int, quarantine: Path) -> bool:
    """Move everything from ``offset`` on into quarantine; return whether a whole JSON object was among it."""
    descriptor = open_regular(path, os.O_RDWR)
    try:
        kept = quarantine_bytes(descriptor, offset, os.fstat(descriptor).st_size, quarantine, path.name)
        os.ftruncate(descriptor, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with open(kept, "rb", opener=open_regular) as file:
        lines = (line for block in blocks(file, 0, os.fstat(file.fileno()).st_size) for line in block.lines)
        return any(_is_object(line) for line in lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
