"""The logs of one service, or of all, as one: what it logs, what it printed, and what ended it, by time."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

from cq_tui.ops.formatting import StatusLevel
from cq_tui.room.log_tail import MAX_LINES, LogLine, LogTail

#: What is read of each service, and how bad a line of it is; None: as the line says. Services log what they have to
#: say, so what one prints is odd; the supervisor prints what `up` shows.
_KINDS: tuple[tuple[str, str, StatusLevel | None], ...] = (
    ("log", "", None),
    ("out", "printed", "look"),
    ("crash", "crash", "bad"),
)
_TELLER = "supervisor"


class _Source:
    """One file."""

    def __init__(self, path: Path, service: str, level: str, severity: StatusLevel | None) -> None:
        self.tail = LogTail(path)
        self.name = path.name
        self._service = service
        self._level, self._severity = level, severity
        self._path = path
        self._last: float | None = None

    def read_new(self) -> list[LogLine]:
        """Return the new lines, each with a time: that of the line before it if it has none."""
        return [self._dated(line) for line in self.tail.read_new() if line.text]

    def _dated(self, line: LogLine) -> LogLine:
        if line.at is not None:
            self._last = line.at
        if self._last is None:
            self._last = _written_at(self._path)
        line = line._replace(level=line.level or self._level)
        if self._severity is not None:
            line = line._replace(severity=self._severity)
        return line._replace(at=self._last, service=self._service)


class MergedLog:
    """Follows the files of these services. Line numbers are never reused."""

    def __init__(self, folder: Path, services: Sequence[str]) -> None:
        self._sources = [
            _Source(folder / f"{service}.{ending}", service, level, None if service == _TELLER else severity)
            for service in services
            for ending, level, severity in _KINDS
        ]
        if len(services) > 1:
            newest = sorted(folder.glob("room-*.crash"))[-1:]
            self._sources += [_Source(path, "room", "crash", "bad") for path in newest]
        self._numbers = count()
        self.lines: deque[tuple[str, LogLine]] = deque(maxlen=MAX_LINES)

    @property
    def problem(self) -> str | None:
        """What is wrong with the first file that has a problem, after its name; None when all is well."""
        found = next((source for source in self._sources if source.tail.problem), None)
        return None if found is None else f"logs/{found.name}: {found.tail.problem}"

    @property
    def is_behind(self) -> bool:
        """Whether more lines can be read at once."""
        return any(source.tail.is_behind for source in self._sources)

    def read_new(self) -> list[LogLine]:
        """Return new lines of all files by time, without showing them. Blocking: call it in a thread."""
        lines = [line for source in self._sources for line in source.read_new()]
        return sorted(lines, key=lambda line: line.at or 0.0)

    def append(self, lines: Iterable[LogLine]) -> None:
        """Show these lines from now on."""
        self.lines.extend((str(next(self._numbers)), line) for line in lines)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
