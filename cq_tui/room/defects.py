"""Defects of the room: each leaves a report once, and a fatal one two lines on standard error."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.characters import printable
from cq_tui.standard_streams import print_error

#: Characters of an error on standard error.
_SHOWN = 200
#: A room that fails again and again must not fill the disk.
_MAX_REPORTS = 10


class Defects:
    """The defects of one room."""

    def __init__(self, data: DataDir, now: Callable[[], float] = time.time) -> None:
        self._data = data
        self._now = now
        self._seen: set[str] = set()
        self._fatal: tuple[str, Path | str] | None = None

    @property
    def is_fatal(self) -> bool:
        """Whether one of them ends the room."""
        return self._fatal is not None

    def report(self, error: BaseException, where: str, *, fatal: bool) -> None:
        """Write a report, unless the same has been reported. What follows a fatal one is its consequence."""
        from cq_tui.room.crash_report import hide_secrets

        summary = printable(hide_secrets(f"{type(error).__name__}: {error}", self._data, os.environ)[:_SHOWN])
        is_known = summary in self._seen or len(self._seen) >= _MAX_REPORTS
        if self.is_fatal or (is_known and not fatal):
            return
        self._seen.add(summary)
        found = self._write(error, where)
        if fatal:
            self._fatal = summary, found

    def print_fatal(self) -> None:
        """Say on standard error what ended the room, and where the report is."""
        if self._fatal is None:
            return
        summary, report = self._fatal
        print_error(f"internal error: {summary}. The services keep running; open the room again with `cq-tui`")
        if isinstance(report, Path):
            print_error(f"the report is in {report}")
        else:
            print_error(f"the report could not be written to {self._data.logs}:\n{report}")

    def _write(self, error: BaseException, where: str) -> Path | str:
        """Return the path of the report; the report itself if it cannot be written."""
        from cq_tui.room.crash_report import describe_defect, hide_secrets, write_report

        now = self._now()
        report = hide_secrets(describe_defect(error, where, now, os.environ), self._data, os.environ)
        with suppress(OSError):
            return write_report(self._data, report, now)
        return report
