"""The steps from one data version to the next, each a function on a migration that is being prepared.

Chained lines are never rewritten: what a version lacks, such as metadata, is valid as it stands, and our verifier
accepts it. Only a history whose chain is not in our form, or is damaged, gets new lines, with its originals kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cq_tui.contracts.data_version import CURRENT, R11
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.ops.migrate.importing import NAMED_LINES, OldHistory
from cq_tui.ops.migrate.old_settings import TakenSettings, asks_for_live, read_settings, take_settings
from cq_tui.ops.migrate.originals import Found, Kind, OldFile
from cq_tui.store.data_version import incomplete_health
from cq_tui.store.document import DocumentError, write_document
from cq_tui.store.history.chain_file import read_genesis
from cq_tui.store.history.verification import VerificationResult, verify
from cq_tui.store.settings_file import validate_settings

#: What leaves its place once it is kept among the originals: the old programs' own files.
_LEAVES: tuple[Kind, ...] = ("events", "chain", "deltas", "snapshot", "health", "account", "signal", "bundle")


@dataclass(slots=True)
class Migration:
    """What is found and prepared. The steps read the originals and write only below ``staged``."""

    data: DataDir
    #: Where new files are made; None in a dry run.
    staged: DataDir | None
    #: The installation's files; those of the data directory itself if it is migrated in place.
    found: Found
    histories: list[OldHistory]
    in_place: bool
    #: What changes and what stays, in words.
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    #: Whether the history gets new lines, with the originals kept.
    is_imported: bool = False
    #: Names in the data directory that leave their places.
    removes: set[str] = field(default_factory=set)
    settings: TakenSettings | None = None


def add_metadata(migration: Migration) -> None:
    """1.0 to 1.1: events may have metadata. Those without are valid as they stand."""
    lacking = sum(history.without_metadata for history in migration.histories)
    if lacking:
        migration.left.append(f"{lacking:,} events without metadata: valid as they stand, no line is rewritten")


def complete_health(migration: Migration) -> None:
    """1.1 to 1.2: health documents have all fields. Services write theirs anew at every start."""
    if migration.in_place and (lacks := incomplete_health(migration.data)):
        migration.left.append(f"{lacks}: each service writes its own anew when it starts")


def adopt_history(migration: Migration) -> None:
    """1.2 to 1.3: a history that our verifier accepts stays as it is; another one is kept and gets new lines."""
    found = verify(migration.data) if migration.in_place else None
    if found is not None and found.events > 0 and not found.fault_count and not found.missing:
        migration.changed.append(f"{migration.data.version.name} says {CURRENT}")
        migration.left.append("the history: every line and block of it is verified, and stays as it stands")
        return
    if found is not None and read_genesis(migration.data.hash_chain) is not None:
        _tell_damage(migration, found)
    _import(migration)
    _take_settings(migration)


def _tell_damage(migration: Migration, found: VerificationResult) -> None:
    """Give a chain in our form the verdict of our rules: what is damaged must not pass as unproved."""
    first = found.faults[0] if found.faults else f"{found.missing:,} events are missing"
    words = f"by the rules of cq-tui it is damaged, faults: {max(found.fault_count, 1):,}, the first: {first}"
    for history in migration.histories:
        if history.chain_name == str(migration.data.hash_chain.relative_to(migration.data.root)):
            history.chain = history.chain._replace(state="broken", words=words)


def import_r11(migration: Migration) -> None:
    """R11 to 1.3: everything is kept, the events get new lines, the settings are taken over where that is safe."""
    _import(migration)
    _take_settings(migration)


Step = Callable[[Migration], None]
#: The step that leads on from each version, and to which.
STEPS: Mapping[str, tuple[str, Step]] = {
    R11: (CURRENT, import_r11),
    "1.0": ("1.1", add_metadata),
    "1.1": ("1.2", complete_health),
    "1.2": (CURRENT, adopt_history),
}


def steps_from(version: str) -> list[Step]:
    """Return the steps that lead from a version to the current one."""
    found = []
    while version in STEPS:
        version, step = STEPS[version]
        found.append(step)
    return found


def _import(migration: Migration) -> None:
    migration.is_imported = True
    for history in migration.histories:
        if history.file is not None:
            migration.changed.append(
                f"{history.name}: events ({history.events:,}) get new lines in memory/event_chain.ndjson, after one "
                f"that names their originals. Their old chain: {history.chain.words}"
            )
        _name_bad_lines(migration, history)
    if not any(history.file for history in migration.histories):
        migration.changed.append("there are no events: one event names the originals")
    if migration.in_place:
        _leave(migration, migration.found.of(*_LEAVES))
    for kind, what in _KEPT_ONLY.items():
        if files := migration.found.of(kind):
            migration.left.append(f"{_count(files, what)} kept as originals only: {_names(files)}")
    migration.left += [f"{each.name} {each.why}; it stays where it is" for each in migration.found.skipped]


#: What nothing here reads: named, so that a person knows where it is.
_KEPT_ONLY: Mapping[Kind, str] = {
    "snapshot": "snapshots", "deltas": "files of deltas", "health": "health documents", "account": "account documents",
    "signal": "signals", "bundle": "debug bundles", "log": "logs", "unknown": "files of unknown meaning",
}  # fmt: skip


def _name_bad_lines(migration: Migration, history: OldHistory) -> None:
    for line in history.bad_lines:
        migration.left.append(f"{history.name} line {line.line} {line.why}: kept in the originals only")
    migration.left += [
        f"{history.name} line {line} is too long for an event, which names its hash: its text stays in the originals"
        for line in history.long_lines[:NAMED_LINES]
    ]
    if (more := len(history.long_lines) - NAMED_LINES) > 0:
        migration.left.append(f"{history.name}: {more:,} more lines that are too long")
    if more := history.bad_count - len(history.bad_lines):
        migration.left.append(f"{history.name}: {more:,} more lines that are no events: kept in the originals only")


def _leave(migration: Migration, files: list[OldFile]) -> None:
    migration.removes.update(file.name for file in files)


def _count(files: list[OldFile], what: str) -> str:
    return f"{what} ({len(files):,})"


def _names(files: list[OldFile]) -> str:
    names = [file.name for file in files]
    return ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")


# -- settings


def _take_settings(migration: Migration) -> None:
    """Take over the settings of ``ssot/env.json`` and ``config.env``, nearest to the root first."""
    target = migration.data.settings
    present, problem = _present(migration)
    if problem:
        migration.left.append(f"settings: {target} {problem}, so nothing is taken over")
        return
    taken = TakenSettings({}, [], [], [])
    files = sorted(migration.found.of("settings"), key=lambda file: (not file.name.endswith(".json"), _nearness(file)))
    read = {}
    for file in files:
        try:
            read[file.name] = read_settings(file.path)
        except DocumentError as error:
            migration.left.append(f"{file.name} {error.problem}: no settings are taken from it")
    live = any(map(asks_for_live, read.values()))
    in_use = not migration.in_place and (target.exists() or migration.data.events.exists())
    for old in read.values():
        more = take_settings(old, {**present, **taken.values}, live=live, in_use=in_use)
        taken = TakenSettings(
            {**taken.values, **more.values},
            taken.not_taken + more.not_taken,
            taken.unknown + more.unknown,
            taken.notes + more.notes,
        )
    migration.settings = taken
    if migration.in_place:
        _leave(migration, [file for file in files if file.name != "ssot/env.json"])
    _write_settings(migration, present, taken)


def _nearness(file: OldFile) -> tuple[bool, int, str]:
    return not file.name.lower().endswith("config.env"), file.name.count("/"), file.name


def _present(migration: Migration) -> tuple[dict[str, Any], str | None]:
    """Return the settings of the data directory that stay; those of an installation in place are its own."""
    path = migration.data.settings
    if migration.in_place or not path.exists():
        return {}, None
    try:
        return read_settings(path), None
    except DocumentError as error:
        return {}, error.problem


def _write_settings(migration: Migration, present: dict[str, Any], taken: TakenSettings) -> None:
    values, raw = {**present, **taken.values}, _raw(migration.data)
    # In place also without any value: what must not count stands in the file.
    if values == (raw or {}) or not (taken.values or migration.in_place):
        return
    mode = effective_mode(validate_settings(values, "the settings")).mode
    names = ", ".join(sorted(taken.values)) or "none"
    migration.changed.append(f"ssot/env.json has these settings now, mode {mode}: {names}")
    if migration.staged is not None:
        migration.staged.settings.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_document(migration.staged.settings, orjson.loads(orjson.dumps(values)))


def _raw(data: DataDir) -> dict[str, Any] | None:
    try:
        return read_settings(data.settings)
    except DocumentError:
        return None
