"""Ending orders and lists by request, and all orders of a symbol that is taken from the market."""

from cq_tui.simulator.engine.command import Command
from cq_tui.simulator.engine.orders import Order, OrderList
from cq_tui.simulator.errors import cancel_rejected


def cancel(command: Command, order: Order, cancel_id: str) -> None:
    """Cancel an open order; one that belongs to a list cancels the whole list. Raises ApiError."""
    if not order.is_open:
        raise cancel_rejected()
    if order.list_id >= 0:
        cancel_list(command, command.state.lists[order.list_id], cancel_id)
        command.outcome.orders = [entry for entry in command.outcome.orders if entry.order_id == order.order_id]
        return
    command.close(order, "CANCELED", cancel_id=cancel_id)
    command.outcome.orders.append(order.copy())


def cancel_list(command: Command, order_list: OrderList, cancel_id: str) -> None:
    """Cancel all open orders of a list. Raises ApiError when it is done already."""
    if order_list.done:
        raise cancel_rejected()
    command.outcome.order_list = order_list
    for order in command.state.orders_of(order_list):
        if order.is_open:
            command.close(order, "CANCELED", cancel_id=cancel_id)
        command.outcome.orders.append(order.copy())
    command.end_list(order_list)


def expire_all(command: Command, symbol: str) -> None:
    """End all orders of a symbol from the exchange's side."""
    for order in command.state.open_of(symbol):
        command.close(order, "EXPIRED", "EXCHANGE_CANCELED")
    for order_list in command.state.open_lists_of(symbol):
        command.end_list(order_list)
