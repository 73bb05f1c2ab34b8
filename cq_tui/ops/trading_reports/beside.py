"""A look back beside what ran live over the same hours: the figures of both, and which trades differ."""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import NamedTuple

from cq_tui.contracts.trading_report import ReportTrade, TradingReport
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import MINUS, NO_VALUE, format_signed, pluralize
from cq_tui.ops.trading_reports.text import listed
from cq_tui.ops.trading_reports.words import LINE_NAMES, day_of, money, plain_share, signed_share

#: Trades that only one has are shown up to this many.
_MOST_TRADES = 6
#: Start equities that differ by more than this share are told.
_SAME_CASH = 0.01


class _Figure(NamedTuple):
    name: str
    run: float | None
    live: float | None
    #: How it is shown: money, share, count or signed share.
    kind: str = "money"


def beside_lines(run: TradingReport, live: TradingReport) -> list[str]:
    """Return both side by side, in at most 80 columns."""
    header = live.header
    period = f"{day_of(header.from_ms)} to {day_of(header.to_ms)} UTC"
    return [
        f"live beside look back  {period}",
        f"{printable(header.account or '')}",
        "",
        f"{run.header.quote:<16}{'look back':>16}{'live':>16}{'live − look back':>20}",
        *map(_row, _figures(run, live)),
        "",
        *_starts(run, live),
        *_trades(run, live),
        *_denials(run.denials, live.denials),
    ]


def _figures(run: TradingReport, live: TradingReport) -> Iterator[_Figure]:
    ours, theirs = ({str(line.name): line for line in report.lines} for report in (run, live))
    for name, words in LINE_NAMES.items():
        one, other = ours.get(name), theirs.get(name)
        yield _Figure(words, one.profit if one else None, other.profit if other else None)
    a, b = run.totals, live.totals
    yield _Figure("return", a.return_share, b.return_share, "signed share")
    yield _Figure("largest fall", a.max_drawdown_share, b.max_drawdown_share, "share")
    yield _Figure("closed positions", a.trades, b.trades, "count")
    yield _Figure("won", a.win_rate, b.win_rate, "share")
    yield _Figure("commissions", float(a.fees), float(b.fees), "cost")


def _row(figure: _Figure) -> str:
    change = NO_VALUE
    if figure.run is not None and figure.live is not None:
        change = _change(figure.live - figure.run, figure.kind)
    return f"{figure.name:<16}{_shown(figure.run, figure.kind):>16}{_shown(figure.live, figure.kind):>16}{change:>20}"


def _change(difference: float, kind: str) -> str:
    """Return a difference with its sign; of shares in basis points where it is small, else in points of a hundred."""
    if kind == "count":
        return f"{difference:+,.0f}".replace("-", MINUS) if difference else "0"
    if kind in ("share", "signed share"):
        if abs(difference) < 0.01:
            return f"{format_signed(difference * 10_000, 1)} bp"
        return f"{format_signed(difference * 100, 1)} points"
    return money(difference)


def _shown(value: float | None, kind: str) -> str:
    if value is None:
        return NO_VALUE
    if kind == "count":
        return f"{value:,.0f}".replace("-", MINUS)
    if kind == "cost":
        return f"{value:,.2f}"
    if kind == "share":
        return plain_share(value)
    return signed_share(value) if kind == "signed share" else money(value)


def _starts(run: TradingReport, live: TradingReport) -> Iterator[str]:
    """Say that the two had not the same money, symbols or strategies."""
    ours, theirs = run.totals.start_equity, live.totals.start_equity
    if run.header.quote != live.header.quote:
        yield f"The look back counts in {run.header.quote}, the account in {printable(live.header.quote)}."
    elif ours and theirs and abs(theirs / ours - 1) > _SAME_CASH:
        yield f"The look back began with {ours:,.2f} {run.header.quote}, the account had {theirs:,.2f}."
    for what, ours_too, live_had in (
        ("symbols", run.header.symbols, live.header.symbols),
        ("strategies", run.header.strategies, live.header.strategies),
    ):
        if others := [name for name in live_had if name not in ours_too]:
            yield printable(f"Live had {what} that the look back had not: {listed(others)}.")


def _trades(run: TradingReport, live: TradingReport) -> Iterator[str]:
    """Yield how many trades follow the same signals, how their prices differ, and those that only one has."""
    ours, theirs = _by_signal(run), _by_signal(live)
    same = [(trade, theirs[key]) for key, trade in ours.items() if key in theirs]
    if same:
        yield f"{pluralize(len(same), 'position')} followed the same signals in both."
        yield from _prices(same)
    elif run.trades and live.trades:
        yield "No position followed the same signal in both."
    for which, trades, others in (("in the look back", run, theirs), ("live", live, ours)):
        alone = [trade for trade in trades.trades if (trade.symbol, trade.signal_key) not in others]
        if alone:
            yield f"Only {which}: {pluralize(len(alone), 'position')}"
            yield from map(_trade, alone[-_MOST_TRADES:])
            if len(alone) > _MOST_TRADES:
                yield f"  and {len(alone) - _MOST_TRADES:,} earlier"


def _by_signal(report: TradingReport) -> dict[tuple[str, str], ReportTrade]:
    return {(trade.symbol, trade.signal_key): trade for trade in report.trades if trade.signal_key}


def _prices(same: list[tuple[ReportTrade, ReportTrade]]) -> Iterator[str]:
    bought = [_points(one.entry_price, other.entry_price) for one, other in same]
    sold = [_points(one.exit_price, other.exit_price) for one, other in same if one.exit_price and other.exit_price]
    exits = f" and sold {_points_words(fmean(sold))}" if sold else ""
    yield f"On average, live bought {_points_words(fmean(bought))}{exits}."


def _points(one: str | None, other: str | None) -> float:
    """Return how much higher the second price is, in basis points."""
    return (float(other or 0) / float(one or 1) - 1) * 10_000


def _points_words(points: float) -> str:
    return f"{abs(points):.1f} bp {'higher' if points >= 0 else 'lower'}"


def _trade(trade: ReportTrade) -> str:
    when, strategy = day_of(trade.opened_ms), trade.strategy or "no strategy"
    outcome = "open" if trade.open else f"{trade.exit_reason} {money(trade.net)}"
    return printable(f"  {when}  {trade.symbol:<10} {strategy}: {outcome}")


def _denials(ours: Mapping[str, int], theirs: Mapping[str, int]) -> Iterator[str]:
    """Yield the reasons for which signals were not followed, where the numbers differ."""
    codes = [code for code in sorted({*ours, *theirs}) if ours.get(code, 0) != theirs.get(code, 0)]
    if codes:
        yield ""
        yield f"{'not followed':<32}{'look back':>12}{'live':>12}"
    for code in codes:
        yield f"{printable(code):<32}{ours.get(code, 0):>12,}{theirs.get(code, 0):>12,}"
