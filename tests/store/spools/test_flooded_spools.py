"""Spools full of lines that are no events, tiny or doubtful: each look takes its time, and loses nothing that is."""

import time
import tracemalloc
from pathlib import Path

import pytest

from cq_tui.store.journal import READ_LIMIT
from tests.store.spools.following import Memory, kept


def line(seq: int, fill: int = 0) -> bytes:
    return b'{"seq":%d,"occurred_at":1.0,"event_type":"e","source":"trader","data":{"x":"%b"},"metadata":{}}\n' % (
        seq,
        b"x" * fill,
    )


def test_doubtful_numbers_cost_no_more_than_other_lines(folder: Path) -> None:
    """Each asks what comes after it: nothing that came before may be looked at again."""
    (folder / "trader.ndjson").write_bytes(b'{"seq":7,\n' * 100_000 + line(1) + line(2))
    memory = Memory(folder)
    began = time.process_time()
    assert memory.take() == [1, 2]
    assert time.process_time() - began < 10.0


@pytest.mark.parametrize("junk", [b"\n", b"{}\n", b'{"seq":7,\n'], ids=["empty", "object", "number"])
def test_one_look_at_tiny_lines_is_bounded(folder: Path, junk: bytes) -> None:
    (folder / "trader.ndjson").write_bytes(junk * 100_000 + line(1) + line(2))
    memory = Memory(folder)
    tracemalloc.start()
    try:
        assert memory.merge.collect().more
        assert tracemalloc.get_traced_memory()[1] < 8 * READ_LIMIT
    finally:
        tracemalloc.stop()
    assert memory.take() == [1, 2]


def test_many_gaps_are_one_complaint(folder: Path) -> None:
    lines = [line(3 * number + 1) + line(3 * number + 2) for number in range(1000)]
    (folder / "trader.ndjson").write_bytes(b"".join(lines))
    memory = Memory(folder)
    assert len(memory.take()) == 2000
    assert memory.complaints == ["spool/trader.ndjson: events 3 to 3 are missing, and 998 more in 998 gaps up to 2997"]


def test_an_event_after_a_gap_is_merged_even_where_a_read_ends(folder: Path) -> None:
    """What tells that its number is right comes only with the next read."""
    count = READ_LIMIT // len(line(100_000, 1000))
    lines = [line(100_000 + number, 1000) for number in range(2 * count)]
    # What is now the last line of the first read lacks the one before it.
    del lines[count - 1]
    (folder / "trader.ndjson").write_bytes(b"".join(lines))
    memory = Memory(folder, {"trader": 99_999})
    assert len(memory.take()) == len(lines)
    assert kept(folder) == b""
    assert memory.complaints == [f"spool/trader.ndjson: events {99_999 + count} to {99_999 + count} are missing"]
