"""What stands where a file of ours should stand: only a regular file is opened, whoever reads or writes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.verify import verify_history
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog, read_checkpoint_log
from cq_tui.store.document import write_document
from cq_tui.store.history.chain_file import read_chain_tail, starts_as_chain
from cq_tui.store.history.stored_lines import BlockLines, EventLines
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalError, JournalReader, JournalWriter, last_lines
from cq_tui.store.lock import ProcessLock
from cq_tui.store.proofs.lookup import HistoryFiles
from cq_tui.store.reading.events_file import open_events
from cq_tui.store.regular_file import open_regular
from cq_tui.store.spools.last_merged import last_merged_seq
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.spools.spool import EventSpool
from tests.store.history.histories import made

SECRET = b"what nobody else may read\nnot even its torn end"
Use = Callable[[Path], object]

WRITING: dict[str, Use] = {
    "journal": JournalWriter,
    "checkpoint log": lambda path: CheckpointLog(path, path.parent),
    "document": lambda path: write_document(path.with_name(path.name.removeprefix(".").removesuffix(".tmp")), {}),
    "lock": lambda path: ProcessLock(path, "memory").acquire(),
    "spool": lambda path: EventSpool(path.parent, "trader", quarantine=path.parent),
}
READING: dict[str, Use] = {
    "journal": lambda path: JournalReader(path).read_new(),
    "last lines": lambda path: last_lines(path, 3),
    "checkpoint log": lambda path: read_checkpoint_log(path),
    "chain tail": read_chain_tail,
    "chain head": starts_as_chain,
    "event lines": EventLines,
    "block lines": lambda path: BlockLines(path, 0, has_tail=True),
    "events": lambda path: open_events(path).__enter__(),
    "last merged": lambda path: last_merged_seq(path, "trader"),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere"
    path.write_bytes(SECRET)
    return path


@pytest.mark.parametrize("use", WRITING)
@pytest.mark.parametrize("is_there", [True, False])
def test_nobody_writes_through_a_link(tmp_path: Path, secret: Path, use: str, is_there: bool) -> None:
    names = {"document": ".j.ndjson.tmp", "spool": "trader.ndjson"}
    path = tmp_path / names.get(use, "j.ndjson")
    path.symlink_to(secret)
    if not is_there:
        secret.unlink()
    with pytest.raises((JournalError, OSError), match=r"is a symbolic link. Move it away"):
        WRITING[use](path)
    assert secret.read_bytes() == SECRET if is_there else not secret.exists()
    others = [file for file in tmp_path.iterdir() if file not in (path, secret)]
    assert not others, "nothing was copied"


@pytest.mark.parametrize("use", READING)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_nobody_waits_for_a_pipe_or_reads_through_a_link(tmp_path: Path, secret: Path, use: str, kind: str) -> None:
    path = tmp_path / "j.ndjson"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to(secret)
    with pytest.raises((JournalError, OSError), match=r"is (no regular file|a symbolic link)\. Move it away") as raised:
        READING[use](path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["events", "hash_chain"])
def test_a_pipe_in_the_history_is_named_at_once(tmp_path: Path, name: str) -> None:
    data = made(tmp_path, 30)
    path: Path = getattr(data, name)
    path.unlink()
    os.mkfifo(path)
    uses: list[Callable[[], object]] = [
        lambda: verify_history(data, workers=1),
        lambda: verify_history(data, workers=2),
        lambda: HistoryWriter(data, now=1.0),
        lambda: HistoryFiles(data).event_at(3),
        lambda: HistoryFiles(data).index_of("evt_1_001"),
    ]
    for use in uses:
        with pytest.raises((JournalError, OSError), match=r"is no regular file") as raised:
            use()
        assert path.name in str(raised.value)


@pytest.mark.parametrize("name", ["events", "hash_chain"])
def test_a_history_behind_a_link_is_left_alone(tmp_path: Path, secret: Path, name: str) -> None:
    data = made(tmp_path / "data", 30)
    path: Path = getattr(data, name)
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises((JournalError, OSError), match="is a symbolic link"):
        HistoryWriter(data, now=1.0)
    assert secret.read_bytes() == SECRET
    assert list(data.quarantine.iterdir()) == []


def test_a_spool_behind_a_link_is_complained_of_and_copied_nowhere(tmp_path: Path, secret: Path) -> None:
    data = made(tmp_path / "data", 3)
    for name in ("room-a1.ndjson", "trader.0000000000000009.ndjson", "feeder.ndjson"):
        (data.spool / name).symlink_to(secret)
    merge = SpoolMerger(data.spool, data.quarantine, {})
    found = merge.collect()
    assert found.events == []
    assert len(found.complaints) == 3
    assert all("is a symbolic link. Move it away" in complaint for complaint in found.complaints)
    merge.trim(time.time())
    assert list(data.quarantine.iterdir()) == []
    assert secret.read_bytes() == SECRET


def test_folders_may_be_links(tmp_path: Path) -> None:
    data = made(tmp_path / "disk", 9)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    linked = DataDir(tmp_path / "data")
    data.memory.rename(tmp_path / "memory")
    data.memory.symlink_to(tmp_path / "memory")
    history = HistoryWriter(linked, now=2000.0)
    assert (history.events, history.faults) == (9, [])
    history.close()
    assert not verify_history(linked, workers=1).damaged


def test_what_is_opened_stays_with_its_owner(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(open_regular(tmp_path / "new", os.O_WRONLY | os.O_CREAT))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_file_that_an_older_version_left_open_is_closed_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("x")
    path.chmod(0o664)
    os.close(open_regular(path, os.O_RDONLY))
    assert path.stat().st_mode & 0o777 == 0o664, "a reader changes nothing"
    os.close(open_regular(path, os.O_WRONLY | os.O_CREAT, 0o644))
    assert path.stat().st_mode & 0o777 == 0o644
    os.close(open_regular(path, os.O_WRONLY | os.O_CREAT))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "x"
