"""A strategy that says what a test wants, at the candles that the test wants; and candles to run it over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np

from cq_tui.contracts.market import Kline
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.detail import FinerColumns
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.run import run
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.protocol import Side, Signal, Strategy, StrategyParameters
from cq_tui.trading.core.facts import OrderFilled
from cq_tui.trading.core.settings import TraderSettings

MINUTE = 60_000
#: A whole day (UTC).
START = 1_700_006_400_000
#: Open, high, low, close; and the volume.
Bar = tuple[float, float, float, float] | tuple[float, float, float, float, float]

FREE = Costs(Decimal(0), Decimal(0), {})
SETTINGS = TraderSettings(slippage_cap=Decimal("0.05"), max_price_gap=Decimal("0.2"))


Script = Mapping[int, tuple[float, float] | float | None]


@dataclass
class Scripted:
    """Its script has, by number of the candle, what to say at its close.

    ``(stop, target)`` to buy, None to sell, a share to sell that part. ``more`` are further fields of entries, of which
    ``below`` is how far below the close their limit is.
    """

    symbol: str
    script: Script
    more: Mapping[str, Any] = field(default_factory=dict)
    name: ClassVar[str] = "scripted"
    warm_up: Mapping[Frame, int] = field(default_factory=lambda: {Frame.TRIGGER: 1})
    parameters: StrategyParameters = field(default_factory=StrategyParameters)

    def on_bar(self, frame: Frame, bar: Kline) -> Signal | None:
        number = (bar.open_time - START) // MINUTE
        if number not in self.script:
            return None
        said, close = self.script[number], bar.close
        if isinstance(said, tuple):
            signal = Signal(self.symbol, Side.BUY, close, *said, 0.5, self.name, "1m", bar.close_time)
            more = {name: value for name, value in self.more.items() if name != "below"}
            if "below" in self.more:
                more["limit_price"] = round(close - self.more["below"], 2)
            return replace(signal, **more)
        levels = close * 1.1, close * 0.9
        return Signal(self.symbol, Side.SELL, close, *levels, 0.5, self.name, "1m", bar.close_time, part=said)

    def reset(self, frame: Frame) -> None:
        """Forget nothing."""

    def values(self) -> dict[str, float]:
        return {}


def columns(bars: Sequence[Bar], symbol: str = "COINUSDT", *, missing: Sequence[int] = ()) -> KlineColumns:
    """Return candles of a minute; those whose numbers are ``missing`` are a hole."""
    rows = [(START + number * MINUTE, *bar, *([1e6] if len(bar) == 4 else [])) for number, bar in enumerate(bars)]
    # A cent is the tick size, which is taken from the decimals of the prices.
    rows[0] = (*rows[0][:2], rows[0][2] + 0.01, *rows[0][3:])
    kept = np.array([row for number, row in enumerate(rows) if number not in missing])
    return KlineColumns(symbol, MINUTE, kept[:, 0].astype(np.int64), *(kept[:, one].copy() for one in range(1, 6)))


def flat(count: int, price: float = 100.0) -> list[Bar]:
    """Return candles that stand still."""
    return [(price, price, price, price)] * count


def play(
    klines: KlineColumns | Sequence[KlineColumns],
    script: Script,
    *,
    costs: Costs = FREE,
    settings: TraderSettings = SETTINGS,
    plan: Mapping[str, Any] | None = None,
    make: Callable[[str, int], Sequence[Strategy]] | None = None,
    others: Mapping[str, KlineColumns] | None = None,
    detail: Mapping[str, FinerColumns] | None = None,
    **more: Any,
) -> BacktestResult:
    """Run the script over candles."""
    several = [klines] if isinstance(klines, KlineColumns) else klines
    asked = BacktestPlan({}, costs=costs, settings=settings, **(plan or {}))
    scripted = make or (lambda symbol, _: [Scripted(symbol, script, more)])
    return run(asked, {one.symbol: one for one in several}, scripted, others=others, detail=detail)


@dataclass(frozen=True)
class Fill:
    """A fill: at which candle (and ms after its open), what, how much and at what price."""

    candle: int
    ms: int
    side: str
    price: Decimal
    quantity: Decimal


def _plain(amount: Decimal) -> Decimal:
    return Decimal(f"{amount.normalize():f}")


def fills(result: BacktestResult) -> list[Fill]:
    """Return all fills in order."""
    found = []
    for fact in result.facts:
        if isinstance(fact, OrderFilled):
            number, ms = divmod(fact.fill.time - START, MINUTE)
            side = "BUY" if fact.realized is None else "SELL"
            found.append(Fill(number, ms, side, _plain(fact.fill.price), _plain(fact.fill.quantity)))
    return found
