"""Stop orders: trailing, triggering, and entering the market."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import is_triggered
from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.contingencies import expire_other_leg
from cq_tui.simulator.engine.fills import execute_taker, expire_remainder, plan_taker
from cq_tui.simulator.engine.ledger_events import Trailed, Triggered
from cq_tui.simulator.engine.orders import MARKET_TYPES, ZERO, EngineOrder

_BASIS_POINTS = 10_000


def trigger_by_own_trades(context: CommandContext, first: int = 0) -> int:
    """Trigger stop orders by the account's own trades from report ``first`` on; return the next report number.

    Trades of the triggered orders count too.
    """
    reports = context.outcome.reports
    while first < len(reports):
        trade = reports[first].trade
        first += 1
        if trade is not None and not trade.is_self_trade_maker:
            process_stops(context, trade.symbol, trade.price)
    return first


def process_stops(context: CommandContext, symbol: str, last: Decimal) -> None:
    """Trigger the symbol's stop orders by a trade price, or update their trailing."""
    for order in context.state.open_orders_of(symbol):
        if not order.is_open or order.is_working or order.is_pending:
            continue  # its other leg may just have closed it
        if order.trailing_delta >= 0:
            if _update_trailing(context, order, last):
                trigger_order(context, order)
        elif is_triggered(order.type, order.side, order.stop_price, last):
            trigger_order(context, order)


def _update_trailing(context: CommandContext, order: EngineOrder, last: Decimal) -> bool:
    """Update the extreme price; return whether the price retraced by ``trailing_delta`` basis points."""
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
    """Enter a stop order, or expire it if it can no longer be placed."""
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
    """Return what an order would spend at market prices now."""
    return order.remaining if order.side == "SELL" else plan_taker(context, order).quote


def breaks_filters(context: CommandContext, order: EngineOrder) -> bool:
    """Whether the order now violates a filter because the market has moved."""
    name = context.engine.rules(order.symbol).violation(
        side=order.side,
        order_type="MARKET" if order.type in MARKET_TYPES else "LIMIT",
        quantity=order.quantity,
        price=order.price or None,
        iceberg_quantity=order.iceberg_quantity or None,
        reference_price=context.engine.reference_price(order.symbol),
    )
    return name is not None
