"""Open orders of others that lock coins which a person wants sold: canceled by the exchange's id, one at a time."""

from decimal import Decimal

from cq_tui.binance.types import Order, OrderList
from cq_tui.trading.client_order_id import parse_client_order_id
from cq_tui.trading.core.effects import CancelOrder, Urgency
from cq_tui.trading.core.foreign_progress import Wait
from cq_tui.trading.core.inputs import Refused
from cq_tui.trading.core.lane import Pause
from cq_tui.trading.core.situation import Situation

ZERO = Decimal(0)
#: "Unknown order sent": it is no longer open.
_NOT_OPEN = -2011
#: An order whose cancel was refused so often stays.
_MOST_REFUSALS = 3


def may_lock(order: Order, asset: str) -> bool:
    """Whether an open order may lock an asset, by the name of its symbol: its rules say for certain."""
    return order.symbol.startswith(asset) if order.side == "SELL" else order.symbol.endswith(asset)


def lockers(s: Situation, asset: str) -> list[Order]:
    """Return the open orders of others that lock an asset, or may: those whose rules are not known."""
    return [order for order in s.other_orders.values() if may_lock(order, asset) and _locks(s, order, asset)]


def _locks(s: Situation, order: Order, asset: str) -> bool:
    rules = s.symbol_rules.get(order.symbol)
    return rules is None or (rules.base_asset if order.side == "SELL" else rules.quote_asset) == asset


def free_coins(s: Situation, asset: str, locked: Decimal) -> Wait | None:
    """Cancel the next order that locks ``locked`` coins of others; None if nothing is to be canceled."""
    known = lockers(s, asset)
    for order in known:
        if order.symbol not in s.symbol_rules and order.symbol not in s.left_out:
            return Wait(f"the rules of {order.symbol} are not known yet")
    mine = [order for order in known if not why_left(s, order)]
    progress = s.foreign_progress
    if not mine:
        if not locked or known:
            return None
        since = progress.locked_since.setdefault(asset, s.now)
        if s.open_orders_at >= since:
            return None
        s.look_at_account_again()
        return Wait("its open orders are read")
    order = mine[0]
    pause = progress.pauses.get(order.symbol)
    if s.is_busy(order.symbol) or (pause is not None and s.now < pause.until):
        return Wait(f"order {order.order_id} in {order.symbol} is to be canceled")
    request = CancelOrder(
        number=s.next_number(),
        symbol=order.symbol,
        urgency=Urgency.EXIT,
        client_order_id=order.client_order_id,
        order_id=order.order_id,
    )
    s.send(request)
    return Wait(f"order {order.order_id} in {order.symbol} is being canceled")


def why_left(s: Situation, order: Order) -> str:
    """Return why an order of others is not canceled; empty if it is."""
    ours = parse_client_order_id(order.client_order_id)
    what = f"order {order.order_id} in {order.symbol}"
    if ours is not None and ours.owner != s.book.owner:
        return (
            f"locked by {what} of another cq-tui directory (owner {ours.owner or 'of version 0.1'}): flatten it there"
        )
    if order.symbol not in s.symbol_rules:
        return f"locked by {what}, which is not listed"
    refusals = s.foreign_progress.refused.get((order.symbol, order.order_id), [])
    return "" if len(refusals) < _MOST_REFUSALS else f"locked by {what}; its cancel is refused: {refusals[-1]}"


def why_locked(s: Situation, asset: str) -> str:
    """Return why coins of others stay locked."""
    reasons = (why_left(s, order) for order in lockers(s, asset))
    return next((reason for reason in reasons if reason), "locked, and not by an open order")


def note_canceled(s: Situation, request: CancelOrder, answer: Order | OrderList) -> None:
    """Take the answer to a cancel: the order is no longer open, nor are the others of its list."""
    assert request.order_id is not None
    order = s.other_orders.pop((request.symbol, request.order_id), None)
    reports = answer.reports if isinstance(answer, OrderList) else ()
    for one in reports:
        s.other_orders.pop((one.symbol, one.order_id), None)
    if order is not None and order.order_list_id >= 0:
        for key in [key for key, one in s.other_orders.items() if _is_same_list(one, order)]:
            del s.other_orders[key]
    s.foreign_progress.pauses.pop(request.symbol, None)
    s.lane(request.symbol).exit_pause.succeed()


def _is_same_list(one: Order, other: Order) -> bool:
    return one.symbol == other.symbol and one.order_list_id == other.order_list_id


def note_refused(s: Situation, request: CancelOrder, refused: Refused) -> None:
    """Take the refusal of a cancel: it is no longer open, or it stays and is named."""
    assert request.order_id is not None
    if refused.code == _NOT_OPEN:
        s.other_orders.pop((request.symbol, request.order_id), None)
        return
    if refused.about_symbol:
        s.foreign_progress.refused.setdefault((request.symbol, request.order_id), []).append(refused.message)
    try_again(s, request)


def try_again(s: Situation, request: CancelOrder) -> None:
    """Take that a cancel was not carried out, or perhaps was: open orders are read, and what is still open follows."""
    s.foreign_progress.pauses.setdefault(request.symbol, Pause()).fail(s.now)
    s.look_at_account_again()
