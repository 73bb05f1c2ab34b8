"""Kline journals, ``market/klines/<SYMBOL>-<interval>.ndjson``: the writer and the readers of closed klines."""

import contextlib
import os
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import NamedTuple

from cq_tui.contracts.freshness import CLOCK_TOLERANCE
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import KLINE_HISTORY, Kline, KlineLineError, kline_from_line, lines_of_klines
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError, JournalReader, JournalWriter, last_lines
from cq_tui.store.kline_differences import KlineDifference, SeenKlines, compare_klines
from cq_tui.store.line_blocks import count_line_feeds

#: A journal is cut back to KLINE_HISTORY lines once it has grown by this share.
_SLACK = 0.5
#: More lines than a journal holds.
_ALL = 2 * KLINE_HISTORY


class KlineJournalWriter:
    """The one writer of a symbol's kline journal."""

    def __init__(self, data: DataDir, symbol: str, interval: str) -> None:
        """Open the journal and move a torn tail to quarantine. Raises JournalError."""
        self._path = data.klines_of(symbol, interval)
        self._quarantine = data.quarantine
        self._open()

    def _open(self) -> None:
        self._writer = JournalWriter(self._path, quarantine=self._quarantine)
        with self._path.open("rb") as file:
            self._lines = count_line_feeds(file, 0, self._writer.size)

    def last_kline(self) -> Kline | None:
        """Return the newest kline; None if there is none or its line is damaged."""
        return next(iter(last_klines(self._path, 1)), None)

    def newest(self, count: int = _ALL) -> list[Kline]:
        """Return the klines in the last lines, oldest first, without damaged ones; none if the last is damaged."""
        return last_klines(self._path, count) if self.last_kline() is not None else []

    def compare(self, truth: Sequence[Kline], *, to_end: bool) -> KlineDifference | None:
        """Compare the stored klines with the exchange's; see compare_klines. Raises JournalError."""
        return compare_klines(last_klines(self._path, self._lines), truth, to_end=to_end)

    def mend(self, difference: KlineDifference) -> None:
        """Replace what is wrong, atomically; damaged lines are kept in quarantine. Raises JournalError."""
        if _parse(last_lines(self._path, self._lines))[1]:
            self._keep_damaged()
        self._rewrite(lines_of_klines(difference.klines))

    def append(self, klines: Sequence[Kline]) -> None:
        """Append closed klines in order. Raises JournalError."""
        if not klines:
            return
        self._writer.append_bytes(lines_of_klines(klines))
        self._lines += len(klines)
        if self._lines > KLINE_HISTORY * (1 + _SLACK):
            self._rewrite(b"".join(line + b"\n" for line in last_lines(self._path, KLINE_HISTORY)))

    def replace_all(self, klines: Sequence[Kline]) -> None:
        """Replace the klines of another market; a damaged journal is kept in quarantine. Raises JournalError."""
        if self._lines and self.last_kline() is None:
            self._keep_damaged()
        self._rewrite(lines_of_klines(klines))

    def close(self) -> None:
        """Close the journal."""
        self._writer.close()

    def _keep_damaged(self) -> None:
        try:
            os.link(self._path, self._quarantine / f"{self._path.name}.{time.time_ns()}.damaged")
        except OSError as error:
            raise JournalError(f"{self._path}: is damaged and cannot be quarantined ({error.strerror})") from None

    def _rewrite(self, content: bytes) -> None:
        try:
            write_document(self._path, content, durable=False)
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be replaced ({error.strerror})") from None
        self._writer.close()
        self._open()


def last_klines(path: Path, count: int) -> list[Kline]:
    """Return the klines in the last ``count`` lines, oldest first, without damaged ones. Raises JournalError."""
    return _parse(last_lines(path, count))[0]


def _parse(lines: Sequence[bytes], now_ms: float = inf) -> tuple[list[Kline], list[str]]:
    """Return the klines that are closed at that time, and why other lines were rejected."""
    with contextlib.suppress(KlineLineError):
        # Mostly all are sound.
        sound = list(map(kline_from_line, lines))
        if max((kline.close_time for kline in sound), default=0) <= now_ms:
            return sound, []
    klines, rejections = list[Kline](), list[str]()
    for line in lines:
        try:
            kline = kline_from_line(line)
        except KlineLineError as error:
            rejections.append(str(error))
            continue
        ahead = (kline.close_time - now_ms) / 1000
        if ahead > CLOCK_TOLERANCE:
            rejections.append(f"the kline of open_time {kline.open_time} closes {ahead:.0f} s in the future")
        else:
            klines.append(kline)
    return klines, rejections


class NewKlines(NamedTuple):
    """The klines since the last read."""

    klines: list[Kline]
    #: The journal holds another market, or earlier klines were repaired: what was read before does not belong to these.
    market_changed: bool = False
    #: Why lines were rejected.
    rejections: tuple[str, ...] = ()


class KlineJournalReader:
    """Follows one kline journal: whole lines of one market, none from the future."""

    def __init__(self, path: Path) -> None:
        self._reader = JournalReader(path)
        self._seen = SeenKlines()
        self.path = path
        self.latest: Kline | None = None
        #: Lines that held no closed kline.
        self.rejected_count = 0
        self.last_rejection = ""
        #: Why the file cannot be read now.
        self.problem: str | None = None

    def skip_to_end(self) -> None:
        """Skip what is there and follow only what comes. Raises JournalError."""
        self._reader.skip_to_end()

    def read_new(self, now_ms: float) -> NewKlines:
        """Return the new klines. ``now_ms`` is the exchange's time, Unix ms."""
        try:
            lines = self._reader.read_new()
            self.problem = None
        except JournalError as error:
            self.problem = str(error)
            return NewKlines([])
        klines, rejections = _parse(lines, now_ms)
        if rejections:
            self.rejected_count += len(rejections)
            self.last_rejection = rejections[-1]
        market_changed = self._note(klines)
        return NewKlines(klines, market_changed, tuple(rejections))

    def _note(self, klines: list[Kline]) -> bool:
        """Note what was read; return whether it contradicts what was read before."""
        if not klines:
            return False
        latest, newest = self.latest, klines[-1]
        if latest is None or klines[0].open_time > latest.open_time:
            self._seen.add(klines)
            self.latest = newest
            return False
        # One read is all of a replaced file. Another market's lacks the latest kline as it was.
        seen = SeenKlines()
        seen.add([kline for kline in klines if kline.open_time <= latest.open_time])
        market_changed = latest not in klines or self._seen.contradicts(seen)
        seen.add([kline for kline in klines if kline.open_time > latest.open_time])
        self._seen = seen
        if market_changed or newest.open_time > latest.open_time:
            self.latest = newest
        return market_changed
