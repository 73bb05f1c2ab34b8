"""Orders that meet the book as takers, and own orders that the crowd fills."""

from decimal import Decimal

from cq_tui.simulator.engine.book import OPPOSITE
from cq_tui.simulator.engine.command import Command
from cq_tui.simulator.engine.dependents import expire_other_leg, hold_received, settle
from cq_tui.simulator.engine.facts import Filled, Prevented
from cq_tui.simulator.engine.matching import Demand, Plan, Prevention, Take, commission_on, plan
from cq_tui.simulator.engine.orders import MARKET_TYPES, Order, PreventedMatch, Trade
from cq_tui.simulator.engine.resting import RestingSide


def plan_for(command: Command, order: Order, *, step: Decimal | None = None) -> Plan:
    """Return what an order would do to the book now; with ``step`` for the quote amount that it may spend."""
    demand = Demand(
        side=order.side,
        amount=order.remaining if step is None else order.quote_quantity,
        stp_mode=order.stp_mode,
        limit=None if order.type in MARKET_TYPES else order.price,
        step=step,
        bound=command.venue.price_bound(order.symbol, order.side),
    )
    return plan(demand, command.venue.book(order.symbol).offers(OPPOSITE[order.side]))


def take(command: Command, order: Order) -> None:
    """Let an order that has just begun to work take what it can; the rest stays or expires."""
    made = plan_for(command, order)
    if order.time_in_force == "FOK" and made.quantity < order.remaining:
        end_unfilled(command, order, "UNFILLED_FOK_ORDER_EXPIRED")
        return
    carry_out(command, order, made)
    if not order.is_open:
        return
    if made.out_of_range:
        end_unfilled(command, order, "EXECUTION_RULE_PRICE_RANGE_EXCEEDED")
    elif order.type in MARKET_TYPES:
        end_unfilled(command, order, "INSUFFICIENT_LIQUIDITY")
    elif order.time_in_force == "IOC":
        end_unfilled(command, order, "UNFILLED_IOC_QUANTITY_EXPIRED")


def end_unfilled(command: Command, order: Order, reason: str) -> None:
    """Have what remains of an order expire."""
    command.close(order, "EXPIRED", reason)
    settle(command, order)


def carry_out(command: Command, order: Order, made: Plan) -> None:
    """Do what was planned for a taker."""
    book = command.venue.book(order.symbol)
    for step in made.steps:
        if isinstance(step, Prevention):
            _prevent(command, order, step)
        elif step.maker is None:
            book.take(OPPOSITE[order.side], step.price, step.quantity)
            fill(command, order, step.price, step.quantity, is_maker=False)
        else:
            _trade_with_own(command, order, step, step.maker)
    settle(command, order)


def fill(
    command: Command,
    order: Order,
    price: Decimal,
    quantity: Decimal,
    *,
    is_maker: bool,
    counter_order_id: int = -1,
    trade_id: int | None = None,
) -> int:
    """Fill a part of an order; return the trade's id. What follows from its end is left to ``settle``."""
    base, quote_asset = command.state.split(order.symbol)
    buying, quote = order.side == "BUY", price * quantity
    trade = Trade(
        symbol=order.symbol,
        trade_id=command.venue.next_trade_id(order.symbol) if trade_id is None else trade_id,
        order_id=order.order_id,
        list_id=order.list_id,
        price=price,
        quantity=quantity,
        quote=quote,
        commission=commission_on(quantity if buying else quote),
        commission_asset=base if buying else quote_asset,
        time=command.now,
        is_buyer=buying,
        is_maker=is_maker,
        counter_order_id=counter_order_id,
    )
    if not order.executed:
        command.first_fill(order, is_maker=is_maker)
    command.apply(Filled(trade))
    command.report(order, "TRADE", trade=trade)
    hold_received(command, order, trade)
    return trade.trade_id


def _trade_with_own(command: Command, order: Order, step: Take, maker: Order) -> None:
    """Trade with an own order: each side has its trade, both of one id."""
    expire_other_leg(command, maker)
    number = fill(command, order, step.price, step.quantity, is_maker=False, counter_order_id=maker.order_id)
    fill(
        command,
        maker,
        step.price,
        step.quantity,
        is_maker=True,
        counter_order_id=order.order_id,
        trade_id=number,
    )
    settle(command, maker)


def _prevent(command: Command, order: Order, step: Prevention) -> None:
    if step.maker_quantity:
        expire_other_leg(command, step.maker)
    match = PreventedMatch(
        symbol=order.symbol,
        match_id=command.state.match_counts[order.symbol] + 1,
        taker_order_id=order.order_id,
        maker_order_id=step.maker.order_id,
        stp_mode=order.stp_mode,
        price=step.price,
        taker_quantity=step.taker_quantity,
        maker_quantity=step.maker_quantity,
        time=command.now,
    )
    number = command.state.execution_id + 1
    unexecuted = min(order.remaining, step.maker.remaining)
    command.apply(Prevented(match))
    command.outcome.prevented.append(match)
    if step.maker_quantity:
        command.report(step.maker, "TRADE_PREVENTION", prevented=match, unexecuted=unexecuted, execution_id=number)
        settle(command, step.maker)
    if step.taker_quantity:
        number += bool(step.maker_quantity)
        command.report(order, "TRADE_PREVENTION", prevented=match, unexecuted=unexecuted, execution_id=number)


def fill_resting(command: Command, symbol: str) -> None:
    """Let the crowd fill own resting orders that its prices reach, better prices first, then earlier orders."""
    book = command.venue.book(symbol)
    for side, own in command.state.resting[symbol].sides.items():
        while (price := own.best()) is not None:
            level = next(book.crowd_within(OPPOSITE[side], price), None)
            if level is None:
                break
            quantity = _fill_first(command, own, price, level.quantity)
            book.take(OPPOSITE[side], level.price, quantity)


def fill_ahead_of_crowd(command: Command, symbol: str) -> None:
    """Fill own orders that stood before the one that the crowd has just traded with: theirs was the better price."""
    trade = command.venue.crowd_trade(symbol)
    if trade is None:
        return
    own = command.state.resting[symbol].sides["SELL" if trade.taker_bought else "BUY"]
    left = trade.quantity
    while left > 0 and (price := own.best()) is not None:
        if price >= trade.price if trade.taker_bought else price <= trade.price:
            return
        left -= _fill_first(command, own, price, left)


def _fill_first(command: Command, own: RestingSide, price: Decimal, most: Decimal) -> Decimal:
    """Let the crowd fill what the first order at a price shows; return how much that was."""
    order = next(iter(own.at(price)))
    expire_other_leg(command, order)
    part = min(order.shown, most)
    fill(command, order, price, part, is_maker=True)
    settle(command, order)
    return part
