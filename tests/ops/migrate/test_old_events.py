"""Reading the lines of another installation's events: whatever they hold, each is an event or named."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.old_events import BadLine, OldEvent, read_events, read_time
from cq_tui.ops.migrate.run import migrate
from cq_tui.store.history.verification import verify
from tests.ops.migrate.installations import imported, r11

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=12,
)
_EVENTS = st.dictionaries(st.sampled_from(["timestamp", "event_type", "source", "data", "metadata", "é"]), _VALUES)


@settings(max_examples=200 if "CQ_HEAVY_TESTS" in os.environ else 8)
@given(events=st.lists(_EVENTS, min_size=1, max_size=40))
def test_every_event_there_can_be_gets_a_line_that_verifies(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]]
) -> None:
    data = DataDir(r11(tmp_path_factory.mktemp("old") / "data", events=events, end="\n"))
    migrate(data)
    found = verify(data)
    assert (found.events, found.fault_count) == (1 + len(events), 0)
    for event, line in zip(events, imported(data)[1:], strict=True):
        told = line["data"]["original"] if line["data"]["original"] is not None else json.loads(line["data"]["text"])
        assert json.dumps(told) == json.dumps(event)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "events.jsonl"
    path.write_bytes(content)
    assert all(isinstance(each, OldEvent | BadLine) for each in read_events(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "events.jsonl"
    text = '{"event_type": "a", "data": {"word": "Zürich"}}\r\n\n{"event_type": "b"}'
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    path.write_bytes(mark + text.encode(encoding))
    events = [each for each in read_events(path) if isinstance(each, OldEvent)]
    assert [(each.event_type, each.line) for each in events] == [("a", 1), ("b", 3)]
    assert events[0].fields == {"event_type": "a", "data": {"word": "Zürich"}}


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (1640995200, 1640995200.0),
        (1640995200.25, 1640995200.25),
        (1640995200250, 1640995200.25),
        (1640995200250000, 1640995200.25),
        ("1640995200.25", 1640995200.25),
        ("2022-01-01T00:00:00", 1640995200.0),
        ("2022-01-01T01:00:00+01:00", 1640995200.0),
        ("2022-01-01T00:00:00Z", 1640995200.0),
        (0, 0.0),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        (True, None),
        (None, None),
        ("yesterday", None),
        ([1], None),
    ],
)
def test_times_in_any_unit(told: object, seconds: float | None) -> None:
    assert read_time(told) == seconds


def test_a_line_without_end_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.write(b'{"event_type": "a"}\n')
        file.seek(40_000_000)
        file.write(b'\n{"event_type": "b"}\n')
    first, long, last = read_events(path)
    assert isinstance(first, OldEvent)
    assert isinstance(long, BadLine)
    assert "is longer than" in long.why or "zero bytes" in long.why
    assert isinstance(last, OldEvent)
    assert last.line == 3
