"""The one report: the same figures from a history and from a look back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from cq_tui.books import metrics
from cq_tui.books.curves import curve_of
from cq_tui.books.fills import BookedFill, commissions_by_asset
from cq_tui.books.ledger import Ledger
from cq_tui.books.metrics import Curve
from cq_tui.books.round_trips import RoundTrip, round_trips
from cq_tui.books.tables import Period, day_name, month_name, table
from cq_tui.books.words import words_of
from cq_tui.contracts.trading_report import (
    ReportBars,
    ReportCurve,
    ReportDrawdown,
    ReportHeader,
    ReportLine,
    ReportStop,
    ReportTotals,
    ReportTrade,
    TradingReport,
)
from cq_tui.trading.core.plain import decimal_text
from cq_tui.trading.money.exact import ZERO, add, plain_text, total

#: Points of the curve in a report.
MOST_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a look back knows beside its trades. ``gross``: the equity had there been no costs."""

    equity: Curve | None = None
    benchmark: Curve | None = None
    gross: Curve | None = None
    slippage: Decimal | None = None
    bars: ReportBars | None = None
    stopped: Sequence[ReportStop] = ()
    interval_ms: int | None = None


def make_report(ledger: Ledger, header: ReportHeader, around: Surroundings | None = None) -> TradingReport:
    """Return the report of what a ledger holds in the period of the header.

    Without an equity curve that of the ledger's own marks is taken.
    """
    around = around or Surroundings()
    period = Period.of(ledger, round_trips(ledger), header.from_ms, header.to_ms)
    equity = curve_of(ledger, header.from_ms, header.to_ms) if around.equity is None else around.equity
    totals = _totals(period, equity, around)
    lines = _lines(period, equity, around)
    return TradingReport(
        header=header,
        words=words_of(header, totals, lines, around.bars, around.stopped),
        totals=totals,
        lines=lines,
        by_strategy=table(period, lambda entry: entry.strategy),
        by_symbol=table(period, lambda entry: entry.symbol),
        by_exit=table(period, period.exit_of),
        by_month=table(period, lambda entry: month_name(period.ms_of(entry))),
        by_day=table(period, lambda entry: day_name(period.ms_of(entry))),
        denials=period.denials,
        bars=around.bars,
        stopped=list(around.stopped),
        equity=_points(equity, around.benchmark),
        trades=[trade_line(trip, around.interval_ms) for trip in period.trips],
    )


def trade_line(trip: RoundTrip, interval_ms: int | None = None) -> ReportTrade:
    """Return one position as reports show it."""
    bars = trip.duration_ms // interval_ms if interval_ms and trip.closed_ms else None
    return ReportTrade(
        symbol=trip.symbol, strategy=trip.strategy, signal_key=trip.signal_key, opened_ms=trip.opened_ms,
        closed_ms=trip.closed_ms or None, quantity=plain_text(trip.quantity), entry_price=plain_text(trip.entry_price),
        exit_price=None if trip.exit_price is None else plain_text(trip.exit_price), gross=plain_text(trip.gross),
        fees=plain_text(trip.fees), net=plain_text(trip.net), return_share=trip.share, bars=bars,
        exit_reason=trip.exit_reason, open=trip.is_open,
    )  # fmt: skip


def _totals(period: Period, equity: Curve | None, around: Surroundings) -> ReportTotals:
    fees = commissions_by_asset(period.fills)
    return ReportTotals.model_validate(
        {
            "profit": plain_text(total(profit.amount for profit in period.profits)),
            "fees": plain_text(fees_of(period.fills)),
            "fees_by_asset": {asset: plain_text(amount) for asset, amount in fees.items()},
            "unvalued_fees": sum(fill.commission_quote is None for fill in period.fills),
            "volume": plain_text(total(fill.quote_quantity for fill in period.fills)),
            "slippage": None if around.slippage is None else decimal_text(around.slippage),
            "trades": len(period.closed),
            "open_trades": period.open_count,
            "exposure": metrics.exposure(period.held, period.from_ms, period.to_ms),
            **_results(period.closed),
            **({} if equity is None else _curve_figures(equity, period)),
        }
    )


def fees_of(fills: Iterable[BookedFill]) -> Decimal:
    """Return the value of the commissions that have one."""
    return total(fill.commission_quote or ZERO for fill in fills)


