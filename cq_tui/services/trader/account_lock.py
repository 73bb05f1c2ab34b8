"""One trader an account on a machine: a lock named after the account, outside all data directories.

It is in the configuration folder, so it binds the processes of one user with one ``CQ_CONFIG_DIR``: traders of another
user, or on another machine, are not seen. Death releases it. Who does not hold it touches nothing on the account, not
even to protect: with a copied directory its positions are also the holder's.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.store.checkpoints.config_folder import config_folder, make_private
from cq_tui.store.data_directory import resolved_path
from cq_tui.store.lock import LockHeld, ProcessLock

#: Seconds between two attempts to take a lock that another trader holds.
_PAUSE = 0.5


class AccountTaken(Exception):
    """Another trader of this machine trades the account; the message names it, and fits after "waiting for"."""

    def __init__(self, account: str, holder: LockHolder | None) -> None:
        who = "another process" if holder is None else f"process {holder.pid}"
        if holder is not None and holder.directory:
            who += f" from {holder.directory}"
        super().__init__(f"the account {account}, which {who} trades; stop that process, or use another account")
        self.holder = holder


class AccountLockUnusable(Exception):
    """The lock cannot be tried; the message names file and remedy."""


class AccountLock:
    """The lock of one account, such as ``simulated:1234567``."""

    def __init__(self, account: str, data: DataDir) -> None:
        self.account = account
        self._directory = resolved_path(data.root)
        self._lock: ProcessLock | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def acquire(self) -> None:
        """Take the lock without waiting. Raises AccountTaken or AccountLockUnusable."""
        if self._lock is not None:
            return
        try:
            path = accounts_folder() / f"{file_name(self.account)}.lock"
            make_private(path.parent.parent)
            make_private(path.parent)
            lock = ProcessLock(path, path.stem, directory=self._directory)
            lock.acquire()
        except LockHeld as error:
            raise AccountTaken(self.account, error.holder) from None
        except (OSError, RuntimeError) as error:
            where = getattr(error, "filename", None) or "the configuration folder"
            what = error.strerror if isinstance(error, OSError) else error
            raise AccountLockUnusable(
                f"whether another trader uses the account {self.account} is not known: {where}: {what}. "
                "Make it writable, or set CQ_CONFIG_DIR to a folder of your own"
            ) from None
        self._lock = lock

    async def acquire_when_free(self, tell: Callable[[str], None], pause: float = _PAUSE) -> None:
        """Wait until the lock is free and take it; ``tell`` is called with each reason to wait, when it changes.

        Raises AccountLockUnusable.
        """
        told = ""
        while True:
            try:
                self.acquire()
                return
            except AccountTaken as reason:
                if str(reason) != told:
                    told = str(reason)
                    tell(told)
            await asyncio.sleep(pause)

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def accounts_folder() -> Path:
    """Return the folder of what this machine knows of accounts. Raises RuntimeError without a home directory."""
    return config_folder() / "accounts"


def file_name(account: str) -> str:
    """Return an account's name as part of a file name."""
    return account.replace(":", "-")
