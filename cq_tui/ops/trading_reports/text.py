"""A trading report as lines of text, at most as wide as the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from cq_tui.contracts.trading_report import ReportHeader, ReportRow, ReportTotals, TradingReport
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import NO_VALUE, plain_amount
from cq_tui.ops.trading_reports.curves import curve_lines
from cq_tui.ops.trading_reports.words import (
    LINE_NAMES,
    day_of,
    duration,
    figure,
    money,
    plain_share,
    signed_share,
)

#: Wider lines are hard to read.
_MOST_WIDTH = 120
_MOST_ROWS = 12
_NAME_WIDTH = 22
#: Where the text of a heading's line begins.
_INDENT = 12


def report_lines(report: TradingReport, width: int = 80, whole: str = "") -> list[str]:
    """Return a report as text: assumptions first, then the results side by side, then what they are made of.

    ``whole``: the table that is shown with all its rows, month or day; days are shown only then.
    """
    width = min(width, _MOST_WIDTH)
    sections = (
        _folded(heading_lines(report.header), width, _INDENT),
        _side_by_side(report),
        _folded(report.words, width, 2),
        [] if report.equity is None else curve_lines(report.equity, width),
        _figures(report),
        *(
            _table(title, rows, _MOST_ROWS if title != whole else len(rows))
            for title, rows in (
                ("strategy", report.by_strategy),
                ("symbol", report.by_symbol),
                ("exit", report.by_exit),
                ("month", report.by_month),
                ("day", report.by_day if whole == "day" else ()),
            )
        ),
        _denials(report),
    )
    lines: list[str] = []
    for section in filter(None, map(list, sections)):
        lines += ["", *section] if lines else section
    return lines


def heading_lines(header: ReportHeader) -> list[str]:
    """Return what was traded, when, and on what assumptions."""
    return [*_heading(header)]


def _heading(header: ReportHeader) -> Iterator[str]:
    what = "backtest" if header.source == "backtest" else f"history of {printable(header.account or 'the account')}"
    yield f"{what}  {day_of(header.from_ms)} to {day_of(header.to_ms)} UTC"
    yield f"period      {duration(header.to_ms - header.from_ms)}"
    if header.symbols:
        yield f"symbols     {listed(header.symbols)}{f'  {header.interval} bars' if header.interval else ''}"
    for name, parameters in header.strategies.items():
        chosen = ", ".join(f"{key} {value}" for key, value in parameters.items())
        yield printable(f"strategy    {name}{f' ({chosen})' if chosen else ''}")
    if header.fee is not None:
        yield f"costs       fee {float(header.fee) * 100:g} % a side; slippage {_slippage(header)}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Return ``A, B and 3 more``."""
    shown = ", ".join(map(printable, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _slippage(header: ReportHeader) -> str:
    """Return ``1 bp BTCUSDT; 5 bp ADAUSDT, SOLUSDT, half the spread included``."""
    by_size: dict[float, list[str]] = {}
    for symbol, share in header.slippage.items():
        by_size.setdefault(float(share), []).append(symbol)
    sizes = (f"{share * 10_000:g} bp {listed(symbols, 3)}" for share, symbols in sorted(by_size.items()))
    return f"{'; '.join(sizes) or 'none'}, half the spread included"


def _side_by_side(report: TradingReport) -> Iterator[str]:
    yield f"{'':<14}{'profit ' + report.header.quote:>18}{'return':>14}{'largest fall':>16}"
    for line in report.lines:
        fall = plain_share(line.max_drawdown_share)
        name = LINE_NAMES[line.name]
        yield f"{name:<14}{money(line.profit):>18}{signed_share(line.return_share):>14}{fall:>16}"


def _folded(lines: Iterable[str], width: int, indent: int) -> Iterator[str]:
    """Yield lines, those that are longer than the screen in several."""
    for line in lines:
        yield from wrap(printable(line), width, subsequent_indent=" " * indent, break_on_hyphens=False)


class Pair(NamedTuple):
    """A figure and its name."""

    name: str
    value: str


def _figures(report: TradingReport) -> Iterator[str]:
    """Yield the figures in two columns."""
    left, right = [*trade_figures(report)], [*account_figures(report)]
    for number in range(max(len(left), len(right))):
        pairs = [column[number] if number < len(column) else Pair("", "") for column in (left, right)]
        yield "    ".join(f"{pair.name:<18}{pair.value:>18}" for pair in pairs).rstrip()


def trade_figures(report: TradingReport) -> Iterator[Pair]:
    """Yield the figures of closed positions."""
    totals, quote = report.totals, report.header.quote
    still_open = f", {totals.open_trades} open" if totals.open_trades else ""
    yield Pair("closed positions", f"{totals.trades:,}{still_open}")
    yield Pair("won", plain_share(totals.win_rate))
    yield Pair("profit factor", figure(totals.profit_factor))
    yield Pair("average profit", f"{money(totals.expectancy)} {quote}")
    yield Pair("best", signed_share(totals.best_trade))
    yield Pair("worst", signed_share(totals.worst_trade))
    yield Pair("average held", duration(totals.average_duration_ms))
    yield Pair("longest held", duration(totals.max_duration_ms))
    yield Pair("in a row", f"{totals.most_wins_in_a_row} won, {totals.most_losses_in_a_row} lost")
    yield Pair("SQN", figure(totals.sqn))


def account_figures(report: TradingReport) -> Iterator[Pair]:
    """Yield the figures of the account's worth, and the costs."""
    totals, quote = report.totals, report.header.quote
    fall = totals.max_drawdown
    yield Pair("equity at the end", f"{figure(totals.final_equity)} {quote}")
    yield Pair("return a year", signed_share(totals.annual_return))
    yield Pair("time in the market", plain_share(totals.exposure))
    yield Pair("largest fall", NO_VALUE if fall is None else f"{money(-fall.amount)} {quote}")
    yield Pair("until recovered", _recovered(totals))
    if (shuffled := totals.shuffled_drawdown) is not None:
        yield Pair("fall if reordered", f"{money(-shuffled.median)} {quote}")
        yield Pair("worst 1 in 20", f"{money(-shuffled.high)} {quote}")
    yield Pair("Sharpe", _with_error(totals.sharpe, totals.sharpe_error))
    yield Pair("Sharpe, daily", _with_error(totals.sharpe_daily, totals.sharpe_daily_error))
    yield Pair("Sortino", figure(totals.sortino))
    yield Pair("Calmar", figure(totals.calmar))
    yield Pair("commissions", f"{plain_cost(totals.fees)} {quote}")
    if totals.slippage is not None:
        yield Pair("spread, slippage", f"{plain_cost(totals.slippage)} {quote}")


def plain_cost(text: str) -> str:
    """Return an exact amount that is a cost, to the cent."""
    return f"{float(plain_amount(text)):,.2f}"


def _with_error(value: float | None, error: float | None) -> str:
    return figure(value) if value is None or error is None else f"{figure(value)} ± {figure(error)}"


def _recovered(totals: ReportTotals) -> str:
    fall = totals.max_drawdown
    if fall is None:
        return NO_VALUE
    return duration(fall.duration_ms) if fall.end_ms is not None else "not yet"


def _table(title: str, rows: Sequence[ReportRow], most: int) -> Iterator[str]:
    """Yield one table; none for nothing."""
    if not rows:
        return
    yield f"{title:<{_NAME_WIDTH}}{'positions':>10}{'won':>9}{'factor':>9}{'fees':>13}{'profit':>15}"
    for row in rows[:most]:
        name = _cut(printable(row.name) or NO_VALUE)
        won, factor = plain_share(row.win_rate), figure(row.profit_factor)
        amounts = f"{plain_cost(row.fees):>13}{money(row.profit):>15}"
        yield f"{name:<{_NAME_WIDTH}}{row.trades:>10,}{won:>9}{factor:>9}{amounts}"
    if len(rows) > most:
        yield f"… and {len(rows) - most} more, in the JSON report"


def _cut(name: str) -> str:
    return name if len(name) < _NAME_WIDTH else name[: _NAME_WIDTH - 2] + "…"


def _denials(report: TradingReport) -> Iterator[str]:
    if report.denials:
        yield "signals that were not followed"
    for code, count in sorted(report.denials.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {code:<28}{count:>8,}"
