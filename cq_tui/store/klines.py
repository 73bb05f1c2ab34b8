"""The kline journals of one interval: read at the start, appended to, and bounded."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import KLINE_HISTORY, Kline, KlineLineError, kline_from_line
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, JournalWriter, last_lines

#: A journal is cut back to KLINE_HISTORY lines when it has grown by this share.
_SLACK = 0.5


class KlineJournalWriter:
    """``market/klines/<SYMBOL>-<interval>.ndjson`` of one symbol."""

    def __init__(self, data: DataDir, symbol: str, interval: str) -> None:
        """Open the journal, moving a torn tail to quarantine. Raises JournalError."""
        self._path = data.klines_of(symbol, interval)
        self._quarantine = data.quarantine
        self._writer = JournalWriter(self._path, quarantine=data.quarantine)
        self._lines = _count_lines(self._path)

    def last_kline(self) -> Kline | None:
        """Return the newest kline; None when there is none that can be read."""
        lines = last_lines(self._path, 1)
        try:
            return kline_from_line(lines[0]) if lines else None
        except KlineLineError:
            return None

    def append(self, klines: Sequence[Kline]) -> None:
        """Append closed klines in order. Raises JournalError."""
        if not klines:
            return
        self._writer.append([kline.to_line() for kline in klines])
        self._lines += len(klines)
        if self._lines > KLINE_HISTORY * (1 + _SLACK):
            self._rewrite(last_lines(self._path, KLINE_HISTORY))

    def replace_all(self, klines: Sequence[Kline]) -> None:
        """Replace everything: what was there belongs to another market. Raises JournalError.

        A journal whose end cannot be read is no market's: it is kept in quarantine.
        """
        if self._lines and self.last_kline() is None:
            self._quarantine_damaged()
        self._rewrite([kline.to_line() for kline in klines])

    def close(self) -> None:
        """Close the journal."""
        self._writer.close()

    def _quarantine_damaged(self) -> None:
        kept = self._quarantine / f"{self._path.name}.{time.time_ns()}.damaged"
        try:
            os.link(self._path, kept)
        except OSError as error:
            raise JournalError(f"{self._path}: is damaged and cannot be kept ({error.strerror})") from None

    def _rewrite(self, lines: Sequence[bytes]) -> None:
        try:
            write_document(self._path, b"".join(line + b"\n" for line in lines), durable=False)
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be replaced ({error.strerror})") from None
        self._writer.close()
        self._writer = JournalWriter(self._path, quarantine=self._quarantine)
        self._lines = len(lines)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
