"""All events of one writer: each once and in order, wherever memory has it, and a word for what is missing."""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.own_events import OwnEvents, read_own_events
from cq_tui.store.spools.spool import EventSpool
from tests.store.history.histories import data_dir


class Stack:
    """A trader that spools, another writer, and memory, which does one step at a time."""

    def __init__(self, folder: Path, segment_bytes: int = 700) -> None:
        self.data = data_dir(folder)
        self.history = HistoryWriter(self.data, now=50.0)
        self.merger = SpoolMerger(self.data.spool, self.data.quarantine, self.history.cursors)
        self.spool, self._other = (
            EventSpool(self.data.spool, writer, quarantine=self.data.quarantine, segment_bytes=segment_bytes)
            for writer in ("trader", "ares")
        )
        self.emitted: list[NewEvent] = []
        self._now = 1000.0

    def emit(self, count: int = 1) -> None:
        for _ in range(count):
            self._now += 1.0
            seq = self.spool.seq + 1
            data = {"n": seq, "text": 'a "quoted" ü\n', "metadata": {"writer": "trader", "seq": seq + 7}}
            self._other.emit("signal_generated", data, now=self._now)
            self.spool.emit("order_executed", data, metadata={"mode": "paper"}, now=self._now)
            self.emitted.append(NewEvent("order_executed", "trader", data, "trader", seq, self._now, {"mode": "paper"}))

    def merge(self) -> None:
        self.history.append(self.merger.collect().events, self._now)

    def trim(self) -> None:
        self.merger.trim(self._now)

    def close(self) -> None:
        self.history.close()
        self.spool.close()
        self._other.close()


@pytest.fixture
def stack(tmp_path: Path) -> Iterable[Stack]:
    stack = Stack(tmp_path)
    yield stack
    stack.close()


def read(data: DataDir, after: int = 0) -> tuple[list[NewEvent], OwnEvents]:
    own = read_own_events(data, "trader", after)
    return list(own), own


STEPS: dict[str, Callable[[Stack], None]] = {
    "emit": lambda stack: stack.emit(),
    "emit more": lambda stack: stack.emit(7),
    "merge": lambda stack: stack.merge(),
    "trim": lambda stack: stack.trim(),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*STEPS]), max_size=30), st.data())
def test_each_event_comes_once_and_in_order_however_far_memory_is(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], draw: st.DataObject
) -> None:
    stack = Stack(tmp_path_factory.mktemp("own"))
    for step in steps:
        STEPS[step](stack)
    after = draw.draw(st.integers(0, len(stack.emitted)))
    events, own = read(stack.data, after)
    assert events == stack.emitted[after:]
    assert (own.missing, own.problems, own.last_seq) == ([], [], len(stack.emitted))
    stack.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*STEPS]), max_size=15), st.integers(0, 2**32))
@example(["emit", "emit", "emit more", "emit more", "emit more", "emit more"], 54178)
def test_memory_may_merge_and_delete_while_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    stack, chance = Stack(tmp_path_factory.mktemp("own")), random.Random(seed)
    for step in steps:
        STEPS[step](stack)
    stack.emit(chance.randrange(40))
    there, events = [*stack.emitted], list[NewEvent]()
    own = read_own_events(stack.data, "trader")
    for event in own:
        events.append(event)
        if chance.random() < 0.2:
            STEPS[chance.choice(["merge", "trim", "trim"] + ["emit"] * (len(stack.emitted) < 200))](stack)
    assert events[: len(there)] == there
    assert events == stack.emitted[: len(events)]
    assert (own.missing, own.problems) == ([], [])
    stack.close()


def test_without_files_there_is_nothing_and_nothing_is_missing(tmp_path: Path) -> None:
    events, own = read(data_dir(tmp_path))
    assert (events, own.missing, own.problems) == ([], [], [])


def test_a_torn_tail_of_either_file_is_no_event(stack: Stack) -> None:
    stack.emit(10)
    stack.merge()
    stack.emit(3)
    for path in (stack.data.events, stack.data.spool / "trader.ndjson"):
        with path.open("ab") as file:
            file.write(b'{"event_id":"evt_1_001","metadata":{"writer":"trader","seq":99,')
    events, own = read(stack.data)
    assert events == stack.emitted
    assert (own.missing, own.problems) == ([], [])


