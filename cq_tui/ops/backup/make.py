"""Making a backup: everything that a data directory needs to go on elsewhere or later, in one file.

Only reads the data directory, while its processes run.
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cq_tui import __version__
from cq_tui.contracts.backup_files import BackupHead, BackupManifest
from cq_tui.contracts.data_version import CURRENT
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.archive import ArchiveWriter, write_archive
from cq_tui.ops.backup.cut import OpenFile, take_cut
from cq_tui.ops.backup.errors import BackupError
from cq_tui.ops.backup.manifest import DATA_PREFIX, FORMAT, HEAD_NAME, MANIFEST_NAME, SIGNING_KEY_NAME
from cq_tui.ops.backup.selection import find_files, may_hold_secrets, settings_without_secrets
from cq_tui.ops.backup.streams import FileStream, LineChanger, without_key
from cq_tui.ops.characters import plain
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.checkpoints.checkpoint_log import newest_checkpoint
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.data_version import find_version
from cq_tui.store.document import DocumentError, read_content
from cq_tui.store.history.verification import verify
from cq_tui.store.journal import JournalError
from cq_tui.store.regular_file import open_regular

#: Called with the number of further bytes that are done.
Progress = Callable[[int], object]
#: Why an original of another installation is not in a backup without keys.
MAY_HOLD_SECRETS = "it may hold secrets; `cq-tui backup --with-keys` includes it"
#: Larger files are copied as they are read.
SMALL_BYTES = 1024 * 1024
#: While memory writes, its files change places under a reader, so a fault is verified again.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made."""

    path: Path
    manifest: BackupManifest
    #: What is wrong with the history, which is in the backup as it is; None if it is intact.
    fault: str | None = None
    #: Whether the trader and the simulated exchange are of exactly one moment in it.
    is_exact: bool = True


def default_name(now: float) -> str:
    """Return the file name of a backup of this moment (Unix seconds)."""
    return time.strftime("cq-tui-backup-%Y%m%dT%H%M%SZ.tar.gz", time.gmtime(now))


def make_backup(
    data: DataDir,
    target: Path | None = None,
    *,
    with_keys: bool = False,
    now: float | None = None,
    progress: Progress = lambda _: None,
) -> Backup:
    """Write a backup to a file, or into a folder, by default the working directory. Raises BackupError or OSError.

    ``progress`` is told the number of further bytes that are done, of ``bytes_to_back_up``.
    """
    created = time.time() if now is None else now
    version = find_version(data)
    if (refusal := version.refusal(data)) is not None:
        raise BackupError(refusal)
    if version.version is None:
        raise BackupError(f"data directory {data.root} holds nothing to back up. Choose another with --data-dir")
    path = Path.cwd() if target is None else target.expanduser().absolute()
    path = path / default_name(created) if path.is_dir() else path
    with write_archive(path, created) as archive:
        maker = _Maker(data, archive, progress, with_keys=with_keys)
        manifest = maker.write(created, bytes_to_back_up(data))
    return Backup(path, manifest, _find_fault(data, progress), maker.is_exact)


class _Maker:
    """Writes one backup."""

    def __init__(self, data: DataDir, archive: ArchiveWriter, progress: Progress, *, with_keys: bool) -> None:
        self._data, self._archive, self._progress, self._with_keys = data, archive, progress, with_keys
        self.left_out: dict[str, str] = {}
        self.is_exact = True

    def write(self, created: float, total: int) -> BackupManifest:
        """Write everything and return the manifest."""
        head = BackupHead(
            format=FORMAT,
            data_version=CURRENT,
            written_by=__version__,
            created=created,
            total_bytes=total,
            with_keys=self._with_keys,
        )
        self._archive.add(HEAD_NAME, head.model_dump_json(indent=2).encode() + b"\n")
        # Before the cut: nothing here may say more than the history has.
        for path in find_files(self._data, with_keys=self._with_keys):
            if not self._with_keys and may_hold_secrets(self._data, path):
                self.left_out[str(path.relative_to(self._data.root))] = MAY_HOLD_SECRETS
            else:
                self._add_file(path)
        self._add_secrets() if self._with_keys else self._add_settings()
        checkpoint = _newest_note(self._data)
        events = 0
        with take_cut(self._data) as cut:
            for file in cut.files:
                lines = self._add_grown(file)
                events = lines if file.path == self._data.events else events
        self.is_exact = cut.is_exact
        files = {name: entry for name, entry in self._archive.files.items() if name != HEAD_NAME}
        chained = max(0, cut.chain_length - 1)
        manifest = BackupManifest(
            head=head, files=files, events=events, chained=chained, checkpoint=checkpoint, left_out=plain(self.left_out)
        )
        self._archive.add(MANIFEST_NAME, manifest.model_dump_json(indent=2).encode() + b"\n")
        return manifest

    def _add_file(self, path: Path) -> None:
        """Add a file as it is now; one that is deleted meanwhile, as old snapshots are, is left out."""
        name = str(path.relative_to(self._data.root))
        try:
            descriptor = open_regular(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        except OSError as error:
            self.left_out[name] = error.strerror or str(error)
            return
        try:
            size = os.fstat(descriptor).st_size
            stream = FileStream(OpenFile(path, descriptor, size), self._progress)
            if size <= SMALL_BYTES:
                # Read before its size is told: it may shrink.
                content = stream.read(size) if size else b""
                self._archive.add(DATA_PREFIX + name, content)
            else:
                self._archive.add_stream(DATA_PREFIX + name, stream, size)
        finally:
            os.close(descriptor)

    def _add_settings(self) -> None:
        content, left = settings_without_secrets(self._data)
        name = str(self._data.settings.relative_to(self._data.root))
        if content is not None:
            self._archive.add(DATA_PREFIX + name, content)
        if left is not None:
            self.left_out[name] = left

    def _add_secrets(self) -> None:
        try:
            self._archive.add(SIGNING_KEY_NAME, read_content(key_path(config_folder())))
        except (DocumentError, RuntimeError) as error:
            self.left_out[SIGNING_KEY_NAME] = str(error)

    def _add_grown(self, file: OpenFile) -> int:
        """Add a file of the cut, and return its number of lines."""
        counted = FileStream(file, self._progress)
        is_private = file.path == self._data.ledger and not self._with_keys
        stream = LineChanger(counted, without_key) if is_private else counted
        name = DATA_PREFIX + str(file.path.relative_to(self._data.root))
        self._archive.add_stream(name, stream, file.size + len(file.tail))
        return counted.lines


def _newest_note(data: DataDir) -> str | None:
    try:
        found = newest_checkpoint(data.checkpoints)
    except JournalError:
        return None
    return found.text if found else None


def bytes_to_back_up(data: DataDir) -> int:
    """Return about how many bytes there are to copy and to verify."""
    # The events are verified, too.
    grown = (data.checkpoints, data.hash_chain, data.events, data.ledger)
    total = 0
    for path in (*find_files(data, with_keys=False), *grown, data.events):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total


def _find_fault(data: DataDir, progress: Progress) -> str | None:
    """Return what is wrong with the history, as far as that shows without the evidence of others; None if nothing."""
    for _ in range(_ATTEMPTS):
        found = verify(data, progress=progress)
        if not found.fault_count and not found.missing:
            break
    if found.fault_count:
        more = f" (and {found.fault_count - 1} more)" if found.fault_count > 1 else ""
        return f"{found.faults[0]}{more}"
    known = [*MemoryState.load(data).faults.values()]
    return known[0] if known else f"{found.missing} events are missing" if found.missing else None
