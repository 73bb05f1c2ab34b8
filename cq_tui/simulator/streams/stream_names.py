"""Parses stream names."""

import re
from collections.abc import Container
from typing import NamedTuple

from cq_tui.simulator.api.klines import INTERVALS

#: Window lengths of the rolling-window tickers (ms).
WINDOWS = {"1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000}
_PLAIN = frozenset(
    {"trade", "aggTrade", "bookTicker", "miniTicker", "ticker", "avgPrice", "referencePrice", "blockTrade"}
)
#: Valid streams that never send: there are no block trades or reference prices here.
_SILENT = frozenset({"referencePrice", "blockTrade"})
_is_depth = re.compile(r"depth(5|10|20)?(@100ms|@1000ms)?").fullmatch
#: The one other time zone of kline streams.
_ZONE_MS = 8 * 3_600_000
_is_kline = re.compile(r"kline_(\w+?)(@\+08:00)?").fullmatch
_is_all = re.compile(r"!(?:miniTicker|ticker_(1h|4h|1d))@arr(?:@1000ms)?").fullmatch


class Stream(NamedTuple):
    """One stream; ``symbol`` is empty for streams of all symbols.

    ``detail`` is a kline interval or a ticker window, ``levels`` the size of a partial book, ``offset`` a kline's time
    zone (ms ahead of UTC). ``quick`` depth is sent every 100 ms, other depth every second.
    """

    symbol: str
    kind: str
    detail: str = ""
    levels: int = 0
    offset: int = 0
    quick: bool = False


def parse_stream(name: str, symbols: Container[str]) -> Stream | None:
    """Parse a stream name; returns None for one that is unknown or never sends."""
    if name.startswith("!"):
        found = _is_all(name)
        if found is None:
            return None
        return Stream("", "all windows", found[1]) if found[1] else Stream("", "all mini tickers")
    symbol, _, kind = name.partition("@")
    if symbol != symbol.lower() or symbol.upper() not in symbols:
        return None
    return _parse_symbol_stream(symbol.upper(), kind)


def _parse_symbol_stream(symbol: str, kind: str) -> Stream | None:
    if kind in _SILENT:
        return None
    if kind in _PLAIN:
        return Stream(symbol, kind)
    if (depth := _is_depth(kind)) is not None:
        quick = depth[2] == "@100ms"
        if depth[1]:
            return Stream(symbol, "partial depth", levels=int(depth[1]), quick=quick)
        return Stream(symbol, "depth", quick=quick)
    if kind.startswith("ticker_") and (window := kind.removeprefix("ticker_")) in WINDOWS:
        return Stream(symbol, "window", window)
    if (kline := _is_kline(kind)) is not None and kline[1] in INTERVALS:
        return Stream(symbol, "kline", kline[1], offset=_ZONE_MS if kline[2] else 0)
    return None
