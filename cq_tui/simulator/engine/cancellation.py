"""Cancel orders and lists on request, and expire all orders of a delisted symbol."""

from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.orders import EngineOrder, EngineOrderList
from cq_tui.simulator.errors import cancel_rejected


def cancel(context: CommandContext, order: EngineOrder, cancel_id: str) -> None:
    """Cancel an open order, and the whole list it belongs to. Raises RequestRejected."""
    if not order.is_open:
        raise cancel_rejected()
    if order.list_id >= 0:
        cancel_list(context, context.state.lists[order.list_id], cancel_id)
        context.outcome.orders = [entry for entry in context.outcome.orders if entry.order_id == order.order_id]
        return
    context.close_order(order, "CANCELED", cancel_id=cancel_id)
    context.outcome.orders.append(order.copy())


def cancel_list(context: CommandContext, order_list: EngineOrderList, cancel_id: str) -> None:
    """Cancel all open orders of a list. Raises RequestRejected if the list is already done."""
    if order_list.done:
        raise cancel_rejected()
    context.outcome.order_list = order_list
    for order in context.state.orders_of(order_list):
        if order.is_open:
            context.close_order(order, "CANCELED", cancel_id=cancel_id)
        context.outcome.orders.append(order.copy())
    context.close_list_if_done(order_list)


def expire_all(context: CommandContext, symbol: str) -> None:
    """Expire all orders of a symbol on behalf of the exchange."""
    for order in context.state.open_orders_of(symbol):
        context.close_order(order, "EXPIRED", "EXCHANGE_CANCELED")
    for order_list in context.state.open_lists_of(symbol):
        context.close_list_if_done(order_list)
