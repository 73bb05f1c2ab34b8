"""Public endpoints: time, exchangeInfo, klines, tickers, depth and trades, from the market's present state."""

from itertools import islice
from typing import Any

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import next_open
from cq_tui.simulator.market.symbols import text
from cq_tui.simulator.market.ticks import Bars

INTERVALS = frozenset(INTERVAL_MS) | {"1M"}
WEIGHT_LIMIT = 6_000
ORDERS_10S_LIMIT = 100
ORDERS_DAY_LIMIT = 200_000
RATE_LIMITS = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_10S_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_DAY_LIMIT},
    {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
)


def ping(exchange: Exchange, parameters: Parameters) -> Any:
    """Answer with nothing."""
    return {}


def time(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the exchange's clock."""
    return {"serverTime": exchange.clock()}


def exchange_info(exchange: Exchange, parameters: Parameters) -> Any:
    """Return rules and filters of one, some or all symbols."""
    status = "HALT" if exchange.market.over else "TRADING"
    wanted = set(_names(exchange, parameters)[0])
    return {
        "timezone": "UTC",
        "serverTime": exchange.clock(),
        "rateLimits": list(RATE_LIMITS),
        "exchangeFilters": [],
        "symbols": [entry.exchange_info(status) for entry in exchange.market.symbols if entry.symbol in wanted],
    }


def _names(exchange: Exchange, parameters: Parameters) -> tuple[list[str], bool]:
    """Return the symbols asked for (all when none is named) and whether it was exactly one by ``symbol``."""
    if (names := parameters.symbols(exchange.market.column)) is not None:
        return names, False
    if "symbol" in parameters:
        return [parameters.symbol(exchange.market.column)], True
    return list(exchange.market.column), False


def klines(exchange: Exchange, parameters: Parameters) -> Any:
    """Return klines as the 12-element arrays of the exchange."""
    symbol = parameters.symbol(exchange.market.column)
    interval = parameters.choice("interval", INTERVALS, ApiError(-1120, "Invalid interval."))
    limit = parameters.limit(500, 1_000)
    bars = exchange.market.klines(symbol, interval, limit, parameters.time("startTime"), parameters.time("endTime"))
    return [kline_array(bar, interval) for bar in bars.tolist()]


def kline_array(bar: tuple[Any, ...], interval: str) -> list[Any]:
    """Return one bar (as ``tolist`` gives it) as the exchange's array."""
    opened, first, high, low, close, volume, quote, taker, taker_quote, trades = bar
    return [
        opened, f"{first:.8f}", f"{high:.8f}", f"{low:.8f}", f"{close:.8f}", f"{volume:.8f}",
        next_open(opened, interval) - 1, f"{quote:.8f}", trades, f"{taker:.8f}", f"{taker_quote:.8f}", "0",
    ]  # fmt: skip


def ticker_24hr(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the rolling statistics of 24 h, FULL or MINI."""
    kind = parameters.optional("type") or "FULL"
    if kind not in ("FULL", "MINI"):
        raise ApiError(-1139, "Invalid ticker type.")
    names, single = _names(exchange, parameters)
    tickers = [day_ticker(exchange, name, kind == "FULL") for name in names]
    return tickers[0] if single else tickers


def day_ticker(exchange: Exchange, symbol: str, full: bool = True) -> dict[str, Any]:
    """Return the 24 h statistics of a symbol as ticker/24hr shows them."""
    market = exchange.market
    column = market.column[symbol]
    bars, before = market.day()
    bar, quote = bars[column], market.quote(symbol)
    opened, volume, traded = float(bar["open"]), float(bar["volume"]), float(bar["quote"])
    change = quote.last - opened
    last_id = exchange.trade_id_at(symbol, market.time)
    shape: dict[str, Any] = {
        "symbol": symbol,
        "openPrice": f"{opened:.8f}",
        "highPrice": f"{max(float(bar['high']), quote.last):.8f}",
        "lowPrice": f"{min(float(bar['low']), quote.last):.8f}",
        "lastPrice": f"{quote.last:.8f}",
        "volume": f"{volume:.8f}",
        "quoteVolume": f"{traded:.8f}",
        "openTime": int(bar["open_time"]),
        "closeTime": market.time,
        "firstId": last_id - int(bar["trades"]) + 1,
        "lastId": last_id,
        "count": int(bar["trades"]),
    }
    if not full:
        return shape
    touch_text = touch(exchange, symbol)
    return shape | {
        "priceChange": f"{change:.8f}",
        "priceChangePercent": f"{change / opened * 100:.3f}",
        "weightedAvgPrice": f"{traded / volume if volume else quote.last:.8f}",
        "prevClosePrice": f"{float(before[column]):.8f}",
        "lastQty": f"{quote.quantity:.8f}",
        "bidPrice": f"{quote.bid:.8f}",
        "bidQty": touch_text[1],
        "askPrice": f"{quote.ask:.8f}",
        "askQty": touch_text[3],
    }


def ticker_price(exchange: Exchange, parameters: Parameters) -> Any:
    """Return last prices."""
    names, single = _names(exchange, parameters)
    prices = [{"symbol": name, "price": text(exchange.market.last_price(name))} for name in names]
    return prices[0] if single else prices


def ticker_book(exchange: Exchange, parameters: Parameters) -> Any:
    """Return best prices and what is offered at them."""
    names, single = _names(exchange, parameters)
    tickers = [{"symbol": name, **_touch(exchange, name)} for name in names]
    return tickers[0] if single else tickers


def _touch(exchange: Exchange, symbol: str) -> dict[str, str]:
    bid, bid_quantity, ask, ask_quantity = touch(exchange, symbol)
    return {"bidPrice": bid, "bidQty": bid_quantity, "askPrice": ask, "askQty": ask_quantity}


def touch(exchange: Exchange, symbol: str) -> tuple[str, str, str, str]:
    """Return bid, its quantity, ask and its quantity as text."""
    book = exchange.market.book(symbol)
    bid, ask = book.touch("bids"), book.touch("asks")
    return text(bid.price), text(bid.quantity), text(ask.price), text(ask.quantity)


def depth(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the best levels of a book."""
    symbol = parameters.symbol(exchange.market.column)
    return book_levels(exchange, symbol, parameters.limit(100, 5_000))


def book_levels(exchange: Exchange, symbol: str, limit: int) -> dict[str, Any]:
    """Return the best ``limit`` levels of a symbol's book as depth shows them."""
    book = exchange.market.book(symbol)
    return {
        "lastUpdateId": exchange.market.tick,
        **{
            side: [[text(price), text(quantity)] for price, quantity in islice(book.levels(side), limit)]
            for side in ("bids", "asks")
        },
    }


def average_price(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the average price of five minutes."""
    symbol = parameters.symbol(exchange.market.column)
    return {
        "mins": 5,
        "price": text(exchange.market.average_price(symbol)),
        "closeTime": exchange.market.time,
    }


def kline_event(exchange: Exchange, symbol: str, interval: str, bars: Bars, closed: bool, now: int) -> dict[str, Any]:
    """Return a kline stream payload from one bar of all symbols."""
    bar = bars[exchange.market.column[symbol]]
    opened, trades = int(bar["open_time"]), int(bar["trades"])
    first_id = exchange.trade_id_at(symbol, opened)
    return {
        "e": "kline",
        "E": now,
        "s": symbol,
        "k": {
            "t": opened,
            "T": next_open(opened, interval) - 1,
            "s": symbol,
            "i": interval,
            "f": first_id if trades else -1,
            "L": first_id + trades - 1 if trades else -1,
            "o": f"{bar['open']:.8f}",
            "c": f"{bar['close']:.8f}",
            "h": f"{bar['high']:.8f}",
            "l": f"{bar['low']:.8f}",
            "v": f"{bar['volume']:.8f}",
            "n": trades,
            "x": closed,
            "q": f"{bar['quote']:.8f}",
            "V": f"{bar['taker']:.8f}",
            "Q": f"{bar['taker_quote']:.8f}",
            "B": "0",
        },
    }
