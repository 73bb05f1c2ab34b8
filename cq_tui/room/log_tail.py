"""The tail of one log file: JSON lines made readable, bounded, never raising."""

from collections import deque
from itertools import count
from pathlib import Path
from typing import NamedTuple

import orjson

from cq_tui.ops.formatting import StatusLevel, format_clock, sanitize
from cq_tui.store.journal import JournalError, JournalReader, last_lines

MAX_LINES = 5000
_INITIAL_LINES = 1000
_LEVELS: dict[str, StatusLevel] = {"warning": "look", "error": "bad", "critical": "bad", "debug": "idle"}
_HEADER_FIELDS = frozenset({"ts", "level", "service", "event"})


class LogLine(NamedTuple):
    """One line, sanitized."""

    time: str
    level: str
    text: str
    severity: StatusLevel


def parse_log_line(line: bytes) -> LogLine:
    """Parse one of our JSON lines; any other text is kept as it is."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        return LogLine("", "", sanitize(line.decode(errors="replace"), 2000), "good")
    stamp, level = raw.get("ts"), str(raw.get("level", ""))
    rest = "  ".join(f"{key}={_format_value(value)}" for key, value in raw.items() if key not in _HEADER_FIELDS)
    text = sanitize(f"{raw.get('event', '')}  {rest}".strip(), 2000)
    shown = format_clock(stamp) if isinstance(stamp, (int, float)) else ""
    return LogLine(shown, sanitize(level, 8), text, _LEVELS.get(level.lower(), "good"))


def _format_value(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


class LogTail:
    """Follows a log file across rotation. Line numbers are never reused."""

    def __init__(self, path: Path) -> None:
        self._reader = JournalReader(path)
        self._numbers = count()
        self.lines: deque[tuple[str, LogLine]] = deque(maxlen=MAX_LINES)
        self.problem: str | None = None
        try:
            self._reader.skip_to_end()
            self._append_lines(last_lines(path, _INITIAL_LINES))
        except (JournalError, OSError) as error:
            self.problem = sanitize(str(error))

    def refresh(self) -> bool:
        """Read new lines; return whether there were any."""
        try:
            lines = self._reader.read_new()
        except JournalError as error:
            self.problem = sanitize(str(error))
            return False
        self._append_lines(lines)
        return bool(lines)

    def _append_lines(self, lines: list[bytes]) -> None:
        self.lines.extend((str(next(self._numbers)), parse_log_line(line)) for line in lines)
