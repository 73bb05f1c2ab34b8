"""Event lines: their exact bytes, and ids and times that never go back."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.events import Event
from cq_tui.store.history.event_line import EventClock, EventHeader, EventLineError, build_line, parse_header
from tests.store.history.histories import stamp

HEAD = EventHeader("evt_1640995200_001", "1640995200.000000", "order_executed")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_exact_bytes() -> None:
    line = build_line(
        HEAD, "trader", {"symbol": "BTCUSDT", "size": 0.001}, "trader", 7, 1640995199.5, {"strategy": "s", "seq": 99}
    )
    assert line == (
        b'{"event_id":"evt_1640995200_001","timestamp":1640995200.000000,"event_type":"order_executed",'
        b'"source":"trader","data":{"symbol":"BTCUSDT","size":0.001},'
        b'"metadata":{"writer":"trader","seq":7,"occurred_at":1640995199.5,"strategy":"s"}}'
    )


@given(st.dictionaries(st.text(), JSON, max_size=3), st.dictionaries(st.text(), JSON, max_size=3))
def test_a_line_is_one_line_of_json_and_its_head_can_be_read(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    line = build_line(HEAD, "trader", data, "trader", 1, 5.0, metadata)
    assert b"\n" not in line
    assert list(orjson.loads(line)) == ["event_id", "timestamp", "event_type", "source", "data", "metadata"]
    assert parse_header(line) == HEAD
    metadata = {key: value for key, value in metadata.items() if key not in ("strategy", "confidence", "risk_score")}
    event = Event.model_validate_json(build_line(HEAD, "trader", data, "trader", 1, 5.0, metadata))
    assert event.metadata is not None
    assert (event.metadata.writer, event.metadata.seq, event.timestamp) == ("trader", 1, 1640995200.0)


@pytest.mark.parametrize("word", ["", "a b", 'a"b', "a\n", "é", "[red]", "a\\"])
def test_words_that_need_escapes_are_refused(word: str) -> None:
    with pytest.raises(EventLineError):
        build_line(HEAD, word, {}, "trader", 1, 5.0, {})
    with pytest.raises(EventLineError):
        build_line(EventHeader("evt_1_001", "1.000000", word), "trader", {}, "trader", 1, 5.0, {})


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"\x00" * 80, b'{"event_id": "evt_1_001"', build_line(HEAD, "t", {}, "t", 1, 5.0, {})[1:],
     build_line(HEAD, "t", {}, "t", 1, 5.0, {}).replace(b".000000", b".0"),
     build_line(HEAD, "t", {}, "t", 1, 5.0, {}).replace(b"_001", b"_1")],
)  # fmt: skip
def test_what_is_no_event_line_is_refused(line: bytes) -> None:
    with pytest.raises(EventLineError):
        parse_header(line)


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=40), st.integers(0, 40))
def test_ids_are_unique_and_times_never_go_back_whatever_the_clock_does(times: list[float], restart: int) -> None:
    clock = EventClock()
    heads: list[EventHeader] = []
    for number, now in enumerate(times):
        if number == restart and heads:
            clock = EventClock(heads[-1])
        heads.append(stamp(clock, now))
    assert len({head.event_id for head in heads}) == len(heads)
    stamps = [int(head.timestamp.replace(".", "")) for head in heads]
    assert stamps == sorted(stamps)
    for head, now in zip(heads, times, strict=True):
        assert head.event_id.split("_")[1] == head.timestamp.split(".")[0]
        assert float(head.timestamp) >= now or math.isclose(float(head.timestamp), now, abs_tol=1e-6)


def test_a_clock_that_jumps_back_an_hour_and_more_than_a_thousand_events_in_a_second() -> None:
    clock = EventClock()
    first = stamp(clock, 10_000.25)
    assert (first.event_id, first.timestamp) == ("evt_10000_001", "10000.250000")
    heads = [stamp(clock, 6_400.0) for _ in range(1500)]
    assert {head.timestamp for head in heads} == {"10000.250000"}
    assert heads[-1].event_id == "evt_10000_1501"
    assert stamp(EventClock(heads[-1]), 6_400.0).event_id == "evt_10000_1502"
    assert stamp(clock, 10_001.0).event_id == "evt_10001_001"


def test_heads_stamped_together_are_those_that_are_stamped_one_by_one() -> None:
    together, alone = EventClock(), EventClock()
    for now, count in ((10_000.25, 3), (9_000.0, 2), (10_000.75, 0), (10_001.0, 1100)):
        assert together.stamp_all(now, ["e"] * count) == [stamp(alone, now) for _ in range(count)]


def test_a_rejected_word_is_rejected_again() -> None:
    for _ in range(2):
        with pytest.raises(EventLineError, match="a b"):
            build_line(HEAD, "a b", {}, "trader", 1, 5.0, {})
