"""Migrating a data directory, or another installation into it: prepare, copy what is there, commit, carry out."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cq_tui.contracts.data_version import CURRENT, R11
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.exclusive import LOCKED, MigrationRefused, locked
from cq_tui.ops.migrate.importing import import_histories, read_histories
from cq_tui.ops.migrate.originals import Found, Kept, OldFile, find_files, hash_file, keep_originals
from cq_tui.ops.migrate.plan import PLAN, UNDOING, UNDONE, Plan, Staging, fingerprints, present_folders
from cq_tui.ops.migrate.steps import Migration, steps_from
from cq_tui.store.data_directory import require_owner
from cq_tui.store.data_version import FoundVersion, find_version, infer_version, migrate_command, version_bytes
from cq_tui.store.document import write_document

#: Bytes that stay free beside what a migration writes.
_SPARE_BYTES = 64 * 1024 * 1024
#: A new line is about so many times as long as the old event in it, its block included.
_GROWTH = 5
#: Files in the data directory that are no part of another installation.
_OWN = ("migration", "memory/imported", "ssot/.env.json.lock")
#: Events between two words about progress.
_TOLD_EVERY = 20_000


class MigrationReport(NamedTuple):
    """What a migration did, or would do."""

    #: Version before; None of an empty directory.
    before: str | None
    because: str
    changed: list[str]
    left: list[str]
    #: Everything for programs.
    details: dict[str, Any]

    @property
    def does_nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not self.changed


def migrate(
    data: DataDir,
    source: Path | None = None,
    *,
    dry_run: bool = False,
    tell: Callable[[str], object] = lambda _: None,
) -> MigrationReport:
    """Bring a data directory to the current version, or another installation (``source``) into it.

    Raises MigrationRefused, LockHeld, ImportRefused, OriginalChanged, DocumentError, JournalError or OSError.
    """
    staging = Staging(data)
    if (state := staging.state()) in (UNDOING, UNDONE):
        raise MigrationRefused(f"an undo was interrupted. {migrate_command(data, '--undo')} finishes it")
    if state == PLAN:
        return _report_of(staging.read(PLAN).report) if dry_run else _finish(staging, tell)
    version = find_version(data)
    if version.is_newer:
        raise MigrationRefused(version.refusal(data) or "")
    in_place = source is None or os.path.realpath(source) == os.path.realpath(data.root)
    root = data.root if in_place or source is None else source.expanduser().absolute()
    if in_place and not version.is_older:
        return _nothing_to_do(data, version)
    layout = _layout(version, root, data, in_place=in_place)
    if dry_run:
        return _prepare(data, None, root, layout, version, in_place=in_place, tell=tell)[1]
    require_owner(data)
    # Before the locks are made.
    before = present_folders(data)
    with locked(data):
        if (find_version(data), staging.state()) != (version, state):
            raise MigrationRefused(f"{data.root} was changed by another process meanwhile. Try again")
        try:
            staging.clear()
            migration, report = _prepare(data, staging, root, layout, version, in_place=in_place, tell=tell)
            tell("copying what is there")
            moves, removes = _moves(staging), sorted(migration.removes)
            plan = Plan(time.time(), moves, removes, staging.back_up(), before, report.details, {})
            _check_targets(data, plan)
        except BaseException:
            staging.discard()
            raise
        staging.commit(plan)
        staging.carry_out()
    return report


def _finish(staging: Staging, tell: Callable[[str], object]) -> MigrationReport:
    """Carry out the plan of a migration that was interrupted."""
    tell("finishing the migration that was interrupted")
    with locked(staging.data):
        return _report_of(staging.carry_out().report)


def _report_of(details: dict[str, Any]) -> MigrationReport:
    return MigrationReport(details["version_before"], details["because"], details["changed"], details["left"], details)


def _nothing_to_do(data: DataDir, version: FoundVersion) -> MigrationReport:
    left = []
    if version.version == CURRENT and (sign := infer_version(data)).version == R11:
        left.append(sign.because)
    details: dict[str, Any] = {"data_directory": str(data.root), "version_before": version.version}
    details |= {"because": version.because, "version_after": version.version or CURRENT, "changed": [], "left": left}
    return MigrationReport(version.version, version.because, [], left, details)


def _layout(version: FoundVersion, root: Path, data: DataDir, *, in_place: bool) -> str:
    """Return the version of the files that are migrated. Raises MigrationRefused where there is nothing to take."""
    if in_place:
        return version.version or CURRENT
    if version.is_older:
        raise MigrationRefused(
            f"{data.root} is of an older version itself ({version.because}). Migrate it first: {migrate_command(data)}"
        )
    if not root.is_dir():
        raise MigrationRefused(f"{root} is not a folder. Name the folder of the other installation with --from")
    if root.resolve().is_relative_to(data.root.resolve()):
        raise MigrationRefused(f"{root} lies in {data.root}. Move it out of it first")
    found = next((each for each in map(find_version, _candidates(root)) if each.version), FoundVersion(None, ""))
    if found.is_newer or found.version == CURRENT:
        raise MigrationRefused(
            f"{root} is a data directory of cq-tui itself ({found.because}): use it with --data-dir, or copy it"
        )
    # Nested, the files are not where a data directory has them.
    return found.version or R11


def _candidates(root: Path) -> list[DataDir]:
    """Return the folders that may be the installation's data directory: itself, or one in it."""
    nested = sorted({path.parent.parent for path in root.glob("*/memory/event_chain.ndjson")})
    return [DataDir(root), *map(DataDir, nested)]


