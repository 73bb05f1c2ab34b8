"""Submit a single order: accept and match it, or reject it with the state unchanged."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import (
    check_balance,
    check_client_id,
    check_entry_price,
    check_filters,
    check_phase,
    check_positive_value,
    projected_position,
)
from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.contingencies import resolve_contingencies
from cq_tui.simulator.engine.fills import execute_plan, execute_taker, plan_taker
from cq_tui.simulator.engine.ledger_events import Opened
from cq_tui.simulator.engine.matching import MatchPlan
from cq_tui.simulator.engine.orders import STOP_TYPES, ZERO, EngineOrder, NewOrder
from cq_tui.simulator.engine.outcome import OrderReport
from cq_tui.simulator.errors import filter_failure, order_rejected


def submit_order(context: CommandContext, new: NewOrder) -> None:
    """Accept and match an order. Raises RequestRejected with the state unchanged."""
    engine = context.engine
    check_filters(engine, new)
    check_positive_value(new)
    check_phase(engine, new.symbol)
    check_client_id(engine, new)
    check_entry_price(engine, new)
    order = draft_order(context, new)
    if new.type == "MARKET":
        order = _place_market(context, order, new.quote_quantity)
    else:
        order.locked = required_lock(order, engine.last_price(new.symbol))
        check_balance(context, order, order.locked)
        order = open_order(context, order)
        if order.is_working:
            execute_taker(context, order)
    context.outcome.orders.append(order.copy())


def draft_order(
    context: CommandContext, new: NewOrder, *, list_id: int = -1, offset: int = 1, pending: bool = False
) -> EngineOrder:
    """Return the order for a request; ``offset`` is added to the last order id."""
    waits = pending or new.type in STOP_TYPES
    return EngineOrder(
        symbol=new.symbol,
        order_id=context.state.last_order_ids[new.symbol] + offset,
        client_order_id=new.client_order_id,
        side=new.side,
        type=new.type,
        time_in_force=new.time_in_force,
        quantity=new.quantity or ZERO,
        quote_quantity=new.quote_quantity or ZERO,
        price=new.price or ZERO,
        stop_price=new.stop_price or ZERO,
        stp_mode=new.stp_mode,
        time=context.now,
        update_time=context.now,
        list_id=list_id,
        status="PENDING_NEW" if pending else "NEW",
        working_time=-1 if waits else context.now,
        strategy_id=new.strategy_id,
        strategy_type=new.strategy_type,
        iceberg_quantity=new.iceberg_quantity or ZERO,
        trailing_delta=-1 if new.trailing_delta is None else new.trailing_delta,
    )


def report_rejection(context: CommandContext, new: NewOrder, refusal: str) -> None:
    """Report a rejected order; it has no id and cannot be queried."""
    order = draft_order(context, new)
    order.order_id, order.status, order.working_time = -1, "REJECTED", -1
    context.outcome.user_events.append(OrderReport(order, "REJECTED", -1, context.now, refusal=refusal))


def open_order(context: CommandContext, draft: EngineOrder) -> EngineOrder:
    """Accept an order; return the one that the state now holds."""
    context.apply(Opened(draft))
    order = context.state.orders[draft.symbol, draft.order_id]
    context.report(order, "NEW")
    return order


def _place_market(context: CommandContext, order: EngineOrder, quote_quantity: Decimal | None) -> EngineOrder:
    """Match a MARKET order; everything it spends must be free beforehand."""
    if quote_quantity is None:
        plan = plan_taker(context, order)
    else:
        plan = plan_taker(context, order, step=context.engine.rules(order.symbol).step_size)
        _check_size(context, order, plan)
        order.quantity = plan.quantity + plan.prevented
    spent = quote_quantity or plan.quote
    check_balance(context, order, spent if order.side == "BUY" else max(plan.quantity, order.quantity))
    order = open_order(context, order)
    execute_plan(context, order, plan)
    if order.is_open or (order.status == "FILLED" and not plan.is_complete):
        # If the book cannot serve a quote amount, the quantity taken is the order's whole quantity.
        context.outcome.reports[-1].order.status = "PARTIALLY_FILLED" if order.executed else "NEW"
        context.close_order(order, "EXPIRED", "INSUFFICIENT_LIQUIDITY")
        resolve_contingencies(context, order)
    return order


def _check_size(context: CommandContext, order: EngineOrder, plan: MatchPlan) -> None:
    """Raise RequestRejected if a quote amount trades less than the minimum or more than the maximum."""
    rules = context.engine.rules(order.symbol)
    quantity = plan.quantity + plan.prevented
    for name, least in (("LOT_SIZE", rules.min_quantity), ("MARKET_LOT_SIZE", rules.market_min_quantity)):
        if quantity < least or not quantity:
            if plan.is_complete:
                raise filter_failure(name)
            text = f"{name} filter minimum quantity" if quantity else "symbol minimum quantity"
            raise order_rejected(f"Order book liquidity is less than {text}.")
    if rules.market_max_quantity and quantity > rules.market_max_quantity:
        raise filter_failure("MARKET_LOT_SIZE")
    most = rules.max_position
    if most and order.side == "BUY" and projected_position(context.engine, order.symbol) + quantity > most:
        raise filter_failure("MAX_POSITION")
