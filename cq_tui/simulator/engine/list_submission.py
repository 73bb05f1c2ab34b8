"""Submit order lists (OCO, OTO, OTOCO, OPO, OPOCO), and enter their pending orders."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import (
    check_balance,
    check_client_id,
    check_entry_price,
    check_filters,
    check_leg_prices,
    check_list,
    check_phase,
    check_positive_value,
)
from cq_tui.simulator.engine.command_context import CommandContext, required_lock
from cq_tui.simulator.engine.fills import execute_taker
from cq_tui.simulator.engine.ledger_events import Activated, ListOpened
from cq_tui.simulator.engine.orders import (
    MARKET_TYPES,
    STOP_LOSS_TYPES,
    ZERO,
    EngineOrder,
    NewOrder,
    NewOrderList,
)
from cq_tui.simulator.engine.submission import draft_order, open_order
from cq_tui.simulator.engine.triggers import breaks_filters, market_order_cost
from cq_tui.simulator.errors import RequestRejected


def submit_list(context: CommandContext, new: NewOrderList) -> None:
    """Accept an order list. Raises RequestRejected with the state unchanged."""
    engine = context.engine
    check_list(engine, new)
    for number, entry in enumerate(new.orders):
        check_filters(engine, entry, new.orders[:number])
        check_positive_value(entry)
    check_phase(engine, new.symbol)
    for entry in new.orders:
        check_client_id(engine, entry)
    if len(new.legs) == 2:
        check_leg_prices(*new.legs, engine.last_price(new.symbol) if new.kind == "OCO" else None)
    if new.working is None:
        _submit_oco(context, new)
    else:
        _submit_oto(context, new, new.working)


def _open_list(context: CommandContext, new: NewOrderList, drafts: list[EngineOrder]) -> list[EngineOrder]:
    list_id = context.state.last_list_id + 1
    order_ids = [draft.order_id for draft in drafts]
    context.apply(ListOpened(list_id, new.client_id, new.symbol, order_ids, context.now, new.kind))
    order_list = context.outcome.order_list = context.state.lists[list_id]
    context.report_list(order_list, "EXEC_STARTED", "EXECUTING")
    return [open_order(context, draft) for draft in drafts]


def _submit_oco(context: CommandContext, new: NewOrderList) -> None:
    """Submit an OCO: the first leg locks what the more expensive leg needs."""
    list_id = context.state.last_list_id + 1
    legs = [
        draft_order(context, leg, list_id=list_id, offset=number)
        for number, leg in enumerate(_by_order_id(new.legs), 1)
    ]
    for leg in new.legs:
        check_entry_price(context.engine, leg)
    last = context.engine.last_price(new.symbol)
    legs[0].locked = max(required_lock(leg, last) for leg in legs)
    check_balance(context, legs[0], legs[0].locked)
    legs = _open_list(context, new, legs)
    context.outcome.orders += [leg.copy() for leg in legs]


def _by_order_id(legs: tuple[NewOrder, ...]) -> list[NewOrder]:
    """Return the legs in the order of their ids: the stop loss of an OCO comes first."""
    return sorted(legs, key=lambda leg: leg.type not in STOP_LOSS_TYPES)


def _submit_oto(context: CommandContext, new: NewOrderList, working: NewOrder) -> None:
    """Submit an OTO or OPO; the response shows the pending orders before the working order matches."""
    list_id = context.state.last_list_id + 1
    first = draft_order(context, working, list_id=list_id)
    pending = [
        draft_order(context, leg, list_id=list_id, offset=number, pending=True)
        for number, leg in enumerate(_by_order_id(new.legs), 2)
    ]
    check_entry_price(context.engine, working)
    first.locked = required_lock(first, first.price)
    check_balance(context, first, first.locked)
    first, *pending = _open_list(context, new, [first, *pending])
    before_match = [order.copy() for order in pending]
    execute_taker(context, first)
    context.outcome.orders += [first.copy(), *before_match]


def enter_pending(context: CommandContext) -> None:
    """Enter the pending orders of lists whose working order filled."""
    while context.filled_lists:
        order_list = context.filled_lists.popleft()
        pending = [order for order in context.state.orders_of(order_list) if order.is_pending]
        if len(pending) == 1:
            _enter_single(context, pending[0])
        elif pending:
            _enter_oco(context, pending)
        context.close_list_if_done(order_list)


def _enter_single(context: CommandContext, order: EngineOrder) -> None:
    """Enter the pending order of an OTO or OPO."""
    draft = _entry_draft(context, order, order.locked)
    at_market = order.type == "MARKET"
    lock = ZERO if at_market else required_lock(draft, context.engine.last_price(order.symbol))
    needed = market_order_cost(context, draft) if at_market and draft.quantity else lock
    if not _can_enter(context, draft) or needed > context.free_balance(order) + order.locked:
        _expire_rejected(context, [order])
        return
    context.apply(Activated(order.symbol, order.order_id, context.now, draft.quantity, lock))
    context.report(order, "NEW")
    if order.is_working:
        execute_taker(context, order)


def _enter_oco(context: CommandContext, legs: list[EngineOrder]) -> None:
    """Enter both pending OCO legs, or neither; the first one locks what the more expensive leg needs."""
    last = context.engine.last_price(legs[0].symbol)
    drafts = [_entry_draft(context, leg, legs[0].locked) for leg in legs]
    quantity = min(draft.quantity for draft in drafts)
    for draft in drafts:
        draft.quantity = quantity
    lock = max(required_lock(draft, last) for draft in drafts)
    can_enter = all(_can_enter(context, draft) for draft in drafts)
    if not can_enter or not _legs_enclose(drafts, last) or lock > context.free_balance(legs[0]) + legs[0].locked:
        _expire_rejected(context, legs)
        return
    for number, leg in enumerate(legs):
        context.apply(Activated(leg.symbol, leg.order_id, context.now, quantity, ZERO if number else lock))
        context.report(leg, "NEW")


def _entry_draft(context: CommandContext, order: EngineOrder, received: Decimal) -> EngineOrder:
    """Return a pending order as it would be entered; without a quantity, it sells what was received.

    That is adjusted to LOT_SIZE and MARKET_LOT_SIZE: the exchange's FAQ on OPO. The rest becomes free.
    """
    draft = order.copy()
    draft.status, draft.locked = "NEW", ZERO
    if not draft.quantity:
        rules, at_market = context.engine.rules(order.symbol), order.type in MARKET_TYPES
        for most in (rules.max_quantity, rules.market_max_quantity if at_market else ZERO):
            received = min(received, most) if most else received
        draft.quantity = rules.quantize_quantity(received, market=at_market)
    return draft


def _can_enter(context: CommandContext, draft: EngineOrder) -> bool:
    if draft.quantity <= 0 or breaks_filters(context, draft):
        return False
    try:
        check_entry_price(context.engine, draft)
    except RequestRejected:
        return False
    return True


def _legs_enclose(drafts: list[EngineOrder], last: Decimal) -> bool:
    """Whether two legs enclose the last price, as OCO legs must."""
    below, above = sorted(drafts, key=lambda draft: draft.stop_price or draft.price)
    try:
        check_leg_prices(above, below, last)
    except RequestRejected:
        return False
    return True


def _expire_rejected(context: CommandContext, orders: list[EngineOrder]) -> None:
    for order in orders:
        context.close_order(order, "EXPIRED", "REJECTED")
