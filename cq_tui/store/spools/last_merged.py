"""Finding a writer's last event in the history, from the end of the file."""

import os
from pathlib import Path

import orjson

from cq_tui.store.history.event_line import MAX_LEAP, may_follow
from cq_tui.store.journal import JournalError, last_line_end
from cq_tui.store.line_blocks import blocks_backwards
from cq_tui.store.regular_file import open_regular

#: Beyond so many events of the writer nobody looks for a leap.
_LOOKED_AT = 1000


def last_merged_seq(history: Path, writer: str) -> int:
    """Return the sequence number of a writer's last event in the history, 0 for none. Raises JournalError.

    A number that leaps does not count, as for whoever verifies the history: with it, the writer would be believed
    nothing more.
    """
    mark = b'"metadata":{"writer":"%s","seq":' % writer.encode()
    last = earliest = looked_at = 0
    try:
        with open(history, "rb", buffering=0, opener=open_regular) as file:
            end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
            for block in blocks_backwards(file, 0, end):
                for line in reversed(block.lines):
                    # The mark may be in another event's payload.
                    if mark in line and (seq := _seq_of(line, writer)):
                        last = last if last and may_follow(seq, earliest) else seq
                        earliest, looked_at = seq, looked_at + 1
                        if seq <= MAX_LEAP or looked_at == _LOOKED_AT:
                            return last
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{history}: cannot be read ({error.strerror})") from None
    return last if may_follow(0, earliest) else 0


def _seq_of(line: bytes, writer: str) -> int:
    """Return a line's number if it is really the writer's, else 0."""
    try:
        metadata = orjson.loads(line)["metadata"]
        return int(metadata["seq"]) if metadata["writer"] == writer else 0
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
