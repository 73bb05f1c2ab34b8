"""Orders that carry our prefix and are not in the book: another directory's, a first version's, or of a lost past."""

from cq_tui.binance.types import Order
from cq_tui.trading.client_order_id import Leg, OurOrderId, parse_client_order_id
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.order_life import may_be_open


def hear_stranger(s: Situation, client_order_id: str, symbol: str, order_id: int) -> None:
    """Take news of an order that is not in the book: another owner's, ours from a lost past, or anybody's."""
    s.activity += 1
    if order_id < 0:
        # It was refused, and never was an order.
        return
    ours = parse_client_order_id(client_order_id)
    if ours is None:
        s.lane(symbol).foreign_order_ids.add(order_id)
        return
    if ours.leg is Leg.CANCEL:
        return
    is_kin = ours.owner == s.book.owner or is_of_copy(s, ours, symbol)
    if is_kin or _may_be_forgotten(s, ours, symbol, order_id):
        # An earlier process may have sent it unrecorded, on a full disk, or a copy of this directory; or it was
        # dropped: the order itself tells.
        identify(s, symbol, order_id)
        return
    s.lane(symbol).foreign_order_ids.add(order_id)
    judge_stranger(s, client_order_id, symbol)


def is_own(s: Situation, client_order_id: str) -> bool:
    """Whether an id carries the mark of this directory."""
    ours = parse_client_order_id(client_order_id)
    return ours is not None and ours.owner == s.book.owner


def is_of_copy(s: Situation, ours: OurOrderId, symbol: str) -> bool:
    """Whether an order in a symbol that is held may be of a copy of this directory, or of what this is a copy of.

    Both have the same position: a copy's owner has canceled our protection by its id, and what was copied has that of
    the orders that are known.
    """
    if symbol not in s.book.positions or ours.owner is None:
        return False
    known = map(parse_client_order_id, s.book.by_symbol.get(symbol, ()))
    return ours.owner in s.lane(symbol).copies or any(one is not None and one.owner == ours.owner for one in known)


def hear_cancel(s: Situation, symbol: str, request_id: str) -> None:
    """Take the id of a request about an order of ours: the id of a cancel names who sent it."""
    sent = parse_client_order_id(request_id)
    if sent is not None and sent.leg is Leg.CANCEL and sent.owner not in (None, s.book.owner):
        s.lane(symbol).copies.add(sent.owner)


def identify(s: Situation, symbol: str, order_id: int) -> None:
    """Ask the exchange what became of an order."""
    s.lane(symbol).strange.setdefault(order_id, {})
    s.touch(symbol)


def judge_stranger(s: Situation, client_order_id: str, symbol: str) -> None:
    """Doubt what carries our prefix and is not in the book."""
    ours = parse_client_order_id(client_order_id)
    if ours is None:
        return
    if ours.owner is None:
        s.first_version_at = s.now
        text = f"an order of cq-tui 0.1 ({symbol} {client_order_id}) is on this account and not in the book"
        remedy = "stop the trader of that version, or let this version take over its directory"
        s.doubt("", "first_version", f"{text}: {remedy}; it ends with its open orders")
    elif ours.owner not in (s.owner.owner, s.book.owner):
        text = (
            f"an order of another cq-tui directory (owner {ours.owner}, {symbol} {client_order_id}) is on this account"
        )
        s.doubt("", "other_owner", f"{text}; this one is {s.book.owner}. Use one directory for an account")
    else:
        text = f"the order {client_order_id} carries our mark and is not in the book"
        s.doubt(symbol, "unknown_order", text)


def is_old_news(s: Situation, order: Order) -> bool:
    """Whether an open order, as a list shows it, may have ended and been dropped since: nobody has asked for it yet."""
    ours = parse_client_order_id(order.client_order_id)
    is_unasked = order.order_id not in s.lane(order.symbol).foreign_order_ids
    return ours is not None and is_unasked and _may_be_forgotten(s, ours, order.symbol, order.order_id)


def was_forgotten(s: Situation, order: Order) -> bool:
    """Whether an order that was asked for was dropped from the book after its end. It bought and sold nothing."""
    ours = parse_client_order_id(order.client_order_id)
    is_over = not may_be_open(order.status) and not order.executed_quantity
    return is_over and ours is not None and _may_be_forgotten(s, ours, order.symbol, order.order_id)


def _may_be_forgotten(s: Situation, ours: OurOrderId, symbol: str, order_id: int) -> bool:
    """Whether the book may have dropped an order. Its ids of the first version name no owner."""
    return ours.owner in (None, s.book.owner) and order_id <= s.book.forgotten.get(symbol, -1)
