"""Tickers: statistics of 24 h, of the trading day and of a rolling window; last and best prices."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cq_tui.simulator.api.market_parameters import read_symbols, read_time_zone
from cq_tui.simulator.api.parameters import Parameters, invalid_value
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import bucket_open
from cq_tui.simulator.market.symbols import format_amount
from cq_tui.simulator.market.ticks import Bars

_is_window = re.compile(r"([0-9]{1,2})([mhd])").fullmatch
_MOST = {"m": 59, "h": 23, "d": 7}
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MINUTE_MS = 60_000
#: The first fields of a 24 h ticker; its own fields follow, then the rest of a window ticker.
_CHANGES = ("symbol", "priceChange", "priceChangePercent", "weightedAvgPrice")


def ticker_24hr(exchange: Exchange, parameters: Parameters) -> Any:
    """Return rolling 24 h statistics, FULL or MINI."""
    full = _is_full(parameters)
    names, single = read_symbols(exchange, parameters)
    tickers = [day_ticker(exchange, name, full) for name in names]
    return tickers[0] if single else tickers


def trading_day(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the statistics since midnight in a time zone."""
    names, single = read_symbols(exchange, parameters, required=True)
    full, offset = _is_full(parameters), read_time_zone(parameters)
    start = int(bucket_open(np.array([exchange.market.time]), "1d", offset)[0])
    bars = exchange.market.rolling_window(start)
    tickers = [window_ticker(exchange, name, bars, start, full) for name in names]
    return tickers[0] if single else tickers


def rolling(exchange: Exchange, parameters: Parameters) -> Any:
    """Return rolling statistics over ``windowSize``, starting at a full minute."""
    names, single = read_symbols(exchange, parameters, required=True)
    full, length = _is_full(parameters), _window_size(parameters)
    bars, start = window_bars(exchange, length, names)
    tickers = [window_ticker(exchange, name, bars, start, full) for name in names]
    return tickers[0] if single else tickers


def window_bars(exchange: Exchange, length: int, names: Sequence[str] = ()) -> tuple[Bars, int]:
    """Return the bars of the last ``length`` ms, and their start, rounded down to a full minute (Unix ms).

    Those of more than a day are whole only for ``names``.
    """
    start = (exchange.market.time - length) // _MINUTE_MS * _MINUTE_MS
    return exchange.market.rolling_window(start, names), start


def _is_full(parameters: Parameters) -> bool:
    kind = parameters.optional("type") or "FULL"
    if kind not in ("FULL", "MINI"):
        raise RequestRejected(-1139, "Invalid ticker type.")
    return kind == "FULL"


def _window_size(parameters: Parameters) -> int:
    value = parameters.optional("windowSize") or "1d"
    found = _is_window(value)
    if found is None or not 1 <= int(found[1]) <= _MOST[found[2]]:
        raise invalid_value("windowSize")
    return int(found[1]) * _UNIT_MS[found[2]]


def day_ticker(exchange: Exchange, symbol: str, full: bool = True) -> dict[str, Any]:
    """Return the 24 h statistics of a symbol as ticker/24hr shows them."""
    market = exchange.market
    bars, before = market.rolling_day()
    body = window_ticker(exchange, symbol, bars, int(bars["open_time"][market.column[symbol]]), full)
    if not full:
        return body
    bid, bid_quantity, ask, ask_quantity = best_prices(exchange, symbol)
    more = {
        "prevClosePrice": f"{float(before[market.column[symbol]]):.8f}",
        "lastPrice": body["lastPrice"],
        "lastQty": f"{market.last_quantity(symbol):.8f}",
        "bidPrice": bid,
        "bidQty": bid_quantity,
        "askPrice": ask,
        "askQty": ask_quantity,
    }
    return {name: body[name] for name in _CHANGES} | more | body


def window_ticker(exchange: Exchange, symbol: str, bars: Bars, start: int, full: bool) -> dict[str, Any]:
    """Return a symbol's statistics of a window that ends now; ``bars`` has one bar per symbol."""
    opened, high, low, close, volume, traded, _, _, count = bars[exchange.market.column[symbol]].item()[1:]
    last_id = exchange.market.last_trade_id(symbol)
    body: dict[str, Any] = {"symbol": symbol}
    if full:
        body |= {
            "priceChange": f"{close - opened:z.8f}",
            "priceChangePercent": f"{(close - opened) / opened * 100:z.3f}",
            "weightedAvgPrice": f"{traded / volume if volume else close:.8f}",
        }
    return body | {
        "openPrice": f"{opened:.8f}",
        "highPrice": f"{high:.8f}",
        "lowPrice": f"{low:.8f}",
        "lastPrice": f"{close:.8f}",
        "volume": f"{volume:.8f}",
        "quoteVolume": f"{traded:.8f}",
        "openTime": start,
        "closeTime": exchange.market.time,
        "firstId": last_id - count + 1 if count else -1,
        "lastId": last_id if count else -1,
        "count": count,
    }


def ticker_price(exchange: Exchange, parameters: Parameters) -> Any:
    """Return last prices."""
    names, single = read_symbols(exchange, parameters)
    prices = [{"symbol": name, "price": format_amount(exchange.market.last_price(name))} for name in names]
    return prices[0] if single else prices


def ticker_book(exchange: Exchange, parameters: Parameters) -> Any:
    """Return best prices with their quantities."""
    names, single = read_symbols(exchange, parameters)
    tickers = [_book_ticker(exchange, name) for name in names]
    return tickers[0] if single else tickers


def _book_ticker(exchange: Exchange, symbol: str) -> dict[str, str]:
    bid, bid_quantity, ask, ask_quantity = best_prices(exchange, symbol)
    return {"symbol": symbol, "bidPrice": bid, "bidQty": bid_quantity, "askPrice": ask, "askQty": ask_quantity}


def best_prices(exchange: Exchange, symbol: str) -> tuple[str, str, str, str]:
    """Return best bid price, its quantity, best ask price, its quantity, as text."""
    book = exchange.engine.book(symbol)
    bid, ask = book.best_level("bids"), book.best_level("asks")
    return format_amount(bid.price), format_amount(bid.quantity), format_amount(ask.price), format_amount(ask.quantity)
