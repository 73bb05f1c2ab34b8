"""The exchange of a run, and how its prices move: candle by candle, each along its path."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, cast

from cq_tui.lookback.costs import Costs
from cq_tui.lookback.detail import FinerColumns, detail_of
from cq_tui.lookback.fills import EngineFills
from cq_tui.lookback.path import PARTS, Levels, levels_of, way_of
from cq_tui.lookback.track import Candle, Track
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.candles import CandleMarket
from cq_tui.trading.core.effects import FetchRules
from cq_tui.trading.core.inputs import Answer

#: Seconds to the next attempt where a symbol has no more candles.
_NEVER = 86_400.0


class _SameRules(EngineFills):
    """Carries requests out on an exchange that does not change its rules."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._known: dict[tuple[str, ...], Answer] = {}

    def _rules(self, request: FetchRules) -> Answer:
        known = self._known.get(request.symbols)
        if known is None:
            known = self._known[request.symbols] = super()._rules(request)
        return known


@dataclass(slots=True)
class Passage:
    """A candle, its way, and how many legs of it were gone."""

    candle: Candle
    way: tuple[int, ...]
    open_ms: int
    leg: int = 0


class Stage:
    """One account on one exchange, in virtual time. ``now`` in Unix ms.

    ``detail`` are finer candles or trades: what came first in an ambiguous one. ``limits`` returns the prices that
    entries in a symbol wait for, ``tell`` tells the core the price of a symbol.
    """

    def __init__(
        self,
        tracks: Mapping[str, Track],
        costs: Costs,
        cash: Mapping[str, Decimal],
        now: int,
        detail: Mapping[str, FinerColumns] | None = None,
    ) -> None:
        self._detail = {name: detail_of(one, float(tracks[name].tick_size)) for name, one in (detail or {}).items()}
        self.limits: Callable[[str], Iterable[Decimal]] = lambda _: ()
        self.tell: Callable[[str], None] = lambda _: None
        self.now = now
        self.market = CandleMarket([track.symbol for track in tracks.values()], costs.worse)
        state = ExchangeState({name: (one.symbol.base_asset, one.symbol.quote_asset) for name, one in tracks.items()})
        # It asks of the market only what a CandleMarket has, as long as nobody asks it for market data.
        self.exchange = Exchange(cast(Any, self.market), state, None, cast(Any, None), self.clock)
        self.exchange.limits.enforced = False
        self.exchange.set_commission(costs.rates())
        self.exchange.deposit(cash)
        self.fills = _SameRules(self.exchange)
        self.exchange.listeners.append(self._count_slippage)
        #: What slippage has cost, in quote units, by the number of trades before it.
        self.slippage: list[Decimal] = []
        self._tracks, self._costs = tracks, costs
        #: The candles that are open now, and the leg of their way that has begun; 0 at their open.
        self._open: dict[str, Passage] = {}
        self._leg = 0

    def clock(self) -> int:
        """Return the time (Unix ms)."""
        return self.now

    def set_clock(self, now: int) -> None:
        """Set the time (Unix ms)."""
        self.now = now

    @property
    def state(self) -> ExchangeState:
        """Balances, orders and trades."""
        return self.exchange.state

    def levels(self, symbol: str) -> Levels:
        """Return the prices at which open orders of a symbol are triggered or filled."""
        tick = self._tracks[symbol].tick_size
        found = levels_of(self.state.open_orders_of(symbol), tick)
        limits = tuple(self._costs.highest_for(symbol, int(limit / tick)) for limit in self.limits(symbol))
        return found._replace(limits=limits) if limits else found

    def with_orders(self) -> list[str]:
        """Return the symbols with open orders, in a fixed order."""
        return list(dict.fromkeys(symbol for symbol, _ in self.state.open_orders))

    # A candle

    def end_candles(self) -> None:
        """Forget the candles that were open."""
        self._open.clear()
        self._leg = 0

    def closed_for(self, symbol: str) -> float | None:
        """Return for how many seconds a symbol takes no orders; None if it does: it has a candle now."""
        if self.open_candle(symbol):
            return None
        following = self._tracks[symbol].next_open(self.now)
        # Not beyond its open.
        return _NEVER if following is None else (following - self.now - 1) / 1000

    def open_candle(self, symbol: str) -> bool:
        """Have a symbol trade in the candle that is open now, where its way has come to; False if there is none."""
        passed = self._open.get(symbol)
        if passed is None:
            track = self._tracks[symbol]
            if (row := track.open_now(self.now)) is None:
                return False
            candle = track.candle(row)
            passed = self._open[symbol] = Passage(candle, way_of(candle), track.open_ms(row))
            self.market.begin_candle(symbol, float(track.columns.volume[row]))
            self._move(symbol, candle.open)
            self._tell_if_awaited(symbol, candle.open)
        if passed.leg < self._leg:
            # Nothing was in reach on its way, or it would have gone it.
            passed.leg = self._leg
            self._move(symbol, passed.way[self._leg - 1])
        return True

    def walk(
        self, symbols: Iterable[str], began: int, length_ms: int, settle: Callable[[int], bool], *, everywhere: bool
    ) -> int:
        """Move through the candles that opened at ``began``, leg by leg; after each, and each trade, ``settle``.

        That takes until when, and returns whether anything is still in question. Only those with orders in reach go
        their way, or with ``everywhere`` all with orders. Return how many candles stayed ambiguous.
        """
        ambiguous, walking = 0, []
        for symbol in symbols:
            if (passed := self._open.get(symbol)) is None:
                continue
            levels, candle = self.levels(symbol), passed.candle
            if everywhere or levels.touches(candle.low, candle.high):
                if levels.is_ambiguous(candle.open, candle.low, candle.high):
                    ambiguous += not self._resolve(symbol, passed, levels)
                walking.append(symbol)
        is_open = settle(began + length_ms // PARTS)
        while (walking or is_open) and self._leg < PARTS - 1:
            self._leg += 1
            self.now = max(self.now, began + self._leg * length_ms // PARTS)
            until = began + (self._leg + 1) * length_ms // PARTS
            for symbol in walking:
                self._walk_leg(symbol, partial(settle, until))
            is_open = settle(until)
        return ambiguous

    def _resolve(self, symbol: str, passed: Passage, levels: Levels) -> bool:
        """Find out in finer candles which side of an ambiguous one was reached first; return whether they tell."""
        finer = self._detail.get(symbol)
        if finer is None:
            return False
        until = passed.open_ms + self._tracks[symbol].interval_ms
        rises = finer.rises_first(
            levels.next_stop(passed.candle.open, passed.candle.low),
            levels.next_stop(passed.candle.open, passed.candle.high),
            passed.open_ms,
            until,
        )
        if rises:
            passed.way = way_of(passed.candle, rises_first=True)
        return rises is not None

    def _walk_leg(self, symbol: str, react: Callable[[], object]) -> None:
        passed = self._open[symbol]
        target, passed.leg = passed.way[self._leg - 1], self._leg
        price = self.market.lines[symbol].last
        while price != target:
            price = self.levels(symbol).next_stop(price, target)
            trades = len(self.state.trades)
            self._move(symbol, price)
            if self._tell_if_awaited(symbol, price) or len(self.state.trades) != trades:
                react()

    def _tell_if_awaited(self, symbol: str, price: int) -> bool:
        """Tell a price that an entry waits for; return whether one does."""
        is_awaited = any(price <= limit for limit in self.levels(symbol).limits)
        if is_awaited:
            self.tell(symbol)
        return is_awaited

    def _move(self, symbol: str, price: int) -> None:
        """Let the price be there: stops are triggered, and filled as takers; resting orders fill at their price."""
        self.market.move(symbol, price)
        self.fills.move_to(self.market.tick + 1)
        levels = self.levels(symbol)
        if any(level <= price for level in levels.above) or any(level >= price for level in levels.below):
            self.market.move(symbol, price, is_exact=True)
            self.fills.move_to(self.market.tick + 1)
            self.market.move(symbol, price)
            self.market.advance(self.market.tick + 1)

    def _count_slippage(self, outcome: Outcome, now: int) -> None:
        for report in outcome.reports:
            if (trade := report.trade) is not None:
                last = self.market.last_price(trade.symbol)
                beyond = trade.price - last if trade.is_buyer else last - trade.price
                self.slippage.append(Decimal(0) if trade.is_maker else beyond * trade.quantity)
