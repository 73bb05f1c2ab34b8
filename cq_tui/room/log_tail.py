"""The tail of one log: JSON lines made readable, and a bounded number of them."""

from collections import deque
from itertools import count
from pathlib import Path
from typing import NamedTuple

import orjson

from cq_tui.ops.formatting import StatusLevel, format_clock, format_size, sanitize
from cq_tui.room.log_reader import FileLine, LogReader

MAX_LINES = 5000
#: Characters shown of a line.
_MAX_CHARS = 2000
_LEVELS: dict[str, StatusLevel] = {"warning": "look", "error": "bad", "critical": "bad", "debug": "idle"}
_HEADER_FIELDS = frozenset({"ts", "level", "service", "event"})


class LogLine(NamedTuple):
    """One line, sanitized."""

    time: str
    level: str
    text: str
    severity: StatusLevel
    #: Unix seconds; None if the line does not say.
    at: float | None = None
    #: Whose log it is.
    service: str = ""


def parse_log_line(line: FileLine) -> LogLine:
    """Parse one of our JSON lines; any other text is kept as it is, and of a long one its beginning."""
    if line.note:
        return LogLine("", "", f"… {line.note}", "idle")
    content = line.content.strip(b"\0")
    if line.size > len(line.content):
        beginning = sanitize(content[:_MAX_CHARS].decode(errors="replace"), _MAX_CHARS)
        return LogLine("", "", f"… {format_size(line.size - len(beginning))} cut · {beginning}", "good")
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        return LogLine("", "", sanitize(content.decode(errors="replace"), _MAX_CHARS), "good")
    stamp, level = raw.get("ts"), str(raw.get("level", ""))
    rest = "  ".join(f"{key}={_format_value(value)}" for key, value in raw.items() if key not in _HEADER_FIELDS)
    text = sanitize(f"{raw.get('event', '')}  {rest}".strip(), _MAX_CHARS)
    at = float(stamp) if isinstance(stamp, (int, float)) else None
    shown = format_clock(at) if at is not None else ""
    return LogLine(shown, sanitize(level, 8), text, _LEVELS.get(level.lower(), "good"), at)


def _format_value(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


class LogTail:
    """Follows a log file; see ``LogReader``. Line numbers are never reused."""

    def __init__(self, path: Path) -> None:
        self._reader = LogReader(path)
        self._numbers = count()
        self.lines: deque[tuple[str, LogLine]] = deque(maxlen=MAX_LINES)

    @property
    def problem(self) -> str | None:
        """What is wrong with the file; None when all is well."""
        return self._reader.problem

    @property
    def is_behind(self) -> bool:
        """Whether more lines can be read at once."""
        return self._reader.is_behind

    def read_new(self) -> list[LogLine]:
        """Read new lines without showing them. Blocking: call it in a thread."""
        return [parse_log_line(line) for line in self._reader.read_new()]

    def append(self, lines: list[LogLine]) -> None:
        """Show these lines from now on."""
        self.lines.extend((str(next(self._numbers)), line) for line in lines)
