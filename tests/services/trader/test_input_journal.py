"""The recording of what a core is told: parts, their bound, and that no failure of it reaches the trader."""

import asyncio
import gzip
import os
import stat
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from cq_tui.services.trader import input_journal
from cq_tui.services.trader.input_journal import InputJournal, parts_in
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.input_codec import LineReader, Told, read_beginning
from cq_tui.trading.core.inputs import StreamDown, StreamUp, Tick
from cq_tui.trading.core.moment import Moment
from tests.services.waiting import until


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inputs"
        self.core = Core(Book("simulated:1", "me001"))
        self.seq: int | None = 7
        self.limit = 1_000_000
        self.log = CapturingLogger()
        self.journal = self.new_session()

    def new_session(self) -> InputJournal:
        limits = (lambda: self.seq), (lambda: self.limit)
        self.journal = InputJournal(self.folder, self.core, "simulated:1", *limits, self.log)
        return self.journal

    async def written(self) -> None:
        await until(lambda: self.journal._timer is None, seconds=5)

    async def begun(self) -> None:
        """Have a part, and nothing in it."""
        self.journal.note(StreamUp(), Moment(1.0, 1.0))
        await self.written()

    def content(self, number: int = 0) -> list[bytes]:
        path = parts_in(self.folder)[number].path
        return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).splitlines()

    def told(self) -> list[Told]:
        reader = LineReader()
        return [reader.read(line) for line in self.content()[1:]]

    @property
    def problems(self) -> list[str]:
        return [call.kwargs["problem"] for call in self.log.calls]


async def test_a_part_begins_with_the_core_and_goes_on_with_what_it_is_told(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.begun()
    stage.journal.note(StreamDown("why"), Moment(2.0, 2.5))
    stage.journal.close()
    beginning = read_beginning(stage.content()[0])
    assert (beginning.account, beginning.seq, beginning.core.book.owner) == ("simulated:1", 7, "me001")
    assert stage.told() == [Told(StreamDown("why"), Moment(2.0, 2.5))]
    path = parts_in(stage.folder)[0].path
    assert [stat.S_IMODE(os.stat(one).st_mode) for one in (stage.folder, path)] == [0o700, 0o600]


async def test_a_tick_before_its_time_is_left_out_unless_the_clock_is_set_back_after_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.begun()
    stage.core.next_due = 100.0
    for moment in (50.0, 51.0, 52.0, 49.0, 99.0, 100.0):
        stage.journal.note(Tick(), Moment(0.0, moment))
    stage.journal.close()
    assert [told.moment.exchange for told in stage.told()] == [52.0, 49.0, 100.0]


async def test_no_part_begins_while_events_wait(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.seq = None
    await stage.begun()
    assert parts_in(stage.folder) == []
    stage.seq = 9
    await stage.begun()
    assert read_beginning(stage.content()[0]).seq == 9
    stage.journal.close()


async def test_older_parts_are_compressed_and_the_oldest_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_journal, "PART_BYTES", 1_000)
    stage = Stage(tmp_path)
    stage.limit = 3_000
    await stage.begun()
    for _ in range(9):
        stage.journal.note(StreamDown("x" * 2_000), Moment(1.0, 1.0))
        await stage.written()

    def numbers() -> list[int]:
        return [part.number for part in parts_in(stage.folder)]

    await until(lambda: numbers()[-1] == 10 and numbers()[0] > 1, seconds=5)
    await until(lambda: parts_in(stage.folder)[-2].path.suffix == ".gz", seconds=5)
    reader = LineReader()
    assert reader.read(stage.content(-2)[1]).told == StreamDown("x" * 2_000)
    assert sum(part.path.stat().st_size for part in parts_in(stage.folder)[:-1]) <= 3_000
    stage.journal.close()
    stage.new_session()
    await stage.begun()
    assert numbers()[-1] == 11
    stage.journal.close()


async def test_what_somebody_else_put_among_the_parts_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_journal, "PART_BYTES", 1_000)
    stage = Stage(tmp_path)
    stage.folder.mkdir()
    os.mkfifo(stage.folder / "1.ndjson")
    (stage.folder / "2.ndjson").mkdir()
    (stage.folder / "3.ndjson").symlink_to("/dev/zero")
    (stage.folder / "4.ndjson").symlink_to("nowhere")
    with (stage.folder / "5.ndjson").open("wb") as sparse:
        sparse.truncate(1 << 40)
    (stage.folder / "6.ndjson").write_bytes(b"{}\n")
    stage.limit = 2 << 40
    await stage.begun()
    await until(lambda: (stage.folder / "6.ndjson.gz").exists(), seconds=5)
    stage.limit = 1_000_000
    stage.journal.note(StreamDown("x" * 2_000), Moment(1.0, 1.0))
    await stage.written()
    await until(lambda: not (stage.folder / "5.ndjson").exists(), seconds=5)
    assert not stage.problems
    stage.journal.close()


async def test_a_failure_ends_the_recording_for_a_while_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    await stage.begun()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(input_journal, "write_all", fails)
        await stage.begun()
    assert stage.problems == ["No space left on device"]
    await stage.begun()
    assert len(stage.content()) == 1
    stage.journal._not_before = 0.0
    await stage.begun()
    assert len(parts_in(stage.folder)) == 2
    # What it was told in between is in neither.
    assert read_beginning(stage.content(0)[0]).session != read_beginning(stage.content(1)[0]).session
    monkeypatch.setattr(input_journal, "_LEAST_FREE", 1 << 62)
    stage.new_session()
    await stage.begun()
    assert stage.problems[1:] == ["less than 64 MiB of the disk are free"]
    stage.journal.close()


async def test_a_limit_of_zero_records_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.limit = 0
    await stage.begun()
    assert not stage.folder.exists()
    stage.limit = 1_000
    await stage.begun()
    stage.limit = 0
    await stage.begun()
    assert stage.journal._part is None
    await asyncio.sleep(0)
    stage.journal.close()
