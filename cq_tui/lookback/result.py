"""What a run brings: facts, signals, equity, and what it would have been without costs, or without trading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cq_tui.lookback.columns import Hole
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.playing import Stopped
from cq_tui.lookback.track import Track
from cq_tui.simulator.engine.orders import Trade
from cq_tui.strategies.protocol import Signal
from cq_tui.trading.core.facts import Fact, SignalDenied

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Paid:
    """What trading has cost, in quote units."""

    commission: Decimal
    slippage: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class BacktestResult:
    """One run. Times in Unix ms; equities in the quote asset, at the start and at each close, costs included.

    ``gross`` is the same without commission and slippage, ``benchmark`` what the cash would have become if it had
    bought all symbols in equal parts at the start.
    """

    facts: list[Fact]
    #: When each was recorded.
    facts_ms: list[int]
    signals: list[Signal]
    equity_ms: Integers
    equity: Floats
    gross: Floats
    benchmark: Floats
    costs: Paid
    stopped: list[Stopped]
    #: Candles in which a stop and a target were both in reach: it is taken that the stop came first.
    ambiguous_bars: int
    #: Candles played, of all symbols, without those of the warm-up.
    bars: int
    #: By symbol: where candles are missing.
    holes: Mapping[str, list[Hole]]
    #: By symbol: klines that warmed the strategies up.
    warm_up: Mapping[str, int]
    #: The asset in which money is counted.
    quote: str
    from_ms: int
    to_ms: int

    @property
    def denied(self) -> list[SignalDenied]:
        """The signals that were not followed, with the reason."""
        return [fact for fact in self.facts if isinstance(fact, SignalDenied)]


@dataclass(frozen=True, slots=True)
class Curves:
    """Equity at moments: as it was, without costs, and of buying and holding."""

    net: Floats
    gross: Floats
    benchmark: Floats


def curves(
    tracks: Mapping[str, Track],
    costs: Costs,
    cash: float,
    moments: Integers,
    trades: Sequence[Trade],
    slippage: Sequence[Decimal],
) -> Curves:
    """Return the equity at each moment, coins at the last close. A trade at a moment counts after it."""
    net, benchmark = np.full(len(moments), cash), np.zeros(len(moments))
    index = np.searchsorted(moments, np.array([trade.time for trade in trades], dtype=np.int64), side="right")
    net += _running(index, [_change(trade) for trade in trades], len(moments))
    for symbol, track in tracks.items():
        prices = _last_closes(track, moments)
        changes = [_base_change(trade) if trade.symbol == symbol else 0.0 for trade in trades]
        net += _running(index, changes, len(moments)) * prices
        _, ask = costs.worse(symbol, track.ticks(float(track.columns.open[_first_row(track, moments)])))
        bought = cash / len(tracks) * (1 - float(costs.fee)) / (ask * float(track.tick_size))
        benchmark += bought * prices
    # Bought at the first open, after the first moment.
    benchmark[0] = cash
    paid = [float(cost) + _commission(trade) for trade, cost in zip(trades, slippage, strict=True)]
    return Curves(net, net + _running(index, paid, len(moments)), benchmark)


def paid_for(trades: Sequence[Trade], slippage: Sequence[Decimal]) -> Paid:
    """Return what trades have cost."""
    commission = sum((trade.commission * (trade.price if trade.is_buyer else 1) for trade in trades), Decimal(0))
    return Paid(commission, sum(slippage, Decimal(0)))


def _running(index: Integers, changes: Sequence[float], count: int) -> Floats:
    """Return sums of changes, each from its index on."""
    steps: Floats = np.zeros(count + 1)
    np.add.at(steps, index, changes)
    return np.asarray(np.cumsum(steps)[:count])


def _first_row(track: Track, moments: Integers) -> int:
    return min(int(track.columns.open_time.searchsorted(moments[0])), len(track.columns) - 1)


def _last_closes(track: Track, moments: Integers) -> Floats:
    """Return the last close at each moment; before the first, that one's open."""
    rows = np.searchsorted(track.columns.open_time + track.interval_ms, moments, side="right") - 1
    closes = track.columns.close[np.maximum(rows, 0)]
    return np.where(rows < 0, track.columns.open[0], closes)


def _change(trade: Trade) -> float:
    """Return what a trade changes the quote balance by."""
    if trade.is_buyer:
        return -float(trade.quote)
    return float(trade.quote - trade.commission)


def _base_change(trade: Trade) -> float:
    return float(trade.quantity - trade.commission) if trade.is_buyer else -float(trade.quantity)


def _commission(trade: Trade) -> float:
    return float(trade.commission * trade.price if trade.is_buyer else trade.commission)
