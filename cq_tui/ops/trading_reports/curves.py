"""The equity of a report as text: a braille line, buy-and-hold dotted beside it, the drawdown hanging below."""

from collections.abc import Sequence
from itertools import accumulate

from cq_tui.contracts.trading_report import ReportCurve
from cq_tui.ops.braille import DotCanvas
from cq_tui.ops.trading_reports.words import minute_of, plain_share

_HEIGHT, _FALL_HEIGHT = 8, 3
#: Cells of the numbers at the left, and the axis.
_MARGIN = 11
#: Of so many dots of buy-and-hold one is drawn.
_DOTTED = 4


def curve_lines(curve: ReportCurve, width: int, height: int = _HEIGHT) -> list[str]:
    """Return the chart of a curve; none if it has fewer than two points."""
    inner = width - _MARGIN
    if len(curve.ms) < 2 or inner < 20:
        return []
    by_time = _evenly(curve.ms, inner * 2)
    net = [curve.net[place] for place in by_time]
    held = [] if curve.buy_and_hold is None else [curve.buy_and_hold[place] for place in by_time]
    title = "equity" + ("  ─ net  ┄ buy and hold" if held else "")
    return [
        title,
        *_equity(net, held, inner, height),
        "drawdown",
        *_falls(curve.net, by_time, inner),
        _times(curve, inner),
    ]


def _equity(net: Sequence[float], held: Sequence[float], inner: int, height: int) -> list[str]:
    low, high = min(*net, *held), max(*net, *held)
    canvas = DotCanvas(inner, height)
    if held:
        canvas.draw(held, low, high, every=_DOTTED)
    canvas.draw(net, low, high)
    return _with_axis(canvas.rows(), f"{high:,.0f}", f"{low:,.0f}")


def _falls(net: Sequence[float], by_time: Sequence[int], inner: int) -> list[str]:
    """Return how far the equity is below its peak so far, as an area from above."""
    shares = [value / peak - 1 if peak > 0 else 0.0 for value, peak in zip(net, accumulate(net, max), strict=True)]
    lowest = min(shares)
    canvas = DotCanvas(inner, _FALL_HEIGHT)
    if lowest < 0:
        canvas.hang([shares[place] for place in by_time], lowest, 0.0)
    return _with_axis(canvas.rows(), "0 %", plain_share(lowest))


def _with_axis(rows: Sequence[str], top: str, bottom: str) -> list[str]:
    names = [top, *[""] * (len(rows) - 2), bottom]
    return [f"{name:>{_MARGIN - 2}} ┤{row}".rstrip() for name, row in zip(names, rows, strict=True)]


def _times(curve: ReportCurve, inner: int) -> str:
    first, last = minute_of(curve.ms[0]), minute_of(curve.ms[-1])
    return f"{'':>{_MARGIN}}{first}{last:>{max(inner - len(first), len(last) + 1)}}"


def _evenly(times: Sequence[int], count: int) -> list[int]:
    """Return the places of the latest points at so many times, evenly apart."""
    places, place = [], 0
    for number in range(count):
        now = times[0] + (times[-1] - times[0]) * number // (count - 1)
        while place + 1 < len(times) and times[place + 1] <= now:
            place += 1
        places.append(place)
    return places
