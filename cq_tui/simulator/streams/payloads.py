"""Payloads of the market streams as JSON text. ``scale`` is 1,000 for times in microseconds, else 1."""

from typing import Any

from cq_tui.simulator.api.market_data import last_trade_time
from cq_tui.simulator.api.tickers import day_ticker
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import next_open
from cq_tui.simulator.market.depth import BookSnapshot, DepthDiff, LevelJson
from cq_tui.simulator.market.symbols import format_amount
from cq_tui.simulator.market.tape import TapeTrade
from cq_tui.simulator.market.ticks import Bars

_TICKER = (
    ("p", "priceChange"), ("P", "priceChangePercent"), ("w", "weightedAvgPrice"), ("x", "prevClosePrice"),
    ("c", "lastPrice"), ("Q", "lastQty"), ("b", "bidPrice"), ("B", "bidQty"), ("a", "askPrice"), ("A", "askQty"),
    ("o", "openPrice"), ("h", "highPrice"), ("l", "lowPrice"), ("v", "volume"), ("q", "quoteVolume"),
)  # fmt: skip


def trade(symbol: str, entry: TapeTrade, scale: int) -> str:
    """Return a trade event."""
    time = entry.time * scale
    return (
        f'{{"e":"trade","E":{time},"s":"{symbol}","t":{entry.id},"p":"{entry.price}","q":"{entry.quantity}",'
        f'"T":{time},"m":{"true" if entry.buyer_is_maker else "false"},"M":true}}'
    )


def aggregate_trade(symbol: str, entry: dict[str, Any], scale: int) -> str:
    """Return an aggTrade event from a REST aggregate."""
    time = entry["T"] * scale
    return (
        f'{{"e":"aggTrade","E":{time},"s":"{symbol}","a":{entry["a"]},"p":"{entry["p"]}","q":"{entry["q"]}",'
        f'"f":{entry["f"]},"l":{entry["l"]},"T":{time},"m":{"true" if entry["m"] else "false"},"M":true}}'
    )


def book_ticker(symbol: str, update_id: int, bid: tuple[str, str], ask: tuple[str, str]) -> str:
    """Return a bookTicker event."""
    return f'{{"u":{update_id},"s":"{symbol}","b":"{bid[0]}","B":"{bid[1]}","a":"{ask[0]}","A":"{ask[1]}"}}'


def kline(
    symbol: str, interval: str, offset: int, bar: tuple[Any, ...], last_id: int, *, closed: bool, now: int, scale: int
) -> str:
    """Return a kline event from one bar (a tuple from ``tolist``) and the id of its last trade."""
    opened, first, high, low, close, volume, quote, taker, taker_quote, trades = bar
    end = (next_open(opened, interval, offset) - 1) * scale + (scale - 1)
    return (
        f'{{"e":"kline","E":{now * scale},"s":"{symbol}","k":{{"t":{opened * scale},"T":{end},"s":"{symbol}",'
        f'"i":"{interval}","f":{last_id - trades + 1 if trades else -1},"L":{last_id if trades else -1},'
        f'"o":"{first:.8f}","c":"{close:.8f}","h":"{high:.8f}","l":"{low:.8f}","v":"{volume:.8f}","n":{trades},'
        f'"x":{"true" if closed else "false"},"q":"{quote:.8f}","V":"{taker:.8f}","Q":"{taker_quote:.8f}","B":"0"}}}}'
    )


def mini_ticker(symbol: str, bar: tuple[Any, ...], now: int, scale: int) -> str:
    """Return a 24hrMiniTicker event from the bar of the last 24 h."""
    _, opened, high, low, close, volume, quote = bar[:7]
    return (
        f'{{"e":"24hrMiniTicker","E":{now * scale},"s":"{symbol}","c":"{close:.8f}","o":"{opened:.8f}",'
        f'"h":"{high:.8f}","l":"{low:.8f}","v":"{volume:.8f}","q":"{quote:.8f}"}}'
    )


def ticker(exchange: Exchange, symbol: str, scale: int) -> str:
    """Return a 24hrTicker event."""
    day = day_ticker(exchange, symbol)
    middle = ",".join(f'"{key}":"{day[name]}"' for key, name in _TICKER)
    return (
        f'{{"e":"24hrTicker","E":{exchange.market.time * scale},"s":"{symbol}",{middle},"O":{day["openTime"] * scale},'
        f'"C":{day["closeTime"] * scale},"F":{day["firstId"]},"L":{day["lastId"]},"n":{day["count"]}}}'
    )


def window_ticker(exchange: Exchange, symbol: str, window: str, bars: Bars, start: int, scale: int) -> str:
    """Return a rolling-window ticker event from the bar of its window, which began at ``start`` (Unix ms)."""
    market = exchange.market
    _, opened, high, low, close, volume, quote, _, _, count = bars[market.column[symbol]].item()
    last_id, now = market.last_trade_id(symbol), market.time * scale
    return (
        f'{{"e":"{window}Ticker","E":{now},"s":"{symbol}","p":"{close - opened:z.8f}",'
        f'"P":"{(close - opened) / opened * 100:z.3f}","o":"{opened:.8f}","h":"{high:.8f}","l":"{low:.8f}",'
        f'"c":"{close:.8f}","w":"{quote / volume if volume else close:.8f}","v":"{volume:.8f}","q":"{quote:.8f}",'
        f'"O":{start * scale},"C":{now},"F":{last_id - count + 1 if count else -1},'
        f'"L":{last_id if count else -1},"n":{count}}}'
    )


def average_price(exchange: Exchange, symbol: str, scale: int) -> str:
    """Return an avgPrice event."""
    average = format_amount(exchange.market.average_price(symbol))
    return (
        f'{{"e":"avgPrice","E":{exchange.market.time * scale},"s":"{symbol}","i":"5m","w":"{average}",'
        f'"T":{last_trade_time(exchange, symbol) * scale}}}'
    )


def partial_depth(snapshot: BookSnapshot, count: int, texts: LevelJson) -> str:
    """Return a partial depth payload with the best ``count`` levels."""
    bids, asks = texts.encode_all(snapshot.bids[:count]), texts.encode_all(snapshot.asks[:count])
    return f'{{"lastUpdateId":{snapshot.update_id},"bids":{bids},"asks":{asks}}}'


def depth_update(symbol: str, diff: DepthDiff, now: int, scale: int) -> str:
    """Return a depthUpdate event."""
    return (
        f'{{"e":"depthUpdate","E":{now * scale},"s":"{symbol}","U":{diff.first},"u":{diff.last},'
        f'"b":{diff.bids},"a":{diff.asks}}}'
    )
