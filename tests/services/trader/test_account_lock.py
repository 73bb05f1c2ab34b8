"""One trader an account on a machine, whatever its data directory; its death lets the next one in."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.account_lock import AccountLock, AccountLockUnusable, AccountTaken
from tests.store.processes import program, word

ACCOUNT = "simulated:1234567"

HOLDER = """
import sys, time
from pathlib import Path
from cq_tui.contracts.layout import DataDir
from cq_tui.services.trader.account_lock import AccountLock
AccountLock(sys.argv[1], DataDir(Path(sys.argv[2]))).acquire()
print("mine", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("CQ_CONFIG_DIR", str(folder))
    return folder


async def test_the_second_trader_is_told_who_trades_and_takes_over_when_that_one_dies(tmp_path: Path) -> None:
    lock = AccountLock(ACCOUNT, DataDir(tmp_path / "second"))
    reasons: list[str] = []
    with program(HOLDER, ACCOUNT, tmp_path / "first") as holder:
        assert word(holder) == b"mine"
        with pytest.raises(AccountTaken) as taken:
            lock.acquire()
        first = tmp_path / "first"
        who = f"which process {holder.pid} from {first} trades"
        assert str(taken.value) == f"the account {ACCOUNT}, {who}; stop that process, or use another account"
        assert not lock.held
        other = AccountLock("simulated:7654321", DataDir(tmp_path / "second"))
        other.acquire()
        assert other.held, "another account is free"
        async with asyncio.timeout(60):
            waiting = asyncio.create_task(lock.acquire_when_free(reasons.append, pause=0.01))
            while not reasons:
                await asyncio.sleep(0.01)
            assert not waiting.done()
            holder.send_signal(signal.SIGKILL)
            await waiting
    with pytest.raises(AccountTaken, match=f"process {os.getpid()} from {tmp_path / 'second'} trades;"):
        AccountLock(ACCOUNT, DataDir(tmp_path / "third")).acquire()
    assert reasons == [str(taken.value)], "each reason is told once"
    lock.release()
    other.release()


def test_a_lock_whose_file_was_deleted_is_still_held(tmp_path: Path, config: Path) -> None:
    with program(HOLDER, ACCOUNT, tmp_path / "first") as holder:
        assert word(holder) == b"mine"
        (config / "accounts" / "simulated-1234567.lock").unlink()
        with pytest.raises(AccountTaken, match=f"process {holder.pid} from {tmp_path / 'first'} trades;"):
            AccountLock(ACCOUNT, DataDir(tmp_path / "second")).acquire()


def test_it_can_be_taken_again_after_its_release_and_nobody_else_sees_the_folder(tmp_path: Path, config: Path) -> None:
    lock = AccountLock(ACCOUNT, DataDir(tmp_path))
    for _ in range(2):
        lock.acquire()
        lock.acquire()
        assert lock.held
        with pytest.raises(AccountTaken, match=f"process {os.getpid()} "):
            AccountLock(ACCOUNT, DataDir(tmp_path)).acquire()
        lock.release()
        lock.release()
        assert not lock.held
    for path in (config, config / "accounts", *(config / "accounts").iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_a_lock_that_cannot_be_tried_is_named_with_its_remedy(tmp_path: Path, config: Path) -> None:
    config.mkdir()
    (config / "accounts").write_bytes(b"no folder")
    lock = AccountLock(ACCOUNT, DataDir(tmp_path))
    with pytest.raises(AccountLockUnusable) as problem:
        lock.acquire()
    assert str(config / "accounts") in str(problem.value)
    assert "CQ_CONFIG_DIR" in str(problem.value)
    assert not lock.held


def test_without_a_home_directory_it_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQ_CONFIG_DIR", "~nobody-by-this-name/config")
    with pytest.raises(AccountLockUnusable, match="CQ_CONFIG_DIR"):
        AccountLock(ACCOUNT, DataDir(tmp_path)).acquire()
