"""What a migration does to a directory, as a plan that is carried out whole: by this process or by the next one.

All new files are made in ``migration/staged`` first, and all present ones are copied to ``migration/backup``. The plan
is what commits: until ``plan.json`` is there nothing has changed, and once it is, every step may be repeated. The names
of the document say how far it got::

    plan.json -> done.json -> undoing.json -> undone.json
"""

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.originals import PROGRAM_FOLDERS, OldFile, copy_file, hash_file
from cq_tui.store.document import DocumentError, file_identity, read_content, write_document
from cq_tui.store.durable import sync_folder

_MOST_BYTES = 1024 * 1024 * 1024
PLAN, DONE, UNDOING, UNDONE = "plan.json", "done.json", "undoing.json", "undone.json"


class BackedUp(NamedTuple):
    """A file as it was before."""

    size: int
    mtime_ns: int
    mode: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What changes, by names relative to the data directory."""

    #: When it was made (Unix seconds).
    created: float
    #: Staged files, in the order in which they take their places.
    moves: list[str]
    #: Files that leave; they are kept as originals.
    removes: list[str]
    #: Every file as it was before.
    backup: dict[str, BackedUp]
    #: Every folder as it was before, with its mode; "." is the directory itself.
    folders: dict[str, int]
    #: What the migration tells.
    report: dict[str, Any]
    #: Every file once it was done: size, and time of its content (ns).
    after: dict[str, tuple[int, int]]

    def to_bytes(self) -> bytes:
        """Return the document. Not by orjson: names of files may be no Unicode."""
        return json.dumps({field.name: getattr(self, field.name) for field in fields(self)}, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> "Plan":
        """Return the plan in a document of ours. Raises ValueError, KeyError or TypeError."""
        found = json.loads(content)
        found["backup"] = {name: BackedUp(*told) for name, told in found["backup"].items()}
        found["after"] = {name: (size, time) for name, (size, time) in found["after"].items()}
        return cls(**found)


class Staging:
    """The folder ``migration`` of a data directory."""

    def __init__(self, data: DataDir) -> None:
        self.data = data
        self.folder = data.migration
        #: Where the new files are made, as if it were the data directory.
        self.staged = DataDir(self.folder / "staged")
        self.backup = self.folder / "backup"
        #: The next backup, until the plan holds.
        self._copy = self.folder / "copy"

    def state(self) -> str | None:
        """Return how far a migration got: the name of its document; None if none is known."""
        return next((name for name in (PLAN, UNDOING, UNDONE, DONE) if (self.folder / name).exists()), None)

    def read(self, name: str) -> Plan:
        """Return the document. Raises DocumentError."""
        path = self.folder / name
        try:
            return Plan.parse(read_content(path, _MOST_BYTES))
        except (ValueError, KeyError, TypeError) as error:
            remedy = "Ask for help before you change anything here; the files as they were are in the folder backup"
            raise DocumentError(path, f"is damaged ({error})", remedy) from None

    def clear(self) -> None:
        """Begin anew: remove what a migration left that never committed."""
        self.discard()
        for folder in (self.folder, self.staged.root, self.staged.memory, self._copy):
            folder.mkdir(mode=0o700, exist_ok=True)

    def discard(self) -> None:
        """Remove what never committed; the migration before it can be undone again."""
        for folder in (self.staged.root, self._copy):
            shutil.rmtree(folder, ignore_errors=True)
        (self.folder / UNDONE).unlink(missing_ok=True)
        if self.state() is None and self.folder.exists():
            self._take_up_earlier()

    def back_up(self) -> dict[str, BackedUp]:
        """Copy every file of the directory, synced. Raises OSError, OriginalChanged."""
        found = {}
        for path in present_files(self.data):
            name, status = name_of(self.data, path), path.stat()
            file = OldFile(path, name, "unknown", status.st_size, file_identity(path))
            digest = copy_file(file, self._copy / name)
            found[name] = BackedUp(status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode), digest)
        return found

    def damaged_copy(self, plan: Plan) -> str | None:
        """Return a copy that undoing needs, and that is not as it was made; None if all are."""
        for name in (name for name in (*plan.moves, *plan.removes) if name in plan.backup):
            path = self.backup / name
            try:
                file = OldFile(path, name, "unknown", path.stat().st_size, file_identity(path))
                if hash_file(file) != plan.backup[name].sha256:
                    return name
            except OSError:
                return name
        return None

    def commit(self, plan: Plan) -> None:
        """Make the plan hold: from here on it is carried out, whatever happens. Raises OSError."""
        for root in (self.staged.root, self._copy):
            for folder, _, _ in os.walk(root, topdown=False):
                sync_folder(Path(folder))
        if self.state() == DONE:
            self._put_aside()
        os.rename(self._copy, self.backup)
        sync_folder(self.folder)
        write_document(self.folder / PLAN, plan.to_bytes())

    def carry_out(self) -> Plan:
        """Put every staged file in its place and take away what leaves; may be repeated. Raises OSError."""
        plan, touched = self.read(PLAN), {self.data.root}
        for name in plan.moves:
            source, target = self.staged.root / name, self.data.root / name
            if source.exists():
                _make_folder(self.data.root, target.parent)
                os.replace(source, target)
            touched.add(target.parent)
        for name in plan.removes:
            target = self.data.root / name
            target.unlink(missing_ok=True)
            touched |= _remove_empty(self.data.root, target.parent)
        for folder in touched:
            if folder.exists():
                sync_folder(folder)
        shutil.rmtree(self.staged.root, ignore_errors=True)
        done = replace(plan, after=fingerprints(self.data))
        write_document(self.folder / DONE, done.to_bytes())
        (self.folder / PLAN).unlink()
        sync_folder(self.folder)
        return done

    def undo(self) -> None:
        """Bring back every file as it was, and remove what came; may be repeated. Raises OSError."""
        if (state := self.state()) in (PLAN, DONE):
            os.rename(self.folder / str(state), self.folder / UNDOING)
            (self.folder / DONE).unlink(missing_ok=True)
            sync_folder(self.folder)
        if (self.folder / UNDOING).exists():
            self._bring_back(self.read(UNDOING))
            os.rename(self.folder / UNDOING, self.folder / UNDONE)
            sync_folder(self.folder)
        shutil.rmtree(self.backup, ignore_errors=True)
        self.discard()
        sync_folder(self.data.root)

    def _put_aside(self) -> None:
        """Keep the record and the copy of the migration before this one, beside its own."""
        numbers = [int(path.name.rpartition("-")[2]) for path in self.folder.glob("earlier-[0-9]*")]
        earlier = self.folder / f"earlier-{max(numbers, default=0) + 1:06}"
        earlier.mkdir(mode=0o700)
        for name in (DONE, self.backup.name):
            os.rename(self.folder / name, earlier / name)
        sync_folder(earlier)

    def _take_up_earlier(self) -> None:
        """Let the migration before this one be undone next; without one, the folder goes."""
        earlier = sorted(self.folder.glob("earlier-[0-9]*"))
        while earlier and not any(earlier[-1].iterdir()):
            # Made just before its process was killed.
            earlier.pop().rmdir()
        if earlier and (earlier[-1] / self.backup.name).exists():
            shutil.rmtree(self.backup, ignore_errors=True)
        for name in (self.backup.name, DONE):
            if earlier and (earlier[-1] / name).exists():
                os.rename(earlier[-1] / name, self.folder / name)
        if earlier:
            earlier[-1].rmdir()
        else:
            shutil.rmtree(self.folder)

    def _bring_back(self, plan: Plan) -> None:
        for name, mode in plan.folders.items():
            folder = self.data.root / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
        for name in (*plan.moves, *plan.removes):
            if name in plan.backup:
                self._restore(name, plan.backup[name])
            else:
                (self.data.root / name).unlink(missing_ok=True)
            _remove_empty(self.data.root, (self.data.root / name).parent, plan.folders)

    def _restore(self, name: str, before: BackedUp) -> None:
        """Put back the copy of a file unless it is there as it was."""
        target, copied = self.data.root / name, self.backup / name
        if copied.exists():
            copied.chmod(before.mode)
            os.utime(copied, ns=(before.mtime_ns, before.mtime_ns))
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.replace(copied, target)
            sync_folder(target.parent)
        elif not target.exists():
            raise FileNotFoundError(2, "its copy is missing", str(copied))


def _make_folder(root: Path, folder: Path) -> None:
    if folder != root and not folder.is_dir():
        _make_folder(root, folder.parent)
        folder.mkdir(mode=0o700)


def _remove_empty(root: Path, folder: Path, unless: dict[str, int] | None = None) -> set[Path]:
    """Remove a folder, and those above it, if they are empty now; return the first that stays, if below the root."""
    while folder not in (root, root.parent) and folder.relative_to(root).as_posix() not in (unless or {}):
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return {folder}
        folder = folder.parent
    return {folder}


def present_files(data: DataDir) -> Iterator[Path]:
    """Yield every regular file of a directory, but for locks, programs, columns and what is the migration's own.

    Links are not followed.
    """
    for folder, names, files in os.walk(data.root):
        if Path(folder) == data.root:
            names[:] = [name for name in names if name not in (data.migration.name, data.run.name)]
        kept = (name for name in names if name not in PROGRAM_FOLDERS and Path(folder, name) != data.columns)
        names[:] = sorted(kept)
        for name in sorted(files):
            with contextlib.suppress(OSError):
                if stat.S_ISREG((path := Path(folder) / name).lstat().st_mode):
                    yield path


def present_folders(data: DataDir) -> dict[str, int]:
    """Return every folder of a directory with its mode; none of one that is not there."""
    found = {}
    for folder, names, _ in os.walk(data.root):
        path = Path(folder)
        if path == data.root and data.migration.name in names:
            names.remove(data.migration.name)
        found[path.relative_to(data.root).as_posix()] = stat.S_IMODE(path.stat().st_mode)
    return found


def name_of(data: DataDir, path: Path) -> str:
    """Return the name of a file in the directory."""
    return path.relative_to(data.root).as_posix()


def fingerprints(data: DataDir) -> dict[str, tuple[int, int]]:
    """Return size and time of every file."""
    found = {}
    for path in present_files(data):
        status = path.stat()
        found[name_of(data, path)] = status.st_size, status.st_mtime_ns
    return found
