"""Damaged histories: what was changed, cut, forged or put in their place is named, and no other event is lost."""

import random
from pathlib import Path

import orjson
import pytest

from cq_tui.store.history.event_line import parse_header
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.hash_chain import build_block
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.journal import JournalError
from tests.store.history.histories import assert_consistent, data_dir, event, event_lines, made, raw_blocks
from tests.store.history.reopening import COUNT, quarantine, reasons, reopened
from tests.store.history.torture import HEAVY


def test_whole_lines_that_are_taken_out_of_the_history_are_named(tmp_path: Path) -> None:
    data = made(tmp_path, 3)
    whole = data.events.read_bytes()
    foreign = b'{"event_id": "evt_1640995200_001", "timestamp": 1640995200.0, "event_type": "x", "source": "y"}\n'
    with data.events.open("ab") as file:
        file.write(foreign)
    history = reopened(data, len(whole))
    assert [fault.reason for fault in history.faults] == [
        f"what stands from byte {len(whole)} on is no event of this history: moved to quarantine"
    ]
    history.close()
    assert quarantine(data) == foreign


def test_a_history_of_other_origin_is_kept_and_named(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    foreign = b'{"event_id": "evt_1640995200_001", "timestamp": 1640995200.0}\n' * 3
    data.events.write_bytes(foreign)
    data.hash_chain.write_bytes(b'{"chain": [{"index": 0}], "merkle_root": "x", "chain_length": 1}')
    history = reopened(data, 0)
    assert {fault.file for fault in history.faults} == {"event_chain.ndjson", "hash_chain.json"}
    history.append([event(1)], 1000.0)
    history.close()
    assert foreign in quarantine(data)
    assert b'"chain_length": 1}' in quarantine(data)
    assert_consistent(data, verified=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"data":{', b'"data": {'),
        (b'"data":{', b'"Data":{'),
        (b'"data":{', b'"data":{"n":0,'),
        (b'"source":"', b'"source":" '),
        (b'"occurred_at":', b'"occurred_it":'),
        (b'"data":{', b'"data":{"a":' + b"[" * 500 + b"]" * 500 + b","),
    ],
)
def test_a_misspelled_event_keeps_the_fault_that_earlier_versions_gave_it(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    """A person may have accepted it there."""
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    changed = lines[4].replace(old, new, 1)
    expected, found = leaf_hash(lines[4]).hex(), leaf_hash(changed).hex()
    data.events.write_bytes(b"".join(line + b"\n" for line in (*lines[:4], changed, *lines[5:])))
    history = reopened(data, None)
    reason = "the event is not the one that was chained"
    assert history.faults == [HistoryFault(data.events.name, reason, 5, expected, found)]
    history.close()


@pytest.mark.parametrize("count", [1, 2, 7, 90])
@pytest.mark.parametrize("at", [0, 4, COUNT - 1])
def test_foreign_lines_between_events_are_named_and_no_event_is(tmp_path: Path, count: int, at: int) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    other = made(tmp_path / "other", 1)
    [foreign] = event_lines(other)
    inserted = [foreign.replace(b'"n":1}', b'"n":%d}' % (1000 + number)) for number in range(count)]
    data.events.write_bytes(b"".join(line + b"\n" for line in (*lines[:at], *inserted, *lines[at:])))
    history = reopened(data, None)
    reason, expected = "a line that is no event of this history stands before this one", leaf_hash(lines[at]).hex()
    assert history.faults == [
        HistoryFault(data.events.name, reason, at + 1, expected, leaf_hash(line).hex()) for line in inserted
    ]
    history.close()


@pytest.mark.parametrize(
    "order",
    [[0, 3, 4, 1, 2, 5, 6, 7], [0, 2, 3, 4, 1, 5, 6, 7], [0, 1, 2, 6, 3, 4, 5, 7]],
    ids=["pair", "later", "earlier"],
)
def test_events_in_another_order_are_not_taken_for_foreign_ones(tmp_path: Path, order: list[int]) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    moved = [*(lines[place] for place in order), *lines[len(order) :]]
    data.events.write_bytes(b"".join(line + b"\n" for line in moved))
    history = reopened(data, None)
    assert history.faults
    assert max(fault.index or 0 for fault in history.faults) <= len(order)
    history.close()


@pytest.mark.parametrize("known", [True, False])
def test_an_edited_event_is_named_by_its_index_and_stays_named(tmp_path: Path, known: bool) -> None:
    """Also behind the watermark: a sound block proves that the event was once another."""
    data = made(tmp_path, COUNT)
    blocks, root = list(raw_blocks(data)), orjson.loads(data.hash_chain.read_bytes())["merkle_root"]
    edited = data.events.read_bytes().replace(b'"n":5}', b'"n":6}')
    data.events.write_bytes(edited)
    for _ in range(2):
        history = reopened(data, None if known else 0)
        assert reasons(history) == [("the event is not the one that was chained", 5)]
        assert history.merkle_root == root
        history.close()
        assert data.events.read_bytes() == edited
        assert list(raw_blocks(data)) == blocks, "the proof of it stays"


def test_a_lied_number_in_a_damaged_event_moves_no_cursor(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    data.events.write_bytes(data.events.read_bytes().replace(b'"seq":5,', b'"seq":9000,'))
    history = reopened(data)
    assert history.cursors == {"trader": COUNT}
    history.close()


def test_a_removed_event_and_an_inserted_line_are_named_and_blame_no_other(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    data.events.write_bytes(b"\n".join(lines[:4] + lines[5:]) + b"\n")
    history = reopened(data)
    assert reasons(history) == [("the event is missing", 5)]
    assert history.events == COUNT
    history.close()
    data.events.write_bytes(b"\n".join([*lines[:4], b"{}", *lines[4:]]) + b"\n")
    history = reopened(data)
    assert [index for _, index in reasons(history)] == [5]
    assert history.events == COUNT
    history.append([event(13)], 3000.0)
    history.close()
    assert len(list(raw_blocks(data))) == COUNT + 2


@pytest.mark.parametrize("left", [0, 1, COUNT - 1])
def test_a_cut_tail_of_the_events_is_named(tmp_path: Path, left: int) -> None:
    data = made(tmp_path, COUNT)
    blocks, before = list(raw_blocks(data)), data.hash_chain.read_bytes()
    data.events.write_bytes(b"".join(line + b"\n" for line in event_lines(data)[:left]))
    history = reopened(data, 0)
    assert reasons(history) == [
        (f"has {COUNT - left} blocks more than there are events: the end of the history is missing", None)
    ]
    history.close()
    assert list(raw_blocks(data)) == blocks[: left + 1], "sound blocks are never rewritten"
    assert before in quarantine(data)
    assert_consistent(data, verified=False)


def test_events_and_chain_cut_together_are_known_by_the_watermark(tmp_path: Path) -> None:
    data = made(tmp_path / "old", 6)
    later = made(tmp_path / "new", COUNT)
    size = later.events.stat().st_size
    for name in ("events", "hash_chain"):
        getattr(later, name).write_bytes(getattr(data, name).read_bytes())
    history = reopened(later, size)
    assert [("shorter than it was" in reason, index) for reason, index in reasons(history)] == [(True, None)]
    history.close()


def test_a_deleted_chain_is_named_and_made_from_the_events(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    data.hash_chain.unlink()
    history = reopened(data)
    assert reasons(history) == [("is missing, although there are events: made anew from them", None)]
    history.close()
    assert_consistent(data, verified=False)


@pytest.mark.parametrize("kept", [1, 5, COUNT])
def test_a_chain_cut_with_care_is_named(tmp_path: Path, kept: int) -> None:
    """An older chain document with an honest tail: all synced blocks behind it are missing."""
    data, old = made(tmp_path / "new", COUNT), made(tmp_path / "old", kept - 1)
    old_blocks = list(raw_blocks(old))
    data.hash_chain.write_bytes(old.hash_chain.read_bytes())
    history = reopened(data)
    assert [index for _, index in reasons(history)] == list(range(kept, COUNT + 1))
    assert {reason for reason, _ in reasons(history)} == {"the block is missing"}
    history.close()
    assert list(raw_blocks(data))[:kept] == old_blocks
    assert_consistent(data, verified=False)


def test_a_forged_block_and_a_forged_root_are_named(tmp_path: Path) -> None:
    data = made(tmp_path, COUNT)
    content, blocks = data.hash_chain.read_bytes(), list(raw_blocks(data))
    other = parse_header(event_lines(data)[7])
    forged = build_block(5, other, orjson.loads(blocks[5])["data"]["event_hash"], orjson.loads(blocks[4])["hash"])
    data.hash_chain.write_bytes(content.replace(blocks[5], forged.content))
    history = reopened(data)
    assert reasons(history) == [
        ("the block is not that of its event", 5),
        ("the block does not follow from the one before", 6),
    ]
    history.close()
    root = orjson.loads(content)["merkle_root"].encode()
    data.hash_chain.write_bytes(content.replace(root, b"0" * 64))
    history = reopened(data)
    assert reasons(history) == [(f"names another Merkle root than that of its {COUNT} events", None)]
    history.close()
    assert b"0" * 64 in quarantine(data), "what was found is kept"


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("name", ["events", "hash_chain"])
@pytest.mark.parametrize("known", [True, False])
def test_any_single_flipped_bit_is_named_and_harms_nothing_else(tmp_path: Path, name: str, known: bool) -> None:
    source = made(tmp_path / "source", 4)
    whole, lines = getattr(source, name).read_bytes(), event_lines(source)
    size = source.events.stat().st_size
    bits = range(len(whole) * 8)
    if not HEAVY:
        bits = random.Random(len(name) + known).sample(bits, 90)  # type: ignore[assignment]
    for bit in bits:
        data = data_dir(tmp_path / f"{bit}")
        data.events.write_bytes(source.events.read_bytes())
        data.hash_chain.write_bytes(source.hash_chain.read_bytes())
        getattr(data, name).write_bytes(flipped(whole, bit))
        history = reopened(data, size if known else 0)
        silent = name == "hash_chain" and not known
        assert history.faults or silent, f"bit {bit} of {name}"
        blamed = {fault.index for fault in history.faults if fault.index is not None}
        assert len(blamed) <= 2, history.faults
        history.append([event(5)], 3000.0)
        history.close()
        kept = data.events.read_bytes() + quarantine(data)
        missing = [line for line in lines if line not in kept]
        assert len(missing) <= (name == "events"), f"bit {bit} of {name}"
        document = orjson.loads(data.hash_chain.read_bytes())
        assert document["chain_length"] == len(document["chain"]) == 6
        if name == "hash_chain":
            assert data.events.read_bytes().startswith(source.events.read_bytes())


@pytest.mark.parametrize("name", ["events", "hash_chain"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 3000, b"[]", b"\n" * 50, "sparse", "folder"])
def test_rubbish_in_place_of_a_file_is_kept_and_named(tmp_path: Path, name: str, content: bytes | str) -> None:
    data = made(tmp_path, COUNT)
    path: Path = getattr(data, name)
    path.unlink()
    if content == "folder":
        (path / "inside").mkdir(parents=True)
    elif content == "sparse":
        with path.open("wb") as file:
            file.truncate(100 * 1024 * 1024)
    else:
        assert isinstance(content, bytes)
        path.write_bytes(content)
    if name == "events" and content == "folder":
        with pytest.raises(JournalError, match=r"event_chain\.ndjson"):
            reopened(data, 0)
        assert (path / "inside").is_dir()
        return
    history = reopened(data, 0)
    assert history.faults
    history.append([event(99)], 5000.0)
    history.close()
    assert event_lines(data)[-1].endswith(b'"seq":99,"occurred_at":199.0}}')
    if content != b"\n" * 50 or name == "hash_chain":
        # Empty lines where the chain names events are damaged events: they stay where they are.
        assert_consistent(data, verified=False)


@pytest.mark.parametrize("name", ["event_chain.ndjson", "hash_chain.json", ".hash_chain.json.hidden"])
def test_a_flip_in_any_file_is_found_by_looking_on_and_on(tmp_path: Path, name: str) -> None:
    data = made(tmp_path, COUNT)
    history = reopened(data)
    history.sync_state()
    assert [history.scrub() for _ in range(6)] == [None] * 6
    path = data.memory / name
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(len(content) // 3)
        file.write(bytes([content[len(content) // 3] ^ 8]))
    found = [fault.file for fault in (history.scrub() for _ in range(4)) if fault]
    assert set(found) == {name.removeprefix(".").removesuffix(".hidden")}
    history.close()
