"""Public trades: single, aggregated by taker order and price, and block trades, which never occur here."""

from decimal import Decimal
from typing import Any

from cq_tui.simulator.api.market_parameters import read_limit, read_symbol
from cq_tui.simulator.api.parameters import Parameters, invalid_combination
from cq_tui.simulator.errors import missing_parameter
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.tape import TapeTrade

_MAX_LIMIT = 1_000
_ZERO = Decimal(0)


def trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return the newest trades."""
    symbol = read_symbol(exchange, parameters)
    return [
        _trade_response(trade) for trade in newest_trades(exchange, symbol, read_limit(parameters, 500, _MAX_LIMIT))
    ]


def historical_trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return trades starting at an id, or the newest."""
    symbol, count = read_symbol(exchange, parameters), read_limit(parameters, 500, _MAX_LIMIT)
    first = parameters.integer("fromId")
    found = newest_trades(exchange, symbol, count) if first is None else _trades_from(exchange, symbol, first, count)
    return [_trade_response(trade) for trade in found]


def block_trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return block trades: always none."""
    read_symbol(exchange, parameters)
    read_limit(parameters, 500, _MAX_LIMIT)
    if parameters.integer("fromId") is None:
        raise missing_parameter("fromId")
    return []


def newest_trades(exchange: Exchange, symbol: str, count: int) -> list[TapeTrade]:
    """Return the newest ``count`` trades by ascending id."""
    return _trades_from(exchange, symbol, exchange.market.last_trade_id(symbol) - count + 1, count)


def _trades_from(exchange: Exchange, symbol: str, first: int, count: int) -> list[TapeTrade]:
    market = exchange.market
    column = market.column[symbol]
    first = max(first, market.tape.oldest_id(column))
    return market.tape.trades(column, first, min(first + count - 1, market.last_trade_id(symbol)))


def _trade_response(trade: TapeTrade) -> dict[str, Any]:
    return {
        "id": trade.id,
        "price": trade.price,
        "qty": trade.quantity,
        "quoteQty": f"{Decimal(trade.price) * Decimal(trade.quantity):.8f}",
        "time": trade.time,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregate_trades(exchange: Exchange, parameters: Parameters) -> Any:
    """Return aggregate trades: fills of one taker order at one price and time are merged."""
    symbol, count = read_symbol(exchange, parameters), read_limit(parameters, 500, _MAX_LIMIT)
    from_id, start, end = parameters.integer("fromId"), parameters.time("startTime"), parameters.time("endTime")
    if from_id is not None and (start is not None or end is not None):
        raise invalid_combination()
    market = exchange.market
    column, newest_id = market.column[symbol], market.last_trade_id(symbol)
    last = newest_id if end is None else min(newest_id, market.tape.first_id_at(column, end + 1, market.tick) - 1)
    if from_id is not None:
        return _oldest_aggregates(exchange, symbol, market.tape.first_of_aggregate(column, from_id), last, count)
    if start is not None:
        return _oldest_aggregates(exchange, symbol, market.tape.first_id_at(column, start, market.tick), last, count)
    return _newest_aggregates(exchange, symbol, last, count)


def _oldest_aggregates(exchange: Exchange, symbol: str, first: int, last: int, count: int) -> list[dict[str, Any]]:
    """Return the oldest ``count`` aggregates of the trades ``first`` to ``last``."""
    result: list[dict[str, Any]] = []
    tape, column = exchange.market.tape, exchange.market.column[symbol]
    first = max(first, tape.oldest_id(column))
    while first <= last:
        upto = min(last, first + count)  # one extra trade shows whether the last aggregate continues
        for trade in tape.trades(column, first, upto):
            if result and trade.continues_aggregate:
                _extend_aggregate(result[-1], trade)
            elif len(result) == count:
                return result
            else:
                result.append(start_aggregate(trade))
        first = upto + 1
    return result


def _newest_aggregates(exchange: Exchange, symbol: str, last: int, count: int) -> list[dict[str, Any]]:
    window = count
    while True:
        first = max(last - window + 1, exchange.market.tape.oldest_id(exchange.market.column[symbol]))
        found = _oldest_aggregates(exchange, symbol, first, last, window)
        whole = found[-count:] if len(found) > count else found
        if len(found) > count or last - first + 1 < window or first <= 1:
            return whole
        window += count - len(found) + 1


def start_aggregate(trade: TapeTrade) -> dict[str, Any]:
    """Return a new aggregate of one trade."""
    return {
        "a": trade.aggregate_id, "p": trade.price, "q": trade.quantity, "f": trade.id, "l": trade.id, "T": trade.time,
        "m": trade.buyer_is_maker, "M": True,
    }  # fmt: skip


def _extend_aggregate(whole: dict[str, Any], trade: TapeTrade) -> None:
    whole["q"] = f"{Decimal(whole['q']) + Decimal(trade.quantity):.8f}"
    whole["l"] = trade.id


def group_aggregates(found: list[TapeTrade]) -> list[dict[str, Any]]:
    """Return the aggregates of consecutive trades."""
    result: list[dict[str, Any]] = []
    for trade in found:
        if result and trade.continues_aggregate:
            _extend_aggregate(result[-1], trade)
        else:
            result.append(start_aggregate(trade))
    return result
