"""Following the history: the cursor is where lines were done, a replaced file is no news, storing it is rare."""

from pathlib import Path

import pytest

from cq_tui.services.trader.signal_history import SignalHistory
from cq_tui.store.document import write_document
from cq_tui.store.journal import MAX_LINE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "event_chain.ndjson"
    path.write_bytes(b"one\ntwo\n")
    return path


def test_without_a_cursor_existing_lines_are_skipped(path: Path) -> None:
    history = SignalHistory(path, None, 0.0)
    assert list(history.read()) == []
    with path.open("ab") as file:
        file.write(b"three\n")
    assert list(history.read()) == [b"three"]


def test_the_cursor_follows_the_processed_lines(path: Path) -> None:
    history = SignalHistory(path, 0, 0.0)
    lines = list(history.read())
    assert (lines, history.cursor) == ([b"one", b"two"], 0)
    history.done(lines[0])
    assert list(SignalHistory(path, history.cursor, 0.0).read()) == [b"two"], "two was read and not done"
    history.done(lines[1])
    assert history.cursor == path.stat().st_size


def test_a_replaced_file_is_read_again_and_its_answered_signals_are_old(path: Path) -> None:
    history = SignalHistory(path, 0, 0.0)
    for line in history.read():
        history.done(line)
    history.answered(50.0, "evt_50_001")
    write_document(path, b"one\ntwo\nthree\n")
    assert list(history.read()) == [b"one", b"two", b"three"]
    assert history.cursor == 0
    assert history.is_old(49.0, "evt_49_001")
    assert history.is_old(50.0, "evt_50_001")
    assert not history.is_old(50.0, "evt_50_002")
    assert not history.is_old(51.0, "evt_51_001")


def test_an_unreadable_file_is_reported_until_it_is_readable(path: Path) -> None:
    history = SignalHistory(path, 0, 0.0)
    path.write_bytes(b"\x00" * (MAX_LINE_BYTES + 1))
    assert list(history.read()) == []
    assert "event_chain.ndjson" in str(history.problem)
    write_document(path, b"one\n")
    assert list(history.read()) == [b"one"]
    assert history.problem is None


def test_the_cursor_is_stored_once_per_interval_after_signals_and_otherwise_rarely(path: Path) -> None:
    history = SignalHistory(path, 0, 0.0)
    assert not history.is_due(100.0, 1.0, 1_000)
    history.answered(50.0, "evt_50_001")
    assert history.is_due(100.0, 1.0, 1_000)
    history.stored(100.0)
    history.answered(51.0, "evt_51_001")
    assert not history.is_due(100.9, 1.0, 1_000)
    assert history.is_due(101.0, 1.0, 1_000)
    history.stored(101.0)
    history.done(b"." * 900)
    assert not history.is_due(200.0, 1.0, 1_000)
    history.done(b"." * 900)
    assert history.is_due(200.0, 1.0, 1_000)


@pytest.mark.parametrize(("cursor", "answered"), [("7", 0.0), (7.5, 0.0), (7, None)])
def test_a_cursor_of_the_wrong_type_is_an_error(path: Path, cursor: object, answered: object) -> None:
    with pytest.raises(TypeError, match="numbers are needed"):
        SignalHistory(path, cursor, answered)
