"""Order lists: OCO, OTO, OTOCO, OPO and OPOCO, placed, and their pending orders entered when it is time."""

from decimal import Decimal

from cq_tui.simulator.engine.checks import (
    check_client_id,
    check_entry,
    check_filters,
    check_free,
    check_leg_prices,
    check_list,
    check_phase,
    check_worth,
)
from cq_tui.simulator.engine.command import Command, need
from cq_tui.simulator.engine.facts import Activated, ListOpened
from cq_tui.simulator.engine.orders import MARKET_TYPES, STOP_LOSS_TYPES, ZERO, NewList, NewOrder, Order
from cq_tui.simulator.engine.placing import new_order, open_order
from cq_tui.simulator.engine.taking import take
from cq_tui.simulator.engine.triggers import breaks_filters, market_need
from cq_tui.simulator.errors import ApiError


def place_list(command: Command, new: NewList) -> None:
    """Accept orders that depend on each other, or raise ApiError with the state unchanged."""
    venue = command.venue
    check_list(venue, new)
    for number, entry in enumerate(new.orders):
        check_filters(venue, entry, new.orders[:number])
        check_worth(entry)
    check_phase(venue, new.symbol)
    for entry in new.orders:
        check_client_id(venue, entry)
    if len(new.legs) == 2:
        check_leg_prices(*new.legs, venue.last_price(new.symbol) if new.kind == "OCO" else None)
    if new.working is None:
        _place_alternatives(command, new)
    else:
        _place_dependent(command, new, new.working)


def _open_list(command: Command, new: NewList, drafts: list[Order]) -> list[Order]:
    list_id = command.state.last_list_id + 1
    order_ids = [draft.order_id for draft in drafts]
    command.apply(ListOpened(list_id, new.client_id, new.symbol, order_ids, command.now, new.kind))
    order_list = command.outcome.order_list = command.state.lists[list_id]
    command.report_list(order_list, "EXEC_STARTED", "EXECUTING")
    return [open_order(command, draft) for draft in drafts]


def _place_alternatives(command: Command, new: NewList) -> None:
    """An OCO: the first leg locks what the dearer one needs."""
    list_id = command.state.last_list_id + 1
    legs = [new_order(command, leg, list_id=list_id, offset=number) for number, leg in enumerate(_ranked(new.legs), 1)]
    for leg in new.legs:
        check_entry(command.venue, leg)
    last = command.venue.last_price(new.symbol)
    legs[0].locked = max(need(leg, last) for leg in legs)
    check_free(command, legs[0], legs[0].locked)
    legs = _open_list(command, new, legs)
    command.outcome.orders += [leg.copy() for leg in legs]


def _ranked(legs: tuple[NewOrder, ...]) -> list[NewOrder]:
    """Return the legs in the order of their ids: the stop loss of an OCO comes first."""
    return sorted(legs, key=lambda leg: leg.type not in STOP_LOSS_TYPES)


def _place_dependent(command: Command, new: NewList, working: NewOrder) -> None:
    """An OTO or OPO: the answer shows the pending orders as they are before the working one meets the book."""
    list_id = command.state.last_list_id + 1
    first = new_order(command, working, list_id=list_id)
    pending = [
        new_order(command, leg, list_id=list_id, offset=number, pending=True)
        for number, leg in enumerate(_ranked(new.legs), 2)
    ]
    check_entry(command.venue, working)
    first.locked = need(first, first.price)
    check_free(command, first, first.locked)
    first, *pending = _open_list(command, new, [first, *pending])
    shown = [order.copy() for order in pending]
    take(command, first)
    command.outcome.orders += [first.copy(), *shown]


def enter_pending(command: Command) -> None:
    """Enter the pending orders of the lists whose working order has filled."""
    while command.filled_lists:
        order_list = command.filled_lists.popleft()
        pending = [order for order in command.state.orders_of(order_list) if order.is_pending]
        if len(pending) == 1:
            _enter(command, pending[0])
        elif pending:
            _enter_alternatives(command, pending)
        command.end_list(order_list)


def _enter(command: Command, order: Order) -> None:
    """Enter the pending order of an OTO or OPO."""
    draft = _draft(command, order, order.locked)
    at_market = order.type == "MARKET"
    lock = ZERO if at_market else need(draft, command.venue.last_price(order.symbol))
    needed = market_need(command, draft) if at_market and draft.quantity else lock
    if not _may_enter(command, draft) or needed > command.free(order) + order.locked:
        _reject(command, [order])
        return
    command.apply(Activated(order.symbol, order.order_id, command.now, draft.quantity, lock))
    command.report(order, "NEW")
    if order.is_working:
        take(command, order)


def _enter_alternatives(command: Command, legs: list[Order]) -> None:
    """Enter both legs of an OCO that waited, or none; the first one locks what the dearer one needs."""
    last = command.venue.last_price(legs[0].symbol)
    drafts = [_draft(command, leg, legs[0].locked) for leg in legs]
    quantity = min(draft.quantity for draft in drafts)
    for draft in drafts:
        draft.quantity = quantity
    lock = max(need(draft, last) for draft in drafts)
    may_enter = all(_may_enter(command, draft) for draft in drafts)
    if not may_enter or not _enclose(drafts, last) or lock > command.free(legs[0]) + legs[0].locked:
        _reject(command, legs)
        return
    for number, leg in enumerate(legs):
        command.apply(Activated(leg.symbol, leg.order_id, command.now, quantity, ZERO if number else lock))
        command.report(leg, "NEW")


def _draft(command: Command, order: Order, received: Decimal) -> Order:
    """Return a pending order as it would be entered; one without a quantity sells what was received."""
    draft = order.copy()
    draft.status, draft.locked = "NEW", ZERO
    if not draft.quantity:
        rules = command.venue.rules(order.symbol)
        draft.quantity = rules.quantise_quantity(received, market=order.type in MARKET_TYPES)
    return draft


def _may_enter(command: Command, draft: Order) -> bool:
    if draft.quantity <= 0 or breaks_filters(command, draft):
        return False
    try:
        check_entry(command.venue, draft)
    except ApiError:
        return False
    return True


def _enclose(drafts: list[Order], last: Decimal) -> bool:
    """Whether two legs lie on both sides of the last price, as those of an OCO have to."""
    below, above = sorted(drafts, key=lambda draft: draft.stop_price or draft.price)
    try:
        check_leg_prices(above, below, last)
    except ApiError:
        return False
    return True


def _reject(command: Command, orders: list[Order]) -> None:
    for order in orders:
        command.close(order, "EXPIRED", "REJECTED")
