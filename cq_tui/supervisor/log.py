"""The supervisor's log, ``logs/supervisor.log``: JSON lines in the services' format."""

import time
from logging import INFO, makeLogRecord

import orjson

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import DataDir
from cq_tui.store.log_file import LogFileHandler

_ROTATE_BYTES = 1024 * 1024
_BACKUP_COUNT = 2
_LEVELS = {"backoff": "warning", "gave_up": "error"}


class SupervisorLog:
    """Logs state changes of the services. Raises OSError when it cannot be opened."""

    def __init__(self, data: DataDir) -> None:
        self._handler = LogFileHandler(
            data.log_of("supervisor"), maxBytes=_ROTATE_BYTES, backupCount=_BACKUP_COUNT, encoding="utf-8"
        )

    def log_state(self, name: str, state: ServiceState) -> None:
        """Log a service's new state."""
        level = "warning" if state.hung else _LEVELS.get(state.state, "info")
        self._write(
            level,
            f"{name} {'hung' if state.hung else state.state}",
            pid=state.pid,
            reason=state.reason,
            restarts=state.restarts,
        )

    def log_problem(self, problem: str) -> None:
        """Log a problem of the supervisor itself."""
        self._write("error", "problem", reason=problem)

    def _write(self, level: str, event: str, **fields: object) -> None:
        line = {"ts": time.time(), "level": level, "service": "supervisor", "event": event}
        known = {key: value for key, value in fields.items() if value}
        self._handler.handle(makeLogRecord({"msg": orjson.dumps(line | known).decode(), "levelno": INFO}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()
