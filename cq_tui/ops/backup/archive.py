"""The archive: a gzipped tar that is written in one pass, under another name until it is whole and synced."""

import contextlib
import errno
import fcntl
import gzip
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, cast

from cq_tui.contracts.backup_files import BackedUpFile
from cq_tui.ops.backup.errors import BackupDamaged, BackupError
from cq_tui.ops.backup.streams import Readable
from cq_tui.ops.characters import plain
from cq_tui.store.durable import sync_folder
from cq_tui.store.regular_file import is_plain_name

#: Bytes read at once.
BLOCK = 1024 * 1024
#: Bytes that describe one file, at most.
_HEADERS = 16 * 1024
#: The fastest: hashes hardly shrink further.
_LEVEL = 1


class ArchiveWriter:
    """Adds files to an archive and remembers their hashes."""

    def __init__(self, tar: tarfile.TarFile, created: float) -> None:
        self._tar, self._created = tar, created
        #: By the name as JSON can hold it.
        self.files: dict[str, BackedUpFile] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a file of this content."""
        self.add_stream(name, io.BytesIO(content), len(content))

    def add_stream(self, name: str, stream: Readable, size: int) -> None:
        """Add a file of ``size`` bytes. Raises BackupError if there are fewer."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(self._created)
        counted = _Hashing(stream)
        try:
            self._tar.addfile(member, counted)
        except OSError as error:
            if error.errno is None:
                raise BackupError(f"{name}: became shorter while it was copied. Try again") from None
            raise
        self.files[plain(name)] = BackedUpFile(size=size, sha256=counted.hash.hexdigest())


class _Hashing:
    """Passes on what it reads, and hashes it."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.hash = sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        content = self._stream.read(size)
        self.hash.update(content)
        return content


@contextlib.contextmanager
def write_archive(path: Path, created: float) -> Iterator[ArchiveWriter]:
    """Write an archive (0600), whole or not at all. Raises FileExistsError without changing what is there."""
    remove_leftovers(path.parent)
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "is there already", str(path))
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        # Whoever finds the file knows by the lock that somebody writes it.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            with (
                gzip.GzipFile("", "wb", _LEVEL, file, mtime=created) as zipped,
                tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK) as tar,
            ):
                yield ArchiveWriter(tar, created)
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link replaces nothing.
        os.link(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed backups left in a folder."""
    for path in folder.glob(".cq-tui-backup-*.tar.gz.tmp"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


class Member:
    """One file in an archive, to be read before the next one."""

    def __init__(self, archive: Path, name: str, size: int, stream: IO[bytes]) -> None:
        self._archive, self._stream = archive, stream
        self.name, self.size = name, size

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes. Raises BackupDamaged, and OSError."""
        with _naming_damage(self._archive):
            return self._stream.read(size)


def read_archive(path: Path) -> Iterator[Member]:
    """Return the files of an archive in their order. Raises OSError, and BackupDamaged for what is none of ours."""
    with (
        open(path, "rb", opener=_open_file) as file,
        _naming_damage(path),
        gzip.GzipFile(fileobj=file) as unzipped,
        _open_tar(bounded := _Bounded(unzipped)) as tar,
    ):
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() and not member.issparse() else None
            if stream is None or not is_plain_name(member.name):
                raise BackupDamaged(f"{path}: {member.name[:80]!r} is no file of a backup. Use another backup")
            bounded.allowed += member.size + _HEADERS
            yield Member(path, member.name, member.size, stream)
        # At its very end is the checksum of all of it.
        while bounded.read(BLOCK):
            pass


class _Bounded:
    """Reads no more than the files that are known need: what stands between them is held in memory, at any length."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.allowed = 4 * BLOCK

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes. Raises ValueError for too many."""
        content = self._stream.read(size)
        self.allowed -= len(content)
        if self.allowed < 0:
            raise ValueError("what describes a file has no end")
        return content


def _open_tar(stream: _Bounded) -> tarfile.TarFile:
    # It reads only, though its type asks for more.
    return tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=BLOCK)


def _open_file(path: str, flags: int) -> int:
    """Open a file, perhaps by a link: a pipe would block."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", path)
    return descriptor


@contextlib.contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    """Turn what the reader of archives says of a bad one into BackupDamaged."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise BackupDamaged(f"{path}: is no whole backup ({error}). Use another one") from None
    except OSError as error:
        if error.errno is None:
            raise BackupDamaged(f"{path}: is no whole backup ({error}). Use another one") from None
        raise