def _prepare(
    data: DataDir,
    staging: Staging | None,
    root: Path,
    layout: str,
    version: FoundVersion,
    *,
    in_place: bool,
    tell: Callable[[str], object],
) -> tuple[Migration, MigrationReport]:
    """Read the installation, keep its originals and write the new files; without ``staging``, only read."""
    tell(f"reading {root}")
    found = _find(data, root, in_place=in_place)
    if not found.of("events", "chain", "settings", "snapshot", "deltas", "health", "account", "signal"):
        raise MigrationRefused(f"{root} holds no files of another installation. Name its folder with --from")
    _check_space(data, found, version, copies=staging is not None)
    kept = _keep(staging, found, root)
    histories = read_histories(kept.found, kept.hashes)
    staged = staging.staged if staging else None
    migration = Migration(data, staged, kept.found, histories, in_place)
    for step in steps_from(layout):
        step(migration)
    if in_place and (outside := root.parent / "config.env").is_file():
        migration.left.append(f"{outside} is outside: its settings are not read. Set them with `cq-tui config set`")
    details = _details(data, root, layout, version, migration, kept)
    if staging is not None:
        _write(staging, migration, kept, layout, root, tell)
    return migration, _report_of(details)


def _find(data: DataDir, root: Path, *, in_place: bool) -> Found:
    own = {*(data.root / name for name in _OWN), *map(data.lock_of, LOCKED)}
    if in_place:
        if find_version(data).is_recorded:
            own.add(data.version)
        return find_files(root, unless=lambda path: path in own)
    target = data.root.resolve()
    return find_files(root, unless=lambda path: path.name == data.root.name and path.resolve() == target)


def _keep(staging: Staging | None, found: Found, root: Path) -> Kept:
    if staging is None:
        return Kept(found, "", {file.name: hash_file(file) for file in found.files})
    return keep_originals(found, root, staging.staged.imported)


def _check_space(data: DataDir, found: Found, version: FoundVersion, *, copies: bool) -> None:
    """Raise MigrationRefused if the disk has no room for originals, backup and new lines."""
    folder = data.root
    while not folder.exists():
        folder = folder.parent
    present = sum(size for size, _ in fingerprints(data).values()) if data.root.exists() else 0
    events = sum(file.size for file in found.of("events"))
    needed = found.size + 2 * present + _GROWTH * events + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if copies and needed > free:
        raise MigrationRefused(
            f"the disk of {folder} has {free:,} bytes free, and {needed:,} are needed: originals, a copy of what is "
            "there, and new lines. Make room and try again"
        )


def _write(
    staging: Staging, migration: Migration, kept: Kept, layout: str, root: Path, tell: Callable[[str], object]
) -> None:
    """Write the new files below ``staged``."""
    staged, data = staging.staged, staging.data
    if migration.is_imported:
        if not migration.in_place:
            _copy_history(data, staged)
        done = 0

        def count(events: int) -> None:
            nonlocal done
            done += events
            if done % _TOLD_EVERY == 0:
                tell(f"{done:,} events written")

        import_histories(staged, migration.histories, kept, layout, str(root), progress=count)
    else:
        shutil.rmtree(staged.imported)
    write_document(staged.version, version_bytes(time.time()))


def _copy_history(data: DataDir, staged: DataDir) -> None:
    """Copy the present history, which is continued."""
    for path in (data.events, data.hash_chain, data.tree_index):
        if path.exists():
            shutil.copy2(path, staged.memory / path.name)


def _moves(staging: Staging) -> list[str]:
    """Return the names of the staged files; the version, which says that all is done, comes last."""
    root = staging.staged.root
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    return sorted(names, key=lambda name: (name == staging.staged.version.name, name))


def _check_targets(data: DataDir, plan: Plan) -> None:
    """Raise MigrationRefused if something else than a file is in a file's place, or the place is on another disk."""
    device = data.migration.stat().st_dev
    for name in plan.moves:
        target = data.root / name
        if os.path.lexists(target) and (target.is_symlink() or not target.is_file()):
            raise MigrationRefused(f"{target} is no regular file. Move it away")
        for folder in [each for each in target.parents if each.is_relative_to(data.root) and os.path.lexists(each)]:
            if not folder.is_dir():
                raise MigrationRefused(f"{folder} is no folder. Move it away")
            if folder != data.root and (folder.is_symlink() or folder.stat().st_dev != device):
                raise MigrationRefused(f"{folder} is elsewhere: a link, or another disk. Bring it into {data.root}")
    plan.removes[:] = sorted(set(plan.removes) - set(plan.moves))


def _details(
    data: DataDir, root: Path, layout: str, version: FoundVersion, migration: Migration, kept: Kept
) -> dict[str, Any]:
    settings = migration.settings
    return {
        "data_directory": str(data.root),
        "source": str(root),
        "version_before": version.version,
        "because": version.because,
        "layout": layout,
        "version_after": CURRENT,
        "changed": migration.changed,
        "left": migration.left,
        "histories": [history.to_json() for history in migration.histories] if migration.is_imported else [],
        "originals": _originals(data, kept) if migration.is_imported else None,
        "settings": None
        if settings is None
        else {
            "taken": sorted(settings.values),
            "not_taken": [each._asdict() for each in settings.not_taken],
            "unknown": settings.unknown,
            "notes": settings.notes,
        },
    }


def _originals(data: DataDir, kept: Kept) -> dict[str, Any]:
    return {
        "folder": str(data.imported / kept.digest) if kept.digest else None,
        "files": [_describe(file, kept) for file in kept.found.files],
        "skipped": [each._asdict() for each in kept.found.skipped],
    }


def _describe(file: OldFile, kept: Kept) -> dict[str, Any]:
    return {"name": file.name, "kind": file.kind, "size": file.size, "sha256": kept.hashes[file.name]}
