"""The file of a log: rotated, regular, never a link."""

from contextlib import suppress
from io import TextIOWrapper
from logging import LogRecord
from logging.handlers import RotatingFileHandler

from cq_tui.store.regular_file import open_regular


class LogFileHandler(RotatingFileHandler):
    """Drops what the disk refuses, without a traceback: health says that the disk is full. Raises OSError."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=open_regular)

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        """Drop the record; if the disk refused to close the file, open it again for the next one."""
        if self.stream is not None and self.stream.closed:
            self.stream = None

    def close(self) -> None:
        """Close the file. What the disk still refuses is dropped."""
        with suppress(OSError):
            super().close()
