"""The tape: all trades of a symbol, market trades and the account's fills, in one gapless sequence of ids.

A trade's id is the number of trades up to it. Market trades stay in their blocks of ticks; only the account's fills
are kept one by one, each with the number of fills before it. The seconds of old klines are made of the same blocks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from cq_tui.simulator.market.packed_ticks import PackedTicks, seconds_of
from cq_tui.simulator.market.symbols import MarketSymbol
from cq_tui.simulator.market.ticks import TICK_MS, TICKS_PER_SECOND, Bars, Integers, TickBlock

#: Ticks whose trades and seconds can be queried, and the account's fills per symbol.
TICKS_KEPT = 9_700 * TICKS_PER_SECOND
FILLS_KEPT = 5_000
#: Blocks are joined once they have so many ticks.
_JOINED_TICKS = 500 * TICKS_PER_SECOND


class TapeTrade(NamedTuple):
    """A public trade; ``continues_aggregate`` says whether it belongs to the previous trade's aggregate."""

    id: int
    aggregate_id: int
    price: str
    quantity: str
    time: int
    buyer_is_maker: bool
    continues_aggregate: bool


class AccountFill(NamedTuple):
    """A fill of the account with its id on the tape; ``taker_order_id`` is 0 if the account was the maker."""

    id: int
    price: Decimal
    quantity: Decimal
    time: int
    buyer_is_maker: bool
    taker_order_id: int


class _TapeFill(NamedTuple):
    """A fill on the tape: ``number`` fills precede it; ``joined`` fills up to it continue an aggregate."""

    trade: TapeTrade
    fill: AccountFill
    number: int
    joined: int

    @property
    def id(self) -> int:
        return self.trade.id

    @property
    def aggregate_id(self) -> int:
        return self.trade.aggregate_id


@dataclass(frozen=True, slots=True)
class _Page:
    """A block of ticks, and the number of each symbol's trades before and after it."""

    block: PackedTicks
    before: Integers
    after: Integers

    def counts(self, column: int) -> Integers:
        """Return the number of a symbol's trades up to and including each tick."""
        counts: Integers = self.before[column] + self.block.counts(column)
        return counts


