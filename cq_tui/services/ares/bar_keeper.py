"""Keeps closed bars of the higher frames in ``state/ares/``: averages go on after a restart as if there had been none.

They are made from the kline journal, which outlasts many of them, so a few written late or not at all are no loss.
"""

import contextlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from structlog.typing import FilteringBoundLogger

from cq_tui.contracts.kept_bars import FrameBars, KeptBarsDocument
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.store.document import DocumentError, DocumentMissing, read_document, write_document
from cq_tui.store.klines import KlineJournalReader
from cq_tui.strategies.bars import BarColumns, Frame
from cq_tui.strategies.past_bars import KEPT_FRAMES, PastBars, bars_of_frames, join

#: Seconds from the start until the first is written, and tide bars between two writings.
_FIRST_AFTER, _TIDE_BARS_BETWEEN = 10.0, 100
#: Base klines that show whether what is kept is of the same series.
_SAMPLE = 32 * Frame.TIDE
_NO_BARS = PastBars(np.empty(0, dtype=np.int64), BarColumns(*(np.empty(0),) * 3))


class BarKeeper:
    """The kept bars of all symbols, of one base interval."""

    def __init__(self, data: DataDir, interval: str, symbols: Sequence[str], log: FilteringBoundLogger) -> None:
        self._data, self._interval, self.log = data, interval, log
        self._base = INTERVAL_MS[interval]
        #: When each is to be written, on the clock that ``save_one`` is given; None until it is asked first.
        self._due: dict[str, float | None] = dict.fromkeys(symbols)

    def before(self, symbol: str, klines: Sequence[Kline]) -> dict[Frame, PastBars]:
        """Return the kept bars that are older than those that these klines make."""
        kept = self._load(symbol)
        if not kept:
            return {}
        older = join(kept, bars_of_frames(klines[:_SAMPLE], self._base))
        if older is None:
            self.log.warning("kept bars dropped", symbol=symbol, problem="they are not of the series of klines")
            self.forget(symbol)
        return older or {}

    def forget(self, symbol: str) -> None:
        """Drop what is kept: the klines were replaced by others."""
        with contextlib.suppress(OSError):
            self._data.kept_bars_of(symbol, self._interval).unlink(missing_ok=True)

    def save_one(self, now: float, readers: Mapping[str, KlineJournalReader], now_ms: float) -> None:
        """Write the bars of one symbol, if any is due. ``now`` are seconds of any steady clock."""
        for symbol, due in self._due.items():
            if due is None:
                self._due[symbol] = now + _FIRST_AFTER
            elif due <= now and readers[symbol].latest is not None:
                self._due[symbol] = now + _TIDE_BARS_BETWEEN * Frame.TIDE * self._base / 1000
                self._save(symbol, KlineJournalReader(readers[symbol].path).read_new(now_ms).klines)
                return

    def _save(self, symbol: str, klines: Sequence[Kline]) -> None:
        made = bars_of_frames(klines, self._base)
        if not any(len(bars.open_time) for bars in made.values()):
            return
        older = join(self._load(symbol), made) or {}
        joined = {frame: older.get(frame, _NO_BARS).joined(made[frame]) for frame in KEPT_FRAMES}
        document = KeptBarsDocument(
            symbol=symbol,
            interval=self._interval,
            tide=_columns_of(joined[Frame.TIDE]),
            trend=_columns_of(joined[Frame.TREND]),
        )
        try:
            self._data.kept_bars_of(symbol, self._interval).parent.mkdir(mode=0o700, exist_ok=True)
            write_document(self._data.kept_bars_of(symbol, self._interval), document, durable=False)
        except OSError as error:
            self.log.warning("kept bars not written", symbol=symbol, problem=str(error))

    def _load(self, symbol: str) -> dict[Frame, PastBars]:
        try:
            document = read_document(self._data.kept_bars_of(symbol, self._interval), KeptBarsDocument)
        except DocumentMissing:
            return {}
        except DocumentError as error:
            self.log.warning("kept bars not read", symbol=symbol, problem=str(error))
            return {}
        if (document.symbol, document.interval) != (symbol, self._interval):
            self.log.warning("kept bars not read", symbol=symbol, problem=f"they are of {document.symbol}")
            return {}
        try:
            return {Frame.TIDE: past_of(document.tide), Frame.TREND: past_of(document.trend)}
        except ValueError as error:
            self.log.warning("kept bars not read", symbol=symbol, problem=str(error))
            return {}


def _columns_of(bars: PastBars) -> FrameBars:
    high, low, close = (column.tolist() for column in bars.columns)
    return FrameBars(open_time=bars.open_time.tolist(), high=high, low=low, close=close)


def past_of(bars: FrameBars) -> PastBars:
    """Return the bars of a document. Raises ValueError for columns that do not fit together."""
    if {len(bars.high), len(bars.low), len(bars.close)} != {len(bars.open_time)}:
        raise ValueError("open_time, high, low and close differ in length")
    if any(later <= earlier for earlier, later in pairwise(bars.open_time)):
        raise ValueError("open_time does not increase")
    columns = (np.array(column, dtype=np.float64) for column in (bars.high, bars.low, bars.close))
    return PastBars(np.array(bars.open_time, dtype=np.int64), BarColumns(*columns))
