"""The files of another installation: found, told apart by their names, and kept unchanged.

Generous in reading: nested or flat, with files missing. Strict in keeping: what is not understood is kept as well, and
what cannot be kept is named.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cq_tui.store.document import FileIdentity, file_identity
from cq_tui.store.durable import sync_folder, write_all
from cq_tui.store.regular_file import open_regular

Kind = Literal[
    "events", "chain", "deltas", "snapshot", "settings", "health", "account", "signal", "bundle", "log", "unknown"
]

#: What may hold secrets, because nobody here knows its content.
PRIVATE_KINDS: frozenset[Kind] = frozenset(("settings", "bundle", "log", "unknown"))
#: Programs and their tools: no data, and often very many files. They stay where they are, and are named.
PROGRAM_FOLDERS = frozenset(
    (".git", ".hg", ".svn", ".venv", "venv", "node_modules", "site-packages", "__pycache__", ".mypy_cache", ".idea")
)
_DEEPEST = 40
_CHUNK = 1024 * 1024

#: What a file is by its name, in lower case; the first that matches counts.
_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"(.*/)?ssot/env\.json", "settings"),
    (r"(.*/)?([\w-]+)?\.env", "settings"),
    (r"(.*/)?events?([._-]?(chain|log))?([._-][^/]*)?\.(jsonl|ndjson)(\.\d+)?", "events"),
    (r"(.*/)?hash_?chain[^/]*\.json", "chain"),
    (r"(.*/)?deltas?([._-][^/]*)?\.(jsonl|ndjson)(\.\d+)?", "deltas"),
    (r"(.*/)?debug_bundle[^/]*(/.*|\.json)", "bundle"),
    (r"(.*/)?snapshots?/.*\.json", "snapshot"),
    (r"(.*/)?(full|incremental|snapshot)_\d+[^/]*\.json", "snapshot"),
    (r"(.*/)?health/[^/]*\.json", "health"),
    (r"(.*/)?[^/]*health[^/]*\.json", "health"),
    (r"(.*/)?(account|positions|balance)[^/]*\.json", "account"),
    (r"(.*/)?(ares|signals?)_[^/]*\.json", "signal"),
    (r"(.*/)?[^/]*\.log(\.\d+)?", "log"),
)
_PATTERNS = [(re.compile(pattern), kind) for pattern, kind in _KINDS]


class OriginalChanged(Exception):
    """A file changed while it was read: the programs that write it still run."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} changed while it was read. Stop the programs that write it, then try again")


class OldFile(NamedTuple):
    """A file of the other installation."""

    #: Where it is read.
    path: Path
    #: Its path relative to the installation.
    name: str
    kind: Kind
    size: int
    identity: FileIdentity | None


class Skipped(NamedTuple):
    """What stays where it is, and why."""

    name: str
    why: str


class Found(NamedTuple):
    """All that is in a folder."""

    files: list[OldFile]
    skipped: list[Skipped]

    def of(self, *kinds: Kind) -> list[OldFile]:
        """Return the files of some kinds."""
        return [file for file in self.files if file.kind in kinds]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def kind_of(name: str) -> Kind:
    """Return what a file is, by its path relative to the installation."""
    lower = name.lower()
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(lower)), "unknown")


def find_files(root: Path, *, unless: Callable[[Path], bool] = lambda _: False) -> Found:
    """Return all files below a folder in the order of their names. Links are not followed. Raises OSError for ``root``.

    ``unless`` says of a path that it is none of the installation.
    """
    found = Found([], [])
    _walk(root, root, unless, found, depth=0)
    return found


def _walk(root: Path, folder: Path, unless: Callable[[Path], bool], found: Found, depth: int) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise
        found.skipped.append(Skipped(_name(root, folder), f"cannot be read ({error.strerror})"))
        return
    for entry in entries:
        path = Path(entry.path)
        if not unless(path):
            _take(root, path, unless, found, depth)


