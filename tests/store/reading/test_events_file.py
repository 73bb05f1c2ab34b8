"""Reading the history: the same as reading all of it and choosing, but without reading all of it."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.store.reading.event import parse_event
from cq_tui.store.reading.event_filter import EventFilter, HistoryEntry
from cq_tui.store.reading.events_file import open_events
from tests.store.reading.written import START, Lines, write

EVERYTHING = EventFilter()
ODD_SYMBOL = 'B"\\Ü'

FILTERS = {
    "all": EventFilter(),
    "type": EventFilter(["order_rejected"]),
    "types": EventFilter(["order_rejected", "order_executed"]),
    "beginning of a type": EventFilter(["order"]),
    "type with a dot": EventFilter(["made.up"]),
    "type that is there by a pattern only": EventFilter(["made-up", "mad..up"]),
    "symbol": EventFilter(symbol="BTCUSDT"),
    "beginning of a symbol": EventFilter(symbol="BTC"),
    "odd symbol": EventFilter(symbol=ODD_SYMBOL),
    "type and symbol": EventFilter(["order_rejected"], "BTCUSDT"),
    "since": EventFilter(since=START + 700),
    "since between two": EventFilter(since=START + 700.25, symbol="ETHUSDT"),
    "since before all": EventFilter(since=START - 1e6),
    "since after all": EventFilter(since=START + 1e6),
    "since before there was time": EventFilter(since=-5.0),
}

#: None of them is an event; some begin like one.
DAMAGED = [b"", b"\xff\xfe", b"[]", b"{}", b"\0" * 40, Lines().make(symbol="BTCUSDT")[:-9], b'{"event_id":"evt_1"}']


def chosen(lines: Iterable[bytes], wanted: EventFilter) -> list[bytes]:
    """Choose events by looking at all of them."""
    return [line for line in lines if (event := parse_event(line)) is not None and wanted.matches(event)]


def sound(entries: Iterable[HistoryEntry]) -> list[bytes]:
    return [entry.line for entry in entries if entry.event is not None]


def damaged(entries: Iterable[HistoryEntry]) -> list[bytes]:
    return [entry.line for entry in entries if entry.event is None]


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """More than a block of events, some of which only look like others."""
    made = Lines()
    lines = made.some(1500)
    lines.append(made.make("made.up", symbol=ODD_SYMBOL))
    lines.append(made.make("note", nested={"event_type": "order_rejected", "symbol": "BTCUSDT"}))
    lines.append(made.make("note", text='"symbol":"BTCUSDT","event_type":"order_rejected"'))
    # Not written by memory, but an event for all that.
    lines.append(json.dumps(orjson.loads(made.make("order_rejected", symbol="BTCUSDT"))).encode())
    lines.append(json.dumps(orjson.loads(made.make("made.up", symbol=ODD_SYMBOL))).encode())
    lines += made.some(1500)
    path = tmp_path_factory.mktemp("history") / "events"
    write(path, lines, tail=made.make("order_rejected", symbol="BTCUSDT")[:-1])
    return path, lines


@pytest.mark.parametrize("name", FILTERS)
def test_what_is_wanted_is_found_as_by_looking_at_all(long_history: tuple[Path, list[bytes]], name: str) -> None:
    path, lines = long_history
    wanted = FILTERS[name]
    expected = chosen(lines, wanted)
    assert (
        not expected or len(expected) < len(lines) or name in ("all", "since before all", "since before there was time")
    )
    with open_events(path) as history:
        assert [entry.line for entry in history.all_entries(wanted)] == expected
        for count in (1, 2, 37, 10_000):
            assert [entry.line for entry in history.last_entries(count, wanted)] == expected[-count:]
        assert history.last_entries(0, wanted) == []
    content = path.read_bytes()
    with open_events(path) as history:
        assert all(content.startswith(entry.line + b"\n", entry.offset) for entry in history.all_entries(wanted))
        assert all(content.startswith(entry.line + b"\n", entry.offset) for entry in history.last_entries(900, wanted))


@given(
    places=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(DAMAGED)), max_size=8),
    wanted=st.sampled_from(
        [*FILTERS.values(), EventFilter(since=START + 9), EventFilter(["order_rejected"], since=START + 11)]
    ),
    count=st.integers(1, 50),
)
def test_damaged_lines_hide_no_event_and_are_named(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, bytes]], wanted: EventFilter, count: int
) -> None:
    lines = Lines().some(40)
    for place, line in places:
        lines.insert(place, line)
    path = tmp_path_factory.mktemp("damaged") / "events"
    write(path, lines)
    with open_events(path) as history:
        everything = [*history.all_entries(wanted)]
        last = history.last_entries(count, wanted)
    assert sound(everything) == chosen(lines, wanted)
    assert sound(last) == chosen(lines, wanted)[-count:]
    if wanted.since is None:
        # A line that has all of a head but not its end is passed over when the head tells that nobody wants it.
        without_head = [line for _, line in places if not line.startswith(b'{"event_id":"evt_1790')]
        assert sorted(line for line in damaged(everything) if line in without_head) == sorted(without_head)


def test_damaged_lines_at_the_very_end_do_not_count(tmp_path: Path) -> None:
    lines = Lines().some(5)
    write(tmp_path / "events", [*lines, b"junk", b"more"])
    with open_events(tmp_path / "events") as history:
        found = history.last_entries(2, EVERYTHING)
    assert [entry.line for entry in found] == [*lines[-2:], b"junk", b"more"]


@pytest.mark.parametrize("index", [0, 1, 40, 777, 1499, 1500, 1503, 1504, 2222, 3004])
def test_a_time_is_found_to_the_microsecond(long_history: tuple[Path, list[bytes]], index: int) -> None:
    path, lines = long_history
    event = parse_event(lines[index])
    assert event is not None
    for shift in (-0.000001, 0.0, 0.000001):
        wanted = EventFilter(since=event.timestamp + shift)
        with open_events(path) as history:
            assert sound(history.all_entries(wanted)) == chosen(lines, wanted)


def test_only_the_end_of_a_great_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = Lines().some(2000)
    with path.open("wb") as file:
        # A hole of a terabyte: whoever reads it is not done today.
        file.truncate(2**40)
        file.seek(2**40)
        file.write(b"\n" + b"\n".join(lines) + b"\n")
    with open_events(path) as history:
        assert [entry.line for entry in history.last_entries(1900, EVERYTHING)] == lines[-1900:]
        assert len(history.last_entries(300, EventFilter(["order_rejected"]))) == 300


def test_what_is_not_there_has_no_events_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "events"
    with open_events(path) as history:
        assert (history.end, history.last_entries(5, EVERYTHING), [*history.all_entries(EventFilter(since=1.0))]) == (
            0,
            [],
            [],
        )
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"event_id":"evt_1790000000_001"'])
def test_a_file_without_a_whole_line_has_no_events(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events").write_bytes(content)
    with open_events(tmp_path / "events") as history:
        assert (history.end, history.last_entries(5, EVERYTHING)) == (0, [])


def test_what_is_no_file_is_an_error_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "events")
    with pytest.raises(OSError, match="regular file"), open_events(tmp_path / "events"):
        pass


def test_an_open_history_does_not_grow(tmp_path: Path) -> None:
    made = Lines()
    first, then = made.some(3), made.some(3)
    write(tmp_path / "events", first)
    with open_events(tmp_path / "events") as history:
        write(tmp_path / "new", first + then)
        (tmp_path / "events").write_bytes((tmp_path / "new").read_bytes())
        assert sound(history.all_entries(EVERYTHING)) == sound(history.last_entries(10, EVERYTHING)) == first
        assert sound(history.all_entries(EventFilter(since=made.now))) == []


def test_lines_are_numbered_from_one(tmp_path: Path) -> None:
    path, lines = tmp_path / "events", Lines().some(10)
    write(path, lines)
    offsets = [sum(len(line) + 1 for line in lines[:index]) for index in range(10)]
    with open_events(path) as history:
        assert [history.line_number(offset) for offset in offsets] == [*range(1, 11)]


@pytest.mark.parametrize("since", [START + 20.25, START + 1e6])
@pytest.mark.parametrize("long", [b"x" * 3_000_000, b"damaged"])
def test_damage_where_the_wanted_events_begin_is_named(tmp_path: Path, since: float, long: bytes) -> None:
    lines, path = Lines().some(80), tmp_path / "events"
    place = 40 if since < START + 1e5 else 80
    write(path, [*lines[:place], long, *lines[place:]])
    with open_events(path) as events:
        found = list(events.all_entries(EventFilter(since=since)))
    assert [entry.event is None for entry in found] == [True] + [False] * (80 - place)
    assert found[0].offset == sum(len(line) + 1 for line in lines[:place])


@pytest.mark.parametrize("time", ["1e305", "-1e305", "18446744073709551615"])
def test_a_line_of_an_impossible_time_is_no_place_to_look_from(tmp_path: Path, time: str) -> None:
    path = tmp_path / "events"
    odd = b'{"event_id":"x","timestamp":%b,"event_type":"e","source":"s","data":{}}\n' % time.encode()
    lines = [Lines().make() + b"\n" for _ in range(300)]
    path.write_bytes(b"".join(lines[:100]) + odd * 100 + b"".join(lines[100:]))
    with open_events(path) as events:
        found = [entry.line + b"\n" for entry in events.all_entries(EventFilter(since=START))]
    assert [line for line in found if line != odd] == lines


def test_a_torn_line_of_an_earlier_time_hides_nothing_before_it(tmp_path: Path) -> None:
    lines = Lines().some(40)
    torn = lines[0][:-9]
    path = tmp_path / "events"
    write(path, [b"", *lines[:21], torn, *lines[21:]])
    with open_events(path) as events:
        found = [entry.line for entry in events.all_entries(EventFilter(since=START + 9)) if entry.event]
    assert found == lines[17:]
