"""Each halt and each resumption is an event, once: whoever made it, and wherever its process was killed."""

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.services.trading_state_record import TradingStateRecord, lift_every_stop, make_request, stop_trading
from cq_tui.store.document import write_document
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool
from cq_tui.store.trading_state import lift_stops, prepare_stops, put_stop, read_comment
from tests.services.memory_process import ready
from tests.services.processes import data_directory, running
from tests.services.waiting import until
from tests.store.processes import killed_at_a_call, program

#: Halts, or resumes, and is killed just before the n-th call that reaches the disk; ends with 0 if there are fewer.
ACT = """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trading_state_record import lift_every_stop, make_request, stop_trading

data = DataDir(Path(sys.argv[1]))
if sys.argv[3] == "halt":
    stop_trading(data, make_request("halt", "active", "halted", "cli", "news"))
else:
    lift_every_stop(data, make_request("resume", "halted", "active", "cli", "over"))
"""
CALLS = ("write", "replace", "fsync", "fdatasync", "ftruncate", "unlink", "rename")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in SETTING_KEYS:
        monkeypatch.delenv(key, raising=False)


class Told:
    """What memory would append: each writer and number once."""

    def __init__(self, data: DataDir) -> None:
        self._merger = SpoolMerger(data.spool, data.quarantine, {})
        self.events: list[tuple[Any, ...]] = []

    def collect(self) -> list[tuple[Any, ...]]:
        for event in self._merger.collect(None).events:
            assert event.event_type == "trading_state_changed"
            self.events.append(tuple(event.data.get(name) for name in ("old_state", "new_state", "by", "why")))
        return self.events


HALTED, RESUMED = ("active", "halted", "command", "news"), ("halted", "active", "command", "over")
BY_FILE = ("active", "halted", "file", None)


def halt(data: DataDir) -> None:
    assert stop_trading(data, make_request("halt", "active", "halted", "cli", "news"))


def resume(data: DataDir) -> None:
    assert lift_every_stop(data, make_request("resume", "halted", "active", "cli", "over"))


@pytest.mark.parametrize("verb", ["halt", "resume"])
def test_what_was_done_is_an_event_once_wherever_it_was_killed(tmp_path: Path, verb: str) -> None:
    call, outcomes = 0, set()
    while True:
        data = data_directory(tmp_path / f"{verb}{call}")
        prepare_stops(data)
        record, told = TradingStateRecord(data), Told(data)
        record.follow("active")
        if verb == "resume":
            halt(data)
            record.follow("active")
            assert told.collect() == [HALTED]
        with program(killed_at_a_call(ACT, *CALLS), data.root, call, verb) as process:
            _, said = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        is_halted = data.stop_of("halted").exists()
        for each in (record, TradingStateRecord(data), record):
            each.follow("active")
            told.collect()
        expected = [HALTED] * (is_halted or verb == "resume") + [RESUMED] * (not is_halted and verb == "resume")
        assert told.events == expected, call
        outcomes.add((process.returncode == 0, is_halted))
        if process.returncode == 0:
            break
        call += 1
    done = verb == "halt"
    assert outcomes == {(False, not done), (False, done), (True, done)}


