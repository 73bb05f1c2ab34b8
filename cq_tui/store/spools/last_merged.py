"""Finding a writer's last event in the history, from the end of the file."""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from cq_tui.store.journal import MAX_LINE_BYTES, JournalError
from cq_tui.store.regular_file import open_regular

_BLOCK = 1024 * 1024


def last_merged_seq(history: Path, writer: str) -> int:
    """Return the sequence number of a writer's last event in the history, 0 for none. Raises JournalError."""
    mark = b'"metadata":{"writer":"%s","seq":' % writer.encode()
    try:
        for lines in _blocks_backward(history):
            place = len(lines)
            while (place := lines.rfind(mark, 0, place)) >= 0:
                start, end = lines.rfind(b"\n", 0, place) + 1, lines.find(b"\n", place)
                if seq := _seq_of(lines[start:end], writer):
                    return seq
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise JournalError(f"{history}: cannot be read ({error.strerror})") from None
    return 0


def _blocks_backward(path: Path) -> Iterator[bytes]:
    """Yield blocks of whole lines, last block first, without a torn last line."""
    with open(path, "rb", buffering=0, opener=open_regular) as file:
        end, beginning = os.fstat(file.fileno()).st_size, b""
        while end > 0:
            start = max(0, end - _BLOCK)
            content = os.pread(file.fileno(), end - start, start) + beginning
            end = start
            cut = content.find(b"\n") + 1 if start else 0
            if start and not cut:
                # Drop bytes too long for a line: it ends at the next line feed before it.
                beginning = content if len(content) <= MAX_LINE_BYTES * 2 else b""
                continue
            beginning = content[:cut]
            yield content[cut : content.rfind(b"\n") + 1]


def _seq_of(line: bytes, writer: str) -> int:
    """Return a line's number if it is really the writer's: the match may be in another event's payload."""
    try:
        metadata = orjson.loads(line)["metadata"]
        return int(metadata["seq"]) if metadata["writer"] == writer else 0
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return 0
