"""Restoring a backup: checked whole before anything is put in place, by a rename; what was there is kept aside."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cq_tui.contracts.events import HistoryRestored
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.ops.backup.checking import CheckedHistory, check_history
from cq_tui.ops.backup.errors import BackupDamaged, BackupError, RestoreRefused
from cq_tui.ops.backup.staging import put_in_place, staging_folder
from cq_tui.ops.backup.unpack import Unpacked, unpack
from cq_tui.ops.gathered_evidence import own_public_key
from cq_tui.store.checkpoints.checkpoint_log import newest_checkpoint
from cq_tui.store.checkpoints.config_folder import config_folder, create_file, make_private
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.data_version import find_version
from cq_tui.store.journal import JournalError
from cq_tui.store.lock import ProcessLock, find_holder
from cq_tui.store.person import person_here
from cq_tui.store.spools.spool import EventSpool

#: What shows that a folder is a data directory, by name.
_SIGNS = ("memory", "ssot", "state", "version.json")
_LOCKED = ("supervisor", *reversed(SERVICES))

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, or with ``is_check`` would do."""

    unpacked: Unpacked
    history: CheckedHistory
    #: Where the directory is that was there before; None if there was none.
    aside: Path | None
    #: What became of the signing key in the backup, in words; None if it has none.
    key_words: str | None
    #: Whether another key than the one here signed the history before.
    is_signed_elsewhere: bool = False
    is_check: bool = False


def restore_backup(
    data: DataDir,
    source: Path,
    *,
    replace: bool = False,
    damaged: bool = False,
    check: bool = False,
    now: float | None = None,
    tell: Callable[[str], object] = lambda _: None,
    progress: Progress = lambda _: None,
) -> Restored:
    """Put the content of a backup in the place of a data directory.

    ``replace`` allows to rename a directory that is there aside, ``damaged`` to restore a history with faults;
    ``check`` puts nothing in place. ``tell`` gets what happens next, in words. Raises BackupError, and OSError; then
    the directory is as before.
    """
    moment = time.time() if now is None else now
    root = DataDir(Path(os.path.realpath(data.root)))
    aside = None if check else _aside(root, moment, replace=replace)
    with ExitStack() as held:
        if not check:
            held.enter_context(_nothing_runs(root))
        staging = held.enter_context(staging_folder(root.root))
        unpacked = unpack(source, staging, progress)
        staged = DataDir(staging)
        history = check_history(staged, progress)
        if history.faults and not damaged:
            more = f" (and {len(history.faults) - 1} more)" if len(history.faults) > 1 else ""
            raise BackupDamaged(
                f"{source}: its history does not verify: {history.faults[0]}{more}. Use another backup, or restore "
                "this one all the same with --damaged"
            )
        if check:
            return Restored(unpacked, history, None, None, is_check=True)
        prepare_data_directory(staged)
        _record(staged, source, unpacked, history, aside, moment)
        if aside is not None:
            tell(f"{root.root} becomes {aside}")
        key_words = _restore_key(unpacked)
        is_signed_elsewhere = _is_signed_elsewhere(staged)
        put_in_place(staging, root.root, aside)
    return Restored(unpacked, history, aside, key_words, is_signed_elsewhere)


def earlier_directories(data: DataDir) -> list[Path]:
    """Return the directories that restores have set aside."""
    root = Path(os.path.realpath(data.root))
    return sorted(root.parent.glob(f"{root.name}.before-*"))


def _aside(data: DataDir, now: float, *, replace: bool) -> Path | None:
    """Return where what is there goes; None if there is nothing. Raises RestoreRefused."""
    try:
        found = os.listdir(data.root)
    except FileNotFoundError:
        return None
    if not found:
        return None
    version = find_version(data)
    if version.is_interrupted and (refusal := version.refusal(data)) is not None:
        raise RestoreRefused(refusal)
    path = data.root.with_name(time.strftime(f"{data.root.name}.before-%Y%m%dT%H%M%SZ", time.gmtime(now)))
    if not any(name in found for name in _SIGNS):
        raise RestoreRefused(f"{data.root}: is no data directory of cq-tui. Choose another with --data-dir")
    if not replace:
        raise RestoreRefused(
            f"{data.root}: holds a data directory. With --replace it is renamed to {path.name} and kept, "
            "or choose another with --data-dir"
        )
    return path


@contextmanager
def _nothing_runs(data: DataDir) -> Iterator[None]:
    """Hold the locks of all services, so that none runs or starts. Raises RestoreRefused."""
    if not data.run.is_dir():
        yield
        return
    with ExitStack() as locks:
        for name in _LOCKED:
            if (holder := find_holder(data.lock_of(name))) is not None:
                raise RestoreRefused(f"{name} is running here (process {holder.pid}). Stop it with `cq-tui down` first")
            lock = ProcessLock(data.lock_of(name), name)
            lock.acquire()
            locks.callback(lock.release)
        yield


def _record(
    staged: DataDir, source: Path, unpacked: Unpacked, history: CheckedHistory, aside: Path | None, now: float
) -> None:
    """Spool the event of this restore: memory records it at its first start."""
    event = HistoryRestored(
        backup=source.name,
        manifest_hash=unpacked.digest,
        made_at=unpacked.manifest.head.created,
        events=history.events,
        merkle_root=history.merkle_root or None,
        rolled_back=history.rolled_back,
        replaced=None if aside is None else aside.name,
        person=person_here(),
    )
    writer = f"cli-{secrets.token_hex(4)}"
    with closing(EventSpool(staged.spool, writer, quarantine=staged.quarantine)) as spool:
        spool.emit("history_restored", event, durable=True, now=now)


def _is_signed_elsewhere(data: DataDir) -> bool:
    try:
        last = newest_checkpoint(data.checkpoints)
    except JournalError:
        return False
    return last is not None and last.key.raw != own_public_key()


def _restore_key(unpacked: Unpacked) -> str | None:
    """Put the signing key of a backup in the configuration folder, if there is none."""
    if unpacked.signing_key is None:
        return None
    try:
        folder = config_folder()
        path = key_path(folder)
        make_private(folder)
        with suppress(FileExistsError):
            create_file(path, unpacked.signing_key)
            return f"the key that signs checkpoints is {path}"
        if path.read_bytes() == unpacked.signing_key:
            return f"the key that signs checkpoints is {path}, as before"
        return f"{path} is another key, and stays: it signs from now on"
    except (OSError, RuntimeError) as error:
        raise BackupError(f"the signing key cannot be restored: {error}. Set CQ_CONFIG_DIR to another folder") from None
