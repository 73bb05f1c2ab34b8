"""Live fills beside the prices that a look back would have paid: the difference of each in basis points, and its cause.

A look back fills market orders at the open of the candle that follows the decision, stops at their level, both worse by
the slippage, and targets at their price. Live, time passes and the book is what it is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from cq_tui.contracts.market import Kline
from cq_tui.contracts.numbers import to_decimal
from cq_tui.lookback.costs import Costs
from cq_tui.trading.client_order_id import Leg

_BASIS_POINT: Final = 10_000


class FillCompared(NamedTuple):
    """One order, as it was filled and as a look back would have filled it. Prices in quote units."""

    client_order_id: str
    symbol: str
    side: str
    leg: str
    #: When it was first filled (the exchange's Unix ms).
    ms: int
    quantity: Decimal
    live: Decimal
    model: Decimal
    #: How much worse the live price is; negative if it is better.
    worse_bp: float
    cause: str


@dataclass(slots=True)
class _Order:
    """An order as events tell it."""

    submitted: Mapping[str, Any]
    quantity: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    first_ms: int = 0

    def add(self, data: Mapping[str, Any]) -> None:
        """Take a trade."""
        quantity = Decimal(data["size_text"])
        self.quantity += quantity
        self.paid += quantity * Decimal(data["price_text"])
        self.first_ms = min(self.first_ms or data["ms"], data["ms"])


class Candles:
    """The stored klines of one symbol, by time."""

    def __init__(self, klines: Sequence[Kline]) -> None:
        self._klines = klines
        self._opens = [kline.open_time for kline in klines]

    def at(self, ms: int) -> Kline | None:
        """Return the candle of a time; None if it is not stored."""
        index = bisect_right(self._opens, ms) - 1
        return self._klines[index] if index >= 0 and self._klines[index].close_time >= ms else None


def compare_fills(
    events: Iterable[tuple[str, Mapping[str, Any]]], candles: Mapping[str, Candles], costs: Costs
) -> tuple[list[FillCompared], int]:
    """Compare every filled order of ours, by type and payload of events in their order; and count those left out."""
    compared: list[FillCompared] = []
    left_out = 0
    for order in _filled(events):
        found = _compare(order, candles, costs)
        if found is None:
            left_out += 1
        else:
            compared.append(found)
    return compared, left_out


def _filled(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[_Order]:
    orders: dict[str, _Order] = {}
    for event_type, data in events:
        name = data.get("client_order_id")
        if not isinstance(name, str):
            continue
        if event_type == "order_submitted" and "ms" in data:
            orders.setdefault(name, _Order(data))
        elif event_type == "order_executed" and name in orders and "size_text" in data:
            orders[name].add(data)
    yield from (order for order in orders.values() if order.quantity)


def _compare(order: _Order, candles: Mapping[str, Candles], costs: Costs) -> FillCompared | None:
    told = order.submitted
    symbol, leg, is_sale = str(told["symbol"]), Leg(told["leg"]), told["side"] == "SELL"
    of_symbol = candles.get(symbol)
    filled_in = None if of_symbol is None else of_symbol.at(order.first_ms)
    decided_in = None if of_symbol is None else of_symbol.at(_decided_at(told))
    if filled_in is None or decided_in is None:
        return None
    model, cause = _model(order, leg, decided_in, filled_in, costs.slippage_in(symbol))
    live = order.paid / order.quantity
    worse = (model - live if is_sale else live - model) / model
    return FillCompared(
        str(told["client_order_id"]), symbol, str(told["side"]), leg.value, order.first_ms, order.quantity, live, model,
        float(worse * _BASIS_POINT), cause,
    )  # fmt: skip


def _decided_at(told: Mapping[str, Any]) -> int:
    """Return the time (Unix ms) in whose candle a look back fills: an entry's bar has just ended then."""
    parts = str(told.get("signal_key")).split(":")
    is_entry = told["leg"] == Leg.ENTRY.value and len(parts) == 5 and parts[3].isdigit()
    return int(parts[3]) + 1 if is_entry else int(told["ms"])


def _model(order: _Order, leg: Leg, decided_in: Kline, filled_in: Kline, slippage: Decimal) -> tuple[Decimal, str]:
    """Return what a look back would have paid or received, and why live may differ."""
    told, is_sale = order.submitted, order.submitted["side"] == "SELL"
    worse = 1 - slippage if is_sale else 1 + slippage
    if leg is Leg.TARGET:
        return Decimal(told.get("price_text") or told["stop_price_text"]), "the target's price, or better"
    if leg is Leg.STOP:
        stop, opened = Decimal(told["stop_price_text"]), to_decimal(filled_in.open)
        is_gap = opened < stop
        cause = "its candle opened beyond the stop" if is_gap else f"live slippage, {_bp(slippage)} assumed"
        return (opened if is_gap else stop) * worse, cause
    late = order.first_ms - decided_in.open_time
    moved = f"the price moved in the {late:,} ms since the candle opened"
    return to_decimal(decided_in.open) * worse, f"{moved}; {_bp(slippage)} of slippage assumed"


def _bp(share: Decimal) -> str:
    return f"{float(share * _BASIS_POINT):g} bp"


class LegSummary(NamedTuple):
    """All orders of one leg. Basis points, weighted by amount."""

    leg: str
    orders: int
    worse_bp: float
    #: The worst of them.
    worst: FillCompared


def summarize(compared: Iterable[FillCompared]) -> list[LegSummary]:
    """Return one line for each leg, in the order of a trade."""
    by_leg: dict[str, list[FillCompared]] = {}
    for one in compared:
        by_leg.setdefault(one.leg, []).append(one)
    found = []
    for leg in Leg:
        if fills := by_leg.get(leg.value):
            amounts = [float(one.quantity * one.model) for one in fills]
            mean = sum(a * one.worse_bp for a, one in zip(amounts, fills, strict=True)) / sum(amounts)
            found.append(LegSummary(leg.value, len(fills), mean, max(fills, key=lambda one: one.worse_bp)))
    return found
