"""Stop orders: when they begin to trail, when they trigger, and how they are entered then."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import is_triggered
from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.contingencies import expire_other_leg
from cq_tui.simulator.engine.fills import execute_taker, expire_remainder, plan_taker
from cq_tui.simulator.engine.ledger_events import Trailed, Triggered
from cq_tui.simulator.engine.orders import MARKET_TYPES, ZERO, EngineOrder

_BASIS_POINTS = 10_000


def trigger_by_own_trades(context: CommandContext, first: int = 0) -> int:
    """Let the account's own trades trigger stop orders too, from report number ``first`` on; return the next number.

    Orders that they trigger trade in turn, and those trades count as well.
    """
    reports = context.outcome.reports
    while first < len(reports):
        trade = reports[first].trade
        first += 1
        if trade is not None and not trade.is_self_trade_maker:
            process_stops(context, trade.symbol, trade.price)
    return first


def process_stops(context: CommandContext, symbol: str, last: Decimal) -> None:
    """Let a trade price trigger the symbol's stop orders, or move what they trail."""
    for order in context.state.open_orders_of(symbol):
        if not order.is_open or order.is_working or order.is_pending:
            continue  # perhaps its other leg has just ended it
        if order.trailing_delta >= 0:
            if _update_trailing(context, order, last):
                trigger_order(context, order)
        elif is_triggered(order.type, order.side, order.stop_price, last):
            trigger_order(context, order)


def _update_trailing(context: CommandContext, order: EngineOrder, last: Decimal) -> bool:
    """Follow the price; return whether it came back far enough: delta/10000 from the best price so far."""
    extreme = order.trailing_extreme
    if order.trailing_time < 0:
        if order.stop_price and not is_triggered(order.type, order.side, order.stop_price, last):
            return False
    elif order.side == "SELL":
        if last <= extreme:
            return last * _BASIS_POINTS <= extreme * (_BASIS_POINTS - order.trailing_delta)
    elif last >= extreme:
        return last * _BASIS_POINTS >= extreme * (_BASIS_POINTS + order.trailing_delta)
    context.apply(Trailed(order.symbol, order.order_id, context.now, last))
    return False


def trigger_order(context: CommandContext, order: EngineOrder) -> None:
    """Enter a stop order; one that cannot be placed any more expires."""
    expire_other_leg(context, order)
    at_market = order.type in MARKET_TYPES
    lock = ZERO if at_market else required_lock(order, order.price)
    needed = market_order_cost(context, order) if at_market else lock
    if needed > context.free_balance(order) + order.locked or breaks_filters(context, order):
        expire_remainder(context, order, "REJECTED")
        return
    context.apply(Triggered(order.symbol, order.order_id, context.now, lock))
    context.report(order, "NEW")
    execute_taker(context, order)


def market_order_cost(context: CommandContext, order: EngineOrder) -> Decimal:
    """Return what an order spends when it is entered at any price now."""
    return order.remaining if order.side == "SELL" else plan_taker(context, order).quote


def breaks_filters(context: CommandContext, order: EngineOrder) -> bool:
    """Whether the market has moved so far that the order's price or worth breaks a filter."""
    name = context.engine.rules(order.symbol).violation(
        side=order.side,
        order_type="MARKET" if order.type in MARKET_TYPES else "LIMIT",
        quantity=order.quantity,
        price=order.price or None,
        iceberg_quantity=order.iceberg_quantity or None,
        reference_price=context.engine.reference_price(order.symbol),
    )
    return name is not None
