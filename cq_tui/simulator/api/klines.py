"""Klines of the REST and WebSocket API."""

from typing import Any

from cq_tui.contracts.market import INTERVAL_MS
from cq_tui.simulator.api.market_parameters import read_limit, read_symbol, read_time_zone
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.bars import next_open

INTERVALS = frozenset(INTERVAL_MS) | {"1M"}


def klines(exchange: Exchange, parameters: Parameters) -> Any:
    """Return klines as the exchange's 12-element arrays."""
    symbol = read_symbol(exchange, parameters)
    interval = parameters.choice("interval", INTERVALS, RequestRejected(-1120, "Invalid interval."))
    offset = read_time_zone(parameters)
    bars = exchange.market.klines(
        symbol,
        interval,
        read_limit(parameters, 500, 1_000),
        parameters.time("startTime"),
        parameters.time("endTime"),
        offset,
    )
    return [kline_array(bar, interval, offset) for bar in bars.tolist()]


def kline_array(bar: tuple[Any, ...], interval: str, offset: int = 0) -> list[Any]:
    """Return one bar (a tuple from ``tolist``) as the exchange's array."""
    opened, first, high, low, close, volume, quote, taker, taker_quote, trades = bar
    return [
        opened, f"{first:.8f}", f"{high:.8f}", f"{low:.8f}", f"{close:.8f}", f"{volume:.8f}",
        next_open(opened, interval, offset) - 1, f"{quote:.8f}", trades, f"{taker:.8f}", f"{taker_quote:.8f}", "0",
    ]  # fmt: skip
