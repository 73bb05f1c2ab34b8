"""The supervisor's own log, ``logs/supervisor.log``: JSON lines, as the services write theirs, rotated."""

import time
from logging import INFO, LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler

import orjson

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import DataDir

_ROTATE_BYTES = 1024 * 1024
_BACKUP_COUNT = 2
_LEVELS = {"backoff": "warning", "gave_up": "error"}


class _QuietHandler(RotatingFileHandler):
    """A full disk must not make the supervisor print tracebacks."""

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        """Drop the record."""


class SupervisorLog:
    """Takes down what happens to the services. Raises OSError when it cannot be opened."""

    def __init__(self, data: DataDir) -> None:
        self._handler = _QuietHandler(
            data.log_of("supervisor"), maxBytes=_ROTATE_BYTES, backupCount=_BACKUP_COUNT, encoding="utf-8"
        )

    def log_state(self, name: str, state: ServiceState) -> None:
        """Take down a service's new state."""
        level = _LEVELS.get(state.state, "info")
        self._write(level, f"{name} {state.state}", pid=state.pid, reason=state.reason, restarts=state.restarts)

    def log_problem(self, problem: str) -> None:
        """Take down what went wrong with the supervisor itself."""
        self._write("error", "problem", reason=problem)

    def _write(self, level: str, event: str, **fields: object) -> None:
        line = {"ts": time.time(), "level": level, "service": "supervisor", "event": event}
        told = {key: value for key, value in fields.items() if value}
        self._handler.handle(makeLogRecord({"msg": orjson.dumps(line | told).decode(), "levelno": INFO}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