def _take(root: Path, path: Path, unless: Callable[[Path], bool], found: Found, depth: int) -> None:
    name = _name(root, path)
    try:
        status = path.lstat()
    except OSError as error:
        found.skipped.append(Skipped(name, f"cannot be read ({error.strerror})"))
        return
    if stat.S_ISREG(status.st_mode) and not os.access(path, os.R_OK):
        found.skipped.append(Skipped(name, "cannot be read (no permission)"))
    elif stat.S_ISREG(status.st_mode):
        found.files.append(OldFile(path, name, kind_of(name), status.st_size, file_identity(path)))
    elif not stat.S_ISDIR(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        found.skipped.append(Skipped(name, f"is {kind}: it is not followed"))
    elif path.name in PROGRAM_FOLDERS or (path / "pyvenv.cfg").exists():
        found.skipped.append(Skipped(f"{name}/", "is a folder of programs"))
    elif depth >= _DEEPEST:
        found.skipped.append(Skipped(f"{name}/", f"is more than {_DEEPEST} folders deep"))
    else:
        _walk(root, path, unless, found, depth + 1)


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


class Kept(NamedTuple):
    """The originals in their folder."""

    #: The same files, where they are kept.
    found: Found
    #: SHA-256 of the manifest, which is the name of the folder.
    digest: str
    #: SHA-256 of each file, by name.
    hashes: dict[str, str]


def keep_originals(found: Found, source: Path, imported: Path) -> Kept:
    """Copy all files below ``imported/<sha256>/files`` beside their manifest, synced. Raises OSError, OriginalChanged.

    Readable by nobody else, whoever could read the originals: settings may hold keys.
    """
    building = imported / "building"
    hashes = {file.name: copy_file(file, building / "files" / file.name) for file in found.files}
    manifest = manifest_bytes(found, source, hashes)
    digest = sha256(manifest).hexdigest()
    _write(building / "manifest.json", manifest)
    for folder, _, _ in os.walk(building, topdown=False):
        sync_folder(Path(folder))
    os.rename(building, imported / digest)
    sync_folder(imported)
    files = [file._replace(path=imported / digest / "files" / file.name) for file in found.files]
    return Kept(Found(files, found.skipped), digest, hashes)


def manifest_bytes(found: Found, source: Path, hashes: dict[str, str]) -> bytes:
    """Return the manifest: name, size, hash and kind of each file, and what was left. Its hash names the folder."""
    document: dict[str, Any] = {
        "source": str(source),
        "files": [
            {"name": file.name, "kind": file.kind, "size": file.size, "sha256": hashes[file.name]}
            for file in found.files
        ],
        "skipped": [{"name": each.name, "why": each.why} for each in found.skipped],
    }
    # The standard library's: names of files may be no Unicode.
    return json.dumps(document, indent=2).encode() + b"\n"


def hash_file(file: OldFile) -> str:
    """Return the SHA-256 of a file. Raises OSError, OriginalChanged."""
    digest = sha256()
    for chunk in _chunks(file):
        digest.update(chunk)
    return digest.hexdigest()


def copy_file(file: OldFile, target: Path) -> str:
    """Copy a file, synced, with the time of its content; return its SHA-256. Raises OSError, OriginalChanged."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = sha256()
    descriptor = open_regular(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for chunk in _chunks(file):
            digest.update(chunk)
            write_all(descriptor, chunk)
        if file.identity is not None:
            os.utime(descriptor, ns=(file.identity[2], file.identity[2]))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _chunks(file: OldFile) -> Iterator[bytes]:
    """Yield the content of a file. Raises OriginalChanged if it is no longer the file that was found."""
    with open(file.path, "rb", opener=open_regular) as content:
        read = 0
        while chunk := content.read(_CHUNK):
            read += len(chunk)
            if read > file.size:
                break
            yield chunk
    if read != file.size or file_identity(file.path) != file.identity:
        raise OriginalChanged(file.name)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = open_regular(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
