"""Events on standard output: readable lines or stored bytes, and no escape codes for the terminal."""

import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.events import PAYLOADS
from cq_tui.ops.event_listing import DamageReport, escape_controls, explain_no_events, format_event
from cq_tui.store.reading.event import HistoryEvent
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from tests.store.reading.written import Lines, write

NOW = 1_795_354_200.0


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def plain(text: str, _level: str) -> str:
    return text


def event(event_type: str, source: str = "trader", at: float = NOW, **data: object) -> HistoryEvent:
    return HistoryEvent("evt_1", at, event_type, source, data, at - 1)


def test_a_line_shows_time_type_source_and_summary() -> None:
    filled = event("order_executed", symbol="BTCUSDT", side="BUY", size=0.5, price=67_412.1, status="FILLED")
    expected = "13:30:00  order_executed          trader      BTCUSDT BUY 0.5 @ 67,412.1 filled"
    assert format_event(filled, NOW, plain) == expected
    assert format_event(filled, NOW + 86_400, plain) == "2026-11-22 " + expected
    assert format_event(event("made_up"), NOW, plain) == "13:30:00  made_up                 trader"


def test_the_columns_fit_every_type_and_service() -> None:
    widths = {len(format_event(event(name, "supervisor"), NOW, plain).split("supervisor")[0]) for name in PAYLOADS}
    assert len(widths) == 1


def test_styles_wrap_the_text_and_never_change_it() -> None:
    told = format_event(event("integrity_fault", reason="[bad]"), NOW, lambda text, level: f"<{level}>{text}</>")
    assert told.startswith("<muted>13:30:00</>  <bad>integrity_fault       </>  <muted>trader    </>  ")
    assert "[bad]" in told


@given(st.text(), st.text(), st.text(), st.text())
def test_untrusted_text_is_only_text(event_type: str, source: str, key: str, value: str) -> None:
    told = format_event(HistoryEvent("e", NOW, event_type, source, {key: value, "reason": value}), NOW, plain)
    assert all(ord(character) >= 0x20 and not 0x7F <= ord(character) < 0xA0 for character in told)
    assert "\u202e" not in told


@given(st.dictionaries(st.text(), st.text()))
def test_escaped_json_is_equal_and_has_no_control_characters(payload: dict[str, str]) -> None:
    line = orjson.dumps(payload)
    shown = escape_controls(line)
    assert orjson.loads(shown) == payload
    text = shown.decode()
    assert all(ord(character) >= 0x20 and not 0x7F <= ord(character) < 0xA0 for character in text)
    assert "\u202e" not in text


def test_harmless_json_is_unchanged() -> None:
    line = orjson.dumps({"symbol": "BTCUSDT", "reason": "Ünïcode → 中, [red] \x1b[2J"})
    assert escape_controls(line) == line


def test_damaged_lines_are_named_by_number_and_offset_then_counted(tmp_path: Path) -> None:
    path, lines = tmp_path / "event_chain.ndjson", Lines().some(2)
    write(path, [lines[0], b"junk", lines[1], *[b""] * 30])
    told: list[str] = []
    report = DamageReport(path, told.append)
    with open_events(path) as history:
        entries = [*history.all_entries(EventFilter())]
    assert [line for line, _ in report.drop_damaged(entries)] == lines
    first = len(lines[0]) + 1
    assert told[0] == f"event_chain.ndjson: line 2 (byte {first:,}) is damaged, skipped"
    assert told[1].startswith("event_chain.ndjson: line 4 (")
    assert len(told) == 20
    report.report_remaining()
    assert told[20:] == ["event_chain.ndjson: 11 more damaged lines skipped"]
    assert report.count == 31


def test_an_empty_list_is_explained() -> None:
    assert explain_no_events([], is_filtered=False) == "the history has no events yet"
    assert explain_no_events(["order_executed"], is_filtered=True) == "no events match"
    told = explain_no_events(["order_execute\x1b"], is_filtered=True)
    assert told.startswith("no events match; unknown type order_execute␛. Known types: signal_generated, ")
