"""Intact means valid: every line is an event as memory writes it, however quickly it is verified."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cq_tui.store.history.batch import check_batch
from cq_tui.store.history.event_line import MAX_LEAP, SEQ_LIMIT, EventHeader, EventLineError, NewEvent, build_line
from cq_tui.store.history.hash_chain import DOCUMENT_START, SEPARATOR, ChainTail, genesis_block
from cq_tui.store.history.line_inspection import inspect_line
from cq_tui.store.history.merkle import MerkleFrontier
from cq_tui.store.history.verification import verify
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import data_dir, event, event_lines, made
from tests.store.history.reopening import COUNT, reasons, reopened
from tests.store.history.test_crafted_numbers import replace_block
from tests.store.history.test_event_line import JSON
from tests.store.history.test_forgeries import both, forge

PIECES = (
    *(b'"', b",", b":", b"{", b"}", b"[", b"]", b" ", b"\t", b"\\", b"\x00", b"\xff", b"0", b"-", b".", b"e5", b"1"),
    *(b'"data":{},', b'"metadata":{},', b'"seq":2,', b'"writer":"b",', b'"source":"x",', b'"x":1,', b"}},{", b"null"),
    *(b'"x":[' * 300, b"[" * 100_000, b'\\ud800"', b'"occurred_at":1,', b',"a":1,"a":2'),
)
GENESIS = genesis_block("1.000000")


def lines_of(payloads: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[bytes]:
    headers = [EventHeader(f"evt_1000_{number:03d}", "1000.000000", "e") for number in range(1, len(payloads) + 1)]
    return [
        build_line(header, "trader", data, "trader", seq, 5.0, metadata)
        for seq, (header, (data, metadata)) in enumerate(zip(headers, payloads, strict=True), 1)
    ]


def accepted_quickly(lines: list[bytes]) -> bytes | None:
    """Return the chain document of a batch; None if it is not accepted without looking at single lines."""
    found = check_batch(b"".join(line + b"\n" for line in lines), lines, 1, GENESIS, None)
    if found is None:
        return None
    tail = ChainTail(MerkleFrontier(found.leaves).root().hex(), len(lines) + 1, integrity_verified=True)
    return DOCUMENT_START + GENESIS.content + SEPARATOR + found.blocks + tail.to_bytes()


def assert_sound_line_by_line(lines: list[bytes], document: bytes) -> None:
    """Look at every single line."""
    for line in lines:
        assert inspect_line(line).problem == "", line
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as closely:
        data = data_dir(Path(folder))
        data.events.write_bytes(b"".join(line + b"\n" for line in lines))
        data.hash_chain.write_bytes(document)
        quick = verify(data)
        closely.setattr("cq_tui.store.history.verifier.check_batch", lambda *_: None)
        assert (verify(data), quick.faults, quick.events) == (quick, [], len(lines))


TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=9)
SCALAR = st.none() | st.booleans() | TEXT | st.integers(-(10**18) + 1, 10**18 - 1) | st.floats(-1e99, 1e99)
PLAIN = st.dictionaries(
    TEXT, SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(TEXT, SCALAR, max_size=3), max_size=3
)
PAYLOAD = st.dictionaries(st.text(max_size=3), JSON, max_size=3)


@given(st.lists(st.tuples(PAYLOAD, PAYLOAD), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_memory_writes_is_accepted(payloads: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    lines = lines_of(payloads)
    document = accepted_quickly(lines)
    if document is not None:
        assert_sound_line_by_line(lines, document)
    for line in lines:
        assert inspect_line(line).problem == "", line


@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_usual_events_are_accepted_quickly(payloads: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    assert accepted_quickly(lines_of(payloads)) is not None


#: Which line, where in it (0..1), how many bytes are replaced, and by which of the pieces.
CHANGE = st.tuples(st.integers(0, 2), st.floats(0, 1), st.sampled_from([0, 0, 1, 9]), st.sampled_from(PIECES))


@given(st.lists(CHANGE, min_size=1, max_size=3))
@settings(max_examples=400, deadline=None)
@example([(0, 1.0, 0, b"")])
def test_nothing_is_accepted_quickly_that_is_refused_when_looked_at(
    changes: list[tuple[int, float, int, bytes]],
) -> None:
    lines = lines_of([({"a": 1.5, "b": "x"}, {}), ({"c": [{"d": None}]}, {"e": "f"}), ({}, {})])
    for number, where, width, piece in changes:
        # Mostly between two parts of the JSON, where a piece does most harm.
        line = lines[number]
        at = round(where * len(line))
        at = max(line.rfind(b",", 0, at), line.rfind(b"{", 0, at), line.rfind(b"}", 0, at)) + (piece != b"}},{")
        lines[number] = line[:at] + piece + line[at + width :]
    document = accepted_quickly(lines)
    if document is not None:
        assert_sound_line_by_line(lines, document)


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(line: bytes) -> bytes:
        assert line.count(old) == 1, line
        return line.replace(old, new)

    return change


@pytest.mark.parametrize(
    "change",
    [
        swapped(b'"data":{', b'x"data":{'),
        swapped(b'"n":7},', b'"n":7},rubbish,'),
        swapped(b'"n":7},', b'"n":7},"more":1,'),
        swapped(b'"n":7},', b'"n":7},"data":{},'),
        swapped(b'"n":7},', b'"n":7},"source":"ares",'),
        swapped(b'"n":7', b'"n":7.'),
        swapped(b'"n":7', b'"n":07'),
        swapped(b'"n":7', b'"n":NaN'),
        swapped(b'"n":7', b'"n":1e999'),
        swapped(b'"n":7', b'"n":"\xff"'),
        swapped(b'"n":7', b'"n":"\x01"'),
        swapped(b'"n":7', b'"n":"\\x"'),
        swapped(b'"n":7', b'"n":"\\ud800"'),
        swapped(b'"n":7', b'"n":' + b"[" * 100_000 + b"]" * 100_000),
        swapped(b'"n":7', b'"n":' + b"[" * 600 + b"]" * 600),
        swapped(b'"data":{"n":7}', b'"data":[7]'),
        swapped(b'"seq":7,', b'"seq":7,"seq":7,'),
        swapped(b'"seq":7,', b'"seq":7.0,'),
        swapped(b'"seq":7,', b'"more":1,"seq":7,'),
        swapped(b'"seq":7,"occurred_at":107.0', b'"occurred_at":107.0,"seq":7'),
        swapped(b'"occurred_at":107.0', b'"occurred_at":"107.0"'),
        swapped(b'"occurred_at":107.0', b'"occurred_at":true'),
        swapped(b',"occurred_at":107.0', b""),
        swapped(b'"metadata":{', b'"metadata": {'),
        swapped(b'"source":"trader","data"', b'"source":"tr\xc3\xa4der","data"'),
        swapped(b"}}", b"}}}"),
        lambda line: line + b',"x":{}}',
        lambda line: line + b',"x",{"data":{},"metadata":{"writer":"ares","seq":1,"occurred_at":1}}',
    ],
)
def test_a_line_that_memory_never_writes_is_named_by_its_index(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    data = made(tmp_path, COUNT, batch=1)
    lines = event_lines(data)
    lines[6] = change(lines[6])
    forge(data, lines)
    found = both(data)
    assert [(fault.index, fault.reason[:13]) for fault in found.faults] == [(7, "no event line")]


def test_two_lines_that_are_json_only_together_are_two_faults(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    lines[5] = lines[5].replace(b'"n":6}', b'"n":["')
    lines[6] = lines[6].replace(b'"n":7}', b'"n":"]}')
    forge(data, lines)
    assert [fault.index for fault in both(data).faults] == [6, 7]


@pytest.mark.parametrize("number", [7 + MAX_LEAP, SEQ_LIMIT - 1])
def test_a_number_that_leaps_is_a_fault_and_leaves_the_writer_its_numbers(tmp_path: Path, number: int) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    lines[7] = lines[7].replace(b'"seq":8,', b'"seq":%d,' % number)
    forge(data, lines)
    found = both(data)
    reason = f"number {number} of trader is too far ahead of the one before"
    if number - 7 > MAX_LEAP:
        assert [(fault.index, fault.reason) for fault in found.faults] == [(8, reason)]
    history = reopened(data)
    assert (number - 7 > MAX_LEAP) is ((reason, 8) in reasons(history))
    if number - 7 > MAX_LEAP:
        assert history.cursors == {"trader": COUNT}
        history.append([event(COUNT + 1)], 3000.0)
        assert verify(data).gaps == {"trader": 1}
    history.close()


def test_a_part_of_a_long_history_may_begin_with_any_number(tmp_path: Path) -> None:
    """Only the first part knows where a writer's numbers were."""
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    for start in range(0, 2100, 700):
        first = 1 + start * (MAX_LEAP // 700)
        history.append([event(seq) for seq in range(first, first + 700)], 1000.0 + start)
    history.close()
    assert both(data).faults == []


@pytest.mark.parametrize(
    "change",
    [
        swapped(b'"index":5,', b'"index": 5,'),
        swapped(b'"index":5,', b'"index":05,'),
        swapped(b'"timestamp":1', b'"timestamp":01'),
        swapped(b'"index":5,', b'"index":5,"more":1,'),
        swapped(b'"event_type":"order_executed"', b'"event_type":"order_executed","x":{}'),
        lambda content: content.replace(b'"data":{', b'"data": {'),
        lambda content: content + b',"more":1',
    ],
)
def test_a_block_that_memory_never_writes_is_damaged_whatever_its_hash(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    data = made(tmp_path, COUNT)
    replace_block(data, 5, change)
    assert [(fault.reason, fault.index) for fault in verify(data).faults] == [("the block does not match its hash", 5)]


def new_event(**changes: Any) -> NewEvent:
    return NewEvent("e", "s", {}, "trader", 2, 1.0, {})._replace(**changes)


@pytest.mark.parametrize(
    "bad",
    [
        new_event(seq=1),
        new_event(seq=2 + MAX_LEAP),
        new_event(writer="Trader"),
        new_event(writer="other", seq=0),
        new_event(occurred_at=float("nan")),
        new_event(source="a b"),
        new_event(data={"x": "y" * 1024 * 1024}),
    ],
)
def test_an_event_that_would_not_verify_is_not_written(tmp_path: Path, bad: NewEvent) -> None:
    data = data_dir(tmp_path)
    history = HistoryWriter(data, now=50.0)
    history.append([event(1)], 1000.0)
    with pytest.raises(EventLineError):
        history.append([new_event(writer="ares", seq=1), bad], 2000.0)
    assert history.append([event(2)], 3000.0) == event_lines(data)[1:]
    history.close()
    assert (verify(data).faults, verify(data).gaps, verify(data).events) == ([], {}, 2)


def test_an_id_that_leaves_no_room_for_others_does_not_stop_the_writer(tmp_path: Path) -> None:
    data = made(tmp_path, 2)
    lines = event_lines(data)
    lines[1] = lines[1].replace(b"_002", b"_999999999999")
    forge(data, lines)
    history = reopened(data)
    history.append([event(3)], 1000.0)
    history.close()
    assert [orjson.loads(line)["event_id"] for line in event_lines(data)][2:] == ["evt_1002_001"]
    assert both(data).faults == []
