"""Histories forged with care: chain and root fit, and something is wrong all the same."""

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import EventHeader
from cq_tui.store.history.hash_chain import ChainTail, build_block, genesis_block
from cq_tui.store.history.merkle import MerkleFrontier, leaf_hash
from cq_tui.store.history.parallel import verify_in_parallel
from cq_tui.store.history.verification import VerificationResult, verify
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import data_dir, event, event_lines, made, raw_blocks

_HEAD = re.compile(rb'"event_id":"([^"]*)","timestamp":([^,]*),"event_type":"([^"]*)"')


def forge(data: DataDir, lines: list[bytes], *, first: bytes | None = None, length: int | None = None) -> None:
    """Write these lines with the chain and the root that belong to them."""
    block = genesis_block("1.000000")
    blocks, digest = [first or block.content], block.hash
    if first is not None:
        digest = first[-66:-2].decode()
    for index, line in enumerate(lines, 1):
        found = _HEAD.search(line)
        assert found is not None
        head = EventHeader(*(part.decode() for part in found.groups()))
        made_ = build_block(index, head, leaf_hash(line).hex(), digest)
        blocks.append(made_.content)
        digest = made_.hash
    root = MerkleFrontier([leaf_hash(line) for line in lines]).root().hex()
    tail = ChainTail(root, len(blocks) if length is None else length, True)
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    data.hash_chain.write_bytes(b'{"chain":[\n' + b",\n".join(blocks) + tail.to_bytes())


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return made(tmp_path, 40, batch=7)


def both(data: DataDir) -> VerificationResult:
    """Verify with one process and with two, which must agree."""
    one, two = verify(data), verify_in_parallel(2, data, fewest=1)
    assert one == two
    return one


def reasons(found: VerificationResult) -> list[str]:
    return [fault.reason for fault in found.faults]


def test_what_is_forged_well_is_intact(data: DataDir) -> None:
    """The forger of these tests makes no mistakes of its own."""
    forge(data, event_lines(data))
    assert (both(data).faults, both(data).missing, both(data).gaps) == ([], 0, {})


@pytest.mark.parametrize("counted", [42, 99_999])
def test_a_document_that_counts_more_than_there_is_lost_its_end(data: DataDir, counted: int) -> None:
    forge(data, event_lines(data), length=counted)
    assert both(data).missing == counted - 41
    history = HistoryWriter(data, now=50.0)
    assert [fault.reason for fault in history.faults] == [
        f"has {counted - 41} blocks more than there are events: the end of the history is missing"
    ]
    history.close()


def test_events_and_blocks_cut_under_the_old_tail_are_missing(data: DataDir) -> None:
    lines, tail = event_lines(data), data.hash_chain.read_bytes()[-256:]
    forge(data, lines[:30])
    data.hash_chain.write_bytes(data.hash_chain.read_bytes()[:-256] + tail)
    assert (both(data).events, both(data).missing) == (30, 10)


def test_a_document_with_more_blocks_than_its_count_is_damaged(data: DataDir) -> None:
    forge(data, event_lines(data), length=31)
    assert both(data).fault_count


def doubled(blocks: list[bytes]) -> bytes:
    return b",\n".join([*blocks[:20], blocks[7], *blocks[20:]])


def glued(blocks: list[bytes]) -> bytes:
    return b",\n".join(blocks[:20]) + b"\n" + b",\n".join(blocks[20:])


def spaced(blocks: list[bytes]) -> bytes:
    return b",\n".join(blocks[:20]) + b",\n\n" + b",\n".join(blocks[20:])


def trailing(blocks: list[bytes]) -> bytes:
    return b",\n".join([*blocks, b"rubbish"])


@pytest.mark.parametrize("change", [doubled, glued, spaced, trailing])
def test_bytes_between_or_after_the_blocks_are_damage(data: DataDir, change: Callable[[list[bytes]], bytes]) -> None:
    blocks, tail = list(raw_blocks(data)), data.hash_chain.read_bytes()[-256:]
    data.hash_chain.write_bytes(b'{"chain":[\n' + change(blocks) + tail)
    assert both(data).fault_count
    # Memory names it or not, by what it knew to be synced; the document is whole again in any case.
    HistoryWriter(data, now=50.0).close()
    assert both(data).fault_count == 0


def test_rubbish_in_the_tail_is_no_tail(data: DataDir) -> None:
    content = data.hash_chain.read_bytes()
    data.hash_chain.write_bytes(content[:-5] + b"x   \n")
    assert both(data).fault_count


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [line.replace(b'"seq":7,', b'"seq":007,') for line in lines], "no event line"),
        (
            lambda lines: [line.replace(b'"event_type":"order', b'"event_type":"ord\x1ber') for line in lines],
            "no block of this history",
        ),
    ],
)
def test_lines_that_memory_never_writes_are_named(
    data: DataDir, change: Callable[[list[bytes]], list[bytes]], words: str
) -> None:
    lines = event_lines(data)
    forged = change(lines)
    assert forged != lines
    forge(data, forged)
    found = both(data)
    assert found.fault_count or found.gaps
    assert any(words in reason for reason in reasons(found)) or found.gaps


def test_order_is_verified_also_where_the_chain_agrees(data: DataDir) -> None:
    """Two events whose ids and times changed places, in a chain that was built with care."""
    lines = event_lines(data)
    heads = [found[0] for line in lines if (found := _HEAD.search(line))]
    for index, head in ((20, heads[21]), (21, heads[20])):
        lines[index] = lines[index].replace(heads[index], head)
    forge(data, lines)
    assert [(fault.index, fault.reason) for fault in both(data).faults] == [
        (22, "the event does not come after the one before it")
    ]


def test_a_doubled_number_does_not_hide_a_lost_one(data: DataDir) -> None:
    lines = event_lines(data)
    lines[20] = lines[20].replace(b'"seq":21,', b'"seq":20,')
    forge(data, lines)
    found = both(data)
    assert found.gaps == {"trader": 1}
    assert any("number 20 of trader was there before" in reason for reason in reasons(found))


@pytest.mark.parametrize(
    "other",
    [
        b'{"index":0,"timestamp":1.000000,"data":"Another Block","previous_hash":"0"',
        b'{"index":0,"timestamp":1.000000,"data":"Genesis Block","data":"x","previous_hash":"0"',
    ],
)
def test_the_first_block_is_that_of_the_definition(data: DataDir, other: bytes) -> None:
    digest = sha256(b"coinquant/r11/block/v1\n" + other).hexdigest().encode()
    forge(data, event_lines(data), first=other + b',"hash":"' + digest + b'"}')
    assert "the first block is no genesis block" in reasons(both(data))


def test_numbers_of_any_length_are_read_or_refused_and_nothing_breaks(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(1)], 1000.0)
    history.close()
    line = event_lines(data)[0].replace(b"evt_1000_001", b"evt_1000_" + b"1" * 5000)
    forge(data, [line])
    assert verify(data).fault_count
    history = HistoryWriter(data, now=50.0)
    assert history.faults
    history.append([event(2)], 2000.0)
    history.close()
