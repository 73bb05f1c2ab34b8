"""Merging spools: each event once, in order, and nothing that is wrong kept quiet."""

import contextlib
import os
from pathlib import Path

import orjson
import pytest

from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool, UnspoolableEvent
from cq_tui.store.spools.spool_follower import CollectedEvents
from cq_tui.store.spools.spooled_line import build_spooled_line
from tests.store.history.histories import data_dir, event_lines


def merge_of(folder: Path, cursors: dict[str, int] | None = None) -> SpoolMerger:
    return SpoolMerger(folder, folder.parent / "quarantine", cursors or {})


def spool_of(folder: Path, writer: str) -> EventSpool:
    return EventSpool(folder, writer, quarantine=folder.parent / "quarantine")


def line(
    seq: object = 1, occurred_at: object = 1.0, event_type: object = "e", source: object = "x", **more: object
) -> bytes:
    fields = {"seq": seq, "occurred_at": occurred_at, "event_type": event_type, "source": source, "data": {}} | more
    return orjson.dumps(fields) + b"\n"


def taken(collected: CollectedEvents) -> list[tuple[str, int]]:
    return [(event.writer, event.seq) for event in collected.events]


def test_two_writers_are_merged_by_time_and_each_event_comes_once(folder: Path) -> None:
    ares, trader = spool_of(folder, "ares"), spool_of(folder, "trader")
    merge = merge_of(folder)
    for spool, now in ((ares, 1.0), (trader, 2.0), (trader, 3.0), (ares, 2.5), (ares, 0.5), (trader, 9.0)):
        spool.emit("e", {"t": now}, metadata={"m": 1}, now=now)
    collected = merge.collect()
    # The clock of ares went back to 0.5: its own order holds all the same.
    assert taken(collected) == [("ares", 1), ("trader", 1), ("ares", 2), ("ares", 3), ("trader", 2), ("trader", 3)]
    assert collected.complaints == []
    first = collected.events[0]
    assert (first.event_type, first.source, first.data, first.metadata) == ("e", "ares", {"t": 1.0}, {"m": 1})
    assert taken(merge.collect()) == []
    trader.emit("e", {})
    ares.emit("e", {})
    assert taken(merge.collect([folder / "ares.ndjson", folder / "gone.ndjson", folder / ".x.tmp"])) == [("ares", 4)]
    assert taken(merge.collect([])) == []
    assert taken(merge.collect()) == [("trader", 4)]
    for spool in (ares, trader):
        spool.close()
    assert taken(merge_of(folder, {"ares": 2, "trader": 4}).collect()) == [("ares", 3), ("ares", 4)]


def test_a_gap_is_reported_and_the_events_after_it_are_merged(folder: Path) -> None:
    (folder / "ares.ndjson").write_bytes(line(1) + line(5) + line(6))
    collected = merge_of(folder).collect()
    assert taken(collected) == [("ares", 1), ("ares", 5), ("ares", 6)]
    assert collected.complaints == ["spool/ares.ndjson: events 2 to 4 are missing"]


def test_numbers_that_begin_again_are_not_dropped_in_silence(folder: Path) -> None:
    twice = line(2, event_type="other") + line(3, event_type="other")
    (folder / "ares.ndjson").write_bytes(b"".join(map(line, (1, 2, 3, 4))) + twice + line(4) + line(5))
    for first_time in (True, False):
        collected = merge_of(folder).collect()
        assert taken(collected) == [("ares", seq) for seq in (1, 2, 3, 4, 5)]
        assert len(collected.complaints) == first_time
    (kept,) = (folder.parent / "quarantine").iterdir()
    assert kept.read_bytes() == twice + line(4)


@pytest.mark.parametrize("wrong", [7_000_000, 2**53 - 1, 1, 7, 8, 99])
@pytest.mark.parametrize("place", [1, 2, 6, 9, 10])
@pytest.mark.parametrize("known_at", [1, 6, 12])
@pytest.mark.parametrize("merged", [0, 4])
def test_a_damaged_number_costs_its_own_event_only(
    folder: Path, wrong: int, place: int, known_at: int, merged: int
) -> None:
    """However the lines come: all at once or one after the other, new or merged before."""
    lines = [build_spooled_line(seq, 1.0, "e", "x", {"n": seq}, {}) + b"\n" for seq in range(1, 13)]
    lines[place - 1] = lines[place - 1].replace(b'"seq":%d,' % place, b'"seq":%d,' % wrong)
    path, kept = folder / "ares.ndjson", folder.parent / "quarantine" / "spool-ares.lines"
    merge, complaints, events = merge_of(folder, {"ares": merged}), list[str](), list[int]()
    for count in range(known_at, 13):
        path.write_bytes(b"".join(lines[:count]))
        collected = merge.collect()
        complaints += collected.complaints
        events += [event.data["n"] for event in collected.events]
    assert events == [n for n in range(1, 13) if n > merged and (n != place or wrong == place)]
    if wrong != place:
        assert any("missing" in complaint for complaint in complaints) == (place > merged)
        assert kept.exists() or place <= merged
    if kept.exists():
        assert kept.read_bytes() == lines[place - 1]


