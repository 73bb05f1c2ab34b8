"""A trading report as one page that needs nothing else: no file beside it, and no host.

The same report gives the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any, Final

import orjson

from cq_tui.contracts.trading_report import ReportRow, ReportTrade, TradingReport
from cq_tui.ops.formatting import NO_VALUE, plain_amount
from cq_tui.ops.trading_reports.candles import Candles
from cq_tui.ops.trading_reports.text import account_figures, heading_lines, plain_cost, trade_figures
from cq_tui.ops.trading_reports.words import (
    LINE_NAMES,
    figure,
    minute_of,
    money,
    plain_share,
    signed_share,
)

#: Nothing is loaded: what the page needs is in it.
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
#: More candles charts than this make a page heavy.
_MOST_CHARTS = 12
_MOST_TRADES = 2_000
_NET, _HELD, _FALL = "#2f7ed8", "#8a8a8a", "#d9534f"
_UP, _DOWN = "#2e9d64", "#d9534f"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .15rem 0; } .assumed { opacity: .75; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; border-bottom: 1px solid #8884; } tr + tr td { border-top: 1px solid #8882; }
.figures { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start; } .figures > table td { border: 0; }
.gain { color: #2e9d64; } .loss { color: #d9534f; }
"""
_LAYOUT: Final[dict[str, Any]] = {
    "margin": {"l": 70, "r": 20, "t": 10, "b": 40},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": "#888"},
    "hovermode": "x unified",
    "legend": {"orientation": "h", "x": 0, "y": 1.1},
}
_AXIS = {"gridcolor": "rgba(136,136,136,0.2)", "zeroline": False}
_SETTINGS = {"displaylogo": False, "responsive": True}


def page(report: TradingReport, candles: Mapping[str, Candles]) -> str:
    """Return the page, as HTML."""
    return "".join(
        (
            "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>",
            f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{_title(report)}</title><style>{_STYLE}</style>{_library()}</head><body>",
            *_body(report, candles),
            "</body></html>\n",
        )
    )


def _library() -> str:
    """Return the charts' script. A page is made seldom, and the library is large: it is loaded only here."""
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def _title(report: TradingReport) -> str:
    text = heading_lines(report.header)[0]
    return escape(text[:1].upper() + text[1:])


def _body(report: TradingReport, candles: Mapping[str, Candles]) -> Iterable[str]:
    heading = heading_lines(report.header)
    yield f"<h1>{_title(report)}</h1>"
    yield from (f"<p class='assumed'>{escape(line)}</p>" for line in heading[1:])
    yield "<h2>Result</h2>"
    yield _side_by_side(report)
    yield from (f"<p>{escape(sentence)}</p>" for sentence in report.words)
    if report.equity is not None and len(report.equity.ms) > 1:
        yield "<h2>Equity and drawdown</h2>"
        yield _chart("equity", *_equity(report))
    yield "<h2>Figures</h2><div class='figures'>"
    yield from map(_pairs, (trade_figures(report), account_figures(report)))
    yield "</div>"
    yield "<div class='figures'>"
    for title, rows in (
        ("Strategies", report.by_strategy),
        ("Symbols", report.by_symbol),
        ("Exits", report.by_exit),
        ("Months", report.by_month),
    ):
        yield _rows(title, rows)
    yield "</div>"
    yield from _candle_charts(report, candles)
    yield _denials(report)
    yield _trades(report.trades)


def _side_by_side(report: TradingReport) -> str:
    rows = [
        (
            LINE_NAMES[line.name],
            _colored(money(line.profit), line.profit),
            signed_share(line.return_share),
            plain_share(line.max_drawdown_share),
        )
        for line in report.lines
    ]
    return _table(("", f"profit {escape(report.header.quote)}", "return", "largest fall"), rows)


def _colored(text: str, value: float) -> str:
    kind = "gain" if value > 0 else "loss" if value < 0 else ""
    return f"<span class='{kind}'>{text}</span>" if kind else text


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{cells}</table>"


def _rows(title: str, rows: Sequence[ReportRow]) -> str:
    if not rows:
        return ""
    made = [
        (
            escape(row.name) or NO_VALUE,
            f"{row.trades:,}",
            plain_share(row.win_rate),
            figure(row.profit_factor),
            plain_cost(row.fees),
            _colored(money(row.profit), float(row.profit)),
        )
        for row in rows
    ]
    head = ("", "positions", "won", "profit factor", "fees", "profit")
    return f"<section><h2>{title}</h2>{_table(head, made)}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    names = "".join(f"<th>{name}</th>" for name in head)
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='wide'><table><tr>{names}</tr>{cells}</table></div>"


def _denials(report: TradingReport) -> str:
    if not report.denials:
        return ""
    rows = sorted(report.denials.items(), key=lambda item: (-item[1], item[0]))
    return "<h2>Signals that were not followed</h2>" + _table(
        ("reason", "signals"), [(escape(code), f"{count:,}") for code, count in rows]
    )


