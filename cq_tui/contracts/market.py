"""Closed klines: the lines of the kline journals, and the intervals."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
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
        return lines_of_klines((self,))[:-1]


#: ``Kline._make`` without its frame and its count of the values: histories have a hundred thousand klines.
make_kline: Callable[[Iterable[Any]], Kline] = partial(tuple.__new__, Kline)


class KlineLineError(ValueError):
    """A journal line is not a kline; the message names the field and its value."""


_FIELDS = Kline._fields
_INTS = frozenset({"open_time", "close_time", "trades"})
_values_of = itemgetter(*_FIELDS)
_TYPES_WRITTEN = (int, int, float, float, float, float, float, float, int)


def lines_of_klines(klines: Iterable[Kline]) -> bytes:
    """Return the journal lines of many klines, each with its line feed."""
    content = orjson.dumps([dict(zip(_FIELDS, kline, strict=True)) for kline in klines])
    # They hold numbers only: no text can contain this.
    return content[1:-1].replace(b"},{", b"}\n{") + b"\n" if len(content) > 2 else b""


def kline_from_line(line: bytes) -> Kline:
    """Parse a line of ``market/klines/<SYMBOL>-<interval>.ndjson``.

    Unknown fields are ignored. Raises KlineLineError unless the prices are finite, positive and consistent.
    """
    try:
        raw: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise KlineLineError(f"not JSON: {error}") from None
    # A start reads a hundred thousand lines: only an odd one is checked field by field.
    try:
        kline = make_kline(_values_of(raw))
    except (LookupError, TypeError):
        return _checked(raw)
    _, _, first, high, low, last, volume, quote, _ = kline
    if (
        tuple(map(type, kline)) == _TYPES_WRITTEN
        and 0.0 < low <= first <= high < math.inf
        and low <= last <= high
        and -math.inf < volume < math.inf
        and -math.inf < quote < math.inf
    ):
        return kline
    return _checked(raw)


def _checked(raw: Any) -> Kline:
    """Return the kline in a line's JSON. Raises KlineLineError, which names the field."""
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
