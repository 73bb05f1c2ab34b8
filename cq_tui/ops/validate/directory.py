"""Every file of a data directory, and whether its files agree with each other."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.rules.finding import Finding
from cq_tui.contracts.rules.health import judge_age, judge_peers
from cq_tui.ops.validate.files import Progress, check_file
from cq_tui.ops.validate.history import check_history
from cq_tui.ops.validate.kinds import LINE_KINDS, folders, kind_at
from cq_tui.ops.validate.report import FileFindings, ValidationReport
from cq_tui.ops.validate.versions import excuse_missing
from cq_tui.store.data_version import FoundVersion
from cq_tui.store.history.chain_file import read_genesis
from cq_tui.store.lock import read_holder

#: While services run, what may be wrong only for a moment is looked at again, so often and after so many seconds.
_ATTEMPTS: Final = 6
_PAUSE: Final = 1.0
_HEALTH: Final = "health_"
#: How old the feeder's health may be for ARES, unless the settings say otherwise.
_FEEDER_LIMIT: Final = 10.0
_HISTORY_KINDS: Final = ("event", "hash_chain")


class _Found(NamedTuple):
    """A file of a data directory."""

    relative: str
    kind: str


def list_files(data: DataDir, report: ValidationReport) -> list[tuple[str, str]]:
    """Return the files that are checked, with their kinds; all others are counted. Raises OSError."""
    return [(file.relative, file.kind) for file in _walk(data.root, "", report)]


def size_of(data: DataDir, files: list[tuple[str, str]]) -> int:
    """Return the number of bytes for which progress is told: those of files of lines, the history twice."""
    total = 0
    for relative, kind in files:
        try:
            size = os.stat(data.root / relative).st_size if kind in LINE_KINDS else 0
        except OSError:
            continue
        total += 2 * size if kind == "event" else size
    return total


def _walk(root: Path, folder: str, report: ValidationReport) -> Iterator[_Found]:
    """Yield the files below a folder; only folders of the layout are entered, so that no link leads astray."""
    with os.scandir(root / folder) as entries:
        names = sorted((entry.name, _is_folder(entry)) for entry in entries)
    for name, is_folder in names:
        relative = f"{folder}/{name}" if folder else name
        if name.startswith("."):
            continue  # on its way to another name
        if (kind := kind_at(relative)) is not None:
            yield _Found(relative, kind)
        elif is_folder and _is_known(relative):
            try:
                yield from _walk(root, relative, report)
            except OSError as error:
                _unreadable(report, relative, "file.readable", f"cannot be listed ({error.strerror})")
        elif not is_folder and relative in folders():
            _unreadable(report, relative, "file.kind", "is no folder")
        else:
            report.skip(relative + "/" * is_folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a loop of links


def _unreadable(report: ValidationReport, name: str, rule: str, text: str) -> None:
    report.files.append(FileFindings(name))
    report.files[-1].add((Finding(rule, text),))


def _is_known(relative: str) -> bool:
    return any(re.fullmatch(re.escape(known).replace(r"\*", "[^/]+"), relative) for known in folders())


def check_directory(
    data: DataDir, files: list[tuple[str, str]], report: ValidationReport, progress: Progress, version: FoundVersion
) -> None:
    """Check all files by the rules of the directory's version, 1.0 or later. Raises OSError."""
    documents: dict[str, Any] = {}
    for relative, kind in files:
        found = FileFindings(relative, kind)
        if kind in _HISTORY_KINDS and (not version.is_older or read_genesis(data.hash_chain) is not None):
            _check_own_history(data, found, progress)
        else:
            documents[relative] = _check_with_patience(data, found, progress)
            excuse_missing(data, found, version.version)
        if _is_there(data.root / relative):
            report.files.append(found)
    _check_snapshot_bases(report, documents)
    _check_together(data, report, documents)


def _is_there(path: Path) -> bool:
    """Whether a file still has its name: commands are answered, and snapshots deleted, meanwhile."""
    return os.path.lexists(path)


def _check_own_history(data: DataDir, found: FileFindings, progress: Progress) -> None:
    if found.kind == "event":
        check_file(data.root / found.name, found, progress)
        if not os.path.lexists(data.hash_chain):
            check_history(data, found, progress)
    else:
        check_history(data, found, progress)


def _check_with_patience(data: DataDir, found: FileFindings, progress: Progress) -> Any:
    """Check a file, and once more if something is wrong that may be only half written."""
    value = check_file(data.root / found.name, found, progress)
    if found.counts and is_live(data) and _is_there(data.root / found.name):
        time.sleep(_PAUSE)
        again = FileFindings(found.name, found.kind)
        value = check_file(data.root / found.name, again, lambda _: None)
        found.findings, found.counts, found.records = again.findings, again.counts, again.records
    return value


def is_live(data: DataDir) -> bool:
    """Whether any service runs on the directory."""
    return any(read_holder(data.lock_of(service)) is not None for service in SERVICES)


def _check_snapshot_bases(report: ValidationReport, documents: Mapping[str, Any]) -> None:
    snapshots = {name: value for name, value in documents.items() if value and "snapshot_id" in value}
    there = {name.rpartition("/")[2].removesuffix(".json") for name in documents}
    for found in report.files:
        base = (snapshots.get(found.name) or {}).get("base_snapshot_id")
        if base is not None and base not in there:
            found.add((Finding("snapshot.base", "does not exist", "base_snapshot_id", repr(base[:60])),))


def _check_together(data: DataDir, report: ValidationReport, documents: Mapping[str, Any]) -> None:
    """Compare the health of services with each other, and with the clock if they run."""
    named = {name: value for name, value in documents.items() if value is not None}
    for attempt in range(_ATTEMPTS if is_live(data) else 1):
        if attempt:
            time.sleep(_PAUSE)
            named = _read_again(data, named)
        found = list(_judge_together(data, named))
        if not found:
            return
    files = {file.name: file for file in report.files}
    for name, finding in found:
        if name in files:
            files[name].add((finding,))


def _read_again(data: DataDir, before: Mapping[str, Any]) -> dict[str, Any]:
    again = dict[str, Any]()
    for name in before:
        kind = kind_at(name) or ""
        if kind.startswith(_HEALTH) or kind in ("account", "settings"):
            value = check_file(data.root / name, FileFindings(name, kind), lambda _: None)
            again |= {} if value is None else {name: value}
    return again


def _judge_together(data: DataDir, documents: Mapping[str, Any]) -> Iterator[tuple[str, Finding]]:
    services = {
        kind.removeprefix(_HEALTH): (name, value)
        for name, value in documents.items()
        if (kind := kind_at(name) or "").startswith(_HEALTH)
    }
    peers = {service: value for service, (_, value) in services.items()}
    settings = dict[str, Any]()
    for name, value in documents.items():
        if kind_at(name) == "account":
            peers["account"] = value
        elif kind_at(name) == "settings":
            settings = value
    limit = settings.get("ARES_FRESHNESS_THRESHOLD", _FEEDER_LIMIT)
    limit = limit if isinstance(limit, (int, float)) else _FEEDER_LIMIT
    for service, finding in judge_peers(peers, limit):
        yield services[service][0], finding
    for service, (name, value) in services.items():
        if read_holder(data.lock_of(service)) is not None:
            for finding in judge_age(value, time.time()):
                yield name, finding
