"""Starting again: verify forward from a place that is known to be sound, and cut a torn tail off into quarantine."""

import os
from collections.abc import Callable
from pathlib import Path

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.hash_chain import Block
from cq_tui.store.history.place import Limits, Place
from cq_tui.store.history.walk import Walk
from cq_tui.store.journal import keep_torn_bytes
from cq_tui.store.reading.line_blocks import blocks
from cq_tui.store.regular_file import open_regular


def recover(
    data: DataDir,
    limits: Limits,
    *,
    start: Place | None = None,
    take_bytes: Callable[[bytes], None] | None = None,
    sink: Callable[[bytes], None] | None = None,
    first: Block | None = None,
) -> Walk:
    """Verify the history up to its end and return the walk that did it; see there. Raises OSError."""
    walk = Walk(data.events, data.hash_chain, limits, start=start, take_bytes=take_bytes, sink=sink, first=first)
    while walk.step():
        pass
    if walk.torn_at is not None and cut_torn_tail(data.events, walk.torn_at, data.quarantine):
        reason = f"what stands from byte {walk.torn_at} on is no event of this history: moved to quarantine"
        walk.blame(data.events, reason)
    walk.finish()
    if walk.surplus:
        reason = f"has {walk.surplus} blocks more than there are events: the end of the history is missing"
        walk.blame(data.hash_chain, reason)
        walk.rebuild = True
    elif walk.place.event_end < limits.watermark:
        missing = f"{limits.watermark - walk.place.event_end} bytes"
        walk.blame(data.events, f"is {missing} shorter than it was: the end of the history is missing")
    return walk


def cut_torn_tail(path: Path, offset: int, quarantine: Path) -> bool:
    """Move everything from ``offset`` on into quarantine; return whether a whole JSON object was among it."""
    descriptor = open_regular(path, os.O_RDWR)
    try:
        kept = keep_torn_bytes(descriptor, offset, os.fstat(descriptor).st_size, quarantine, path.name)
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
