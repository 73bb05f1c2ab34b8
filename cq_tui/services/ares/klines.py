"""One symbol's closed klines as ARES reads them: whole lines of one market, none from the future."""

from pathlib import Path
from typing import NamedTuple

from cq_tui.contracts.freshness import CLOCK_TOLERANCE
from cq_tui.contracts.market import KLINE_HISTORY, Kline, KlineLineError, kline_from_line
from cq_tui.store.journal import JournalError, JournalReader

#: Enough for a whole journal in one go: what a replaced one is can then be told at once.
_READ_LIMIT = KLINE_HISTORY * 400


class NewKlines(NamedTuple):
    """What came since the last look."""

    klines: list[Kline]
    #: The journal was replaced by that of another market: nothing that was seen before belongs to these.
    market_changed: bool = False
    #: Why lines were refused just now.
    rejections: tuple[str, ...] = ()


class KlineJournalReader:
    """Follows one kline journal."""

    def __init__(self, path: Path) -> None:
        self._reader = JournalReader(path)
        self.path = path
        self.latest: Kline | None = None
        #: Lines that were no closed klines.
        self.rejected_count = 0
        self.last_rejection = ""
        #: Why the file cannot be read at the moment.
        self.problem: str | None = None

    def read_new(self, now_ms: float) -> NewKlines:
        """Return the new klines. ``now_ms`` is the exchange's time, Unix ms."""
        try:
            lines = self._reader.read_new(limit=_READ_LIMIT)
            self.problem = None
        except JournalError as error:
            self.problem = str(error)
            return NewKlines([])
        klines: list[Kline] = []
        refusals: list[str] = []
        for line in lines:
            try:
                klines.append(_require_closed(kline_from_line(line), now_ms))
            except KlineLineError as error:
                refusals.append(str(error))
        if refusals:
            self.rejected_count += len(refusals)
            self.last_rejection = refusals[-1]
        other_market = bool(klines) and self._is_market_changed(klines)
        if klines and (self.latest is None or other_market or klines[-1].open_time > self.latest.open_time):
            self.latest = klines[-1]
        return NewKlines(klines, other_market, tuple(refusals))

    def _is_market_changed(self, klines: list[Kline]) -> bool:
        """Whether klines that were read again, since the file was replaced, lack the latest one as it was."""
        latest = self.latest
        if latest is None or klines[0].open_time > latest.open_time:
            return False
        return latest not in klines


def _require_closed(kline: Kline, now_ms: float) -> Kline:
    ahead = kline.close_time - now_ms
    if ahead > CLOCK_TOLERANCE * 1000:
        raise KlineLineError(f"the kline of open_time {kline.open_time} closes {ahead / 1000:.0f} s in the future")
    return kline
