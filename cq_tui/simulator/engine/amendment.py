"""Amend an open order: reduce its quantity and keep its queue priority."""

from decimal import Decimal

from cq_tui.simulator import errors
from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.ledger_events import Amended
from cq_tui.simulator.engine.orders import Amendment, EngineOrder
from cq_tui.simulator.errors import amend_rejected


def amend(context: CommandContext, order: EngineOrder, quantity: Decimal, new_client_id: str) -> None:
    """Reduce an order, and the other leg of its OCO. Raises RequestRejected with the state unchanged."""
    _check_amendment(context, order, quantity, new_client_id)
    original_client_id = order.client_order_id
    other_legs = _other_oco_legs(context, order)
    context.outcome.amendment = _apply_amendment(context, order, quantity, new_client_id)
    for other in other_legs:
        _apply_amendment(context, other, quantity, other.client_order_id)
    _release_excess_lock(context, [order, *other_legs])
    context.outcome.orders.append(order.copy())
    if order.list_id >= 0:
        order_list = context.outcome.order_list = context.state.lists[order.list_id]
        if new_client_id != original_client_id:
            context.report_list(order_list, "UPDATED", "EXECUTING")


def _check_amendment(context: CommandContext, order: EngineOrder, quantity: Decimal, new_client_id: str) -> None:
    rules = context.engine.rules(order.symbol)
    if not order.is_open:
        raise amend_rejected("Unknown order sent.")
    if not rules.amend_allowed:
        raise amend_rejected("Order amend is not supported for this symbol.")
    if order.is_pending and not order.quantity:
        raise amend_rejected("Order amend (pending OPO order) is not supported.")
    if quantity > order.quantity:
        raise amend_rejected("Order amend (quantity increase) is not supported.")
    if quantity == order.quantity or quantity <= order.filled_or_prevented:
        raise amend_rejected("The requested action would change no state; rejecting.")
    if name := rules.amend_violation(amends=order.amends) or _filter_violation(context, order, quantity):
        raise amend_rejected(f"Filter failure: {name}")
    known = context.state.find_open(order.symbol, new_client_id)
    if known is not None and known is not order:
        raise amend_rejected(errors.DUPLICATE)


def _filter_violation(context: CommandContext, order: EngineOrder, quantity: Decimal) -> str | None:
    return context.engine.rules(order.symbol).violation(
        side=order.side,
        order_type=order.type,
        quantity=quantity,
        price=order.price or None,
        stop_price=order.stop_price or None,
    )


def _other_oco_legs(context: CommandContext, order: EngineOrder) -> list[EngineOrder]:
    """Return the other open leg of an OCO: both legs always have the same quantity."""
    if order.list_id < 0:
        return []
    order_list = context.state.lists[order.list_id]
    if order.order_id not in order_list.oco_ids:
        return []
    legs = [context.state.orders[order.symbol, number] for number in order_list.oco_ids]
    return [leg for leg in legs if leg is not order and leg.is_open]


def _apply_amendment(context: CommandContext, order: EngineOrder, quantity: Decimal, new_client_id: str) -> Amendment:
    amendment = Amendment(
        symbol=order.symbol,
        order_id=order.order_id,
        execution_id=context.state.execution_id + 1,
        original_client_id=order.client_order_id,
        new_client_id=new_client_id,
        original_quantity=order.quantity,
        new_quantity=quantity,
        time=context.now,
    )
    context.apply(Amended(amendment))
    context.report(order, "REPLACED", original_client_id=amendment.original_client_id)
    return amendment


def _release_excess_lock(context: CommandContext, orders: list[EngineOrder]) -> None:
    """Release what the orders no longer need; one of them holds the lock for all, a pending one holds none."""
    last = context.engine.last_price(orders[0].symbol)
    holder = next((order for order in orders if order.locked), None)
    if holder is not None:
        context.set_lock(holder, min(holder.locked, max(required_lock(order, last) for order in orders)))
