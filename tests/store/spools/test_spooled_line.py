"""Lines with a checksum: damage of any kind is seen, and no damage makes them look like lines of earlier versions."""

import re
import shutil
from pathlib import Path
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.events import SpooledEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spooled_line import (
    InvalidSpooledLine,
    LineChecker,
    add_checksum,
    build_spooled_line,
    has_checksum,
    parse_spooled_event,
)
from tests.store.history.histories import data_dir, event_lines
from tests.store.spools.following import Memory, emit, kept, spool_of

EARLIER = Path(__file__).parent / "earlier_version"
LINE = build_spooled_line(7, 5.25, "order_executed", "trader", {"size": 0.5, "note": "é,{"}, {"strategy": "s"})


def refused(line: bytes) -> bool:
    """Whether a line is damaged even where nothing before it tells what it has to look like."""
    try:
        LineChecker("trader").check(line, 0)
    except InvalidSpooledLine:
        return True
    return False


def test_the_checksum_is_the_crc_32_of_all_before_it() -> None:
    content, checksum = re.fullmatch(rb'(.*),"crc":"([0-9a-f]{8})"\}', LINE).groups()  # type: ignore[union-attr]
    assert int(checksum, 16) == crc32(content)
    event = LineChecker("trader").check(LINE, 0)
    assert (event.seq, event.occurred_at, event.event_type, event.source) == (7, 5.25, "order_executed", "trader")
    assert (event.data, event.metadata) == ({"size": 0.5, "note": "é,{"}, {"strategy": "s"})


def test_each_flipped_bit_and_each_cut_is_damage() -> None:
    for place in range(len(LINE)):
        for bit in range(8):
            assert refused(LINE[:place] + bytes([LINE[place] ^ 1 << bit]) + LINE[place + 1 :]), (place, bit)
        assert refused(LINE[:place])
        assert refused(LINE[:place] + b"}") or LINE[place:] == b"}"
        assert refused(LINE[:place] + b" " * (len(LINE) - place - 1) + b"}") or LINE[place:] == b"}"
        assert refused(LINE[place + 1 :])


@pytest.mark.parametrize("start", range(0, len(LINE), 5))
def test_whatever_part_is_cut_out_or_blank_the_line_is_damaged(start: int) -> None:
    for end in range(start + 1, len(LINE) + 1):
        assert refused(LINE[:start] + LINE[end:])
        for filler in (b" ", b"0", b"\0", b"\xff"):
            assert refused(LINE[:start] + filler * (end - start) + LINE[end:]) or LINE[start:end].strip(filler) == b""


def test_a_line_that_lost_only_its_checksum_is_damaged() -> None:
    without = re.sub(rb',"crc":"[0-9a-f]{8}"', b"", LINE)
    assert orjson.loads(without)["seq"] == 7
    assert refused(without)
    assert refused(without[:-1] + b" " * 17 + b"}")
    assert refused(LINE.replace(b'"crc"', b'"crd"'))


def test_the_checksum_of_damaged_fields_does_not_make_them_an_event() -> None:
    for bad in (b"{}", b"[]", b'{"seq":7}', LINE.replace(b"5.25", b'"x"'), LINE.replace(b'"seq":7', b'"seq":7.0')):
        line = add_checksum(bad.partition(b',"crc"')[0] + b"}" if b"crc" in bad else bad)
        assert has_checksum(line)
        assert refused(line)


WORDS = st.sampled_from(["e", "order_executed", "Order", "", "a\n", "é", "trader", 'tr"', "room-1", "a:b"])
VALUES = st.one_of(
    WORDS,
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.integers(2**53 - 1, 2**64 - 1),
    st.floats(-1, 2),
    st.just({}),
)


