"""Numbers and names that memory never writes, in blocks whose hash is right or in lines that nobody chained yet."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import SEQ_LIMIT
from cq_tui.store.history.hash_chain import TAIL_BYTES, ChainTail, parse_tail
from cq_tui.store.history.merkle import SUBTREE_LEAVES
from cq_tui.store.history.parallel import position_after, verify_in_parallel
from cq_tui.store.history.verification import verify
from tests.store.history.histories import event_lines, made
from tests.store.history.reopening import COUNT, quarantine, reasons, reopened


def replace_block(data: DataDir, index: int, change: Callable[[bytes], bytes]) -> None:
    """Change a block, and give it the hash that it has now."""
    lines = data.hash_chain.read_bytes().split(b"\n")
    content = change(lines[1 + index].partition(b',"hash":"')[0])
    digest = sha256(b"coinquant/r11/block/v1\n" + content).hexdigest().encode()
    lines[1 + index] = content + b',"hash":"' + digest + b'"},'
    data.hash_chain.write_bytes(b"\n".join(lines))


def append_line(data: DataDir, origin: bytes) -> bytes:
    """Append an event that is not chained, as if it came just before a power loss."""
    line = (
        b'{"event_id":"evt_9000000000_001","timestamp":9000000000.000000,"event_type":"e","source":"trader",'
        b'"data":{},"metadata":{%b,"occurred_at":1.0}}' % origin
    )
    with data.events.open("ab") as file:
        file.write(line + b"\n")
    return line


def test_a_block_of_endless_index_is_no_block(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    replace_block(data, 5, lambda content: content.replace(b'"index":5,', b'"index":' + b"9" * 5000 + b","))
    assert [(fault.reason, fault.index) for fault in verify(data).faults] == [("the block does not match its hash", 5)]
    history = reopened(data)
    assert reasons(history) == [("the block does not match its hash", 5)]
    history.close()


def test_a_length_of_thirty_digits_is_no_length(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    content = data.hash_chain.read_bytes()
    tail = parse_tail(content[-TAIL_BYTES:])
    data.hash_chain.write_bytes(content[:-TAIL_BYTES] + ChainTail(tail.merkle_root, 10**30, True).to_bytes())
    found = verify(data)
    assert (found.missing, found.faults[0].reason) == (0, "the last 256 bytes are no chain tail")


@pytest.mark.parametrize("end", [b'"event_id":"x"', b'"event_id":"\xff_\xff_\xff"', b'"event_id":"evt_1"'])
def test_a_part_does_not_begin_behind_a_block_without_an_event(tmp_path: Path, end: bytes) -> None:
    data = made(tmp_path, 2 * SUBTREE_LEAVES, batch=512)
    known = b'"event_id":"' + event_lines(data)[SUBTREE_LEAVES - 1].split(b'"')[3] + b'"'
    replace_block(data, SUBTREE_LEAVES, lambda content: content.replace(known, end))
    assert position_after(data, SUBTREE_LEAVES) is None
    assert verify_in_parallel(2, data, fewest=1).fault_count


@pytest.mark.parametrize(
    "origin",
    [
        b'"writer":"trader","seq":1e30',
        b'"writer":"trader","seq":%d' % SEQ_LIMIT,
        b'"writer":"trader","seq":%d' % (SEQ_LIMIT + 1),
        b'"writer":"trader","seq":"13"',
        b'"writer":"trader","seq":13.0',
        b'"writer":"other","seq":true',
        b'"writer":"other","seq":0',
        b'"writer":"other","seq":-5',
        b'"writer":7,"seq":13',
        b'"writer":"a\\u0000b","seq":13',
    ],
    ids=["huge", "limit", "beyond", "text", "float", "true", "zero", "negative", "writer", "control"],
)
def test_a_line_without_a_place_in_a_spool_is_no_event(tmp_path: Path, origin: bytes) -> None:
    data = made(tmp_path, COUNT)
    watermark = data.events.stat().st_size
    line = append_line(data, origin)
    assert verify(data).fault_count == 1
    history = reopened(data, watermark)
    assert len(history.faults) == 1
    assert line in quarantine(data)
    assert (history.events, history.cursors) == (COUNT, {"trader": COUNT})
    history.sync_state()
    history.close()


def test_a_repeated_number_is_reported_at_the_start(tmp_path: Path) -> None:
    """Memory must not chain and sign what the next verification calls damaged."""
    data = made(tmp_path, COUNT)
    watermark = data.events.stat().st_size
    append_line(data, b'"writer":"trader","seq":7')
    assert verify(data).fault_count == 1
    history = reopened(data, watermark)
    assert reasons(history) == [("number 7 of trader was there before", COUNT + 1)]
    history.close()
