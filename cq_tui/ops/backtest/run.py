"""A look back from a folder of klines: what is asked for, checked before anything runs; and its report."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy
import talib

from cq_tui import __version__
from cq_tui.books.ledger import Ledger
from cq_tui.books.metrics import curve
from cq_tui.books.report import Surroundings, make_report
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.trading_report import ReportBars, ReportHeader, ReportStop, TradingReport
from cq_tui.lookback.columns import KlineColumns
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.detail import FinerColumns
from cq_tui.lookback.plan import BacktestError, BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.run import Progress, Run
from cq_tui.ops.backtest.hang_watch import StrategyHangs, hang_watch
from cq_tui.ops.backtest.utc_times import UtcTimeError, utc_ms
from cq_tui.ops.market_data.errors import MarketDataError
from cq_tui.ops.market_data.reading import load_columns
from cq_tui.ops.market_data.trade_files import load_trades
from cq_tui.strategies.bars import interval_label
from cq_tui.strategies.choice import Choice, choose
from cq_tui.strategies.protocol import ReadsOthers, Strategy
from cq_tui.strategies.registry import (
    StrategyCatalog,
    StrategyParametersInvalid,
    StrategyUnknown,
    load_strategies,
)
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.money.exact import plain_text

#: Stands for all strategies.
ALL = "all"
_MOST_CASH = Decimal(10) ** 12


class CannotRun(ValueError):
    """Nothing can be run; the message names what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for, as text."""

    klines: Path
    symbols: Sequence[str] = ()
    interval: str | None = None
    strategies: Sequence[str] = ()
    #: ``NAME.PARAMETER=VALUE``.
    parameters: Sequence[str] = ()
    begin: str | None = None
    end: str | None = None
    cash: str = "10000"
    fee: str = "0.001"
    slippage: str | None = None
    #: Finer klines.
    detail: Path | None = None
    #: Whose settings are taken; None for the defaults.
    data: DataDir | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A run that is ready: klines, strategies, costs."""

    plan: BacktestPlan
    columns: Mapping[str, KlineColumns]
    catalog: StrategyCatalog
    #: Not traded: strategies read them.
    others: Mapping[str, KlineColumns] = field(default_factory=dict)
    #: Finer ones, which tell what came first in an ambiguous one.
    detail: Mapping[str, FinerColumns] = field(default_factory=dict)
    #: By name: on which symbols, all if None, and with which parameters.
    choices: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def interval_ms(self) -> int:
        """Interval of the klines."""
        return next(iter(self.columns.values())).interval_ms

    def make(self, symbol: str, interval_ms: int) -> list[Strategy]:
        """Make the strategies of a symbol."""
        return [
            self.catalog.make(name, symbol, interval_ms, choice.parameters)
            for name, choice in self.choices.items()
            if choice.symbols is None or symbol in choice.symbols
        ]

    def run(self, progress: Progress = lambda done, whole: None) -> BacktestResult:
        """Run it. Raises CannotRun."""
        try:
            contained = (Exception, SystemExit, StrategyHangs)
            run = Run(self.plan, self.columns, self.make, self.others, progress, contained, self.detail)
            with hang_watch(lambda: run.playing):
                return run.result()
        except BacktestError as error:
            raise CannotRun(str(error)) from None


def prepare(asked: Asked) -> Job:
    """Read the klines, and check all that is asked for. Raises CannotRun."""
    try:
        begin, end = (None if text is None else utc_ms(text) for text in (asked.begin, asked.end))
        columns = load_columns(asked.klines, asked.symbols or None, asked.interval)
        detail = {} if asked.detail is None else _detail(asked.detail, columns)
        settings, given = _settings(asked.data)
        catalog = load_strategies()
        choices = _choices(catalog, asked, given)
        plan = BacktestPlan(
            strategies={name: dict(choice.parameters) for name, choice in choices.items()},
            from_ms=begin,
            to_ms=end,
            cash=_amount("--cash", asked.cash, Decimal(0), _MOST_CASH),
            costs=_costs(asked),
            settings=settings,
        )
    except (UtcTimeError, MarketDataError, StrategyUnknown, StrategyParametersInvalid) as error:
        raise CannotRun(str(error)) from None
    if begin is not None and end is not None and begin >= end:
        raise CannotRun(f"--from {asked.begin} is not before --to {asked.end}")
    job = Job(plan, columns, catalog, detail=detail, choices=choices)
    return replace(job, others=_read_too(job, asked))


def _detail(source: Path, symbols: Collection[str]) -> dict[str, FinerColumns]:
    """Return the trades of the symbols, and finer klines where there are none. Raises MarketDataError."""
    trades = load_trades(source, symbols)
    if trades.keys() >= set(symbols):
        return dict(trades)
    try:
        klines = load_columns(source)
    except MarketDataError:
        if not trades:
            raise
        klines = {}
    return {symbol: one for symbol, one in klines.items() if symbol in symbols} | trades


def _read_too(job: Job, asked: Asked) -> dict[str, KlineColumns]:
    """Return the klines that strategies read beside those of the symbols that are traded. Raises CannotRun."""
    made = (strategy for symbol in job.columns for strategy in job.make(symbol, job.interval_ms))
    read = {symbol for one in made if isinstance(one, ReadsOthers) for symbol in one.other_symbols}
    if not (missing := sorted(read - job.columns.keys())):
        return {}
    try:
        return load_columns(asked.klines, missing, interval_label(job.interval_ms))
    except MarketDataError as error:
        raise CannotRun(str(error)) from None


