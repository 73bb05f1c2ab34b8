"""A person accepts what cannot be explained, as it is now: nothing is bought or sold, and new evidence doubts anew."""

from decimal import Decimal

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.inquiring import conclude
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.exact import plain_text

ZERO = Decimal(0)


def accept(s: Situation, command: Command) -> CommandAnswer:
    """End the doubts about a symbol, or with an empty one about the account.

    Orders that no query finds count as never executed, and what the account holds less than the book leaves it.
    """
    symbol, what = command.symbol, command.symbol or "the account"
    doubts = list(s.book.doubts.get(symbol, ()))
    if not doubts:
        return refused(f"nothing about {what} is in doubt")
    if not s.is_reconciled:
        return refused("orders and balances of the account are not known yet; try again in a minute")
    if under_way := is_under_way(s, symbol):
        return refused(f"{under_way}; try again when it has ended")
    told = _conclude_orders(s, command) if "outcome" in doubts else []
    told += _write_off(s, command) if "balance" in doubts else []
    for kind in doubts:
        s.accept_doubt(symbol, kind, f"accepted: {command.why}", command.person)
    if symbol:
        s.touch(symbol)
    return done("; ".join([f"accepted for {what}: {', '.join(doubts).replace('_', ' ')}", *told]))


def is_under_way(s: Situation, symbol: str) -> str | None:
    """Return in words what may still change a symbol; None if nothing does. What no query finds does not count."""
    if s.is_busy(symbol):
        return f"a request for {symbol} is under way"
    missing = _not_found(s, symbol)
    for order in s.book.orders_of(symbol):
        if (order.status.is_undecided or order.lacks_trades) and order.client_order_id not in missing:
            return f"the outcome of the {order.leg} order in {symbol} is awaited"
    return None


def _not_found(s: Situation, symbol: str) -> list[str]:
    lane = s.lanes.get(symbol)
    return [] if lane is None else [name for name, inquiry in lane.inquiries.items() if inquiry.not_found]


def _conclude_orders(s: Situation, command: Command) -> list[str]:
    told = []
    for name in _not_found(s, command.symbol):
        order = s.book.orders[name]
        conclude(
            s, s.lane(command.symbol), order, f"{command.person} accepted that it was never executed", gives_up=True
        )
        told.append(f"the {order.leg} order counts as never executed")
    return told


def _write_off(s: Situation, command: Command) -> list[str]:
    held = s.book.holdings[command.symbol]
    balance = s.balances.get(held.base)
    total = ZERO if balance is None else balance.total
    missing = min(s.own(held.base) - total, held.quantity)
    if missing <= 0:
        return []
    s.record(f.HoldingAccepted(command.symbol, missing, command.person, command.why, s.ms))
    return [f"{plain_text(missing)} {held.base} left the book"]
