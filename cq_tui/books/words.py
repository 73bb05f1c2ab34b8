"""A report in sentences: whether anything was earned, against what, and what the figures do not show."""

from collections.abc import Iterable, Sequence

from cq_tui.books.metrics import DAY_MS, LEAST_DAYS
from cq_tui.contracts.trading_report import ReportBars, ReportHeader, ReportLine, ReportStop, ReportTotals

#: Under so many closed positions figures say little.
_FEW = 30


def words_of(
    header: ReportHeader,
    totals: ReportTotals,
    lines: Sequence[ReportLine],
    bars: ReportBars | None,
    stopped: Sequence[ReportStop],
) -> list[str]:
    """Return the result in sentences."""
    return [
        *_result(header, totals, lines),
        *_against(header, lines),
        *_limits(header, totals),
        *([] if bars is None else _bars(bars)),
        *(f"{one.strategy} was stopped in {one.symbol}: {one.text}" for one in stopped),
    ]


def _result(header: ReportHeader, totals: ReportTotals, lines: Sequence[ReportLine]) -> Iterable[str]:
    if not totals.trades and not totals.open_trades:
        yield "No position was opened."
        return
    net, quote = lines[0].profit, header.quote
    gross = next((line.profit for line in lines if line.name == "gross"), None)
    if net > 0:
        yield f"Trading earned {_money(net)} {quote} after costs."
    elif net:
        yield f"Trading lost {_money(-net)} {quote} after costs."
    else:
        yield "Trading earned nothing after costs."
    if net <= 0 and gross is not None and gross > 0:
        yield f"Before costs it earned {_money(gross)} {quote}: the costs took more than that."


def _against(header: ReportHeader, lines: Sequence[ReportLine]) -> Iterable[str]:
    by_name = {line.name: line for line in lines}
    held = by_name.get("buy_and_hold")
    if held is None:
        return
    difference = by_name["net"].profit - held.profit
    word = "more" if difference >= 0 else "less"
    yield f"That is {_money(abs(difference))} {header.quote} {word} than holding the symbols would have brought."


def _limits(header: ReportHeader, totals: ReportTotals) -> Iterable[str]:
    if header.to_ms - header.from_ms < LEAST_DAYS * DAY_MS:
        yield f"Under {LEAST_DAYS} days nothing is extrapolated to a year."
    if 0 < totals.trades < _FEW:
        yield f"{_positions(totals.trades)} closed: too few to tell skill from luck."
    if totals.open_trades:
        yield f"{_positions(totals.open_trades)} still open."
    if totals.unvalued_fees:
        yield f"The commissions of {totals.unvalued_fees} trades have no known value and are not counted."


def _bars(bars: ReportBars) -> Iterable[str]:
    if bars.ambiguous:
        yield f"In {bars.ambiguous:,} bars stop and target were both reached: the stop was taken."
    if bars.holes:
        yield f"{bars.holes:,} bars are missing: nothing is decided over a hole."


def _positions(count: int) -> str:
    return "1 position is" if count == 1 else f"{count:,} positions are"


def _money(amount: float) -> str:
    return f"{amount:,.2f}"
