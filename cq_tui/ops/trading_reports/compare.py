"""Two reports side by side: what went into them differently, and what came out differently."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cq_tui.contracts.trading_report import ReportTrade, TradingReport
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import NO_VALUE
from cq_tui.ops.trading_reports.text import account_figures, trade_figures
from cq_tui.ops.trading_reports.words import LINE_NAMES, day_of, money, signed_share

#: Trades that only one has are shown up to this many.
_MOST_TRADES = 10


class Difference(NamedTuple):
    """One thing that is not the same in both."""

    name: str
    first: str
    second: str


class Comparison(NamedTuple):
    """What two reports have in common, and what not."""

    inputs: list[Difference]
    results: list[Difference]
    same_trades: int
    #: Trades that only the first has, and only the second.
    only_first: list[str]
    only_second: list[str]

    @property
    def is_same(self) -> bool:
        """Whether nothing that matters differs."""
        return not (self.inputs or self.results or self.only_first or self.only_second)


def compare(first: TradingReport, second: TradingReport) -> Comparison:
    """Compare two reports; trades are the same if they have the same signal, times, quantity and prices."""
    trades = [Counter(map(_trade_text, report.trades)) for report in (first, second)]
    return Comparison(
        [*_differences(_inputs(first), _inputs(second))],
        [*_differences(_results(first), _results(second))],
        (trades[0] & trades[1]).total(),
        list((trades[0] - trades[1]).elements()),
        list((trades[1] - trades[0]).elements()),
    )


def _differences(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name, NO_VALUE), second.get(name, NO_VALUE)
        if one != other:
            yield Difference(name, one, other)


def _inputs(report: TradingReport) -> dict[str, str]:
    header = report.header
    return {
        "source": header.source,
        "period": f"{day_of(header.from_ms)} to {day_of(header.to_ms)}",
        "interval": header.interval or NO_VALUE,
        "fee": header.fee or NO_VALUE,
        "seed": NO_VALUE if header.seed is None else str(header.seed),
        **_named("strategy", {name: _settings(chosen) for name, chosen in header.strategies.items()}),
        **_named("bars", {name: digest[:16] for name, digest in header.data.items()}),
        **_named("slippage", header.slippage),
        **_named("setting", header.settings),
        **_named("version", header.versions),
    }


def _named(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    return {f"{kind} {name}": str(value) for name, value in values.items()}


def _settings(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items()) or "defaults"


def _results(report: TradingReport) -> dict[str, str]:
    lines = {
        LINE_NAMES[line.name]: f"{money(line.profit)} ({signed_share(line.return_share)})" for line in report.lines
    }
    return {**lines, **dict(trade_figures(report)), **dict(account_figures(report))}


def _trade_text(trade: ReportTrade) -> str:
    closed = "still open" if trade.closed_ms is None else f"{day_of(trade.closed_ms)} at {trade.exit_price}"
    bought = f"{trade.quantity} at {trade.entry_price}"
    return f"{trade.symbol} {trade.strategy or NO_VALUE} {day_of(trade.opened_ms)}: {bought}, {closed}"


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return a comparison as text."""
    if comparison.is_same:
        return [f"Both are the same: every figure and all {comparison.same_trades:,} positions."]
    lines = [*_table("what went in", comparison.inputs), *_table("what came out", comparison.results)]
    lines.append(f"{comparison.same_trades:,} positions are the same in both.")
    for which, trades in (("first", comparison.only_first), ("second", comparison.only_second)):
        if trades:
            lines.append(f"{len(trades):,} only in the {which}:")
            lines += [f"  {printable(trade)}" for trade in trades[:_MOST_TRADES]]
            lines += [f"  … and {len(trades) - _MOST_TRADES:,} more"] if len(trades) > _MOST_TRADES else []
    return lines


def _table(title: str, differences: list[Difference]) -> Iterator[str]:
    if not differences:
        yield f"{title}: the same in both"
        return
    width = max(len(title), *(len(one.name) for one in differences)) + 2
    middle = max(len("first"), *(len(one.first) for one in differences)) + 2
    yield f"{title:<{width}}{'first':<{middle}}second"
    for one in differences:
        yield printable(f"{one.name:<{width}}{one.first:<{middle}}{one.second}")
