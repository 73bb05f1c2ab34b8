"""Orders that depend on one that fills or ends: the other leg of an OCO, the pending orders of an OTO or OPO."""

from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.orders import EngineOrder, EngineOrderList, Trade

_OPO_KINDS = frozenset({"OPO", "OPOCO"})


def expire_other_leg(context: CommandContext, order: EngineOrder) -> None:
    """An order is about to trade or to be entered by its trigger: the other leg ends, its lock goes over."""
    if order.list_id < 0:
        return
    order_list = context.state.lists[order.list_id]
    if order.order_id not in order_list.oco_ids:
        return
    for other in context.state.orders_of(order_list):
        if other.order_id in order_list.oco_ids and other is not order and other.is_open:
            context.close_order(other, "EXPIRED", "OCO_TRIGGER")
            if order.is_working:
                context.set_lock(order, required_lock(order, context.engine.last_price(order.symbol)))


def lock_received(context: CommandContext, order: EngineOrder, trade: Trade) -> None:
    """Lock what the working order of an OPO received for its pending order.

    The commission comes from what was free before if that suffices, else from what was received.
    """
    if order.list_id < 0:
        return
    order_list = context.state.lists[order.list_id]
    if order_list.kind not in _OPO_KINDS or order_list.working_id != order.order_id:
        return
    pending = context.state.orders_of(order_list)[1]
    free = context.free_balance(pending)
    received = trade.quantity if free >= trade.quantity else trade.quantity - trade.commission
    context.set_lock(pending, pending.locked + received)


def resolve_contingencies(context: CommandContext, order: EngineOrder) -> None:
    """Follow up on the end of an order that belongs to a list; does nothing while the order is open."""
    if order.list_id < 0 or order.is_open:
        return
    order_list = context.state.lists[order.list_id]
    if order_list.working_id == order.order_id:
        if order.status == "FILLED":
            context.filled_lists.append(order_list)
            return
        expire_pending(context, order_list)
    else:
        expire_other_leg(context, order)
    context.close_list_if_done(order_list)


def expire_pending(context: CommandContext, order_list: EngineOrderList) -> None:
    """The working order ended without its complete fill: nothing will come of the pending ones."""
    for order in context.state.orders_of(order_list):
        if order.is_pending:
            context.close_order(order, "EXPIRED", "OTO_PHASE_ONE_EXPIRED")
