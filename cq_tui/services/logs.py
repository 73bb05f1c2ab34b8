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


def open_log(data: DataDir, service: str, level: str, *, must_open: bool = True) -> FilteringBoundLogger:
    """Return the service's logger. ``level`` is one of DEBUG, INFO, WARNING, ERROR.

    Without ``must_open`` what the disk refuses is dropped, even the file itself. Raises OSError.
    """
    path, delay = data.log_of(service), not must_open
    handler = LogFileHandler(path, maxBytes=_ROTATE_BYTES, backupCount=_BACKUP_COUNT, encoding="utf-8", delay=delay)
    handler.setFormatter(logging.Formatter("%(message)s"))
    sink = logging.getLogger(f"cq_tui.{service}")
    for old in sink.handlers:
        old.close()
    sink.handlers[:] = [handler]
    sink.propagate = False
    sink.setLevel(logging.DEBUG)
    # Libraries log through the standard library: their warnings belong in the same file.
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
    """Turns library warnings into JSON lines."""

    def __init__(self, sink: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one JSON line, with its traceback if any."""
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
        # A library's malformed log call must not end the service.
        return str(record.msg)


def _render(_: Any, __: str, event: Any) -> str:
    ordered = {"ts": event.pop("ts"), "level": event.pop("level"), "service": event.pop("service", "")} | event
    return _to_json(ordered)


def _to_json(line: dict[str, Any]) -> str:
    """Render a line whatever it contains: no external text may break logging."""
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:
        texts = {key: value if isinstance(value, float) else ascii(value) for key, value in line.items()}
        return orjson.dumps(texts).decode()
