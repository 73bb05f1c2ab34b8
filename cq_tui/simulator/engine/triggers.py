"""Stop orders: when they begin to trail, when they trigger, and how they are entered then."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import is_met
from cq_tui.simulator.engine.command import Command, need
from cq_tui.simulator.engine.dependents import expire_other_leg
from cq_tui.simulator.engine.facts import Trailed, Triggered
from cq_tui.simulator.engine.orders import MARKET_TYPES, ZERO, Order
from cq_tui.simulator.engine.taking import end_unfilled, plan_for, take

_WHOLE = 10_000


def follow_trades(command: Command, first: int = 0) -> int:
    """Let the account's own trades trigger stop orders too, from report number ``first`` on; return the next number.

    Orders that they trigger trade in turn, and those trades count as well.
    """
    reports = command.outcome.reports
    while first < len(reports):
        trade = reports[first].trade
        first += 1
        if trade is not None and not trade.is_second_side:
            check_stops(command, trade.symbol, trade.price)
    return first


def check_stops(command: Command, symbol: str, last: Decimal) -> None:
    """Let a trade price trigger the symbol's stop orders, or move what they trail."""
    for order in command.state.open_of(symbol):
        if not order.is_open or order.is_working or order.is_pending:
            continue  # perhaps its other leg has just ended it
        if order.trailing_delta >= 0:
            if _trail(command, order, last):
                trigger(command, order)
        elif is_met(order.type, order.side, order.stop_price, last):
            trigger(command, order)


def _trail(command: Command, order: Order, last: Decimal) -> bool:
    """Follow the price; return whether it came back far enough: delta/10000 from the best price so far."""
    extreme = order.trailing_extreme
    if order.trailing_time < 0:
        if order.stop_price and not is_met(order.type, order.side, order.stop_price, last):
            return False
    elif order.side == "SELL":
        if last <= extreme:
            return last * _WHOLE <= extreme * (_WHOLE - order.trailing_delta)
    elif last >= extreme:
        return last * _WHOLE >= extreme * (_WHOLE + order.trailing_delta)
    command.apply(Trailed(order.symbol, order.order_id, command.now, last))
    return False


def trigger(command: Command, order: Order) -> None:
    """Enter a stop order; one that cannot be placed any more expires."""
    expire_other_leg(command, order)
    at_market = order.type in MARKET_TYPES
    lock = ZERO if at_market else need(order, order.price)
    needed = market_need(command, order) if at_market else lock
    if needed > command.free(order) + order.locked or breaks_filters(command, order):
        end_unfilled(command, order, "REJECTED")
        return
    command.apply(Triggered(order.symbol, order.order_id, command.now, lock))
    command.report(order, "NEW")
    take(command, order)


def market_need(command: Command, order: Order) -> Decimal:
    """Return what an order spends when it is entered at any price now."""
    return order.remaining if order.side == "SELL" else plan_for(command, order).quote


def breaks_filters(command: Command, order: Order) -> bool:
    """Whether the market has moved so far that the order's price or worth breaks a filter."""
    name = command.venue.rules(order.symbol).violation(
        side=order.side,
        order_type="MARKET" if order.type in MARKET_TYPES else "LIMIT",
        quantity=order.quantity,
        price=order.price or None,
        iceberg_quantity=order.iceberg_quantity or None,
        reference_price=command.venue.reference_price(order.symbol),
    )
    return name is not None
