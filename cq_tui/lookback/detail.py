"""What is known of the prices within a candle, by finer candles or by trades: which of two was reached first."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.trade_columns import TradeColumns

#: Finer recordings of a symbol.
FinerColumns = KlineColumns | TradeColumns


class Detail(Protocol):
    """Prices within candles, counted in the symbol's tick sizes."""

    def rises_first(self, below: int, above: int, from_ms: int, until_ms: int) -> bool | None:
        """Return whether the price above was reached before the one below; None if that cannot be told."""


def detail_of(finer: FinerColumns, tick_size: float) -> Detail:
    """Return the detail that finer recordings of a symbol give."""
    return TradeDetail(finer, tick_size) if isinstance(finer, TradeColumns) else CandleDetail(finer, tick_size)


class CandleDetail:
    """Finer candles. It cannot be told where one of them reaches both, or those until then are not all there."""

    def __init__(self, columns: KlineColumns, tick_size: float) -> None:
        self._columns, self._tick = columns, tick_size

    def rises_first(self, below: int, above: int, from_ms: int, until_ms: int) -> bool | None:
        """Return whether the price above was reached before the one below; None if that cannot be told."""
        part = self._columns.between(from_ms, until_ms)
        fell = _first(part.low <= (below + 0.25) * self._tick)
        rose = _first(part.high >= (above - 0.25) * self._tick)
        if fell == rose:
            return None
        count = min(fell, rose) + 1
        is_whole = int(part.open_time[count - 1]) == from_ms + (count - 1) * part.interval_ms
        return rose < fell if is_whole else None


class TradeDetail:
    """Trades. It cannot be told where their ids leave one out since the candle began."""

    def __init__(self, columns: TradeColumns, tick_size: float) -> None:
        self._columns, self._tick = columns, tick_size

    def rises_first(self, below: int, above: int, from_ms: int, until_ms: int) -> bool | None:
        """Return whether the price above was reached before the one below; None if that cannot be told."""
        trades = self._columns
        first, end = (int(place) for place in np.searchsorted(trades.time, (from_ms, until_ms)))
        prices = trades.price[first:end]
        fell = _first(prices <= (below + 0.25) * self._tick)
        rose = _first(prices >= (above - 0.25) * self._tick)
        # The trade before the candle is needed, too: without it, the candle's first may be missing.
        if fell == rose or not first:
            return None
        last = first + min(fell, rose)
        is_whole = int(trades.trade_id[last] - trades.trade_id[first - 1]) == last - first + 1
        return rose < fell if is_whole else None


def _first(reached: NDArray[np.bool_]) -> int:
    """Return the number of the first that does; beyond the last if none does."""
    return int(reached.argmax()) if reached.any() else len(reached)
