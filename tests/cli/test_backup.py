"""``cq-tui backup`` and ``restore``: what they say, and their exit codes."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.store.lock import ProcessLock
from tests.cli.conftest import CommandResult
from tests.ops.backup.desk import SECRETS, furnished
from tests.services.memory_in_process import remember


@pytest.fixture
def desk(data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CQ_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(os, "nice", lambda _: 0)
    furnished(data.root)
    return tmp_path


def test_a_backup_is_written_checked_and_restored(desk: Path, data: DataDir, cq: Callable[..., CommandResult]) -> None:
    file = str(desk / "b.tar.gz")
    said = cq("backup", file, code=0)
    assert said.out.startswith(file)
    assert "no keys and no secrets are in it" in said.out
    assert "ssot/env.json is not in the backup: its values of BINANCE_SECRET" in said.err
    assert "is there already" in cq("backup", file, code=4).err
    assert "nothing was put in place" in cq("restore", file, "--check", code=0).out
    assert "holds a data directory. With --replace" in cq("restore", file, code=1).err
    asyncio.run(remember(data, 3))
    said = cq("restore", file, "--replace", code=0)
    assert "every file and the whole history verify" in said.out
    assert "this is a rollback: this computer signed" in said.out
    assert "what was there before is" in said.out
    assert "becomes" in said.err
    for secret in SECRETS:
        assert secret not in said.out + said.err


def test_refusals_have_their_codes(desk: Path, data: DataDir, cq: Callable[..., CommandResult]) -> None:
    file = desk / "b.tar.gz"
    assert "does not exist" in cq("--data-dir", str(desk / "nowhere"), "backup", str(file), code=4).err
    cq("backup", str(file), "--with-keys", code=0)
    lock = ProcessLock(data.lock_of("trader"), "trader")
    lock.acquire()
    assert "trader is running here" in cq("restore", str(file), "--replace", code=1).err
    lock.release()
    file.write_bytes(file.read_bytes()[:-100])
    assert "is no whole backup" in cq("restore", str(file), "--replace", code=2).err
    assert "No such file" in cq("restore", str(desk / "missing"), "--check", code=4).err
    data.events.write_bytes(data.events.read_bytes().replace(b'"number":7}', b'"number":8}'))
    assert "the history has a fault, in the backup too" in cq("backup", str(desk / "c.tar.gz"), code=1).err
