"""Restoring a backup: everything is checked first, nothing is lost, and an older history is told."""

import asyncio
import gzip
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.errors import BackupDamaged, BackupError, RestoreRefused
from cq_tui.ops.backup.make import make_backup
from cq_tui.ops.backup.restore import restore_backup
from cq_tui.ops.backup.staging import staging_path
from cq_tui.ops.verify import verify_history
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.document import read_json
from cq_tui.store.lock import ProcessLock
from cq_tui.store.spools.spool import EventSpool
from tests.ops.backup.desk import API_SECRET, SIMULATED_SECRET, accept_all, contents, furnished
from tests.services.memory_in_process import memory_of, remember
from tests.services.waiting import until
from tests.store.processes import killed_at_a_call

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory and the configuration folder that it was made with."""
    folder = tmp_path_factory.mktemp("original")
    before = os.environ["CQ_CONFIG_DIR"]
    os.environ["CQ_CONFIG_DIR"] = str(folder / "config")
    try:
        data = furnished(folder / "data")
        make_backup(data, folder / "b.tar.gz")
        make_backup(data, folder / "keys.tar.gz", with_keys=True)
    finally:
        os.environ["CQ_CONFIG_DIR"] = before
    return folder


@pytest.fixture
def desk(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(original, tmp_path / "desk", symlinks=True)
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "desk" / "config"))
    return tmp_path / "desk"


def events(data: DataDir, event_type: str | None = None) -> list[dict[str, object]]:
    found = [orjson.loads(line) for line in data.events.read_bytes().splitlines()]
    return [each for each in found if event_type in (None, each["event_type"])]


def durable(found: dict[str, str]) -> dict[str, str]:
    """All files but those of running processes."""
    return {name: digest for name, digest in found.items() if "run" not in Path(name).parts}


def numbers(data: DataDir, field: str) -> list[object]:
    return [each["data"][field] for each in events(data) if field in each["data"]]  # type: ignore[operator,index]


def test_a_restored_directory_verifies_and_goes_on_where_the_backup_was_made(desk: Path) -> None:
    data = DataDir(desk / "data")
    before = events(data)
    done = restore_backup(data, desk / "b.tar.gz", replace=True, now=NOW)
    assert done.history.faults == ()
    assert done.history.newer is None
    assert done.aside == desk / "data.before-20270115T080000Z"
    assert events(data) == before
    assert read_json(data.settings) == {"TRADER_ORDER_QUOTE": 33.0}
    assert data.control.joinpath("halted").read_text() == "by hand"
    account = orjson.loads(data.ledger.read_bytes().split(b"\n")[0])["account"]
    assert len(account["api_secret"]) == len(SIMULATED_SECRET)
    assert account["api_secret"] != SIMULATED_SECRET
    assert account["api_secret"].strip("0"), "a new one"
    assert account["uid"] == 1234567890
    faults, _ = asyncio.run(accept_all(data))
    assert faults == []
    assert numbers(data, "spooled") == [0, 1, 2, 3, 4], "each spooled event once"
    (told,) = events(data, "history_restored")
    assert told["data"]["events"] == len(before)  # type: ignore[index]
    assert verify_history(data).exit_code == 0


def test_what_is_there_is_never_overwritten_and_never_deleted(desk: Path) -> None:
    data = DataDir(desk / "data")
    before = contents(data.root)
    with pytest.raises(RestoreRefused, match=r"With --replace it is renamed to data\.before-"):
        restore_backup(data, desk / "b.tar.gz")
    lock = ProcessLock(data.lock_of("memory"), "memory")
    lock.acquire()
    with pytest.raises(RestoreRefused, match=f"memory is running here .process {os.getpid()}"):
        restore_backup(data, desk / "b.tar.gz", replace=True)
    lock.release()
    home = DataDir(desk / "home")
    home.root.mkdir()
    (home.root / "letter").write_text("mine")
    with pytest.raises(RestoreRefused, match="is no data directory"):
        restore_backup(home, desk / "b.tar.gz", replace=True)
    plan = data.migration / "plan.json"
    plan.parent.mkdir()
    plan.write_text("{}")
    with pytest.raises(RestoreRefused, match="was interrupted"):
        restore_backup(data, desk / "b.tar.gz", replace=True)
    shutil.rmtree(plan.parent)
    staging_path(data.root).mkdir()
    (staging_path(data.root) / "mine").touch()
    with pytest.raises(BackupError, match="is in the way"):
        restore_backup(data, desk / "b.tar.gz", replace=True)
    shutil.rmtree(staging_path(data.root))
    assert durable(contents(data.root)) == durable(before)
    done = restore_backup(data, desk / "b.tar.gz", replace=True)
    assert done.aside is not None
    assert durable(contents(done.aside)) == durable(before)


def test_a_check_puts_nothing_in_place(desk: Path) -> None:
    before = contents(desk)
    done = restore_backup(DataDir(desk / "data"), desk / "b.tar.gz", check=True)
    assert done.history.faults == ()
    assert contents(desk) == before


def test_an_older_history_is_told_as_a_rollback_accepted_once_and_recorded(desk: Path) -> None:
    data = DataDir(desk / "data")
    asyncio.run(remember(data, 10))
    signed = len(events(data))
    done = restore_backup(data, desk / "b.tar.gz", replace=True)
    assert done.history.faults == ()
    assert done.history.rolled_back == signed - done.history.events > 0
    faults, left = asyncio.run(accept_all(data))
    assert [f"{done.history.rolled_back} " in each for each in faults] == [True], faults
    assert left == []
    assert len(events(data, "integrity_acknowledged")) == 1
    assert events(data, "history_restored")[0]["data"]["rolled_back"] == done.history.rolled_back  # type: ignore[index]
    for _ in range(2):
        assert asyncio.run(accept_all(data))[0] == [], "once"
        assert verify_history(data).exit_code == 0


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_rollback_stays_one_fault_when_new_events_pass_what_was_signed(desk: Path, at_once: bool) -> None:
    """Also if they were waiting before the start; after the next start; and for those who only read."""
    data = DataDir(desk / "data")
    for _ in range(3):
        await remember(data, 10)
    done = restore_backup(data, desk / "b.tar.gz", replace=True)
    signed = done.history.events + done.history.rolled_back
    if at_once:
        _spool_further(data, 100)
    async with memory_of(data) as memory:
        if not at_once:
            _spool_further(data, 100)
        await until(lambda: memory.health(time.time()).events_count > signed + 50)
        memory.integrity.compare_passed()
        health = memory.health(time.time())
        assert (health.fault_kinds, health.missing_count) == ({"missing": 1}, done.history.rolled_back)
    for _ in range(2):
        report = verify_history(data)
        assert (report.faults, report.missing) == ([], done.history.rolled_back)
        assert report.exit_code != 0
    faults, left = await accept_all(data)
    assert (len(faults), left) == (1, [])
    assert len(events(data, "integrity_acknowledged")) == 1
    assert (await accept_all(data))[0] == []
    assert verify_history(data).exit_code == 0


async def test_what_no_restore_explains_stays_a_fault_of_its_own(desk: Path) -> None:
    """An old copy that somebody put back is another history as soon as new events pass what was signed."""
    data = DataDir(desk / "data")
    shutil.copytree(data.root, desk / "copy")
    await remember(data, 30)
    shutil.rmtree(data.root)
    shutil.move(desk / "copy", data.root)
    async with memory_of(data) as memory:
        _spool_further(data, 100)
        await until(lambda: memory.health(time.time()).fault_kinds == {"missing": 1, "contradiction": 1})


def _spool_further(data: DataDir, count: int) -> None:
    with closing(EventSpool(data.spool, "feeder", quarantine=data.quarantine)) as spool:
        for number in range(count):
            spool.emit("e", {"further": number})


def test_another_computer_gets_a_new_key_and_the_history_stays_intact(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "elsewhere" / "config"))
    data = DataDir(tmp_path / "elsewhere" / "deeper" / "data")
    done = restore_backup(data, desk / "b.tar.gz")
    assert done.aside is None
    assert done.key_words is None
    assert done.is_signed_elsewhere
    (fault,), left = asyncio.run(accept_all(data))
    assert "signed with another key" in fault
    assert left == []
    assert asyncio.run(accept_all(data))[0] == [], "once"
    assert verify_history(data).exit_code == 0
    assert key_path(config_folder()).read_bytes() != key_path(desk / "config").read_bytes()


def test_with_keys_another_computer_signs_as_before(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "elsewhere" / "config"))
    data = DataDir(tmp_path / "elsewhere" / "data")
    done = restore_backup(data, desk / "keys.tar.gz")
    assert "the key that signs checkpoints is" in (done.key_words or "")
    assert key_path(config_folder()).read_bytes() == key_path(desk / "config").read_bytes()
    assert read_json(data.settings)["BINANCE_SECRET"] == API_SECRET
    assert asyncio.run(accept_all(data))[0] == []
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "third"))
    (tmp_path / "third").mkdir(mode=0o700)
    key_path(tmp_path / "third").write_bytes(b"another")
    assert "stays" in (restore_backup(DataDir(tmp_path / "third" / "data"), desk / "keys.tar.gz").key_words or "")


def rewritten(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write the members of a backup again, changed or left out."""
    with tarfile.open(source) as old, tarfile.open(target, "w:gz") as new:
        for member in old:
            file = old.extractfile(member)
            content = change(member.name, file.read() if file else b"")
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))


