"""Fills: orders that take from the book, and resting orders that background liquidity fills."""

from decimal import Decimal

from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.commission import commission_of_fill
from cq_tui.simulator.engine.contingencies import expire_other_leg, lock_received, resolve_contingencies
from cq_tui.simulator.engine.ledger_events import Filled, Prevented
from cq_tui.simulator.engine.limit_order_book import OPPOSITE
from cq_tui.simulator.engine.matching import (
    MatchPlan,
    PlannedFill,
    PlannedPrevention,
    TakerDemand,
    plan_match,
)
from cq_tui.simulator.engine.orders import MARKET_TYPES, EngineOrder, PreventedMatch, Trade
from cq_tui.simulator.engine.resting_orders import RestingSide


def plan_taker(context: CommandContext, order: EngineOrder, *, step: Decimal | None = None) -> MatchPlan:
    """Plan how an order would match now; with ``step``, for the quote amount it may spend."""
    demand = TakerDemand(
        side=order.side,
        amount=order.remaining if step is None else order.quote_quantity,
        stp_mode=order.stp_mode,
        limit=None if order.type in MARKET_TYPES else order.price,
        step=step,
    )
    return plan_match(demand, context.engine.book(order.symbol).matchable_levels(OPPOSITE[order.side]))


def execute_taker(context: CommandContext, order: EngineOrder) -> None:
    """Match an order that just started working; the remainder rests or expires."""
    plan = plan_taker(context, order)
    if order.time_in_force == "FOK" and plan.quantity < order.remaining:
        expire_remainder(context, order, "UNFILLED_FOK_ORDER_EXPIRED")
        return
    execute_plan(context, order, plan)
    if not order.is_open:
        return
    if order.type in MARKET_TYPES:
        expire_remainder(context, order, "INSUFFICIENT_LIQUIDITY")
    elif order.time_in_force == "IOC":
        expire_remainder(context, order, "UNFILLED_IOC_QUANTITY_EXPIRED")


def expire_remainder(context: CommandContext, order: EngineOrder, reason: str) -> None:
    """Expire what remains of an order."""
    context.close_order(order, "EXPIRED", reason)
    resolve_contingencies(context, order)


def execute_plan(context: CommandContext, order: EngineOrder, plan: MatchPlan) -> None:
    """Execute a taker's plan."""
    book = context.engine.book(order.symbol)
    for step in plan.steps:
        if isinstance(step, PlannedPrevention):
            _execute_prevention(context, order, step)
        elif step.maker is None:
            book.consume(OPPOSITE[order.side], step.price, step.quantity)
            fill_order(context, order, step.price, step.quantity, is_maker=False)
        else:
            _execute_self_trade(context, order, step, step.maker)
    resolve_contingencies(context, order)


def fill_order(
    context: CommandContext,
    order: EngineOrder,
    price: Decimal,
    quantity: Decimal,
    *,
    is_maker: bool,
    counter_order_id: int = -1,
    trade_id: int | None = None,
) -> int:
    """Fill part of an order and return the trade id; the caller then runs ``resolve_contingencies``."""
    commission, commission_asset = commission_of_fill(context, order, price, quantity, is_maker=is_maker)
    trade = Trade(
        symbol=order.symbol,
        trade_id=context.engine.next_trade_id(order.symbol) if trade_id is None else trade_id,
        order_id=order.order_id,
        list_id=order.list_id,
        price=price,
        quantity=quantity,
        quote=price * quantity,
        commission=commission,
        commission_asset=commission_asset,
        time=context.now,
        is_buyer=order.side == "BUY",
        is_maker=is_maker,
        counter_order_id=counter_order_id,
    )
    if not order.executed:
        context.record_first_fill(order, is_maker=is_maker)
    context.apply(Filled(trade))
    context.outcome.assets.add(commission_asset)
    context.report(order, "TRADE", trade=trade)
    lock_received(context, order, trade)
    return trade.trade_id


def _execute_self_trade(context: CommandContext, order: EngineOrder, step: PlannedFill, maker: EngineOrder) -> None:
    """Trade with an own order: one trade for each side, with the same trade id."""
    expire_other_leg(context, maker)
    number = fill_order(context, order, step.price, step.quantity, is_maker=False, counter_order_id=maker.order_id)
    fill_order(
        context,
        maker,
        step.price,
        step.quantity,
        is_maker=True,
        counter_order_id=order.order_id,
        trade_id=number,
    )
    resolve_contingencies(context, maker)


def _execute_prevention(context: CommandContext, order: EngineOrder, step: PlannedPrevention) -> None:
    if step.maker_quantity:
        expire_other_leg(context, step.maker)
    match = PreventedMatch(
        symbol=order.symbol,
        match_id=context.state.match_counts[order.symbol] + 1,
        taker_order_id=order.order_id,
        maker_order_id=step.maker.order_id,
        stp_mode=order.stp_mode,
        price=step.price,
        taker_quantity=step.taker_quantity,
        maker_quantity=step.maker_quantity,
        time=context.now,
    )
    number = context.state.execution_id + 1
    unexecuted = min(order.remaining, step.maker.remaining)
    context.apply(Prevented(match))
    context.outcome.prevented.append(match)
    if step.maker_quantity:
        context.report(step.maker, "TRADE_PREVENTION", prevented=match, unexecuted=unexecuted, execution_id=number)
        resolve_contingencies(context, step.maker)
    if step.taker_quantity:
        number += bool(step.maker_quantity)
        context.report(order, "TRADE_PREVENTION", prevented=match, unexecuted=unexecuted, execution_id=number)


def fill_resting(context: CommandContext, symbol: str) -> None:
    """Fill resting orders that background prices reach, in price-time priority."""
    book = context.engine.book(symbol)
    for side, own in context.state.resting[symbol].sides.items():
        while (price := own.best_price()) is not None:
            level = next(book.background_within(OPPOSITE[side], price), None)
            if level is None:
                break
            quantity = _fill_first_in_queue(context, own, price, level.quantity)
            book.consume(OPPOSITE[side], level.price, quantity)


def fill_ahead_of_background(context: CommandContext, symbol: str) -> None:
    """Fill own orders at a better price than the background trade of this tick."""
    trade = context.engine.background_trade(symbol)
    if trade is None:
        return
    own = context.state.resting[symbol].sides["SELL" if trade.taker_bought else "BUY"]
    left = trade.quantity
    while left > 0 and (price := own.best_price()) is not None:
        if price >= trade.price if trade.taker_bought else price <= trade.price:
            return
        left -= _fill_first_in_queue(context, own, price, left)


def _fill_first_in_queue(context: CommandContext, own: RestingSide, price: Decimal, available: Decimal) -> Decimal:
    """Fill the visible part of the first order at a price; return the quantity filled."""
    order = next(iter(own.orders_at(price)))
    expire_other_leg(context, order)
    part = min(order.visible_quantity, available)
    fill_order(context, order, price, part, is_maker=True)
    resolve_contingencies(context, order)
    return part