def _settings(data: DataDir | None) -> tuple[TraderSettings, Mapping[str, Any]]:
    """Return the trader's settings, with trading active, and those of strategies."""
    if data is None:
        return TraderSettings(), {}
    # The package of the trader takes longer to import than all the rest together.
    from cq_tui.services.trader.trader_settings import trader_settings
    from cq_tui.store.settings_file import load_settings

    loaded = load_settings(data.settings, os.environ)
    mode = effective_mode(loaded.settings)
    settings = trader_settings(loaded, mode, mode.mode)
    # What stops it now says nothing about the past, and what is run is asked for.
    settings = replace(
        settings,
        trading_state="active",
        stop_reason=None,
        mode_blocked=None,
        settings_problem=None,
        strategies_off=(),
    )
    return settings, loaded.settings.STRATEGIES


def _choices(catalog: StrategyCatalog, asked: Asked, given: Mapping[str, Any]) -> dict[str, Choice]:
    """Return the chosen strategies. Raises CannotRun, StrategyUnknown and StrategyParametersInvalid."""
    named = [name for name in asked.strategies if name != ALL]
    changed = _changed(asked.parameters)
    for name in (*named, *changed):
        _find(catalog, name)
    chosen: dict[str, Choice] = {}
    for name, kind in catalog.classes.items():
        choice = choose(name, kind.Parameters, given.get(name, {}), None)
        if choice.faults:
            raise CannotRun(f"the settings of {name} do not hold: {'; '.join(choice.faults)}")
        if name in named or (not named and choice.enabled):
            parameters = {**choice.parameters, **changed.get(name, {})}
            catalog.parameters(name, parameters)
            chosen[name] = choice._replace(parameters=parameters)
    if unused := [name for name in changed if name not in chosen]:
        raise CannotRun(f"--set changes {unused[0]}, which is not run; add --strategy {unused[0]}")
    return chosen


def _find(catalog: StrategyCatalog, name: str) -> None:
    for failure in catalog.failures:
        if failure.name == name:
            raise CannotRun(str(failure))
    if name not in catalog.classes:
        raise StrategyUnknown(f"no strategy {name!r}; available: {', '.join(catalog.classes)}")


def _changed(parameters: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return changed parameters by strategy; numbers, true and false as such."""
    import orjson

    found: dict[str, dict[str, Any]] = {}
    for text in parameters:
        key, equals, value = text.partition("=")
        name, dot, parameter = key.rpartition(".")
        if not (equals and dot and name and parameter):
            raise CannotRun(f"--set {text}: expected NAME.PARAMETER=VALUE, such as trend_multi_tf.adx_arm=25")
        try:
            found.setdefault(name, {})[parameter] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found.setdefault(name, {})[parameter] = value
    return found


def _costs(asked: Asked) -> Costs:
    fee = _amount("--fee", asked.fee, Decimal(0), Decimal("0.1"))
    if asked.slippage is None:
        return Costs(fee)
    return Costs(fee, _amount("--slippage", asked.slippage, Decimal(0), Decimal("0.1")), {})


def _amount(option: str, text: str, least: Decimal, most: Decimal) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise CannotRun(f"{option} {text}: expected a number, such as {most / 100:f}") from None
    if not amount.is_finite() or not least <= amount <= most or (option == "--cash" and not amount):
        raise CannotRun(f"{option} {text}: expected a number from {least:f} to {most:f}")
    return amount


# The report


def report_of(job: Job, result: BacktestResult) -> TradingReport:
    """Return the report of a run."""
    ledger = Ledger()
    for fact, ms in zip(result.facts, result.facts_ms, strict=True):
        ledger.take(fact, ms)
    missing = sum(hole.missing for holes in result.holes.values() for hole in holes)
    around = Surroundings(
        equity=curve(result.equity_ms, result.equity),
        benchmark=curve(result.equity_ms, result.benchmark),
        gross=curve(result.equity_ms, result.gross),
        slippage=result.costs.slippage,
        bars=ReportBars(bars=result.bars, holes=missing, ambiguous=result.ambiguous_bars),
        stopped=[
            ReportStop(strategy=one.strategy, symbol=one.symbol, bar_ms=one.open_time, text=one.text)
            for one in result.stopped
        ],
        interval_ms=job.interval_ms,
    )
    return make_report(ledger, header_of(job, result), around)


def header_of(job: Job, result: BacktestResult) -> ReportHeader:
    """Return what was run, and what is needed to run it again."""
    costs, interval = job.plan.costs, interval_label(job.interval_ms)
    return ReportHeader(
        source="backtest",
        quote=result.quote,
        from_ms=result.from_ms,
        to_ms=result.to_ms,
        symbols=list(job.columns),
        strategies={
            name: job.catalog.parameters(name, choice.parameters).model_dump(mode="json")
            for name, choice in job.choices.items()
        },
        interval=interval,
        data={
            f"{one.symbol}-{one.interval}": one.digest()
            for read in (job.columns, job.others, job.detail)
            for one in read.values()
        },
        versions={"cq-tui": __version__, "numpy": numpy.__version__, "ta-lib": talib.__version__},
        settings=changed_settings(job.plan.settings),
        fee=plain_text(costs.fee),
        slippage={symbol: plain_text(costs.slippage_in(symbol)) for symbol in job.columns},
        warm_up_bars=dict(result.warm_up),
    )


def changed_settings(settings: TraderSettings) -> dict[str, Any]:
    """Return the settings that differ from the defaults; symbols and quote asset are those of the klines."""
    default = TraderSettings()
    names = [name for name in TraderSettings.__dataclass_fields__ if name not in ("symbols", "quote")]
    changed = {name: getattr(settings, name) for name in names if getattr(settings, name) != getattr(default, name)}
    return {name: _plain(value) for name, value in changed.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    return f"{value:f}" if isinstance(value, Decimal) else value
