"""The market as the core is told of it: quotes of the tickers file, and closed bars of positions that trail.

The feeder dates a ticker by this computer's clock when its message came; the core compares with the exchange's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.contracts.numbers import to_decimal
from cq_tui.contracts.tickers import Ticker, TickersError, tickers_from_bytes
from cq_tui.store.document import DocumentError, FileIdentity, file_identity, read_content
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import KlineJournalReader, last_klines
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.inputs import BarClosed, Quote, QuotesSeen
from cq_tui.trading.signals import InvalidSignal, frame_milliseconds


class QuoteReader:
    """Reads the tickers that changed."""

    def __init__(self, data: DataDir) -> None:
        self._path = data.tickers
        self._seen: FileIdentity | None = None
        self._tickers: dict[str, Ticker] = {}

    def read(self, offset: float) -> QuotesSeen | None:
        """Return the quotes that changed since the last call; None if there are none, or the file cannot be read.

        ``offset``: how far the exchange's clock is ahead of this computer's, in seconds.
        """
        identity = file_identity(self._path)
        if identity == self._seen:
            return None
        try:
            _, tickers = tickers_from_bytes(read_content(self._path))
        except (DocumentError, TickersError):
            return None
        changed = {symbol: ticker for symbol, ticker in tickers.items() if self._tickers.get(symbol) != ticker}
        self._seen, self._tickers = identity, tickers
        quotes = {symbol: _quote(ticker, offset) for symbol, ticker in changed.items()}
        return QuotesSeen(quotes) if quotes else None


def _quote(ticker: Ticker, offset: float) -> Quote:
    bid, ask, last = (to_decimal(max(price, 0.0)) for price in (ticker.bid, ticker.ask, ticker.price))
    return Quote(bid, ask, last, ticker.timestamp + offset)


@dataclass(slots=True)
class _Trail:
    """The bars of one frame of a symbol, made of the journal's klines."""

    reader: KlineJournalReader
    frame_ms: int
    #: When the position was opened (Unix ms): bars that began before do not count.
    opened_ms: int
    #: The bar that is being made.
    open_time: int = -1
    high: float = 0.0


class BarReader:
    """Follows the klines of positions with a trailing stop, in the frame of each plan.

    ``base_interval``: of the kline journals. A frame without a journal of its own is made of it.
    """

    def __init__(self, data: DataDir, base_interval: str) -> None:
        self._data = data
        self._base_interval = base_interval
        self._trails: dict[tuple[str, str], _Trail] = {}
        #: By symbol: why a stop does not trail.
        self.problems: dict[str, str] = {}

    def read(self, book: Book, now_ms: int) -> list[BarClosed]:
        """Return the bars that closed since the last call, oldest first. ``now_ms``: the exchange's time."""
        wanted = {
            (symbol, position.plan.frame): (position.opened_ms, position.plan.trail_bars)
            for symbol, position in book.positions.items()
            if position.plan.trail is not None and position.opened_ms
        }
        self._trails = {
            key: trail for key, trail in self._trails.items() if key in wanted and trail.opened_ms == wanted[key][0]
        }
        self.problems = {}
        bars = []
        for (symbol, frame), (opened_ms, count) in wanted.items():
            bars += self._read_one(symbol, frame, opened_ms, count, now_ms)
        return bars

    def _read_one(self, symbol: str, frame: str, opened_ms: int, count: int, now_ms: int) -> list[BarClosed]:
        trail = self._trails.get((symbol, frame))
        if trail is None:
            return self._begin(symbol, frame, opened_ms, count)
        new = trail.reader.read_new(now_ms)
        if trail.reader.problem is not None:
            self.problems[symbol] = f"its stop does not trail: {trail.reader.problem}"
        return _bars_of(symbol, frame, trail, new.klines)

    def _begin(self, symbol: str, frame: str, opened_ms: int, count: int) -> list[BarClosed]:
        """Read the last bars since the entry, and follow the journal from there."""
        try:
            frame_ms = frame_milliseconds(frame)
        except InvalidSignal as error:
            self.problems[symbol] = f"its stop does not trail: {error}"
            return []
        path = self._data.klines_of(symbol, frame)
        length = frame_ms
        if not path.exists():
            path, length = self._data.klines_of(symbol, self._base_interval), INTERVAL_MS[self._base_interval]
        if frame_ms % length:
            self.problems[symbol] = f"its stop does not trail: no klines of {frame}"
            return []
        reader = KlineJournalReader(path)
        trail = _Trail(reader, frame_ms, opened_ms)
        try:
            # In this order none is missed; one that is read twice changes nothing.
            reader.skip_to_end()
            klines = last_klines(path, (count + 1) * (frame_ms // length))
        except JournalError as error:
            self.problems[symbol] = f"its stop does not trail: {error}"
            return []
        self._trails[symbol, frame] = trail
        return _bars_of(symbol, frame, trail, klines)


def _bars_of(symbol: str, frame: str, trail: _Trail, klines: Iterable[Kline]) -> list[BarClosed]:
    """Return the bars that these klines close. One of which klines are missing has the high of those that are there."""
    bars = []
    for kline in klines:
        open_time = kline.open_time - kline.open_time % trail.frame_ms
        if open_time < trail.opened_ms:
            continue
        if open_time != trail.open_time:
            trail.open_time, trail.high = open_time, kline.high
        trail.high = max(trail.high, kline.high)
        if kline.close_time + 1 == open_time + trail.frame_ms:
            bars.append(BarClosed(symbol, frame, to_decimal(trail.high), kline.close_time))
    return bars
