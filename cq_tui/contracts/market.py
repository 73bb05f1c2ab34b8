"""Closed klines: the lines of the kline journals, and the intervals."""

import math
from typing import Any, NamedTuple

import orjson

#: Milliseconds of each Binance Spot kline interval of fixed length (1M has none).
INTERVAL_MS: dict[str, int] = {
    "1s": 1_000,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
    "3d": 259_200_000,
    "1w": 604_800_000,
}


#: Closed klines kept per symbol: enough to warm up the slowest time frame of the strategies.
KLINE_HISTORY = 9_600


class Kline(NamedTuple):
    """One closed bar. Times are Unix milliseconds; ``close_time`` is ``open_time + interval - 1``.

    Prices are in the quote asset, ``volume`` in the base asset. Floats, since klines only feed indicators and
    are never sent to the exchange.
    """

    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int

    def to_line(self) -> bytes:
        """Return the journal line, without its line feed."""
        return orjson.dumps(self._asdict())


class KlineLineError(ValueError):
    """A journal line is not a kline; the message names the field and its value."""


_FIELDS = Kline._fields
_INTS = frozenset({"open_time", "close_time", "trades"})


def kline_from_line(line: bytes) -> Kline:
    """Parse a line of ``market/klines/<SYMBOL>-<interval>.ndjson``.

    Unknown fields are ignored. Raises KlineLineError unless the prices are finite, positive and consistent.
    """
    try:
        raw: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise KlineLineError(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise KlineLineError(f"a kline is a JSON object, this is {type(raw).__name__}")
    for field in _FIELDS:
        value = raw.get(field)
        if type(value) is not int and (field in _INTS or type(value) is not float or not math.isfinite(value)):
            raise KlineLineError(f"field {field!r} holds {value!r}, expected a finite number")
    kline = Kline(*(raw[field] for field in _FIELDS))
    if not 0 < kline.low <= min(kline.open, kline.close) <= max(kline.open, kline.close) <= kline.high:
        raise KlineLineError(f"prices out of order at open_time {kline.open_time}")
    return kline