DEEP = b'{"a":' * 300 + b"1" + b"}" * 300
BAD = [
    *(b"\n", b"\x00\xff\n", b"{}\n", b"[]\n", b"5\n", b'{"seq":2,}\n', b"x" * 3_000_000 + b"\n", line(2)[:-2] + b"\n"),
    *map(line, ("2", 0, -1, 1.5, 2**63, True, None)),
    *(line(2, time) for time in ("late", -1.0, None)),
    *(line(2, 1.0, word) for word in ("", "Order Executed", None, "a\n")),
    *(line(2, 1.0, "e", word) for word in ("", 'tr"ader', "[red]\x1b", "é", 5)),
    *(line(2, data=[]), line(2, metadata=5), line(2).replace(b"{}", DEEP)),
    b'{"seq":99999999999999999999999,"occurred_at":1}\n',
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_an_invalid_line_is_kept_reported_once_and_stops_nothing(folder: Path, bad: bytes) -> None:
    path = folder / "ares.ndjson"
    path.write_bytes(line(1) + bad + line(2))
    for first_time in (True, False):
        collected = merge_of(folder).collect()
        assert taken(collected) == [("ares", 1), ("ares", 2)]
        assert len(collected.complaints) == first_time
        assert all(len(complaint) < 400 and "\x1b" not in complaint for complaint in collected.complaints)
        (kept,) = (folder.parent / "quarantine").iterdir()
        assert kept.read_bytes() == bad


def test_megabytes_of_rubbish_make_few_complaints_and_one_file(folder: Path) -> None:
    path = folder / "ares.ndjson"
    rubbish = b"".join((b"\x00rubbish %d" % number).ljust(99) + b"\n" for number in range(60_000))
    path.write_bytes(rubbish + line(1))
    merge, complaints, events = merge_of(folder), 0, []
    while True:
        collected = merge.collect()
        complaints += len(collected.complaints)
        events += taken(collected)
        if not collected.more:
            break
    assert events == [("ares", 1)]
    assert complaints == 2
    (kept,) = (folder.parent / "quarantine").iterdir()
    assert kept.read_bytes() == rubbish
    with (folder / "feeder.ndjson").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert "does not end" in merge.collect().complaints[0]


def test_a_long_spool_is_read_in_parts_and_reported(folder: Path) -> None:
    (folder / "ares.ndjson").write_bytes(b"".join(line(seq, data={"x": "y" * 900}) for seq in range(1, 6001)))
    merge, parts = merge_of(folder), []
    while (collected := merge.collect()).events:
        parts.append((len(collected.events), collected.more))
    assert [more for _, more in parts] == [True, False]
    assert sum(count for count, _ in parts) == 6000


@pytest.mark.parametrize("name", ["we ird.ndjson", "Trader.ndjson", "[red].ndjson", "a-b-c.ndjson"])
def test_a_file_that_is_no_spool_of_ours_is_named_and_left_alone(folder: Path, name: str) -> None:
    (folder / name).write_bytes(line(1))
    collected = merge_of(folder).collect()
    assert (collected.events, len(collected.complaints)) == ([], 1)
    assert (folder / name).read_bytes() == line(1)


def test_folders_and_names_that_are_no_text_are_named(folder: Path) -> None:
    (folder / "ares.ndjson").mkdir()
    (folder / os.fsdecode(b"\xff.ndjson")).write_bytes(line(1))
    (folder / "trader.ndjson").write_bytes(line(1))
    collected = merge_of(folder).collect()
    assert taken(collected) == [("trader", 1)]
    assert len(collected.complaints) == 2
    for complaint in collected.complaints:
        complaint.encode()


def test_a_full_disk_stops_no_good_event(folder: Path) -> None:
    (folder / "ares.ndjson").write_bytes(b"bad\n" + line(1))
    (folder.parent / "quarantine").rmdir()
    collected = merge_of(folder).collect()
    assert taken(collected) == [("ares", 1)]
    assert "refused" in collected.complaints[0]


def test_what_can_be_spooled_has_a_line_in_the_history_that_readers_take(tmp_path: Path) -> None:
    data, limit = data_dir(tmp_path), 1024 * 1024
    spool = EventSpool(data.spool, "room-" + "a1" * 50, quarantine=data.quarantine)
    for size in range(limit - 2000, limit, 97):
        with contextlib.suppress(UnspoolableEvent):
            spool.emit("a" * 60, {"text": "x" * size}, now=1e9)
    spool.close()
    history, merge = HistoryWriter(data, now=1.0), SpoolMerger(data.spool, data.quarantine, {})
    while events := merge.collect().events:
        history.append(events, 1e9)
    history.close()
    lines = [len(line) for line in event_lines(data)]
    assert len(lines) > 3
    assert max(lines) <= limit
    with open_events(data.events) as stored:
        assert len([entry for entry in stored.all_entries(EventFilter(since=5.0)) if entry.event]) == len(lines)


@pytest.mark.parametrize(
    "payload", [b"[" + b",".join([b"1e15"] * 100_000) + b"]", b'"' + b"x" * 1_200_000 + b'"'], ids=["grows", "long"]
)
def test_what_would_be_too_long_in_the_history_is_put_away(folder: Path, payload: bytes) -> None:
    spool = line(1).replace(b"{}", b'{"list":' + payload + b"}", 1)
    assert payload in spool
    (folder / "trader.ndjson").write_bytes(spool + line(2))
    collected = merge_of(folder).collect()
    assert taken(collected) == [("trader", 2)]
    assert "bytes, more than 1,047,552" in " ".join(collected.complaints)