def _results(closed: Sequence[RoundTrip]) -> dict[str, object]:
    """Return the figures of closed positions."""
    nets = [float(trip.net) for trip in closed]
    shares = [trip.share for trip in closed if trip.share is not None]
    durations = [trip.duration_ms for trip in closed]
    wins, losses = metrics.longest_runs(nets)
    shuffled = metrics.shuffled_falls(nets)
    return {
        "win_rate": metrics.win_rate(nets),
        "profit_factor": metrics.profit_factor(nets),
        "expectancy": metrics.expectancy(nets),
        "sqn": metrics.system_quality(nets),
        "best_trade": max(shares, default=None),
        "worst_trade": min(shares, default=None),
        "average_trade": metrics.expectancy(shares),
        "average_duration_ms": round(sum(durations) / len(durations)) if durations else None,
        "max_duration_ms": max(durations, default=None),
        "most_wins_in_a_row": wins,
        "most_losses_in_a_row": losses,
        "shuffled_drawdown": None if shuffled is None else shuffled._asdict(),
    }


def _curve_figures(equity: Curve, period: Period) -> dict[str, object]:
    """Return the figures of the equity."""
    if not equity.value.size:
        return {}
    start, final = float(equity.value[0]), float(equity.value[-1])
    returns = metrics.daily_returns(equity)
    days = int(equity.ms[-1] - equity.ms[0]) / metrics.DAY_MS
    annual = metrics.annual_return(start, final, days)
    share = metrics.max_drawdown_share(equity)
    daily, yearly = metrics.daily_sharpe(returns), metrics.annual_sharpe(returns)
    is_long = days >= metrics.LEAST_DAYS
    return {
        "start_equity": start,
        "final_equity": final,
        "return_share": metrics.return_share(start, final),
        "annual_return": annual,
        "max_drawdown": _drawdown(equity, period.to_ms),
        "max_drawdown_share": share,
        "sharpe_daily": daily and daily.ratio,
        "sharpe_daily_error": daily and daily.error,
        "sharpe": yearly.ratio if yearly and is_long else None,
        "sharpe_error": yearly.error if yearly and is_long else None,
        "sortino": metrics.annual_sortino(returns) if is_long else None,
        "calmar": metrics.calmar(annual, share),
    }


def _drawdown(equity: Curve, to_ms: int) -> ReportDrawdown | None:
    fall = metrics.max_drawdown(equity)
    if fall is None:
        return None
    end = to_ms if fall.end_ms is None else fall.end_ms
    return ReportDrawdown(**fall._asdict(), duration_ms=max(end - fall.peak_ms, 0))


def _lines(period: Period, equity: Curve | None, around: Surroundings) -> list[ReportLine]:
    net = total(profit.amount for profit in period.profits)
    costs = add(fees_of(period.fills), around.slippage or ZERO)
    start = None if equity is None or not equity.value.size else float(equity.value[0])
    made = [
        _line("net", equity, net, start),
        _line("gross", around.gross, add(net, costs), start),
    ]
    if around.benchmark is not None and around.benchmark.value.size:
        made.append(_line("buy_and_hold", around.benchmark, ZERO, start))
    return made


def _line(name: str, of: Curve | None, profit: Decimal, start: float | None) -> ReportLine:
    if of is None or not of.value.size:
        share = None if start is None else metrics.return_share(start, start + float(profit))
        return ReportLine.model_validate({"name": name, "profit": float(profit), "return_share": share})
    first, last = float(of.value[0]), float(of.value[-1])
    return ReportLine.model_validate(
        {
            "name": name,
            "profit": last - first,
            "return_share": metrics.return_share(first, last),
            "max_drawdown_share": metrics.max_drawdown_share(of),
        }
    )


def _points(equity: Curve | None, benchmark: Curve | None) -> ReportCurve | None:
    if equity is None or not equity.value.size:
        return None
    kept = metrics.thinned(equity, MOST_POINTS)
    held = None
    if benchmark is not None and benchmark.value.size:
        places = np.searchsorted(benchmark.ms, kept.ms, side="right") - 1
        held = [float(benchmark.value[max(place, 0)]) for place in places]
    return ReportCurve(ms=kept.ms.tolist(), net=kept.value.tolist(), buy_and_hold=held)
