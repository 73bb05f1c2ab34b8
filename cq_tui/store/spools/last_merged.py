"""Finding a writer's last event in the history, from the end of the file."""

import os
from pathlib import Path

import orjson

from cq_tui.store.journal import JournalError, last_line_end
from cq_tui.store.line_blocks import blocks_backwards
from cq_tui.store.regular_file import open_regular


def last_merged_seq(history: Path, writer: str) -> int:
    """Return the sequence number of a writer's last event in the history, 0 for none. Raises JournalError."""
    mark = b'"metadata":{"writer":"%s","seq":' % writer.encode()
    try:
        with open(history, "rb", buffering=0, opener=open_regular) as file:
            end = last_line_end(file.fileno(), os.fstat(file.fileno()).st_size)
            for block in blocks_backwards(file, 0, end):
                for line in reversed(block.lines):
                    # The mark may be in another event's payload.
                    if mark in line and (seq := _seq_of(line, writer)):
                        return seq
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{history}: cannot be read ({error.strerror})") from None
    return 0


def _seq_of(line: bytes, writer: str) -> int:
    """Return a line's number if it is really the writer's, else 0."""
    try:
        metadata = orjson.loads(line)["metadata"]
        return int(metadata["seq"]) if metadata["writer"] == writer else 0
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
