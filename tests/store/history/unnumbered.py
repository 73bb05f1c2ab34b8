"""Histories of data versions before 1.3 in our form of blocks: their events name neither writer nor number."""

import re
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from tests.store.history.histories import event_lines, made
from tests.store.history.test_forgeries import forge

#: What stands where our events name their origin: 1.0 has no metadata, 1.1 and 1.2 have others.
WITHOUT, EMPTY, CONTRACT = b"", b',"metadata":{}', b',"metadata":{"strategy":"trend_multi_tf","confidence":0.85}'
KINDS = (WITHOUT, EMPTY, CONTRACT)
_METADATA = re.compile(rb',"metadata":\{.*\}\}$')


def unnumbered(line: bytes, metadata: bytes = WITHOUT) -> bytes:
    """Return a line of ours as an earlier version would have written it."""
    found, count = _METADATA.subn(metadata + b"}", line)
    assert count == 1, line
    return found


def made_before(folder: Path, count: int, metadata: bytes = WITHOUT, *, then: int = 0) -> DataDir:
    """Make a history of ``count`` events of an earlier version, and ``then`` of ours, closed in good order."""
    data = made(folder, count + then)
    lines = event_lines(data)
    forge(data, [*(unnumbered(line, metadata) for line in lines[:count]), *lines[count:]])
    return data
