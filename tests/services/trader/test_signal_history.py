"""Following the history: the cursor is where lines were done, a replaced file is no news, storing it is rare."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.signal_history import SignalHistory
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import MAX_LINE_BYTES
from tests.store.history.histories import data_dir, event

FORGED = b'{"event_id":"evt_1_001","event_type":"signal_generated"}\n'


class Memory:
    """What memory writes, step by step."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self._writer = HistoryWriter(data, now=50.0)
        self._seq = 0

    def append(self, count: int = 1, *, covered: bool = True) -> list[bytes]:
        batch = [event(self._seq + number) for number in range(1, count + 1)]
        self._seq += count
        lines = self._writer.append(batch, 1000.0 + self._seq)
        if covered:
            self._writer.flush_chain()
        return lines

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(data_dir(tmp_path))
    yield memory
    memory.close()


def test_without_a_cursor_existing_lines_are_skipped(memory: Memory) -> None:
    memory.append(2)
    history = SignalHistory(memory.data, None, 0.0)
    assert history.read() == []
    new = memory.append()
    assert history.read() == new


def test_the_cursor_follows_the_processed_lines(memory: Memory) -> None:
    one, two = memory.append(2)
    history = SignalHistory(memory.data, 0, 0.0)
    assert (history.read(), history.cursor) == ([one, two], 0)
    history.done(one)
    assert SignalHistory(memory.data, history.cursor, 0.0).read() == [two], "two was read and not done"
    history.done(two)
    assert history.cursor == memory.data.events.stat().st_size


def test_lines_may_be_done_in_any_order_and_the_cursor_passes_none_that_is_not(memory: Memory) -> None:
    one, two = memory.append(2)
    history = SignalHistory(memory.data, 0, 0.0)
    history.read()
    three, four = memory.append(2)
    assert history.read() == [three, four]
    history.done(three)
    history.done(one)
    assert history.cursor == len(one) + 1
    assert SignalHistory(memory.data, history.cursor, 0.0).read() == [two, three, four]
    history.done(two)
    assert SignalHistory(memory.data, history.cursor, 0.0).read() == [four]
    history.done(four)
    assert history.cursor == memory.data.events.stat().st_size


def test_a_replaced_file_gives_no_line_again_and_its_answered_signals_are_old(memory: Memory) -> None:
    lines = memory.append(2)
    history = SignalHistory(memory.data, 0, 0.0)
    for line in history.read():
        history.done(line)
    history.answered(50.0, "evt_50_001")
    copy = memory.data.root / "copy"
    copy.write_bytes(memory.data.events.read_bytes())
    copy.replace(memory.data.events)
    memory.close()
    again = HistoryWriter(memory.data, now=2000.0)
    new = again.append([event(3)], 3000.0)
    again.flush_chain()
    again.close()
    assert history.read() == []
    assert (history.has_more, history.cursor) == (True, sum(len(line) + 1 for line in lines))
    assert history.read() == new
    history.done(new[0])
    assert history.cursor == memory.data.events.stat().st_size
    assert history.is_old(49.0, "evt_49_001")
    assert history.is_old(50.0, "evt_50_001")
    assert not history.is_old(50.0, "evt_50_002")
    assert not history.is_old(51.0, "evt_51_001")


def test_a_line_without_a_block_is_refused_and_named_once(memory: Memory) -> None:
    now = [100.0]
    history = SignalHistory(memory.data, 0, 0.0, lambda: now[0])
    first = memory.append()
    place = memory.data.events.stat().st_size
    with memory.data.events.open("ab") as file:
        file.write(FORGED)
    assert (history.read(), history.problem) == (first, None)
    last = memory.append()
    assert history.read() == last
    text = (
        f"event_chain.ndjson has 1 line that is not in hash_chain.json, from byte {place} on: no signal is taken "
        "from there. Run cq-tui verify"
    )
    assert history.take_refusals() == [text]
    assert history.take_refusals() == []
    assert history.problem == text
    history.done(first[0])
    history.done(last[0])
    assert history.cursor == memory.data.events.stat().st_size
    now[0] += 601
    assert history.problem is None


def test_lines_that_wait_long_for_their_blocks_are_a_problem(memory: Memory) -> None:
    now = [100.0]
    history = SignalHistory(memory.data, 0, 0.0, lambda: now[0])
    lines = memory.append(2, covered=False)
    assert (history.read(), history.problem) == ([], None)
    now[0] += 5.0
    assert (history.read(), history.problem) == ([], None)
    now[0] += 1.0
    assert history.read() == []
    size = memory.data.events.stat().st_size
    assert str(history.problem) == f"no signals: memory has not chained the last {size} bytes of the history for 6 s"
    lines += memory.append()
    assert history.read() == lines
    assert history.problem is None
    now[0] += 100.0
    assert history.read() == []
    assert history.problem is None, "everything is covered"


def test_an_unreadable_file_is_reported_until_it_is_readable(memory: Memory) -> None:
    history = SignalHistory(memory.data, 0, 0.0)
    lines = memory.append()
    aside = memory.data.root / "aside"
    memory.data.events.rename(aside)
    memory.data.events.write_bytes(b"\x00" * (MAX_LINE_BYTES + 1))
    assert history.read() == []
    assert "no signals: " in str(history.problem)
    assert "event_chain.ndjson" in str(history.problem)
    aside.replace(memory.data.events)
    assert history.read() == lines
    assert history.problem is None


def test_the_cursor_is_stored_once_per_interval_after_signals_and_otherwise_rarely(memory: Memory) -> None:
    lines = memory.append(2)
    size = len(lines[0]) + 1
    history = SignalHistory(memory.data, 0, 0.0)
    history.read()
    assert not history.is_due(100.0, 1.0, size)
    history.answered(50.0, "evt_50_001")
    assert history.is_due(100.0, 1.0, size)
    history.stored(100.0)
    history.answered(51.0, "evt_51_001")
    assert not history.is_due(100.9, 1.0, size)
    assert history.is_due(101.0, 1.0, size)
    history.stored(101.0)
    history.done(lines[0])
    assert not history.is_due(200.0, 1.0, size)
    history.done(lines[1])
    assert history.is_due(200.0, 1.0, size)


@pytest.mark.parametrize(("cursor", "answered"), [("7", 0.0), (7.5, 0.0), (7, None)])
def test_a_cursor_of_the_wrong_type_is_an_error(tmp_path: Path, cursor: object, answered: object) -> None:
    with pytest.raises(TypeError, match="numbers are needed"):
        SignalHistory(data_dir(tmp_path), cursor, answered)