def _trades(trades: Sequence[ReportTrade]) -> str:
    if not trades:
        return ""
    rows = [
        (
            minute_of(trade.opened_ms),
            "open" if trade.closed_ms is None else minute_of(trade.closed_ms),
            escape(trade.symbol),
            escape(trade.strategy) or NO_VALUE,
            escape(plain_amount(trade.quantity)),
            escape(_short(trade.entry_price)),
            NO_VALUE if trade.exit_price is None else escape(_short(trade.exit_price)),
            escape(trade.exit_reason) or NO_VALUE,
            plain_cost(trade.fees),
            _colored(money(trade.net), float(trade.net)),
            signed_share(trade.return_share),
        )
        for trade in trades[:_MOST_TRADES]
    ]
    head = ("opened", "closed", "symbol", "strategy", "quantity", "entry", "exit", "why", "fees", "net", "return")
    rest = f"<p>… and {len(trades) - _MOST_TRADES:,} more, in report.json</p>" if len(trades) > _MOST_TRADES else ""
    return f"<h2>Positions</h2>{_table(head, rows)}{rest}"


def _short(price: str) -> str:
    """Return an exact average to ten digits: a third of a cent has no end."""
    return f"{float(price):,.10g}"


def _equity(report: TradingReport) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    curve = report.equity
    assert curve is not None
    times = [*map(minute_of, curve.ms)]
    falls = [
        value / peak - 1 if peak > 0 else 0.0 for value, peak in zip(curve.net, accumulate(curve.net, max), strict=True)
    ]
    traces = [_line(times, curve.net, "net", _NET)]
    if curve.buy_and_hold is not None:
        traces.append(_line(times, curve.buy_and_hold, "buy and hold", _HELD))
    fall = _line(times, falls, "drawdown", _FALL)
    traces.append(fall | {"yaxis": "y2", "fill": "tozeroy", "showlegend": False})
    layout = {
        "yaxis": {**_AXIS, "domain": [0.32, 1], "title": {"text": report.header.quote}},
        "yaxis2": {**_AXIS, "domain": [0, 0.24], "tickformat": ".1%"},
        "xaxis": {**_AXIS, "anchor": "y2"},
    }
    return traces, layout, 460


def _line(times: list[str], values: Sequence[float], name: str, color: str) -> dict[str, Any]:
    line = {"color": color, "width": 1.5}
    return {"type": "scatter", "mode": "lines", "x": times, "y": list(values), "name": name, "line": line}


def _candle_charts(report: TradingReport, candles: Mapping[str, Candles]) -> Iterable[str]:
    traded = [symbol for symbol in report.header.symbols if symbol in candles and len(candles[symbol])]
    for number, symbol in enumerate(traded[:_MOST_CHARTS]):
        shown = candles[symbol]
        note = f" ({shown.bars} bars in each candle)" if shown.bars > 1 else ""
        yield f"<h2>{escape(symbol)}{note}</h2>"
        yield _chart(f"candles-{number}", *_candle_chart(shown, [t for t in report.trades if t.symbol == symbol]))
    if len(traded) > _MOST_CHARTS:
        yield f"<p>Charts of {_MOST_CHARTS} of {len(traded)} symbols are shown.</p>"


def _candle_chart(candles: Candles, trades: list[ReportTrade]) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    prices = {
        "type": "candlestick",
        "x": [*map(minute_of, candles.open_time.tolist())],
        **{name: getattr(candles, name).tolist() for name in ("open", "high", "low", "close")},
        "name": "price",
        "increasing": {"line": {"color": _UP, "width": 1}},
        "decreasing": {"line": {"color": _DOWN, "width": 1}},
    }
    closed = [trade for trade in trades if trade.closed_ms is not None and trade.exit_price is not None]
    entries = _markers("entry", "triangle-up", [(t.opened_ms, t.entry_price, t.strategy) for t in trades])
    exits = _markers(
        "exit", "triangle-down", [(t.closed_ms or 0, t.exit_price or "0", f"{t.exit_reason} {t.net}") for t in closed]
    )
    axes: dict[str, Any] = {
        "xaxis": {**_AXIS, "rangeslider": {"visible": False}},
        "yaxis": _AXIS,
        "hovermode": "closest",
    }
    return [prices, entries, exits], axes, 420


def _markers(name: str, symbol: str, points: Sequence[tuple[int, str, str]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [minute_of(ms) for ms, _, _ in points],
        "y": [float(price) for _, price, _ in points],
        # The library reads a few tags in texts.
        "text": [escape(text) for _, _, text in points],
        "marker": {"symbol": symbol, "size": 9, "color": _NET if name == "entry" else "#e0a030"},
    }


def _chart(name: str, traces: list[dict[str, Any]], layout: dict[str, Any], height: int) -> str:
    """Return one chart and the call that draws it."""
    arguments: tuple[object, ...] = (name, traces, _LAYOUT | layout | {"height": height}, _SETTINGS)
    call = ", ".join(map(_json, arguments))
    return f"<div id='{name}'></div><script>Plotly.newPlot({call});</script>"


def _json(value: object) -> str:
    """Return JSON that no text in it can end the script of."""
    text = orjson.dumps(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
