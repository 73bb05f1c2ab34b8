"""How long a position was without a working stop, from the exchange's own orders and trades."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

_ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
#: A remainder that is worth less, in the quote asset, needs no stop: it could not be sold.
_DUST = Decimal(5)


class Span(NamedTuple):
    """A time of the exchange (ms), from its start until before its end."""

    start: int
    end: int


NEVER = Span(0, 0)


def longest_naked(
    orders: Sequence[Mapping[str, Any]], trades: Sequence[Mapping[str, Any]], base: str, now: int, excused: Span
) -> int:
    """Return the longest time (ms) in a row in which more was held of one symbol than working stops would sell.

    ``orders`` and ``trades`` are allOrders and myTrades of the symbol, ``base`` is its base asset. What passes in the
    ``excused`` span, in which the symbol could not be protected, does not count.
    """
    stops = [order for order in orders if "STOP" in order["type"] and order["side"] == "SELL"]
    moments = sorted(
        {int(trade["time"]) for trade in trades}
        | {moment for stop in stops for moment in _span(stop, now)}
        | {*excused, now}
    )
    moments = [moment for moment in moments if moment <= now]
    longest = naked = 0
    for start, end in pairwise(moments):
        held, price = _held(trades, base, start)
        missing = held - sum((Decimal(stop["origQty"]) for stop in stops if _covers(stop, start, now)), Decimal(0))
        is_naked = missing * price >= _DUST and not excused.start <= start < excused.end
        naked = naked + end - start if is_naked else 0
        longest = max(longest, naked)
    return longest


def _span(stop: Mapping[str, Any], now: int) -> Span:
    return Span(int(stop["time"]), int(stop["updateTime"]) if stop["status"] in _ENDED else now + 1)


def _covers(stop: Mapping[str, Any], moment: int, now: int) -> bool:
    span = _span(stop, now)
    return span.start <= moment < span.end


def _held(trades: Iterable[Mapping[str, Any]], base: str, moment: int) -> tuple[Decimal, Decimal]:
    """Return what was held after the trades until a moment, commission deducted, and the last price."""
    held, price = Decimal(0), Decimal(0)
    for trade in trades:
        if int(trade["time"]) <= moment:
            quantity, price = Decimal(trade["qty"]), Decimal(trade["price"])
            held += quantity if trade["isBuyer"] else -quantity
            held -= Decimal(trade["commission"]) if trade["commissionAsset"] == base else 0
    return held, price