def test_what_somebody_did_by_hand_is_recorded_as_done_by_the_file(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    record, told = TradingStateRecord(data), Told(data)
    record.follow("active")
    assert told.collect() == []
    data.stop_of("halted").touch()
    for _ in range(3):
        TradingStateRecord(data).follow("active")
    assert told.collect() == [BY_FILE]
    data.stop_of("reducing").write_text("lunch")
    record.follow("active")
    data.stop_of("halted").unlink()
    record.follow("active")
    data.stop_of("reducing").unlink()
    TradingStateRecord(data).follow("active")
    assert told.collect()[1:] == [
        ("halted", "halted", "file", None),
        ("halted", "reducing", "file", None),
        ("reducing", "active", "file", None),
    ]
    # The setting counts as well.
    data.stop_of("reducing").touch()
    record.follow("halted")
    assert told.collect()[4:] == [("halted", "halted", "file", None)]


def test_a_change_by_hand_after_one_with_a_name_is_told_apart(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    record, told = TradingStateRecord(data), Told(data)
    record.follow("active")
    halt(data)
    record.follow("active")
    data.stop_of("halted").unlink()
    record.follow("active")
    # As `cp` brings it back: the same comment, another wish.
    data.prepared_stop_of("halted").unlink()
    data.stop_of("halted").touch()
    record.follow("active")
    resume(data)
    halt(data)
    resume(data)
    record.follow("active")
    assert told.collect() == [HALTED, ("halted", "active", "file", None), BY_FILE, RESUMED, HALTED, RESUMED]


def test_changes_between_two_looks_are_told_apart(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    record, told = TradingStateRecord(data), Told(data)
    halt(data)
    record.follow("active")
    resume(data)
    data.stop_of("halted").touch()
    record.follow("active")
    # Written over: the same file, and nobody's comment.
    resume(data)
    halt(data)
    record.follow("active")
    data.stop_of("halted").write_text("mine")
    record.follow("active")
    record.follow("active")
    over = ("halted", "halted", "file", None)
    assert told.collect() == [HALTED, RESUMED, BY_FILE, RESUMED, HALTED, over]


def test_a_resumption_that_was_spooled_by_nobody_is_finished_also_if_another_stop_stands(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    record, told = TradingStateRecord(data), Told(data)
    halt(data)
    record.follow("active")
    lift_stops(data, make_request("resume", "halted", "active", "cli", "over"), lambda _: None)
    data.stop_of("halted").touch()
    record.follow("active")
    assert told.collect() == [HALTED, RESUMED, BY_FILE]
    # Both before the next look, as while memory does not run.
    put_stop(data, make_request("reduce", "halted", "halted", "cli", "late"), lambda _: None)
    lift_stops(data, make_request("resume", "halted", "active", "cli", "over"), lambda _: None)
    record.follow("active")
    TradingStateRecord(data).follow("active")
    assert told.collect()[3:] == [RESUMED]


def test_whoever_spools_at_this_moment_is_no_trouble(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    prepare_stops(data)
    record, told = TradingStateRecord(data), Told(data)
    request = make_request("halt", "active", "halted", "cli", "news")
    assert put_stop(data, request, lambda _: None)
    with closing(EventSpool(data.spool, request.writer, quarantine=data.quarantine)):
        record.follow("active")
        assert told.collect() == []
    record.follow("active")
    record.follow("active")
    assert told.collect() == [HALTED]


@pytest.mark.parametrize("killed", [False, True])
def test_a_change_by_file_is_recorded_once_wherever_memory_was_killed(
    tmp_path: Path, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_directory(tmp_path)
    told = Told(data)
    data.stop_of("halted").touch()
    if killed:
        # Announced, and perhaps spooled; not yet noted.
        record = TradingStateRecord(data)
        writes = []

        def refuse(path: Path, value: Any) -> None:
            writes.append(path)
            if len(writes) == 2:
                raise OSError("the power fails")
            write_document(path, value)

        monkeypatch.setattr("cq_tui.services.trading_state_record.write_document", refuse)
        with pytest.raises(OSError, match="power"):
            record.follow("active")
        monkeypatch.undo()
    TradingStateRecord(data).follow("active")
    TradingStateRecord(data).follow("active")
    assert told.collect() == [BY_FILE]


async def test_memory_tells_who_it_was_and_keeps_files_ready(tmp_path: Path) -> None:
    data = data_directory(tmp_path)
    async with running("memory", data) as memory:
        await ready(memory)
        halt(data)
        data.prepared_stop_of("reducing").unlink()
        await until(lambda: data.trading_state_record.exists() and data.prepared_stop_of("reducing").exists())
        data.stop_of("halted").unlink()

        def told() -> list[Any]:
            lines = data.events.read_bytes().splitlines() if data.events.exists() else []
            events = [event for event in map(orjson.loads, lines) if event["event_type"] == "trading_state_changed"]
            return [(event["source"], event["data"]["new_state"], event["data"].get("person")) for event in events]

        await until(lambda: len(told()) == 2)
        person = told()[0][2]
        assert told() == [("cli", "halted", person), ("file", "active", None)]
        assert person
        assert await memory.stop() == 0
    assert read_comment(data.prepared_stop_of("halted")) == ""
