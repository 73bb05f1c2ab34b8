"""Data directories of other versions: what their own rules say, and what keeps a newer one from being judged."""

import json
import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from cq_tui.contracts.data_version import R11, version_key
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.rules.finding import Finding
from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.ops.formatting import pluralize
from cq_tui.ops.migrate.importing import OldHistory, read_histories
from cq_tui.ops.migrate.originals import PRIVATE_KINDS, OldFile, find_files, kind_of
from cq_tui.ops.migrate.plan import DONE
from cq_tui.ops.validate.reading import UnusableFile, open_file, read_whole
from cq_tui.ops.validate.report import FileFindings, ValidationReport
from cq_tui.store.data_version import FoundVersion, health_fields
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.regular_file import is_plain_name

#: Documents of an R11 installation that are JSON, whatever they say.
_DOCUMENTS: Final = ("snapshot", "health", "account", "signal", "bundle")
_IMPORT = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1024 * 1024
_FIRST: Final = "1.0"
_COMPLETE_HEALTH: Final = "1.2"


def judge_version(found: FoundVersion) -> Iterator[Finding]:
    """Yield what the version of a data directory means for its use."""
    if found.is_interrupted:
        yield Finding("version.interrupted", "was left by a migration that did not finish")
    elif found.is_newer:
        yield Finding("version.newer", "is newer than this program", "data_version", found.version)
    elif found.is_older:
        what = "an R11 installation" if found.version == R11 else f"data version {found.version}"
        yield Finding("version.older", f"is that of {what} ({found.because})")


def _number_in(path: Path, field: str) -> float:
    """Return a number of a document; 0.0 if it does not say."""
    try:
        value = read_json(path).get(field)
    except DocumentError:
        return 0.0
    return float(value) if isinstance(value, (int, float)) else 0.0


def _later_fields(version: str | None, kind: str) -> tuple[str, ...]:
    """Return the fields of a health document that files of this version need not have."""
    key, complete = version_key(version or ""), version_key(_COMPLETE_HEALTH)
    if not kind.startswith("health_") or key is None or complete is None or key >= complete:
        return ()
    return health_fields(kind.removeprefix("health_"))


def check_r11(data: DataDir, report: ValidationReport) -> None:
    """Check an R11 installation by its own rules: JSON, times, and the hashes of its chain. Raises OSError."""
    found = find_files(data.root)
    # By the places of the contract nothing was known.
    report.not_checked, report.not_checked_count = [], 0
    files = {file.name: FileFindings(file.name, f"R11 {file.kind}") for file in found.files}
    for history in read_histories(found, {file.name: file.name for file in found.of("events")}):
        _take(history, files)
    for file in found.of(*_DOCUMENTS):
        files[file.name].add(_judge_document(file))
    report.files += files.values()
    for skipped in found.skipped:
        report.skip(skipped.name)


def _take(history: OldHistory, files: dict[str, FileFindings]) -> None:
    if history.file is not None:
        own = files[history.file.name]
        own.records += history.events + history.bad_count
        own.add(Finding("event.line", each.why, line=each.line) for each in history.bad_lines)
        own.add(Finding("event.line", "is no event") for _ in range(history.bad_count - len(history.bad_lines)))
        if history.times_back:
            times = pluralize(history.times_back, "time")
            own.add((Finding("event.time_back", f"goes back {times}", "timestamp"),))
    if history.chain_name is not None and history.chain.state in ("broken", "unreadable"):
        files[history.chain_name].add((Finding("chain.fault", history.chain.words),))


def _judge_document(file: OldFile) -> Iterator[Finding]:
    if not file.name.endswith(".json"):
        return
    try:
        yield from parse_json_text(read_whole(file.path), allow_mark=True).findings
    except UnusableFile as error:
        yield error.finding


def check_imports(data: DataDir, report: ValidationReport) -> None:
    """Check that the originals of imported histories are those that their manifests name."""
    folders = sorted(data.imported.glob("*")) if data.imported.is_dir() else []
    for folder in folders:
        if _IMPORT.fullmatch(folder.name):
            found = FileFindings(f"memory/imported/{folder.name}/manifest.json", "import_manifest")
            try:
                found.add(_judge_import(data, folder.name))
            except UnusableFile as error:
                found.add((error.finding,))
            report.files.append(found)


def _judge_import(data: DataDir, digest: str) -> Iterator[Finding]:
    folder = data.imported / digest
    manifest = read_whole(folder / "manifest.json")
    if sha256(manifest).hexdigest() != digest:
        yield Finding("import.manifest", "is not the one that named the folder")
        return
    files = _originals(manifest)
    if files is None:
        yield Finding("import.manifest", "is no list of files")
        return
    for name, wanted in files.items():
        if not is_plain_name(name):
            yield Finding("import.file", f"{name!r} is no name of a file in the folder")
            continue
        if kind_of(name) in PRIVATE_KINDS and not os.path.lexists(folder / "files" / name):
            yield Finding("import.left_out", f"{name} does not exist")
            continue
        try:
            if _hash_of(folder / "files" / name) != wanted:
                yield Finding("import.file", f"{name} is not the original")
        except UnusableFile as error:
            yield Finding("import.file", f"{name} {error.finding.text}")


def _originals(manifest: bytes) -> dict[str, str] | None:
    """Return the SHA-256 of each original by its name, which may be no Unicode; None if it is no manifest."""
    try:
        return {str(each["name"]): each["sha256"] for each in json.loads(manifest)["files"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _hash_of(path: Path) -> str:
    digest = sha256()
    with open_file(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def excuse_missing(data: DataDir, found: FileFindings, version: str | None) -> None:
    """Drop the findings about fields that came with later versions than that of the document."""
    if not found.counts["schema.required"]:
        return
    if os.path.exists(data.migration / DONE):
        reported, migrated = _number_in(data.root / found.name, "last_update_ts"), _number_in(data.version, "since")
        # No service has written it anew since.
        version = _FIRST if reported < migrated else version
    fields = _later_fields(version, found.kind or "")
    kept = [each for each in found.findings if not (each.rule == "schema.required" and each.field in fields)]
    found.counts["schema.required"] -= len(found.findings) - len(kept)
    found.counts, found.findings = +found.counts, kept
