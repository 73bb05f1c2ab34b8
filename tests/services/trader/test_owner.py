"""The owner of a directory's orders over restarts, moves, copies and backups, as files on a disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.owner import AccountOwner
from cq_tui.services.trader.place import place_of
from cq_tui.store.spools.spool import SpoolEvent
from cq_tui.store.spools.spool_files import last_spooled_events
from cq_tui.trading.client_order_id import is_owner
from cq_tui.trading.owner import OwnerKnown, OwnerRecords
from tests.services.processes import data_directory

ACCOUNT = "simulated:1234567"


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    (folder / "accounts").mkdir(parents=True)
    monkeypatch.setenv("CQ_CONFIG_DIR", str(folder))
    return folder


@contextmanager
def trading(root: Path) -> Iterator[tuple[AccountOwner, ServiceRuntime]]:
    """One life of a trader in a directory, from its history alone."""
    records = OwnerRecords()
    for event in last_spooled_events(DataDir(root).spool, "trader", 1000):
        records.take(event.event_type, event.data)
    runtime = ServiceRuntime("trader", DataDir(root))
    try:
        yield AccountOwner(runtime, records, ACCOUNT, place_of(root)), runtime
    finally:
        runtime.close()


async def live(root: Path) -> OwnerKnown:
    """Trade for a while and return the owner in force."""
    with trading(root) as (owner, runtime):
        runtime.emit("order_submitted", {"number": 1})
        await owner.remember()
        return owner.known


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return data_directory(tmp_path / "data").root


async def test_it_is_chosen_once_and_recorded(home: Path) -> None:
    known = await live(home)
    assert is_owner(known.owner)
    assert known == OwnerKnown(known.owner)
    assert [await live(home) for _ in range(3)] == [known] * 3
    events = last_spooled_events(DataDir(home).spool, "trader", 100)
    assert [event.event_type for event in events].count("owner_established") == 1


async def test_what_the_disk_refuses_is_recorded_before_anything_that_follows(home: Path) -> None:
    runtime, spool = ServiceRuntime("trader", DataDir(home)), DataDir(home).spool
    try:
        spool.rmdir()
        spool.write_bytes(b"no folder")
        owner = AccountOwner(runtime, OwnerRecords(), ACCOUNT, place_of(home))
        await owner.remember()
        spool.unlink()
        spool.mkdir()
        runtime.record([SpoolEvent("order_submitted", {"number": 1}, None, 1.0)], durable=True)
        await owner.remember()
    finally:
        runtime.close()
    types = [event.event_type for event in last_spooled_events(spool, "trader", 10)]
    assert types == ["owner_established", "order_submitted"]
    assert await live(home) == owner.known


async def test_two_directories_have_different_owners(home: Path, tmp_path: Path) -> None:
    assert (await live(home)).owner != (await live(data_directory(tmp_path / "other").root)).owner


async def test_a_moved_directory_keeps_it(home: Path, tmp_path: Path) -> None:
    known = await live(home)
    moved = home.rename(tmp_path / "moved")
    assert (await live(moved)).owner == known.owner
    assert await live(moved) == known


async def test_a_copy_gets_another_and_opens_nothing_until_a_person_has_confirmed(home: Path, tmp_path: Path) -> None:
    original = await live(home)
    copied = Path(shutil.copytree(home, tmp_path / "copy"))
    doubted = await live(copied)
    assert doubted.former == {original.owner}
    assert doubted.owner != original.owner
    with trading(copied) as (owner, _):
        assert owner.known == doubted, "a restart explains nothing"
        assert owner.problem is not None
        assert f"last placed from {home}; this directory may be a copy" in owner.problem
        assert "cq-tui accept owner --why" in owner.problem
        assert owner.confirm("kim from 192.0.2.7", "the old disk is gone")[0] == "done"
        assert owner.known == OwnerKnown(doubted.owner, doubted.former)
        assert owner.confirm("kim", "again")[0] == "refused"
    assert (await live(copied)).doubt is None
    assert (await live(home)) == original
    confirmed = [
        event.data
        for event in last_spooled_events(DataDir(copied).spool, "trader", 100)
        if event.event_type == "owner_confirmed"
    ]
    said = {"account": ACCOUNT, "owner": doubted.owner, "person": "kim from 192.0.2.7", "why": "the old disk is gone"}
    assert confirmed == [said]


async def test_a_backup_that_is_older_than_what_was_traded_since_is_recognized_in_its_own_place(
    home: Path, tmp_path: Path
) -> None:
    original = await live(home)
    backup = shutil.copytree(home, tmp_path / "backup")
    await live(home)
    # As `rsync --delete` does: the folder itself stays.
    for each in home.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()
    shutil.copytree(backup, home, dirs_exist_ok=True)
    restored = await live(home)
    assert restored.former == {original.owner}
    assert "older than what was traded last" in (restored.doubt or "")
    # What it records meanwhile does not make it young again.
    assert await live(home) == restored


async def test_a_backup_that_lacks_nothing_is_the_same_directory(home: Path, tmp_path: Path) -> None:
    known = await live(home)
    backup = shutil.copytree(home, tmp_path / "backup")
    home.rename(tmp_path / "aside")
    shutil.move(backup, home)
    assert (await live(home)).owner == known.owner
    assert (await live(home)).doubt is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"seq": "x"}', None])
async def test_what_the_machine_remembers_may_be_lost_or_damaged(
    home: Path, config: Path, damage: bytes | None
) -> None:
    known = await live(home)
    path = config / "accounts" / f"simulated-1234567-{known.owner}.json"
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert await live(home) == known
    assert path.stat().st_size > len(damage or b""), "it is written again"
