"""What a migration tells: lines for people, JSON for programs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cq_tui.contracts.data_version import MEANINGS
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.migrate.run import MigrationReport
from cq_tui.store.data_version import migrate_command


def json_report(report: MigrationReport, *, dry_run: bool) -> str:
    """Return the report as JSON, in ASCII: names of files may be no Unicode."""
    return json.dumps({"dry_run": dry_run, "nothing_to_do": report.does_nothing} | report.details, indent=2)


def report_lines(data: DataDir, report: MigrationReport, *, dry_run: bool) -> Iterator[str]:
    """Yield the report: what changed, what was left, and what to do next."""
    before = f"data version {report.before}" if report.before else "no data version yet"
    if report.does_nothing:
        yield f"{data.root}: nothing to do, {before} ({report.because})"
        for sign in report.left:
            yield f"  {sign}: copy that installation elsewhere and run {migrate_command(data, '--from', 'FOLDER')}"
        return
    after = report.details["version_after"]
    meaning = f", {MEANINGS[report.before]}" if report.before in MEANINGS else ""
    yield f"{data.root}: {before}{meaning}"
    yield f"{'would become' if dry_run else 'is now'} {after}; files from {report.details['source']}"
    yield from _part("would change" if dry_run else "changed", report.changed)
    yield from _part("left", report.left)
    yield from _setting_lines(report.details["settings"])
    originals = report.details["originals"]
    if originals and originals["folder"]:
        yield f"originals ({len(originals['files']):,}): {originals['folder']}"
    if dry_run:
        yield "nothing was changed"
    else:
        yield f"copy of what was there: {data.migration / 'backup'}"
        yield f"until a service has run here, {migrate_command(data, '--undo')} brings it back"


def _part(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)


def _setting_lines(settings: Mapping[str, Any] | None) -> Iterator[str]:
    if settings is None:
        return
    for each in settings["not_taken"]:
        command = f" (`{each['command']}`)" if each["command"] else ""
        yield f"  setting {each['name']} not taken over: {each['why']}{command}"
    if settings["unknown"]:
        yield f"  no settings here: {', '.join(settings['unknown'])}"
    yield from (f"  {note}" for note in settings["notes"])
