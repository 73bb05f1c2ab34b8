"""Validating what a user names: a data directory, or any files."""

import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from cq_tui.contracts.data_version import R11
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.rules.finding import Finding
from cq_tui.ops.validate.directory import check_directory, list_files, size_of
from cq_tui.ops.validate.files import Progress, check_file
from cq_tui.ops.validate.kinds import kind_by_content, kind_by_name, kind_by_place
from cq_tui.ops.validate.reading import UnusableFile, open_file
from cq_tui.ops.validate.report import FileFindings, ValidationReport
from cq_tui.ops.validate.versions import check_imports, check_r11, judge_version
from cq_tui.store.data_version import find_version

#: How much of a file is read to tell what it is.
_HEAD = 64 * 1024


class Validation:
    """A validation that is prepared; ``total`` is the number of bytes that its progress will count."""

    def __init__(self, paths: Sequence[Path], data: DataDir, kind: str | None = None) -> None:
        """Look at what there is: the data directory if no path is given. Raises OSError."""
        self._report = ValidationReport(time.time())
        self._kind = kind
        self._directories: list[tuple[DataDir, list[tuple[str, str]]]] = []
        self._files: list[Path] = []
        for path in paths or [data.root]:
            if path.is_dir() and kind is None:
                directory = DataDir(path)
                self._directories.append((directory, list_files(directory, self._report)))
            else:
                self._files.append(path)
        self.total = sum(size_of(*each) for each in self._directories) + sum(map(_size, self._files))

    def run(self, progress: Progress = lambda _: None) -> ValidationReport:
        """Check everything."""
        report = self._report
        for directory, files in self._directories:
            self._check_directory(directory, files, progress)
        if self._directories and not report.files and report.not_checked_count:
            # Valid would be said of a folder that is no data directory.
            report.files.append(FileFindings(str(self._directories[0][0].root)))
            report.files[-1].add((Finding("file.unknown", "holds no file of a data directory"),))
        for path in self._files:
            report.files.append(self._check_single(path, progress))
        return report

    def _check_directory(self, data: DataDir, files: list[tuple[str, str]], progress: Progress) -> None:
        report, version = self._report, find_version(data)
        report.directory, report.data_version, report.version_from = str(data.root), version.version, version.because
        found = FileFindings(data.version.name if version.is_recorded else str(data.root))
        found.add(judge_version(version))
        if found.counts:
            report.files.append(found)
        if version.version == R11:
            check_r11(data, report)
        elif not version.is_newer:
            check_directory(data, files, report, progress, version)
            check_imports(data, report)

    def _check_single(self, path: Path, progress: Progress) -> FileFindings:
        found = FileFindings(str(path))
        try:
            found.kind, is_named = (self._kind, False) if self._kind else kind_of(path)
        except UnusableFile as error:
            found.add((error.finding,))
            return found
        if found.kind is None:
            found.add((Finding("file.unknown", "is of no kind that can be told by its name or content"),))
        else:
            check_file(path, found, progress, follow=True, named=is_named)
        return found


def kind_of(path: Path) -> tuple[str | None, bool]:
    """Return the kind of a single file, and whether its name is that of its place. Raises UnusableFile."""
    with open_file(path, follow=True) as file:
        try:
            head = file.read(_HEAD)
        except OSError as error:
            raise UnusableFile("file.readable", f"cannot be read ({error.strerror})") from None
    if (kind := kind_by_place(path.absolute().parts)) is not None:
        return kind, True
    return _kind_of_head(head) or kind_by_name(path.name), False


def _kind_of_head(head: bytes) -> str | None:
    """Return the kind by what a file begins with: a document, the first line, or the first item of a list."""
    text = head.removeprefix(b"\xef\xbb\xbf").strip()
    for content in (text, text.partition(b"\n")[0]):
        try:
            if (kind := kind_by_content(orjson.loads(content))) is not None:
                return kind
        except orjson.JSONDecodeError:
            continue
    return _kind_of_names(text)


def _kind_of_names(text: bytes) -> str | None:
    """Return the kind by the names in the beginning of a document that is longer than that, or no JSON."""
    import re

    names = re.findall(rb'"([A-Za-z_]{1,60})"\s*:', text)
    service = re.search(rb'"service"\s*:\s*"([a-z]+)"', text)
    found = {name.decode(): None for name in names}
    return kind_by_content(found | ({"service": service[1].decode()} if service else {}))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
