"""Contingent orders: the other leg of an OCO, and the pending orders of an OTO or OPO."""

from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.commission_rates import DISCOUNT_ASSET
from cq_tui.simulator.engine.orders import EngineOrder, EngineOrderList, Trade

_OPO_KINDS = frozenset({"OPO", "OPOCO"})


def expire_other_leg(context: CommandContext, order: EngineOrder) -> None:
    """Expire the other OCO leg of an order that is about to trade or was triggered, and take over its lock."""
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
    """Lock what an OPO's working order received, for its pending order.

    The commission is paid from the free balance if that suffices and the asset is not BNB, otherwise from what was
    received. Source: the exchange's FAQ on OPO.
    """
    if order.list_id < 0:
        return
    order_list = context.state.lists[order.list_id]
    if order_list.kind not in _OPO_KINDS or order_list.working_id != order.order_id:
        return
    pending = context.state.orders_of(order_list)[1]
    received = trade.quantity
    asset = context.state.spending_asset(pending)
    # The fill added what was received less the commission to the free balance.
    if trade.commission_asset == asset and (asset == DISCOUNT_ASSET or context.free_balance(pending) < received):
        received -= trade.commission
    context.set_lock(pending, pending.locked + received)


def resolve_contingencies(context: CommandContext, order: EngineOrder) -> None:
    """Update the list of an order that was closed; do nothing while the order is open."""
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
    """Expire the pending orders of a list whose working order closed without filling completely."""
    for order in context.state.orders_of(order_list):
        if order.is_pending:
            context.close_order(order, "EXPIRED", "OTO_PHASE_ONE_EXPIRED")
