"""The simulated market at the current tick: prices, trades and klines from a price source and the account's fills."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from cq_tui.binance.filters import SymbolRules
from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.simulator.market.account_second import AccountSecond
from cq_tui.simulator.market.background_liquidity import BackgroundLiquidity
from cq_tui.simulator.market.bars import BarRing, aggregate, bucket_open
from cq_tui.simulator.market.rolling_windows import RollingWindows
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.tape import AccountFill, Tape, TapeTrade
from cq_tui.simulator.market.ticks import (
    TICK_MS,
    TICKS_PER_SECOND,
    BackgroundTrade,
    Bars,
    Flags,
    Floats,
    Integers,
    PriceSource,
    TickBlock,
    bars_of_ticks,
)

_AVERAGE_SECONDS = 300
#: Seconds of all symbols at hand: an average, and a minute that it began in. Older ones are made of the tape's ticks.
_SECONDS_AT_HAND = _AVERAGE_SECONDS + 60
#: Minutes of all symbols at hand; older ones are asked of the price source. With many symbols they are those of a day.
MINUTES_KEPT = 7 * 1_440 + 180
_LEAST_MINUTES_KEPT = 1_440 + 60
_MOST_BARS = 50 * MINUTES_KEPT
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


class NoPricesError(Exception):
    """The price source has no prices for the current time."""


class Market:
    """Advances through a price source's ticks, and keeps bars and trades.

    A tick's number is Unix ms // TICK_MS. Raises NoPricesError if the source has no tick at or before ``tick``.
    ``fills`` are the account's past fills by symbol, ascending; ``fill_counts`` are their total numbers.
    """

    def __init__(
        self,
        source: PriceSource,
        tick: int,
        fills: Mapping[str, Sequence[AccountFill]] | None = None,
        fill_counts: Mapping[str, int] | None = None,
    ) -> None:
        self.source = source
        self.symbols: tuple[MarketSymbol, ...] = source.symbols
        self.column = {entry.symbol: number for number, entry in enumerate(self.symbols)}
        self.rules = {entry.symbol: SymbolRules.from_exchange_info(entry.exchange_info()) for entry in self.symbols}
        self._tick_size: Floats = np.array([float(entry.tick_size) for entry in self.symbols])
        self._seconds = BarRing(_SECONDS_AT_HAND, len(self.symbols))
        minutes_kept = min(max(_MOST_BARS // max(len(self.symbols), 1), _LEAST_MINUTES_KEPT), MINUTES_KEPT)
        self._minutes = BarRing(minutes_kept, len(self.symbols))
        self.tick = tick
        self._holes = [source.holes(column) for column in range(len(self.symbols))]
        self._has_holes = any(len(holes.starts) for holes in self._holes)
        self._minutes.extend(self._aggregate(source.history(minutes_kept), "1m"))
        self.tape = Tape(self.symbols, source.trades_before)
        self._load_past_fills(fills or {}, fill_counts or {})
        #: The account's fills of the open second by column, and the number of all fills so far.
        self._second_fills: dict[int, AccountSecond] = {}
        self._fill_count = 0
        #: By symbol and open time, the closed seconds in which the account had fills.
        self._seconds_with_fills: dict[int, dict[int, Bars]] = {}
        block = source.next_block()
        if block is None or block.start > tick:
            raise NoPricesError("the price source does not reach back to the current time")
        self._load_block(block)
        self._windows = RollingWindows()
        self.tick = block.start
        self.ended = False
        self.advance(tick)

    @property
    def time(self) -> int:
        """Unix ms of the current tick."""
        return self.tick * TICK_MS

    def advance(self, tick: int) -> None:
        """Advance to ``tick``; at the end of the prices the market has ``ended`` and stops."""
        if tick <= self.tick or self.ended:
            return
        while tick >= self._block.end:
            self._close_seconds(self._block.end)
            following = self.source.next_block()
            if following is None:
                self.ended = True
                self.tick = self._block.end - 1
                return
            self._load_block(following)
            self.tick = following.start
        self._close_seconds(tick)
        self.tick = tick

    def _load_past_fills(self, fills: Mapping[str, Sequence[AccountFill]], counts: Mapping[str, int]) -> None:
        """Put past fills of the account on the tape; each joins its bar when its block is loaded."""
        self._past_fills: list[tuple[int, int, AccountFill]] = []
        for symbol in fills.keys() | counts.keys():
            if (column := self.column.get(symbol)) is not None:
                entries = fills.get(symbol, ())
                before = counts.get(symbol, len(entries)) - len(entries)
                self.tape.set_fill_count(column, before)
                for number, fill in enumerate(entries, before):
                    self.tape.add_fill(column, fill)
                    self._past_fills.append((fill.id - number - 1, column, fill))

    def _load_block(self, block: TickBlock) -> None:
        self._block = block
        self._block_bars = bars_of_ticks(block, self._tick_size)
        self.tape.append_block(block)
        past: dict[int, dict[int, AccountSecond]] = {}
        for number, column, fill in self._past_fills:
            if (row := self.tape.row_of(column, number)) is not None:
                own = past.setdefault(row // TICKS_PER_SECOND, {})
                own.setdefault(column, AccountSecond()).add(block.start + row, fill)
        for second, own in past.items():
            self._add_to_block_bars(second, own)

    def _add_to_block_bars(self, second: int, own: Mapping[int, AccountSecond]) -> None:
        """Add the account's fills in a second of the current block to its bars."""
        last_tick = self._block.start + (second + 1) * TICKS_PER_SECOND - 1
        oldest = self.tape.first_tick * TICK_MS
        for column, fills in own.items():
            bar = self._block_bars[second, column]
            fills.add_to(bar, last_tick)
            known = self._seconds_with_fills.setdefault(column, {})
            known[int(bar["open_time"])] = bar.copy()
            while (first := next(iter(known))) < oldest:
                del known[first]

    def add_fill(self, symbol: str, fill: AccountFill) -> TapeTrade | None:
        """Add a fill of the account at the current tick to tape and klines; None if it is already there."""
        column = self.column[symbol]
        trade = self.tape.add_fill(column, fill)
        if trade is not None and not self.ended:
            if (own := self._second_fills.get(column)) is None:
                own = self._second_fills[column] = AccountSecond()
            own.add(self.tick, fill)
            self._fill_count += 1
        return trade

    def last_trade_id(self, symbol: str) -> int:
        """Return the id of the last trade."""
        return self.tape.last_id(self.column[symbol], self.tick)

    def _close_seconds(self, tick: int) -> None:
        """Store the bars of seconds that ended between the current tick and ``tick``."""
        first = (self.tick - self._block.start) // TICKS_PER_SECOND
        last = (tick - self._block.start) // TICKS_PER_SECOND
        if last > first:
            self._add_to_block_bars(first, self._second_fills)
            self._second_fills.clear()
            for begin in range(first, last, _AVERAGE_SECONDS):
                part = self._block_bars[begin : min(begin + _AVERAGE_SECONDS, last)]
                self._seconds.extend(part)
                self._close_minutes(len(part))

    def _close_minutes(self, fresh: int) -> None:
        """Store the minutes completed by the latest ``fresh`` seconds."""
        seconds = self._seconds.bars
        end = int(self._seconds.times[-1]) + 1_000
        if end // 60_000 == (end - fresh * 1_000) // 60_000:
            return
        recent = seconds[-(fresh + 60) :]
        times = self._seconds.times[-(fresh + 60) :]
        floor = int(self._minutes.times[-1]) + 60_000 if len(self._minutes) else 0
        whole = recent[(times >= floor) & (times < end // 60_000 * 60_000)]
        self._minutes.extend(self._aggregate(whole, "1m"))

    def _row(self) -> int:
        return self.tick - self._block.start

    def last_quantity(self, symbol: str) -> float:
        """Return the base quantity of the last trade, for display."""
        column = self.column[symbol]
        fill = self._fill_at_tick(column)
        return float(self._block.quantity[self._row(), column] if fill is None else fill.quantity)

    def _fill_at_tick(self, column: int) -> AccountFill | None:
        """Return the account's latest fill if it is the last trade."""
        own = self._second_fills.get(column)
        return own.latest_fill if own is not None and own.tick == self.tick else None

    def last_price(self, symbol: str) -> Decimal:
        """Return the exact price of the last trade."""
        column = self.column[symbol]
        if (fill := self._fill_at_tick(column)) is not None:
            return fill.price
        return int(self._block.last[self._row(), column]) * self.symbols[column].tick_size

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        """Return the price source's trade at the current tick, or None."""
        row, column, block = self._row(), self.column[symbol], self._block
        entry = self.symbols[column]
        steps = round(float(block.quantity[row, column]) / float(entry.step_size))
        if steps <= 0:
            return None
        price = int(block.last[row, column]) * entry.tick_size
        return BackgroundTrade(price, steps * entry.step_size, bool(block.taker_bought[row, column]))

    def average_price(self, symbol: str) -> Decimal:
        """Return the volume-weighted average price of the last five minutes, to 8 decimals."""
        column = self.column[symbol]
        recent = self._seconds.bars[-_AVERAGE_SECONDS:, column]
        volume = float(recent["volume"].sum(dtype=np.float64))
        if volume <= 0:
            return self.last_price(symbol)
        average = float(recent["quote"].sum(dtype=np.float64)) / volume
        return Decimal(f"{average:.8f}")

    def best_ticks(self, symbol: str) -> tuple[int, int]:
        """Return the price source's best bid and best ask, in tick sizes."""
        row, column = self._row(), self.column[symbol]
        return int(self._block.bid[row, column]), int(self._block.ask[row, column])

    def liquidity(self, symbol: str) -> BackgroundLiquidity:
        """Return a symbol's background liquidity."""
        return self.source.liquidity(self.column[symbol])

    def open_second(self) -> Bars:
        """Return the open second of all symbols, shape (1, symbols); (0, symbols) once the market has ended."""
        if self.ended:
            return self._seconds.bars[:0]
        row = self._row()
        first = row // TICKS_PER_SECOND * TICKS_PER_SECOND
        block = self._block
        part = TickBlock(
            start=block.start + first,
            bid=block.bid[first : row + 1],
            ask=block.ask[first : row + 1],
            last=block.last[first : row + 1],
            quantity=block.quantity[first : row + 1],
            taker_bought=block.taker_bought[first : row + 1],
        )
        bars = bars_of_ticks(part, self._tick_size, ticks_per_bar=len(part))
        for column, own in self._second_fills.items():
            own.add_to(bars[0, column], self.tick)
        return bars

    def last_closed_second(self) -> Bars:
        """Return the last closed second of all symbols, shape (symbols,)."""
        return np.asarray(self._seconds.bars[-1])

    def open_klines(self, interval: str, offset: int = 0) -> Bars:
        """Return the open kline of ``interval`` of all symbols, shape (symbols,)."""
        if interval == "1s":
            return np.asarray(self.open_second()[-1])
        opened = bucket_open(np.array([self.time]), interval, offset)[0]
        minutes = self._minutes.bars[np.searchsorted(self._minutes.times, opened) :]
        return np.asarray(self._aggregate(np.concatenate([minutes, self._open_minute()]), interval, offset)[-1])

    def newly_closed_klines(self, interval: str, offset: int = 0) -> Bars:
        """Return the last closed kline of ``interval`` of all symbols, shape (symbols,).

        Valid only at the first tick after its end.
        """
        if interval == "1s":
            return self.last_closed_second()
        return np.asarray(self._aggregate(self._recent_minutes(interval), interval, offset)[-2])

    def _recent_minutes(self, interval: str) -> Bars:
        """Return the minutes, with the open one, of the last two klines of ``interval``."""
        count = 3 if interval == "1m" else 2 * _minutes_of(interval) + 1
        return np.concatenate([self._minutes.bars[-count:], self._open_minute()])

    def _open_minute(self) -> Bars:
        start = self.time // 60_000 * 60_000
        if len(self._minutes):
            start = max(start, int(self._minutes.times[-1]) + 60_000)
        recent = self._seconds.bars[-60:][self._seconds.times[-60:] >= start]
        return self._aggregate(np.concatenate([recent, self.open_second()]), "1m")

    def _aggregate(self, bars: Bars, interval: str, offset: int = 0) -> Bars:
        """Aggregate bars of all symbols; those in holes are none."""
        if not self._has_holes or not len(bars):
            return aggregate(bars, interval, offset)
        times: Integers = bars["open_time"][:, 0]
        length = int(times[1] - times[0]) if len(times) > 1 else 1_000
        missing = np.stack([self._missing(column, times, length) for column in range(len(self.symbols))], axis=1)
        return aggregate(bars, interval, offset, missing)

    def _missing(self, column: int, times: Integers, length: int) -> Flags:
        """Whether each bar of ``length`` ms lies in a hole; of the open one, what has passed of it counts."""
        return self._holes[column].contain(times, np.minimum(times + length, self.time + 1))

    def has_kline(self, symbol: str, opened: int, ended: int) -> bool:
        """Whether a symbol has a kline from ``opened`` to before ``ended`` (Unix ms): not where it did not trade."""
        times = np.array([opened])
        return not self._has_holes or not self._missing(self.column[symbol], times, ended - opened)[0]

    def klines(
        self,
        symbol: str,
        interval: str,
        limit: int,
        start: int | None = None,
        end: int | None = None,
        offset: int = 0,
    ) -> Bars:
        """Return at most ``limit`` klines, ascending; the last may be open.

        With ``start``, the oldest from there on; otherwise the latest (up to ``end``). Times are Unix ms, inclusive.
        Klines are aligned to the time zone ``offset`` ms ahead of UTC.
        """
        column, is_coarse = self.column[symbol], interval != "1m"
        if interval == "1s":
            return self._second_klines(column, limit, start, end)
        ring, newest = self._minutes, self._open_minute()
        older = self._older(column, interval, limit, start, end, offset)
        if not is_coarse and not len(older) and not len(self._holes[column].starts):
            first, last = _bounds(np.append(ring.times, newest["open_time"][:, column]), limit, start, end)
            open_part = newest[max(0, first - len(ring)) : max(0, last - len(ring)), column]
            return np.concatenate([ring.bars[first:last, column], open_part])
        bars = np.concatenate([ring.bars[:, column], newest[:, column]])
        bars = bars[~self._missing(column, bars["open_time"], INTERVAL_MS["1m"])]
        bars = np.concatenate([older, bars])
        if is_coarse:
            bars = aggregate(bars, interval, offset)
        first, last = _bounds(bars["open_time"], limit, start, end)
        return bars[first:last]

    def _second_klines(self, column: int, limit: int, start: int | None, end: int | None) -> Bars:
        newest = self.open_second()[:, column]
        closed = int(self._seconds.times[-1]) + 1_000 if len(self._seconds) else self._block.start * TICK_MS
        times = np.arange(self.tape.first_tick * TICK_MS, closed + 1_000 * len(newest), 1_000)
        if len(self._holes[column].starts):
            times = times[~self._missing(column, times, 1_000)]
        first, last = _bounds(times, limit, start, end)
        times = times[first:last]
        if not len(times):
            return newest[:0]
        bars = self._closed_seconds(column, int(times[0]), min(int(times[-1]), closed - 1_000))
        return np.asarray(np.concatenate([bars, newest])[(times - times[0]) // 1_000])

    def _closed_seconds(self, column: int, first: int, last: int) -> Bars:
        """Return a symbol's seconds from ``first`` to ``last`` (Unix ms), with the account's fills."""
        if first > last:
            return self._seconds.bars[:0, column]
        bars = self.tape.seconds(column, first, last)
        for time, bar in self._seconds_with_fills.get(column, {}).items():
            if first <= time <= last:
                bars[(time - first) // 1_000] = bar
        return bars

    def _older(self, column: int, interval: str, limit: int, start: int | None, end: int | None, offset: int) -> Bars:
        """Return the minutes before those kept that such a request needs, in whole klines."""
        kept = int(self._minutes.times[0]) if len(self._minutes) else self.time // 60_000 * 60_000
        length = _minutes_of(interval) * 60_000
        latest = self.time if end is None else min(end, self.time)
        wanted = latest - limit * length if start is None else start
        first = max(wanted - length, self.source.oldest())
        if first >= kept:
            return self._minutes.bars[:0, column]
        opened = int(bucket_open(np.array([first]), interval, offset)[0])
        last = latest + length + 1
        if start is not None and not self._has_holes:
            last = min(last, opened + (limit + 3) * length)
        is_hourly = length % _HOUR_MS == 0 and offset % _HOUR_MS == 0
        return self.source.past(column, opened, min(kept, last), hourly=is_hourly)

    def rolling_day(self) -> tuple[Bars, Floats]:
        """Return the rolling 24 h as one bar per symbol, and the price before it."""
        start = self.time // 60_000 * 60_000 - _DAY_MS
        window = self.rolling_window(start)
        index = int(np.searchsorted(self._minutes.times, start)) - 1
        before = self._minutes.bars[index]["close"] if index >= 0 else window["open"]
        return window, before

    def rolling_window(self, start: int, symbols: Sequence[str] = ()) -> Bars:
        """Return the time from ``start`` (a whole minute, Unix ms) until now as one bar per symbol.

        A window longer than a day is whole only for ``symbols``.
        """
        moment = (self.tick, self._fill_count)
        window = self._windows.since(start, moment, self._minutes, self._open_minute)
        kept = int(self._minutes.times[0]) if len(self._minutes) else 0
        if start >= kept:
            return window
        columns = [self.column[symbol] for symbol in symbols]
        return self._windows.with_older(window, start, columns, lambda column: self.source.past(column, start, kept))


def _bounds(times: Integers, limit: int, start: int | None, end: int | None) -> tuple[int, int]:
    """Return the index range of the requested klines."""
    first = 0 if start is None else int(np.searchsorted(times, start, side="left"))
    last = len(times) if end is None else int(np.searchsorted(times, end, side="right"))
    last = max(first, last)
    return (max(first, last - limit), last) if start is None else (first, min(last, first + limit))


def _minutes_of(interval: str) -> int:
    lengths = {"m": 1, "h": 60, "d": 1_440, "w": 10_080, "M": 44_640}
    return int(interval[:-1]) * lengths[interval[-1]]
