"""Unpacking a backup into a folder, and comparing every byte with its manifest."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cq_tui import __version__
from cq_tui.contracts.backup_files import BackedUpFile, BackupHead, BackupManifest
from cq_tui.contracts.data_version import CURRENT, is_newer
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.backup.archive import BLOCK, Member, read_archive
from cq_tui.ops.backup.errors import BackupDamaged, BackupError
from cq_tui.ops.backup.manifest import DATA_PREFIX, FORMAT, HEAD_NAME, MANIFEST_NAME, SIGNING_KEY_NAME
from cq_tui.ops.backup.streams import LineChanger, with_new_keys
from cq_tui.ops.characters import plain
from cq_tui.store.document import describe_validation_error
from cq_tui.store.durable import write_all
from cq_tui.store.regular_file import open_regular

#: Most bytes of what is read at once.
_MAX_TEXT = 64 * 1024 * 1024
#: Bytes that stay free.
_SPARE_BYTES = 64 * 1024 * 1024
_REMEDY = "Use another backup"

Model = TypeVar("Model", bound=BaseModel)


@dataclass(slots=True)
class Unpacked:
    """What was in a backup."""

    manifest: BackupManifest
    #: Hex SHA-256 of the manifest, which names the backup.
    digest: str
    #: The key that signs checkpoints, of a backup with keys.
    signing_key: bytes | None = field(default=None, repr=False)


def unpack(path: Path, staging: Path, progress: Callable[[int], object]) -> Unpacked:
    """Write the files of a backup below ``staging``, synced.

    Raises OSError, BackupDamaged if anything differs from the manifest, and BackupError for one of a newer version.
    """
    found: dict[str, BackedUpFile] = {}
    head: BackupHead | None = None
    result: Unpacked | None = None
    signing_key: bytes | None = None
    for member in read_archive(path):
        if result is not None:
            raise BackupDamaged(f"{path}: has files after its manifest. {_REMEDY}")
        if head is None:
            head = _read_head(path, member)
        elif member.name == MANIFEST_NAME:
            content = _text(path, member)
            manifest = _parse(path, member.name, content, BackupManifest)
            _compare(path, found, manifest, head)
            result = Unpacked(manifest, sha256(content).hexdigest(), signing_key)
        elif plain(member.name) in found:
            raise BackupDamaged(f"{path}: has {member.name} twice. {_REMEDY}")
        elif member.name == SIGNING_KEY_NAME:
            signing_key = _text(path, member)
            found[member.name] = BackedUpFile(size=len(signing_key), sha256=sha256(signing_key).hexdigest())
        else:
            found[plain(member.name)] = _write(path, member, staging, progress)
    if result is None:
        raise BackupDamaged(f"{path}: has no manifest: its end is missing. {_REMEDY}")
    _give_new_keys(DataDir(staging))
    return result


def bytes_to_restore(path: Path) -> int:
    """Return about how many bytes restoring a backup reads and verifies. Raises as ``unpack``."""
    for member in read_archive(path):
        return _read_head(path, member).total_bytes
    raise BackupDamaged(f"{path}: is empty. {_REMEDY}")


def _read_head(path: Path, member: Member) -> BackupHead:
    if member.name != HEAD_NAME:
        raise BackupDamaged(f"{path}: is no backup of cq-tui. {_REMEDY}")
    head = _parse(path, HEAD_NAME, _text(path, member), BackupHead)
    if is_newer(head.data_version) or head.format > FORMAT:
        raise BackupError(
            f"{path}: is of data version {head.data_version[:40]!r}, written by cq-tui {head.written_by[:40]!r}; "
            f"this is cq-tui {__version__}, which knows versions up to {CURRENT}. Install a newer cq-tui"
        )
    return head


def _text(path: Path, member: Member) -> bytes:
    if member.size > _MAX_TEXT:
        raise BackupDamaged(f"{path}: {member.name} has {member.size:,} bytes. {_REMEDY}")
    return member.read(member.size)


def _parse(path: Path, name: str, content: bytes, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise BackupDamaged(f"{path}: {name}: {describe_validation_error(error)}. {_REMEDY}") from None


def _write(path: Path, member: Member, staging: Path, progress: Callable[[int], object]) -> BackedUpFile:
    """Write one file of the data directory, and return what it has."""
    name = member.name.removeprefix(DATA_PREFIX)
    if name == member.name or _never_backed_up(DataDir(staging), staging / name):
        raise BackupDamaged(f"{path}: {member.name[:80]!r} is no file of a data directory. {_REMEDY}")
    _require_space(staging, member.size)
    target = staging / name
    try:
        # Only below the folder for this: a name is never that of a folder and a file.
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_regular(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise BackupDamaged(f"{path}: {member.name[:80]!r} is in the place of another file. {_REMEDY}") from None
    try:
        digest, left = sha256(), member.size
        while left and (block := member.read(min(BLOCK, left))):
            digest.update(block)
            write_all(descriptor, block)
            left -= len(block)
            progress(len(block))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return BackedUpFile(size=member.size - left, sha256=digest.hexdigest())


def _never_backed_up(data: DataDir, path: Path) -> bool:
    """Whether no backup has such a file: commands, which services would carry out, and unfinished migrations."""
    return (path.parent == data.control and path.suffix == ".json") or path.is_relative_to(data.migration)


def _require_space(folder: Path, size: int) -> None:
    """Raise BackupError rather than fill a disk that others need."""
    free = shutil.disk_usage(folder).free
    if (needed := size + _SPARE_BYTES) > free:
        raise BackupError(
            f"the disk of {folder.parent} has {free:,} bytes free, and {needed:,} are needed for the next file. "
            "Make room and try again"
        )


def _compare(path: Path, found: dict[str, BackedUpFile], manifest: BackupManifest, head: BackupHead) -> None:
    if manifest.head != head:
        raise BackupDamaged(f"{path}: its beginning and its manifest differ. {_REMEDY}")
    for name in (*manifest.files, *found):
        there, wanted = found.get(name), manifest.files.get(name)
        if there != wanted:
            what = "is missing" if there is None else "is not in the manifest" if wanted is None else "was changed"
            raise BackupDamaged(f"{path}: {name} {what}. {_REMEDY}")


def _give_new_keys(data: DataDir) -> None:
    """Give the simulated account a new key where the backup has none."""
    if not data.ledger.exists():
        return
    temporary = data.ledger.with_name(f".{data.ledger.name}.new")
    with (
        open(data.ledger, "rb", opener=open_regular) as old,
        open(temporary, "xb", opener=open_regular) as new,
    ):
        changed = LineChanger(old, with_new_keys())
        while block := changed.read(BLOCK):
            new.write(block)
        new.flush()
        os.fsync(new.fileno())
    os.replace(temporary, data.ledger)
