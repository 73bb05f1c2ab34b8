"""User data events: executionReport, listStatus, balanceUpdate and outboundAccountPosition.

In the exchange's order, but for a balanceUpdate: where it comes is not documented.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cq_tui.simulator import errors
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, PreventedMatch
from cq_tui.simulator.engine.outcome import OrderListReport, OrderReport, Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.market.symbols import format_amount

Json = dict[str, Any]
_ZERO_TEXT = format_amount(ZERO)
_NO_TRADE_GROUP = -1
_REJECT_REASONS = {
    "": "NONE",
    errors.INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    errors.WOULD_TRIGGER: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    errors.WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
    errors.DUPLICATE: "DUPLICATE_ORDER",
    errors.MARKET_CLOSED: "MARKET_CLOSED",
}


def execution_report(report: OrderReport) -> Json:
    """Return an executionReport event."""
    order, trade = report.order, report.trade
    original = report.original_client_id or (order.client_order_id if report.cancel_id else "")
    event: Json = {
        "e": "executionReport",
        "E": report.time,
        "s": order.symbol,
        "c": report.cancel_id or order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": format_amount(order.quantity),
        "p": format_amount(order.price),
        "P": format_amount(order.stop_price),
        "F": format_amount(order.iceberg_quantity),
        "g": order.list_id,
        "C": original,
        "x": report.execution_type,
        "X": order.status,
        "r": _REJECT_REASONS.get(report.refusal, "NONE"),
        "i": order.order_id,
        "l": _ZERO_TEXT,
        "z": format_amount(order.executed),
        "L": _ZERO_TEXT,
        "n": "0",
        "N": None,
        "T": report.time,
        "t": -1,
        "I": report.execution_id,
        "w": _is_on_book(report),
        "m": False,
        "M": trade is not None,
        "O": order.time,
        "Z": format_amount(order.quote_executed),
        "Y": _ZERO_TEXT,
        "Q": format_amount(order.quote_quantity),
    }
    if trade is not None:
        event["l"] = format_amount(trade.quantity)
        event["L"] = format_amount(trade.price)
        event["n"] = format_amount(trade.commission)
        event["N"] = trade.commission_asset
        event["t"] = trade.trade_id
        event["m"] = trade.is_maker
        event["Y"] = format_amount(trade.quote)
    if order.working_time >= 0:
        event["W"] = order.working_time
    event["V"] = order.stp_mode
    _add_optional_fields(event, order)
    if report.prevented is not None:
        _add_prevented_match(event, order, report.prevented, report.unexecuted)
    return event


def _is_on_book(report: OrderReport) -> bool:
    order = report.order
    if order.working_time < 0:
        return False
    return report.execution_type == "NEW" or (order.is_open and order.type != "MARKET")


def _add_optional_fields(event: Json, order: EngineOrder) -> None:
    """Add the fields that not all orders have."""
    if order.trailing_delta >= 0:
        event["d"] = order.trailing_delta
        if order.trailing_time >= 0:
            event["D"] = order.trailing_time
    if order.strategy_id >= 0:
        event["j"] = order.strategy_id
    if order.strategy_type >= 0:
        event["J"] = order.strategy_type
    if order.prevented_match_id >= 0:
        event["v"] = order.prevented_match_id
        event["A"] = format_amount(order.prevented_quantity)
    if order.expiry_reason:
        event["eR"] = order.expiry_reason


def _add_prevented_match(event: Json, order: EngineOrder, match: PreventedMatch, unexecuted: Decimal) -> None:
    """Add the TRADE_PREVENTION fields about the prevented match."""
    is_taker = order.order_id == match.taker_order_id
    event["v"] = match.match_id
    event["A"] = format_amount(order.prevented_quantity)
    event["B"] = format_amount(match.taker_quantity if is_taker else match.maker_quantity)
    event["u"] = _NO_TRADE_GROUP
    event["U"] = match.maker_order_id if is_taker else match.taker_order_id
    event["Cs"] = match.symbol
    event["pl"] = format_amount(unexecuted)
    event["pL"] = format_amount(match.price)
    event["pY"] = format_amount(unexecuted * match.price)


def list_status(report: OrderListReport, state: ExchangeState) -> Json:
    """Return a listStatus event."""
    entry = report.order_list
    orders = (state.orders[entry.symbol, number] for number in entry.order_ids)
    return {
        "e": "listStatus",
        "E": report.time,
        "s": entry.symbol,
        "g": entry.list_id,
        "c": entry.contingency,
        "l": report.status_type,
        "L": report.list_status,
        "r": "NONE",
        "C": entry.client_id,
        "T": report.time,
        "O": [{"s": order.symbol, "i": order.order_id, "c": order.client_order_id} for order in orders],
    }


def account_position(assets: Iterable[str], state: ExchangeState, now: int) -> Json:
    """Return an outboundAccountPosition event for assets whose balances may have changed."""
    return {
        "e": "outboundAccountPosition",
        "E": now,
        "u": state.update_time,
        "B": [
            {
                "a": asset,
                "f": format_amount(state.balances[asset].free),
                "l": format_amount(state.balances[asset].locked),
            }
            for asset in sorted(assets)
        ],
    }


def balance_update(asset: str, change: Decimal, now: int) -> Json:
    """Return a balanceUpdate event of a deposit, or with a negative change of a withdrawal."""
    return {"e": "balanceUpdate", "E": now, "a": asset, "d": format_amount(change), "T": now}


def user_data_events(outcome: Outcome, state: ExchangeState, now: int) -> list[Json]:
    """Return the events of one outcome: reports in execution order, then deposits and withdrawals, then balances."""
    events = [
        execution_report(entry) if isinstance(entry, OrderReport) else list_status(entry, state)
        for entry in outcome.user_events
    ]
    events += [balance_update(asset, change, now) for asset, change in outcome.balance_changes]
    if outcome.assets:
        events.append(account_position(outcome.assets, state, now))
    return events
