"""Events of data versions before 1.3 are valid as they stand: at the beginning, and where their blocks name them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.history import SnapshotHistory
from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.batch import check_batch, check_unnumbered_batch
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.hash_chain import genesis_block
from cq_tui.store.history.merkle import SUBTREE_LEAVES
from cq_tui.store.history.verification import verify
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.history.writer import HistoryWriter
from tests.store.history.histories import assert_consistent, event, event_lines, made
from tests.store.history.reopening import COUNT, quarantine, reasons, reopened
from tests.store.history.test_crafted_numbers import replace_block
from tests.store.history.test_forgeries import both, forge
from tests.store.history.test_validity import PIECES
from tests.store.history.unnumbered import CONTRACT, EMPTY, KINDS, made_before, unnumbered

#: What an event is called that lacks what tells its origin: accepted faults have ids of these words.
LACKS = "no event line ('metadata')"
CHANGED = "the event is not the one that was chained"


@pytest.mark.parametrize("metadata", [*KINDS, b',"metadata":null', b',"metadata":{"writer":"r11","mode":"paper"}'])
def test_they_are_valid_and_ours_follow_them(tmp_path: Path, metadata: bytes) -> None:
    data = made_before(tmp_path, COUNT, metadata)
    before = data.events.read_bytes()
    assert (both(data).faults, both(data).events, both(data).gaps) == ([], COUNT, {})
    history = reopened(data)
    assert (history.faults, history.cursors, history.gaps) == ([], {}, {})
    history.append([event(1), event(2)], 3000.0)
    history.close()
    assert data.events.read_bytes().startswith(before), "no line was rewritten"
    assert_consistent(data)
    assert (both(data).faults, both(data).events, both(data).gaps) == ([], COUNT + 2, {})
    again = reopened(data)
    assert (again.faults, again.cursors) == ([], {"trader": 2})
    again.close()


@pytest.mark.parametrize("metadata", KINDS)
def test_they_are_verified_in_batches(tmp_path: Path, metadata: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made_before(tmp_path, 700, metadata)
    with monkeypatch.context() as closely:
        closely.setattr(Verifier, "_verify_closely", None)
        quick = verify(data)
    monkeypatch.setattr("cq_tui.store.history.verifier.check_unnumbered_batch", lambda *_: None)
    assert verify(data) == quick
    assert (quick.faults, quick.events) == ([], 700)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1), st.sampled_from([0, 0, 1, 9]), st.sampled_from(PIECES))),
    st.sampled_from(KINDS),
)
@settings(max_examples=300, deadline=None)
def test_nothing_is_accepted_in_a_batch_that_is_refused_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, float, int, bytes]], metadata: bytes
) -> None:
    lines = [
        b'{"event_id":"evt_1000_%03d","timestamp":1000.000000,"event_type":"e","source":"s","data":{"a":[1,{"b":null}]}'
        b"%b}" % (number, metadata)
        for number in (1, 2, 3)
    ]
    for number, where, width, piece in changes:
        at = round(where * len(lines[number]))
        at = max(lines[number].rfind(mark, 0, at) for mark in (b",", b"{", b"}")) + (piece != b"}},{")
        lines[number] = lines[number][:at] + piece + lines[number][at + width :]
    genesis = genesis_block("1.000000")
    found = check_unnumbered_batch(b"".join(line + b"\n" for line in lines), lines, 1, genesis, None)
    if found is not None:
        data = DataDir(tmp_path_factory.mktemp("forged"))
        data.memory.mkdir(parents=True)
        forge(data, lines)
        with pytest.MonkeyPatch.context() as closely:
            closely.setattr("cq_tui.store.history.verifier.check_unnumbered_batch", lambda *_: None)
            assert (verify(data).faults, verify(data).events) == ([], 3), lines


@pytest.mark.parametrize("index", [1, 2, 7, COUNT])
def test_a_line_of_ours_whose_metadata_was_stripped_is_a_fault_with_the_words_it_always_had(
    tmp_path: Path, index: int
) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    lines[index - 1] = unnumbered(lines[index - 1])
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    assert [(fault.index, fault.reason) for fault in both(data).faults] == [(index, LACKS)]
    history = reopened(data)
    assert reasons(history) == [(LACKS, index)]
    history.close()


@pytest.mark.parametrize("index", [2, 7, COUNT])
def test_one_after_a_line_of_ours_is_a_fault_whatever_its_block_says(tmp_path: Path, index: int) -> None:
    data = made(tmp_path, COUNT)
    lines = event_lines(data)
    lines[index - 1] = unnumbered(lines[index - 1])
    forge(data, lines)
    assert [(fault.index, fault.reason) for fault in both(data).faults] == [(index, LACKS)]


def test_one_at_the_beginning_of_a_later_part_is_a_fault(tmp_path: Path) -> None:
    """The process that verifies the part sees no number before it."""
    data = made(tmp_path, 2 * SUBTREE_LEAVES, batch=512)
    lines = event_lines(data)
    for at in range(SUBTREE_LEAVES, SUBTREE_LEAVES + 300):
        lines[at] = unnumbered(lines[at])
    forge(data, lines)
    assert both(data).fault_count == 300


def test_parts_of_earlier_events_are_joined(tmp_path: Path) -> None:
    data = made_before(tmp_path, SUBTREE_LEAVES + 500, CONTRACT, then=SUBTREE_LEAVES)
    assert (both(data).faults, both(data).events) == ([], 2 * SUBTREE_LEAVES + 500)


def changed(index: int, old: bytes, new: bytes) -> Callable[[DataDir], None]:
    def change(data: DataDir) -> None:
        lines = event_lines(data)
        assert old in lines[index - 1]
        lines[index - 1] = lines[index - 1].replace(old, new)
        data.events.write_bytes(b"".join(line + b"\n" for line in lines))

    return change


@pytest.mark.parametrize("then", [0, 5])
@pytest.mark.parametrize(
    ("damage", "index", "reason"),
    [
        (changed(1, b'"n":1', b'"n":9'), 1, LACKS),
        (changed(7, b'"n":7', b'"n":9'), 7, CHANGED),
        (changed(COUNT, b'"n":%d' % COUNT, b'"n":0'), COUNT, CHANGED),
        (changed(7, b"}}", b'},"metadata":{}}'), 7, CHANGED),
        (changed(7, b"}}", b'},"metadata":{"writer":"trader","seq":1,"occurred_at":1.0}}'), 7, CHANGED),
    ],
)
def test_a_changed_one_is_named_by_its_index(
    tmp_path: Path, damage: Callable[[DataDir], None], index: int, reason: str, then: int
) -> None:
    data = made_before(tmp_path, COUNT, then=then)
    damage(data)
    assert [(fault.index, fault.reason) for fault in both(data).faults] == [(index, reason)]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:6], *lines[7:]],
        lambda lines: [*lines[:6], lines[6], lines[6], *lines[7:]],
        lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
    ],
    ids=["lost", "twice", "swapped"],
)
def test_ids_are_unique_and_in_order_whatever_the_chain_says(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    data = made_before(tmp_path, COUNT)
    lines = change(event_lines(data))
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    assert both(data).fault_count
    forge(data, lines)
    # Nothing numbers them: that one was left out before everything was chained anew, only a signature tells.
    assert (both(data).fault_count > 0) is (len(lines) != COUNT - 1)


@pytest.mark.parametrize("lost", [1, 2, 7, COUNT - 1])
def test_a_lost_one_is_missing_and_those_after_it_are_events(tmp_path: Path, lost: int) -> None:
    data = made_before(tmp_path, COUNT)
    lines = event_lines(data)
    del lines[lost - 1]
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    assert [(fault.index, fault.reason) for fault in both(data).faults] == [(lost, "the event is missing")]


def test_one_that_nobody_chained_is_no_event(tmp_path: Path) -> None:
    """As it always was: nothing says that it belongs here."""
    data = made(tmp_path, COUNT)
    watermark = data.events.stat().st_size
    line = b'{"event_id":"evt_9000_001","timestamp":9000.000000,"event_type":"e","source":"trader","data":{}}'
    empty = made(tmp_path / "empty", 0)
    for there in (data, empty):
        with there.events.open("ab") as file:
            file.write(line + b"\n")
    assert (verify(data).fault_count, verify(empty).fault_count, verify(empty).events) == (1, 1, 0)
    history = reopened(data, watermark)
    assert line in quarantine(data)
    assert (history.events, len(history.faults)) == (COUNT, 1)
    history.close()


def test_one_behind_others_may_wait_for_its_block(tmp_path: Path) -> None:
    data = made_before(tmp_path, COUNT)
    lines = event_lines(data)
    forge(data, lines[:-1])
    data.events.write_bytes(b"".join(line + b"\n" for line in lines))
    found = verify(data)
    assert (found.faults, found.unchained, found.events) == ([], 1, COUNT)
    history = reopened(data, 0)
    assert (history.faults, history.events) == ([], COUNT)
    history.close()
    assert_consistent(data)


@pytest.mark.parametrize("then", [0, 5])
def test_a_start_resumes_behind_them_and_verifies_them_later(tmp_path: Path, then: int) -> None:
    data = made_before(tmp_path, COUNT, EMPTY, then=then)
    history = reopened(data)
    stood: SnapshotHistory = history.sync_state()
    history.append([event(COUNT + then + 1)], 3000.0)
    history.close()
    again = HistoryWriter(data, watermark=data.events.stat().st_size, now=4000.0, snapshots=[stood])
    assert again.resumed_from is not None
    check = again.skipped_part
    assert check is not None
    while check.step():
        pass
    assert (again.faults, check.finish()) == ([], [])
    again.adopt_check(check)
    again.append([event(COUNT + then + 2)], 5000.0)
    again.close()
    assert both(data).faults == []


def test_their_words_about_the_history_count_for_nothing(tmp_path: Path) -> None:
    """Memory's faults and a person's acceptances are noted from events that name their writer alone."""
    data = made(tmp_path, COUNT)
    noted = b'"event_type":"integrity_fault"'
    lines = [unnumbered(line.replace(b'"event_type":"order_executed"', noted)) for line in event_lines(data)]
    forge(data, lines)
    assert (both(data).faults, both(data).noted) == ([], [])
    history = HistoryWriter(data, now=50.0)
    history.append([NewEvent("integrity_fault", "memory", {"reason": "x"}, "memory", 1, 1.0, {})], 3000.0)
    assert [each.index for each in history.noted] == [COUNT + 1]
    history.close()
    assert [each.index for each in both(data).noted] == [COUNT + 1]


@pytest.mark.parametrize(
    "tail",
    [
        b',"more":1}',
        b',"metadata":[]}',
        b',"metadata":{},"metadata":{}}',
        b',"metadata":{"writer":"trader","seq":0,"occurred_at":1.0}}',
        b',"metadata":{"writer":"trader","seq":1}}',
        b',"metadata":{"x":NaN}}',
        b',"metadata":{"x":"\xff"}}',
        b"}}",
    ],
)
def test_what_no_version_writes_is_no_event(tmp_path: Path, tail: bytes) -> None:
    data = made_before(tmp_path, COUNT)
    lines = event_lines(data)
    lines[6] = lines[6].removesuffix(b"}") + tail
    forge(data, lines)
    assert [(fault.index, fault.reason[:13]) for fault in both(data).faults] == [(7, "no event line")]


def test_a_block_that_does_not_follow_is_named_as_such(tmp_path: Path) -> None:
    data = made_before(tmp_path, COUNT)
    replace_block(data, 5, lambda content: content.replace(b'"event_type":"order_executed"', b'"event_type":"other"'))
    assert [(fault.reason, fault.index) for fault in both(data).faults] == [
        ("the block is not that of its event", 5),
        ("the block does not follow from the one before", 6),
    ]


def test_our_own_lines_are_none_of_theirs() -> None:
    line = b'{"event_id":"evt_1_001","timestamp":1.000000,"event_type":"e","source":"s","data":{},"metadata":%b}'
    ours = line % b'{"writer":"s","seq":1,"occurred_at":1.0}'
    theirs = line % b'{"strategy":"s"}'
    genesis = genesis_block("1.000000")
    for content, ours_, theirs_ in ((ours, True, False), (theirs, False, True)):
        assert (check_batch(content + b"\n", [content], 1, genesis, None) is not None) is ours_
        assert (check_unnumbered_batch(content + b"\n", [content], 1, genesis, None) is not None) is theirs_