class Tape:
    """The trades of all symbols; ``trades_before`` counts each symbol's trades before the first block."""

    def __init__(self, symbols: Sequence[MarketSymbol], trades_before: int) -> None:
        self._symbols = symbols
        self._tick_size = [float(entry.tick_size) for entry in symbols]
        self._step_size = np.array([float(entry.step_size) for entry in symbols])
        self._pages: list[_Page] = []
        #: Pages at the end that are not joined yet.
        self._small = 0
        #: The first tick of the latest block, and each symbol's trades before it and up to each of its ticks.
        self._start = 0
        self._before: Integers = np.full(len(symbols), trades_before, dtype=np.int64)
        self._counts: Integers = self._before[None]
        self._fills: list[list[_TapeFill]] = [[] for _ in symbols]
        self._fill_counts = [0] * len(symbols)

    def append_block(self, block: TickBlock) -> None:
        """Append the next block of ticks and drop old ones."""
        before = self._before = self._counts[-1].copy()
        self._counts = np.cumsum(block.quantity > 0, axis=0, dtype=np.int64) + before
        self._start = block.start
        self._pages.append(_Page(PackedTicks.of(block, self._step_size), before, self._counts[-1].copy()))
        self._small += 1
        if self._small > 2 and block.start - self._pages[-self._small].block.start >= _JOINED_TICKS:
            self._join_pages()
        while len(self._pages) > 1 and block.start - self._pages[1].block.start >= TICKS_KEPT:
            del self._pages[0]

    def _join_pages(self) -> None:
        """Join the small pages before the latest."""
        parts = self._pages[-self._small : -1]
        together = PackedTicks.joined([part.block for part in parts], self._step_size)
        self._pages[-self._small : -1] = [_Page(together, parts[0].before, parts[-1].after)]
        self._small = 1

    @property
    def first_tick(self) -> int:
        """The oldest tick kept."""
        return self._pages[0].block.start

    def seconds(self, column: int, first: int, last: int) -> Bars:
        """Return a symbol's seconds that open from ``first`` to ``last`` (Unix ms), all kept, without the fills."""
        begin, end = (
            bisect_right(self._pages, time // TICK_MS, key=lambda page: page.block.start) for time in (first, last)
        )
        blocks = [page.block for page in self._pages[begin - 1 : end]]
        bars = seconds_of(blocks, column, self._tick_size[column], float(self._step_size[column]))
        skipped = (first - blocks[0].start * TICK_MS) // 1_000
        return bars[skipped : skipped + (last - first) // 1_000 + 1]

    def set_fill_count(self, column: int, count: int) -> None:
        """Set how many fills the account had before the next one added."""
        self._fill_counts[column] = count

    def add_fill(self, column: int, fill: AccountFill) -> TapeTrade | None:
        """Add a fill of the account; None if its id is already there (a self-trade)."""
        fills = self._fills[column]
        last = fills[-1] if fills else None
        if last is not None and last.id == fill.id:
            return None
        continues = last is not None and _same_aggregate(last.fill, fill)
        joined = (last.joined if last else 0) + continues
        trade = TapeTrade(
            fill.id, fill.id - joined, f"{fill.price:.8f}", f"{fill.quantity:.8f}", fill.time,
            fill.buyer_is_maker, continues,
        )  # fmt: skip
        fills.append(_TapeFill(trade, fill, self._fill_counts[column], joined))
        self._fill_counts[column] += 1
        if len(fills) > 2 * FILLS_KEPT:
            del fills[:-FILLS_KEPT]
        return trade

    def market_trade_count(self, column: int, tick: int) -> int:
        """Return the number of market trades up to ``tick``, a tick of the latest block."""
        return int(self._counts[tick - self._start, column])

    def most_market_trades(self, tick: int) -> int:
        """Return the most market trades that a symbol had up to ``tick``, a tick of the latest block."""
        return int(self._counts[tick - self._start].max(initial=0))

    def row_of(self, column: int, number: int) -> int | None:
        """Return the row of market trade ``number`` in the latest block, or None if it is not there."""
        counts = self._counts[:, column]
        if not self._before[column] < number <= counts[-1]:
            return None
        return int(np.searchsorted(counts, number))

    def last_id(self, column: int, tick: int) -> int:
        """Return the id of the last trade at ``tick``; 0 before the first."""
        return self.market_trade_count(column, tick) + self._fill_counts[column]

    def oldest_id(self, column: int) -> int:
        """Return the id of the oldest trade kept."""
        number = int(self._pages[0].before[column]) + 1
        fills = self._fills[column]
        position = bisect_left(fills, number, key=lambda fill: fill.id - fill.number)
        before = fills[position].number if position < len(fills) else self._fill_counts[column]
        return number + before

    def trades(self, column: int, first: int, last: int) -> list[TapeTrade]:
        """Return the trades with ids from ``first`` to ``last``, ascending; both must be on the tape."""
        fills, result = self._fills[column], []
        position = bisect_left(fills, first, key=attrgetter("id"))
        while first <= last:
            fill = fills[position] if position < len(fills) else None
            if fill is not None and fill.id == first:
                result.append(fill.trade)
                position += 1
                first += 1
                continue
            end = min(last, fill.id - 1) if fill is not None else last
            before = fill.number if fill is not None else self._fill_counts[column]
            joined = fills[position - 1].joined if position else 0
            result.extend(self._market_trades(column, first, end, before, joined))
            first = end + 1
        return result

    def _market_trades(self, column: int, first: int, last: int, fills: int, joined: int) -> Iterator[TapeTrade]:
        """Yield market trades with ``fills`` fills before them."""
        size, number = self._tick_size[column], first - fills
        for page in self._pages[self._page_of(column, number) :]:
            if number > last - fills:
                break
            counts = page.counts(column)
            upto = min(last - fills, int(counts[-1]))
            rows = np.searchsorted(counts, np.arange(number, upto + 1))
            trades = page.block.trades(column, float(self._step_size[column]), rows)
            prices, quantities, bought = (each.tolist() for each in trades)
            for row, price, quantity, taker_bought in zip(rows.tolist(), prices, quantities, bought, strict=True):
                trade_id = number + fills
                number += 1
                yield TapeTrade(
                    trade_id, trade_id - joined, f"{price * size:.8f}", f"{quantity:.8f}",
                    (page.block.start + row) * TICK_MS, not taker_bought, False,
                )  # fmt: skip

    def _page_of(self, column: int, number: int) -> int:
        """Return the index of the page that holds market trade ``number``."""
        newest = len(self._pages) - 1
        if number > self._pages[newest].before[column]:
            return newest
        return bisect_left(self._pages, number, key=lambda page: page.after[column])

    def first_of_aggregate(self, column: int, aggregate: int) -> int:
        """Return the id of the first trade of an aggregate."""
        fills = self._fills[column]
        position = bisect_left(fills, aggregate, key=attrgetter("aggregate_id"))
        if position < len(fills) and fills[position].aggregate_id == aggregate:
            return fills[position].id
        return aggregate + (fills[position - 1].joined if position else 0)

    def first_id_at(self, column: int, time: int, tick: int) -> int:
        """Return the id of the first trade at or after ``time``; the next id if there is none yet."""
        first_tick = min(-(-time // TICK_MS), tick + 1)  # the first tick at or after ``time``
        first = self._pages[0].block.start
        if first_tick <= first:
            market = int(self._pages[0].before[column])
        else:
            index = bisect_right(self._pages, first_tick - 1, key=lambda page: page.block.start) - 1
            page = self._pages[index]
            market = int(page.counts(column)[min(first_tick - 1 - page.block.start, len(page.block) - 1)])
        fills = self._fills[column]
        position = bisect_left(fills, time, key=lambda fill: fill.trade.time)
        before = fills[position].number if position < len(fills) else self._fill_counts[column]
        # ``market`` and ``before`` trades are earlier; a fill comes after the market trades of its tick.
        return max(market + before + 1, self.oldest_id(column))


def _same_aggregate(last: AccountFill, fill: AccountFill) -> bool:
    return (
        fill.taker_order_id > 0
        and (last.taker_order_id, last.price, last.time) == (fill.taker_order_id, fill.price, fill.time)
        and fill.id == last.id + 1
    )