@given(
    st.fixed_dictionaries(
        {"seq": VALUES, "v": VALUES, "occurred_at": VALUES, "event_type": WORDS, "source": WORDS, "crc": VALUES}
        | {"data": VALUES, "metadata": VALUES}
    )
    | st.fixed_dictionaries(
        {"seq": st.integers(1, 9), "v": st.just(2), "occurred_at": st.floats(0, 1e10), "event_type": WORDS}
        | {"source": WORDS, "data": st.dictionaries(WORDS, VALUES), "metadata": st.dictionaries(WORDS, VALUES)}
        | {"crc": st.just("00000000")}
    )
    | st.dictionaries(st.sampled_from(["seq", "v", "occurred_at", "event_type", "source", "data", "metadata"]), VALUES)
)
def test_only_what_the_contract_accepts_is_an_event(fields: dict[str, object]) -> None:
    """The check accepts nothing that the model refuses, and reads the same event."""
    line = orjson.dumps(fields)
    try:
        event = parse_spooled_event("trader", line, True)
    except InvalidSpooledLine:
        return
    model = SpooledEvent.model_validate(orjson.loads(line))
    assert (event.seq, event.occurred_at, event.event_type, event.source, event.data, event.metadata) == (
        *(model.seq, model.occurred_at, model.event_type, model.source, model.data, model.metadata),
    )
    assert type(event.occurred_at) is float


@given(
    st.fixed_dictionaries(
        {"seq": st.integers(1, 2**53 - 1), "occurred_at": st.floats(0, 1e300) | st.integers(0, 2**64 - 1)}
        | {"event_type": st.from_regex(r"\A[a-z0-9_.]+\Z"), "source": st.from_regex(r"\A[A-Za-z0-9_.:-]+\Z")}
        | {"data": st.dictionaries(WORDS, VALUES), "metadata": st.dictionaries(WORDS, VALUES)}
    )
)
def test_every_event_of_the_contract_is_one(fields: dict[str, object]) -> None:
    """With a checksum or, from an earlier version, without."""
    model = SpooledEvent.model_validate(fields)
    line = orjson.dumps(fields)
    for event in (parse_spooled_event("x", line, False), parse_spooled_event("x", add_checksum(line), True)):
        assert (event.seq, event.occurred_at, event.data) == (model.seq, model.occurred_at, model.data)


@pytest.fixture
def earlier(folder: Path) -> Path:
    """The spools that a process of an earlier version left when it was upgraded."""
    for path in EARLIER.glob("*.ndjson"):
        shutil.copy(path, folder)
    return folder


def test_spools_of_an_earlier_version_are_merged_and_continued(earlier: Path) -> None:
    memory = Memory(earlier)
    assert memory.take() == [1, 1, 2, 2, 3, 4, 5]
    assert {orjson.dumps(event.data["note"]) for event in memory.events} == {'"é\\n{"'.encode()}
    with spool_of(earlier, segment_bytes=10**6) as spool:
        emit(spool, 3)
    lines = (earlier / "trader.ndjson").read_bytes().splitlines()
    assert [has_checksum(line) for line in lines] == [False, False, True, True, True]
    assert memory.take() == [6, 7, 8]
    assert memory.complaints == []
    assert Memory(earlier, {"trader": 3}).take() == [4, 5, 6, 7, 8]


def test_a_line_without_a_checksum_after_one_with_it_is_damaged(earlier: Path) -> None:
    """Whoever writes it is not the process that writes this spool."""
    with spool_of(earlier, segment_bytes=10**6) as spool:
        emit(spool, 1)
        stray = b'{"seq":7,"occurred_at":1.0,"event_type":"e","source":"trader","data":{},"metadata":{}}\n'
        with (earlier / "trader.ndjson").open("ab") as file:
            file.write(stray)
        emit(spool, 1)
    memory = Memory(earlier, {"trader": 4})
    assert memory.take() == [1, 2, 5, 6, 7]
    assert kept(earlier) == stray
    assert "no valid checksum" in memory.complaints[0]
    with spool_of(earlier, segment_bytes=10**6) as spool:
        assert spool.seq == 7


