"""When something can happen next: between these moments the core and the engine need not be asked.

It errs on the side of a moment too many: one at which nothing happens changes nothing.
"""

from collections.abc import Mapping
from math import inf

import numpy as np
from numpy.typing import NDArray

from cq_tui.lookback.costs import Costs
from cq_tui.lookback.path import Levels
from cq_tui.lookback.stage import Stage
from cq_tui.lookback.track import Band, Track
from cq_tui.lookback.trader import VirtualTrader, is_in_question, is_watching
from cq_tui.trading.core.marking import HIGHER
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.wanted_exits import STOP_GAP_SHARE

_DAY_MS = 86_400_000
#: Share by which floats are taken to be off.
_MARGIN = 1e-9


class Agenda:
    """What a run goes through. ``grid``: when candles of any symbol open or close, ascending (Unix ms)."""

    def __init__(
        self,
        tracks: Mapping[str, Track],
        costs: Costs,
        stage: Stage,
        trader: VirtualTrader,
        grid: NDArray[np.int64],
        *,
        skip_idle: bool,
    ) -> None:
        self._tracks, self._costs, self._stage, self._trader = tracks, costs, stage, trader
        self._grid = grid
        self._skip_idle = skip_idle

    def next_moment(self, now: int, until: int) -> int:
        """Return when to go on: a moment of the grid after ``now``, at most ``until``."""
        s = self._trader.situation
        following = self.at_or_after(now + 1)
        if not self._skip_idle or is_in_question(s) or is_watching(s):
            return min(following, until)
        symbols = self._symbols(s)
        slack = _slack(s)
        if slack is None:
            return min(following, until)
        until = min(until, self._next_day(s), self._next_time_stop(s))
        for symbol in symbols:
            band = self._band(s, symbol, slack[0] / len(symbols), slack[1] / len(symbols))
            until = self._tracks[symbol].first_outside(band, now, until, after_ms=now)
        return max(until, following)

    def is_marking(self, now: int) -> bool:
        """Whether the equity may have to be marked now, or a limit be reached: then book and account are compared."""
        s = self._trader.situation
        money = s.book.money
        is_new_day = money is None or now // _DAY_MS > money.day
        return not self._skip_idle or is_new_day or is_watching(s) or _slack(s) is None

    def at_or_after(self, ms: int) -> int:
        """Return the first moment of the grid from then on; its last one where there is none."""
        return int(self._grid[min(int(self._grid.searchsorted(ms)), len(self._grid) - 1)])

    def _symbols(self, s: Situation) -> list[str]:
        """Return where something is held or ordered, in a fixed order."""
        held = (symbol for symbol, holding in s.book.holdings.items() if holding.quantity)
        awaited = (wait.signal.symbol for wait in s.book.waits.values())
        return list(dict.fromkeys((*self._stage.with_orders(), *s.book.positions, *held, *awaited)))

    def _next_day(self, s: Situation) -> int:
        """Return when the next day begins (UTC), whose first equity is marked."""
        assert s.book.money is not None
        return self.at_or_after((s.book.money.day + 1) * _DAY_MS)

    def _next_time_stop(self, s: Situation) -> int:
        due = [plan.time_stop_ms for one in s.book.positions.values() if (plan := one.plan).time_stop_ms is not None]
        due += [wait.until_ms for wait in s.book.waits.values()]
        return self.at_or_after(min(due)) if due else int(self._grid[-1])

    def _band(self, s: Situation, symbol: str, rise: float, fall: float) -> Band:
        """Return the prices within which nothing happens, as the equity may rise and fall by so much through them."""
        track, levels = self._tracks[symbol], self._stage.levels(symbol)
        tick, kept = float(track.tick_size), 1 - float(self._costs.slippage_in(symbol))
        holding, position = s.book.holdings.get(symbol), s.book.positions.get(symbol)
        quantity = 0.0 if holding is None else float(holding.quantity)
        bid = float(s.last_bid(symbol) or 0)
        lowest, highest = (bid - fall / quantity, bid + rise / quantity) if quantity else (-inf, inf)
        trail = inf
        if position is not None:
            lowest = max(lowest, float(position.plan.stop_loss * (1 - STOP_GAP_SHARE)))
            highest = min(highest, _target_without_order(position, levels))
            trail = _trailing_from(position)
        # Bids are rounded to ticks: a moment too many is no harm.
        low_close, high_close = (lowest + 2 * tick) / kept, (highest - 2 * tick) / kept
        below = max(levels.falling, default=-inf)
        above = min(levels.above, default=inf)
        return Band(below * tick + tick / 4, above * tick - tick / 4, low_close, high_close, trail - tick / 4)


def _target_without_order(position: Position, levels: Levels) -> float:
    """Return the target of a position that no order sells at; infinite otherwise."""
    target = position.plan.take_profit
    return inf if target is None or levels.above else float(target)


def _trailing_from(position: Position) -> float:
    """Return the high of a closed candle from which on the stop is raised."""
    plan = position.plan
    return inf if plan.trail is None else float(plan.stop_loss + plan.trail)


def _slack(s: Situation) -> tuple[float, float] | None:
    """Return how far the equity may rise and fall until something is marked, or a limit reached; None if it is."""
    money = s.book.money
    if money is None:
        return None
    equity = float(money.quote) + sum(
        float(held.quantity) * float(s.last_bid(symbol) or 0) for symbol, held in s.book.holdings.items()
    )
    losses, peak = s.settings.losses, float(money.peak)
    tiers = (peak * (1 - float(share)) for _, share in losses.tiers())
    floor = max(float(money.day_base) * (1 - float(losses.daily)), *tiers)
    margin = _MARGIN * max(peak, 1.0)
    rise, fall = peak * float(HIGHER) - equity - margin, equity - floor - margin
    return (rise, fall) if rise > 0 and fall > 0 else None
