"""A look back from Python: ``backtest(...)``, and its results as dataclasses and as columns.

from pathlib import Path
from cq_tui.lookback import backtest
from cq_tui.ops.market_data.reading import load_columns

found = backtest(load_columns(Path("klines")), ["bb_mean_revert_v2"])
pandas.DataFrame(found.trade_columns())
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from numpy.typing import NDArray

from cq_tui.books.ledger import Ledger
from cq_tui.books.round_trips import RoundTrip, round_trips
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.costs import DEFAULT_FEE, Costs
from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.run import Progress, run
from cq_tui.strategies.protocol import Strategy, StrategyClass
from cq_tui.strategies.registry import load_strategies
from cq_tui.trading.core.settings import TraderSettings

_OF_A_SIGNAL = (
    "bar_close_time", "symbol", "strategy", "side", "entry_price", "stop_loss", "take_profit", "confidence",
)  # fmt: skip
#: A strategy by its name, or a class that need not be installed.
Chosen = str | StrategyClass


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """What a run brought: its result, and the positions that came of it."""

    result: BacktestResult
    trades: list[RoundTrip]

    def equity_columns(self) -> dict[str, NDArray[Any]]:
        """Return the equity at each close: Unix ms, net of costs, before costs, and of buying and holding."""
        result = self.result
        return {"ms": result.equity_ms, "net": result.equity, "gross": result.gross, "buy_and_hold": result.benchmark}

    def trade_columns(self) -> dict[str, list[Any]]:
        """Return the positions as columns, amounts as floats; ``trades`` has them exactly."""
        rows = [_floats(trade) for trade in self.trades]
        names = list(rows[0]) if rows else [*RoundTrip.__dataclass_fields__, "gross", "share"]
        return {name: [row[name] for row in rows] for name in names}

    def signal_columns(self) -> dict[str, list[Any]]:
        """Return the signals as columns."""
        return {name: [getattr(signal, name) for signal in self.result.signals] for name in _OF_A_SIGNAL}


def backtest(
    columns: Mapping[str, KlineColumns],
    strategies: Sequence[Chosen] | Mapping[Chosen, Mapping[str, Any]],
    *,
    begin: datetime | None = None,
    end: datetime | None = None,
    cash: Decimal | int = 10_000,
    fee: Decimal = DEFAULT_FEE,
    slippage: Decimal | Mapping[str, Decimal] | None = None,
    settings: TraderSettings | None = None,
    progress: Progress = lambda done, whole: None,
) -> Backtest:
    """Run strategies over klines by symbol, which share one wallet. Times without a zone are in UTC.

    A mapping gives each strategy its parameters. ``slippage`` is the share that market orders pay beyond the price, for
    all symbols or by symbol. Raises BacktestError, StrategyUnknown and StrategyParametersInvalid.
    """
    wanted = strategies if isinstance(strategies, Mapping) else {one: {} for one in strategies}
    catalog = load_strategies()

    def make(symbol: str, interval_ms: int) -> list[Strategy]:
        return [
            catalog.make(one, symbol, interval_ms, parameters)
            if isinstance(one, str)
            else one(symbol, interval_ms, one.Parameters(**parameters))
            for one, parameters in wanted.items()
        ]

    plan = BacktestPlan(
        strategies={one if isinstance(one, str) else one.name: dict(each) for one, each in wanted.items()},
        from_ms=_utc_ms(begin),
        to_ms=_utc_ms(end),
        cash=Decimal(cash),
        costs=_costs(fee, slippage),
        settings=settings or TraderSettings(),
    )
    result = run(plan, columns, make, progress=progress)
    ledger = Ledger()
    for fact, ms in zip(result.facts, result.facts_ms, strict=True):
        ledger.take(fact, ms)
    return Backtest(result, round_trips(ledger))


def _costs(fee: Decimal, slippage: Decimal | Mapping[str, Decimal] | None) -> Costs:
    if slippage is None:
        return Costs(fee)
    return Costs(fee, slippage_of=slippage) if isinstance(slippage, Mapping) else Costs(fee, slippage, {})


def _utc_ms(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _floats(trade: RoundTrip) -> dict[str, Any]:
    row = {**asdict(trade), "gross": trade.gross, "share": trade.share}
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}
