"""The account's past orders, trades and prevented matches."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar

from cq_tui.simulator.api import responses
from cq_tui.simulator.api.parameters import Parameters, either_required, invalid_combination
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange

_DAY_MS = 86_400_000
T = TypeVar("T")


def all_orders(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's orders by ascending id."""
    symbol = parameters.symbol(exchange.market.rules)
    first = parameters.integer("orderId")
    start, end = read_time_range(parameters)
    limit = parameters.limit(500, 1_000)
    found = [
        order
        for (name, number), order in exchange.state.orders.items()
        if name == symbol and number >= (first or 0) and is_within(order.time, start, end)
    ]
    found.sort(key=attrgetter("order_id"))
    return [responses.queried_order(order) for order in page(found, limit, first is not None or start is not None)]


def my_trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the account's trades of a symbol by ascending id."""
    symbol = parameters.symbol(exchange.market.rules)
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    start, end = read_time_range(parameters)
    if (order_id is not None or from_id is not None) and (start is not None or end is not None):
        raise invalid_combination()
    limit = parameters.limit(500, 1_000)
    found = [
        trade
        for trade in exchange.state.trades
        if trade.symbol == symbol
        and order_id in (None, trade.order_id)
        and trade.trade_id >= (from_id or 0)
        and is_within(trade.time, start, end)
    ]
    return [responses.my_trade(trade) for trade in page(found, limit, from_id is not None or start is not None)]


def prevented_matches(exchange: Exchange, parameters: Parameters) -> Any:
    """Return a symbol's prevented matches, by match id or by order id."""
    symbol = parameters.symbol(exchange.market.rules)
    match_id, order_id = parameters.integer("preventedMatchId"), parameters.integer("orderId")
    first = parameters.integer("fromPreventedMatchId")
    limit = parameters.limit(500, 1_000)
    if match_id is None and order_id is None:
        raise either_required("preventedMatchId", "orderId")
    if match_id is not None and (order_id is not None or first is not None):
        raise invalid_combination()
    found = [
        match
        for match in exchange.state.prevented
        if match.symbol == symbol
        and match_id in (None, match.match_id)
        and order_id in (None, match.taker_order_id, match.maker_order_id)
        and match.match_id >= (first or 0)
    ]
    return [responses.prevented_match(match) for match in found[:limit]]


def allocations(exchange: Exchange, parameters: Parameters) -> Any:
    """Return smart order routing's allocations: always none."""
    parameters.symbol(exchange.market.rules)
    read_time_range(parameters)
    parameters.limit(500, 1_000)
    return []


def read_time_range(parameters: Parameters) -> tuple[int | None, int | None]:
    """Return startTime and endTime (Unix ms), at most 24 h apart. Raises RequestRejected -1127."""
    start, end = parameters.time("startTime"), parameters.time("endTime")
    if start is not None and end is not None and end - start > _DAY_MS:
        raise RequestRejected(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def is_within(time: int, start: int | None, end: int | None) -> bool:
    """Whether a time lies between two inclusive bounds; None is unbounded."""
    return (start is None or time >= start) and (end is None or time <= end)


def page(found: Sequence[T], limit: int, from_start: bool) -> Sequence[T]:
    """Return the oldest ``limit`` entries if the request has a start, otherwise the newest."""
    return found[:limit] if from_start else found[-limit:]
