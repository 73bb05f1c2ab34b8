"""Structured logs: JSON lines in ``logs/<service>.log``, rotated; nothing is printed."""

import logging
from typing import Any

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from cq_tui.contracts.layout import DataDir
from cq_tui.store.log_file import LogFileHandler

_ROTATE_BYTES = 4 * 1024 * 1024
_BACKUP_COUNT = 3
_PLAIN = logging.Formatter()


def open_log(data: DataDir, service: str, level: str) -> FilteringBoundLogger:
    """Return the service's logger. ``level`` is one of DEBUG, INFO, WARNING, ERROR."""
    handler = LogFileHandler(data.log_of(service), maxBytes=_ROTATE_BYTES, backupCount=_BACKUP_COUNT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    sink = logging.getLogger(f"cq_tui.{service}")
    for old in sink.handlers:
        old.close()
    sink.handlers[:] = [handler]
    sink.propagate = False
    sink.setLevel(logging.DEBUG)
    # Libraries speak through the standard library: their warnings belong into the same file.
    logging.getLogger().handlers[:] = [_LibraryHandler(sink)]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt=None, key="ts"),
            structlog.processors.format_exc_info,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=False,
    )
    logger: FilteringBoundLogger = structlog.get_logger().bind(service=service)
    return logger


class _LibraryHandler(logging.Handler):
    """Turns warnings of libraries into lines of ours."""

    def __init__(self, sink: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one JSON line, with the traceback if it has one."""
        line = {
            "ts": record.created,
            "level": record.levelname.lower(),
            "event": _format_message(record),
            "logger": record.name,
        }
        if record.exc_info:
            line["exception"] = _PLAIN.formatException(record.exc_info)
        self._sink.info(_to_json(line))


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # A library that formats its own message wrongly must not end us.
        return str(record.msg)


def _render(_: Any, __: str, event: Any) -> str:
    ordered = {"ts": event.pop("ts"), "level": event.pop("level"), "service": event.pop("service", "")} | event
    return _to_json(ordered)


def _to_json(line: dict[str, Any]) -> str:
    """Return a line whatever is in it: no text from outside may keep a service from saying what happened."""
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:
        texts = {key: value if isinstance(value, float) else ascii(value) for key, value in line.items()}
        return orjson.dumps(texts).decode()