CHANGES: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "a changed file": (lambda name, c: c + b" " if name.endswith("account.json") else c, "account.json was changed"),
    "a file left out": (lambda name, c: None if name.endswith("checkpoints.log") else c, "log is missing"),
    "no manifest": (lambda name, c: None if name == "manifest.json" else c, "has no manifest"),
    "no beginning": (lambda name, c: None if name == "backup.json" else c, "is no backup of cq-tui"),
    "a newer version": (lambda name, c: c.replace(b'"1.3"', b'"2.0"'), "of data version '2.0'.*Install a newer"),
    "a newer format": (lambda name, c: c.replace(b'"format": 1', b'"format": 2'), "Install a newer"),
    "no JSON": (lambda name, c: b"{" if name == "backup.json" else c, "backup.json: field"),
    "a time before 1970": (lambda name, c: c.replace(b'"created": 1', b'"created": -1'), "created"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_backup_that_was_changed_is_refused_by_name(desk: Path, kind: str) -> None:
    change, words = CHANGES[kind]
    rewritten(desk / "b.tar.gz", desk / "other.tar.gz", change)
    before = contents(desk)
    with pytest.raises(BackupError, match=words):
        restore_backup(DataDir(desk / "data"), desk / "other.tar.gz", replace=True)
    with pytest.raises(BackupError, match=words):
        restore_backup(DataDir(desk / "new"), desk / "other.tar.gz")
    assert not (desk / "new").exists()
    assert durable(contents(desk)) == durable(before)


def test_hostile_archives_write_nothing_outside(desk: Path) -> None:
    for number, member in enumerate((
        tarfile.TarInfo("../outside"), tarfile.TarInfo("/etc/outside"), tarfile.TarInfo("data/../../outside"),
        tarfile.TarInfo("elsewhere/file"), tarfile.TarInfo("data/" + "d/" * 1500 + "outside"),
        tarfile.TarInfo("data/migration/plan.json"), tarfile.TarInfo("data/control/0123456789abcdef.json"),
        tarfile.TarInfo("data/.cq-tui-restoring/x"), _link("data/link", tarfile.SYMTYPE),
        _link("data/link", tarfile.LNKTYPE), _link("data/pipe", tarfile.FIFOTYPE),
    )):  # fmt: skip
        target = desk / f"hostile-{number}.tar.gz"
        with tarfile.open(desk / "b.tar.gz") as old, tarfile.open(target, "w:gz") as new:
            head = old.next()
            assert head is not None
            new.addfile(head, old.extractfile(head))
            new.addfile(member)
        with pytest.raises(BackupDamaged):
            restore_backup(DataDir(desk / "new"), target)
        assert not (desk / "new").exists()
        assert not list(desk.rglob("outside"))


def _with_member(desk: Path, member: tarfile.TarInfo, content: bytes, *, cut: bool = False) -> Path:
    """Return an archive that begins as a backup and goes on with a member, or with its header alone."""
    target = desk / "with.tar.gz"
    with tarfile.open(desk / "b.tar.gz") as old, gzip.open(target, "wb", 6) as zipped:
        new = tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        head = old.next()
        assert head is not None
        new.addfile(head, old.extractfile(head))
        if cut:
            new.fileobj.write(member.tobuf(tarfile.PAX_FORMAT))
        else:
            new.addfile(member, io.BytesIO(content))
        new.close()
    return target


def test_a_file_that_unzips_to_very_much_takes_little_memory(desk: Path) -> None:
    member = tarfile.TarInfo("data/memory/zeros")
    member.size = 64 * 1024 * 1024
    target = _with_member(desk, member, bytes(member.size))
    tracemalloc.start()
    try:
        with pytest.raises(BackupDamaged):
            restore_backup(DataDir(desk / "new"), target)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_the_mark_of_a_staging_folder_goes_last(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, remove = list[list[str]](), shutil.rmtree

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if path == staging_path(desk / "new"):
            left.append(os.listdir(path))
        remove(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    restore_backup(DataDir(desk / "new"), desk / "b.tar.gz", check=True)
    assert left == [[".cq-tui-restoring"]]


def test_a_description_without_end_is_not_read(desk: Path) -> None:
    member = tarfile.TarInfo("data/x")
    member.pax_headers = {"comment": "x" * 30_000_000}
    with pytest.raises(BackupDamaged, match="has no end"):
        restore_backup(DataDir(desk / "new"), _with_member(desk, member, b""))


def test_a_file_of_holes_is_none_of_a_backup(desk: Path) -> None:
    member = tarfile.TarInfo("data/x")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1000000000000"}
    member.size = 1024
    target = _with_member(desk, member, b"1\n0\n512\n".ljust(1024, b"\0"))
    with pytest.raises(BackupDamaged, match="is no file of a backup"):
        restore_backup(DataDir(desk / "new"), target)


def test_a_file_for_which_the_disk_has_no_room_is_not_begun(desk: Path) -> None:
    member = tarfile.TarInfo("data/x")
    member.size = 10**15
    with pytest.raises(BackupError, match="Make room"):
        restore_backup(DataDir(desk / "new"), _with_member(desk, member, b"", cut=True))
    assert not staging_path(desk / "new").exists()


def _link(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def _unpacked(content: bytes) -> bytes | None:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


def test_any_flipped_bit_or_cut_end_is_found(desk: Path) -> None:
    content = (desk / "b.tar.gz").read_bytes()
    other, chosen = desk / "other.tar.gz", random.Random(7)
    spoilt = [content[: chosen.randrange(len(content))] for _ in range(10)] + [b"", b"\x1f\x8b", b"no archive" * 99]
    # The last bytes are padding and checksums, which no file needs.
    spoilt += [content[:-left] for left in (1, 4, 8, 9, 20)]
    spoilt += [
        content[:-left] + bytes([content[-left] ^ 1]) + content[len(content) - left + 1 :] for left in (2, 6, 12)
    ]
    for _ in range(30):
        at = chosen.randrange(10, len(content) - 8)
        spoilt.append(content[:at] + bytes([content[at] ^ 1 << chosen.randrange(8)]) + content[at + 1 :])
    for each in spoilt:
        if _unpacked(each) == _unpacked(content):
            # Some bits between blocks mean nothing, and some lengths have two codes (RFC 1951).
            continue
        other.write_bytes(each)
        with pytest.raises(BackupError):
            restore_backup(DataDir(desk / "new"), other)
        assert not (desk / "new").exists()


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_an_error_by_name(desk: Path, kind: str) -> None:
    path = desk / "x.tar.gz"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(OSError, match=r"x\.tar\.gz"):
        restore_backup(DataDir(desk / "new"), path)


def test_a_history_that_does_not_verify_is_restored_only_on_demand(desk: Path) -> None:
    data = DataDir(desk / "data")
    content = data.events.read_bytes()
    data.events.write_bytes(content.replace(b'"number":7}', b'"number":8}'))
    bad = make_backup(data, desk / "bad.tar.gz").path
    with pytest.raises(BackupDamaged, match="its history does not verify: event_chain"):
        restore_backup(DataDir(desk / "new"), bad)
    assert not (desk / "new").exists()
    assert restore_backup(DataDir(desk / "new"), bad, damaged=True).history.faults


RESTORE = """
import sys
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.restore import restore_backup

desk = Path(sys.argv[1])
restore_backup(DataDir(desk / "data"), desk / "b.tar.gz", replace=True)
"""


def test_wherever_it_is_killed_the_old_or_the_new_directory_is_whole_and_a_second_run_finishes(desk: Path) -> None:
    names = ("open", "fsync", "mkdir", "rename", "replace", "unlink", "link")
    old, new = {"TRADER_MAX_POSITIONS": 1}, {"TRADER_ORDER_QUOTE": 33.0}
    data, step, seen = DataDir(desk / "data"), 0, set[str]()
    spared = desk / "spared"
    data.settings.write_bytes(orjson.dumps(old))
    shutil.copytree(data.root, spared)
    while True:
        program = killed_at_a_call(RESTORE, *names)
        code = subprocess.run([sys.executable, "-c", program, desk, str(step)], check=False).returncode
        assert code in (0, -signal.SIGKILL)
        asides = list(desk.glob("data.before-*"))
        assert len(asides) <= 1
        there = data.root if data.root.exists() else asides[0]
        is_new = read_json(DataDir(there).settings) == new
        seen.add("between" if there != data.root else "new" if is_new else "old")
        assert is_new or read_json(DataDir(there).settings) == old
        assert verify_history(DataDir(there)).fault_count == 0
        assert is_new == (bool(asides) and there == data.root), "the old one is never gone"
        if not is_new:
            restore_backup(data, desk / "b.tar.gz", replace=True)
            assert read_json(data.settings) == new
        assert verify_history(data).exit_code in (0, 1)
        if code == 0:
            break
        for folder in (data.root, *desk.glob("data.before-*"), *desk.glob(".data.*")):
            shutil.rmtree(folder)
        shutil.copytree(spared, data.root)
        step += 1 if os.environ.get("CQ_HEAVY_TESTS") else random.Random(step).randrange(40, 120)
    if os.environ.get("CQ_HEAVY_TESTS"):
        assert seen == {"old", "between", "new"}


def test_gzip_of_another_content_is_no_backup(desk: Path) -> None:
    (desk / "x.tar.gz").write_bytes(gzip.compress(b"hello" * 1000))
    with pytest.raises(BackupDamaged):
        restore_backup(DataDir(desk / "new"), desk / "x.tar.gz")
