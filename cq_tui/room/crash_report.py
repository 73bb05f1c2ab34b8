"""The report of a defect in the room: where it happened, and in which surroundings. It contains no values."""

import os
import platform
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cq_tui import __version__
from cq_tui.contracts.layout import DataDir
from cq_tui.store.durable import write_all

#: Reports that are kept.
_KEPT = 10
_LIBRARIES = ("textual", "rich", "pydantic")
_ENVIRONMENT = (
    "TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR",
    "TEXTUAL_DRIVER", "TEXTUAL_THEME", "CQ_ASCII",
)  # fmt: skip
#: Secrets shorter than this are not looked for: they would be found everywhere.
_SHORTEST_SECRET = 4


def describe_defect(error: BaseException, where: str, now: float, environment: Mapping[str, str]) -> str:
    """Return the report. Local variables are left out: they could be secrets."""
    return "\n".join(
        [
            f"cq-tui {__version__}: internal error in the room ({where})",
            f"time      {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}",
            f"python    {platform.python_version()} on {platform.platform()}",
            f"libraries {', '.join(f'{name} {_version(name)}' for name in _LIBRARIES)}",
            f"terminal  {_terminal_size()}, encoding {getattr(sys.__stderr__, 'encoding', None)}",
            f"settings  {' '.join(f'{name}={environment[name]}' for name in _ENVIRONMENT if name in environment)}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )


def hide_secrets(text: str, data: DataDir, environment: Mapping[str, str]) -> str:
    """Return the text without the secrets of the settings file and the environment: an error may quote them."""
    for secret in _known_secrets(data, environment):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    return text


def write_report(data: DataDir, report: str, now: float) -> Path:
    """Write a report (0600) and return its path; only the newest are kept. Raises OSError."""
    path = data.crash_report_at(f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S.%fZ}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, report.encode("utf-8", errors="backslashreplace"))
    finally:
        os.close(descriptor)
    for old in sorted(path.parent.glob("room-*.crash"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def _known_secrets(data: DataDir, environment: Mapping[str, str]) -> set[str]:
    # Imported late: a room that has no defect does not need it here.
    from cq_tui.contracts.settings import SECRET_KEYS
    from cq_tui.store.document import DocumentError, read_json

    try:
        settings: Mapping[str, object] = read_json(data.settings)
    except (DocumentError, OSError):
        settings = {}
    found = [values.get(key) for values in (settings, environment) for key in SECRET_KEYS]
    return {value for value in found if isinstance(value, str)}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "unknown"


def _terminal_size() -> str:
    for descriptor in (2, 0, 1):
        try:
            columns, rows = os.get_terminal_size(descriptor)
            return f"{columns}x{rows}"
        except OSError:
            continue
    return "no terminal"