def test_what_is_damaged_in_the_history_comes_from_the_spool(stack: Stack) -> None:
    stack.emit(4)
    stack.merge()
    content = stack.data.events.read_bytes()
    stack.data.events.write_bytes(content.replace(b'"n":4,', b'"n":4 4'))
    events, own = read(stack.data)
    assert events == stack.emitted
    assert own.missing == []
    assert own.problems == [f"{stack.data.events}: damaged lines that name trader: 2. Run cq-tui verify"]


@pytest.mark.parametrize("damaged", [{1}, {2, 3}, {1, 2, 4, 5}, {3, 6}])
def test_what_is_damaged_between_others_comes_from_the_spool_in_its_place(stack: Stack, damaged: set[int]) -> None:
    stack.emit(6)
    stack.merge()
    content = stack.data.events.read_bytes()
    for number in damaged:
        content = content.replace(b'"n":%d,' % number, b'"n":%d 4' % number)
    stack.data.events.write_bytes(content)
    events, own = read(stack.data)
    assert (events, own.missing) == (stack.emitted, [])


def test_what_is_damaged_everywhere_is_missing(stack: Stack) -> None:
    stack.emit(30)
    stack.merge()
    stack.trim()
    content = stack.data.events.read_bytes()
    stack.data.events.write_bytes(content.replace(b'"n":3,', b'"n":3 3').replace(b'"n":4,', b'"n":4 4'))
    events, own = read(stack.data)
    assert events == [event for event in stack.emitted if event.seq not in (3, 4)]
    assert own.missing == [(3, 4)]
    assert len(own.problems) == 1


def test_damaged_spooled_lines_are_missing_and_named(stack: Stack) -> None:
    stack.emit(12)
    for path in stack.data.spool.glob("trader*"):
        path.write_bytes(path.read_bytes().replace(b'"n":2,', b'"n":9,').replace(b'"n":12,', b'"n":99,'))
    events, own = read(stack.data)
    assert events == [event for event in stack.emitted if event.seq not in (2, 12)]
    assert own.missing == [(2, 2)]
    assert len(own.problems) == 2
    assert all("damaged lines, which memory keeps in quarantine: 1" in problem for problem in own.problems)


def test_a_lost_beginning_and_a_lost_end_are_missing(stack: Stack) -> None:
    stack.emit(30)
    names = sorted(path for path in stack.data.spool.glob("trader.0*"))
    first, last = (int(path.name.split(".")[1]) for path in (names[0], names[-1]))
    names[0].unlink()
    names[-1].write_bytes(b"")
    (stack.data.spool / "trader.ndjson").unlink()
    _, own = read(stack.data)
    assert (own.missing[0], own.missing[-1][1]) == ((1, first), last)


def test_a_lost_history_is_missing_up_to_what_the_spool_still_has(stack: Stack) -> None:
    stack.emit(30)
    stack.merge()
    stack.trim()
    stack.data.events.unlink()
    events, own = read(stack.data)
    assert events == stack.emitted[events[0].seq - 1 :]
    assert own.missing == [(1, events[0].seq - 1)]


def test_a_history_replaced_while_it_is_read_is_named(stack: Stack) -> None:
    stack.emit(10)
    stack.merge()
    own = read_own_events(stack.data, "trader")
    events = iter(own)
    next(events)
    copy = stack.data.root / "copy"
    copy.write_bytes(stack.data.events.read_bytes())
    copy.replace(stack.data.events)
    assert len(list(events)) == 9
    assert own.problems == [f"{stack.data.events}: was replaced while it was read. Read it again"]


@pytest.mark.parametrize("name", ["event_chain.ndjson", "spool/trader.ndjson"])
def test_what_cannot_be_read_is_named(stack: Stack, name: str) -> None:
    stack.emit(3)
    path = stack.data.memory / name
    path.unlink()
    path.symlink_to("elsewhere")
    _, own = read(stack.data)
    assert [problem for problem in own.problems if name in problem and "symbolic link" in problem]


def test_a_number_that_leaps_is_not_believed(stack: Stack) -> None:
    stack.emit(3)
    stack.merge()
    line = stack.data.events.read_bytes().split(b"\n")[-2]
    leap = line.replace(b'"metadata":{"writer":"trader","seq":3', b'"metadata":{"writer":"trader","seq":90000000')
    with stack.data.events.open("ab") as file:
        file.write(leap + b"\n")
    events, own = read(stack.data)
    assert (events, own.missing) == (stack.emitted, [])