def test_a_damaged_number_is_not_believed(folder: Path) -> None:
    with spool_of(folder, segment_bytes=10**6) as spool:
        emit(spool, 5)
        path = folder / "trader.ndjson"
        path.write_bytes(path.read_bytes().replace(b'"seq":4,', b'"seq":9,'))
        emit(spool, 1)
    memory = Memory(folder)
    assert memory.take() == [1, 2, 3, 5, 6]
    assert len(memory.complaints) == 2
    with spool_of(folder) as spool:
        assert spool.seq == 6


def forged(seq: int) -> dict[str, bytes]:
    fields = {"seq": seq, "occurred_at": 1.0, "event_type": "e", "source": "trader", "data": {}, "metadata": {}}
    return {
        "checked": build_spooled_line(seq, 1.0, "e", "trader", {}, {}) + b"\n",
        "earlier": orjson.dumps(fields) + b"\n",
    }


@pytest.mark.parametrize("kind", ["checked", "earlier"])
@pytest.mark.parametrize("seq", [2**53 - 1, 2**53 - 2, 10_000_009])
def test_a_forged_number_leaves_the_writer_its_numbers(folder: Path, kind: str, seq: int) -> None:
    line, path = forged(seq)[kind], folder / "trader.ndjson"
    with spool_of(folder, segment_bytes=10**6) as spool:
        emit(spool, 3)
        with path.open("ab") as file:
            file.write(line)
        emit(spool, 1)
        memory = Memory(folder)
        assert memory.take() == [1, 2, 3, 4]
        with path.open("ab") as file:
            file.write(line)
    with spool_of(folder, segment_bytes=10**6) as spool:
        emit(spool, 1)
        # What was there may have been an event, too.
        assert spool.seq == 6
    assert memory.take() == [6]
    assert kept(folder) == line
    place = path.read_bytes().index(line)
    assert memory.complaints[0].startswith(f"spool/trader.ndjson: 1 lines from byte {place} on are no events (")
    if kind == "checked":
        assert f"number {seq} is more than 10,000,000 beyond 3" in memory.complaints[0]
        assert "restart trader" in memory.complaints[0]


@pytest.mark.parametrize("kind", ["checked", "earlier"])
def test_a_forged_number_that_comes_first_leaves_the_writer_its_numbers(folder: Path, kind: str) -> None:
    (folder / "trader.ndjson").write_bytes(forged(2**53 - 1)[kind])
    with spool_of(folder) as spool:
        emit(spool, 2)
        assert spool.seq == 3
    memory = Memory(folder)
    assert memory.take() == [2, 3]
    assert kept(folder) == forged(2**53 - 1)[kind]


def test_a_segment_with_a_forged_name_leaves_the_writer_its_numbers(folder: Path) -> None:
    with spool_of(folder) as spool:
        emit(spool, 8)
    (folder / f"trader.{10**15 - 1:016}.ndjson").write_bytes(b"")
    with spool_of(folder) as spool:
        emit(spool, 1)
        assert spool.seq == 9
    assert Memory(folder).take() == list(range(1, 10))


def test_the_history_does_not_repeat_the_checksum(tmp_path: Path) -> None:
    data = data_dir(tmp_path)
    with spool_of(data.spool) as spool:
        spool.emit("order_executed", {"size": 0.5}, metadata={"strategy": "s"}, now=5.25)
    history = HistoryWriter(data, now=1.0)
    history.append(SpoolMerger(data.spool, data.quarantine, {}).collect().events, 9.0)
    history.close()
    assert event_lines(data) == [
        b'{"event_id":"evt_9_001","timestamp":9.000000,"event_type":"order_executed","source":"trader",'
        b'"data":{"size":0.5},"metadata":{"writer":"trader","seq":1,"occurred_at":5.25,"strategy":"s"}}'
    ]
