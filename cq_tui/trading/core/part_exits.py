"""A part of a position is sold, as its strategy's SELL asked, and the rest is protected again at the same levels.

What is asked for is kept as the quantity that stays: what was sold meanwhile, by whatever order, is not sold once more.
So a restart, a lost answer or a second look sells nothing twice. A part reduces a risk that its stop already bounds, so
it waits for what a whole exit does not wait for: the end of doubts, and a disk that takes records.
"""

from decimal import Decimal
from math import inf

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.core.judging import account_doubt, symbol_doubt
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.leaving import price_for_sale, sell_now
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import PartExit, Position
from cq_tui.trading.core.protecting import why_nothing, would_trigger
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.gates import part_of
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.sellable import protectable, sellable_parts
from cq_tui.trading.protection import refused_leg, stop_type
from cq_tui.trading.signals import TradeSignal

ZERO = Decimal(0)
#: It is given up when so many attempts came to nothing: each may have taken the stop away for a moment.
_MOST_ATTEMPTS = 3
#: And when it could not be sold for so long (ms): by then it is not what was meant.
_PATIENCE_MS = 60_000
_AFTER = 0.001


def want_part(s: Situation, signal: TradeSignal) -> None:
    """Have the part sold that a SELL asks for, or all of it where the rest could not be protected."""
    assert signal.part is not None
    symbol, lane = signal.symbol, s.lane(signal.symbol)
    position, rules, held = s.book.positions[symbol], s.symbol_rules[symbol], s.book.quantity(symbol)
    keep = held - part_of(rules, signal, held)
    asked = f"SELL signal of {signal.strategy} for {plain_text(signal.part)} of it"
    if fault := _rest_fault(s, position, rules, keep):
        s.record(f.ExitWanted(symbol, f"{asked}, and the rest could not be protected: {fault}", s.ms, signal.key))
    else:
        s.record(f.PartExitWanted(symbol, signal.key, keep, asked, s.ms))
    # Failures before it were of something else.
    lane.exit_pause.succeed()
    lane.exit_refusal, lane.crowded_at = "", -inf
    s.touch(symbol)


def _rest_fault(s: Situation, position: Position, rules: SymbolRules, rest: Decimal) -> str:
    """Return why what stays could not get its stop and target again; empty if it could."""
    plan, last = position.plan, s.last_price(position.symbol)
    if stop_type(rules) is None:
        return f"{rules.symbol} takes no stop orders"
    coverage = protectable(rules, rest, plan.stop_loss, plan.target or plan.stop_loss)
    if not coverage.quantity:
        return "nothing is left" if coverage.left is None else coverage.left.reason
    sale = sellable_parts(rules, rest, plan.stop_loss)
    if not sale.parts:
        return "nothing is left" if sale.left is None else sale.left.reason
    leg = None if last is None else refused_leg(rules, coverage.quantity, plan.stop_loss, plan.target, last)
    return "" if leg is None else f"{leg.order_type} at {plain_text(leg.level)}: {leg.filter}"


def leave_part(
    s: Situation, lane: Lane, position: Position, rules: SymbolRules, live: list[OrderRecord]
) -> Decision | None:
    """Sell what is held beyond what stays; None while there is nothing to do for it, or nothing any more.

    ``live``: the position's sell orders at the exchange.
    """
    part = position.part
    assert part is not None
    excess = s.book.quantity(lane.symbol) - part.keep
    if excess <= 0:
        _end_when_seen(s, lane, part, live)
        return None
    if s.ms <= part.ms + _PATIENCE_MS:
        lane.wake_at((part.ms + _PATIENCE_MS) / 1000 + _AFTER)
        if _must_wait(s, position):
            return None
    sale = sellable_parts(rules, min(excess, s.sellable(lane.symbol)), price_for_sale(s, position))
    fault = _fault(s, lane, position, rules)
    if fault or not sale.parts:
        fault = fault or why_nothing(s, lane.symbol, sale.left)
        s.record(f.PartExitEnded(lane.symbol, part.signal_key, excess, s.ms, fault))
        lane.exit_pause.succeed()
        return None
    if s.now < lane.exit_pause.until:
        lane.wake_at(lane.exit_pause.until)
        return None
    if not live and rules.cancel_replace_allowed:
        # Only one of two copies of a directory can replace an order: what is bare is protected first.
        return None
    lane.stuck = ""
    legs = 1 if position.plan.target is None else 2
    return sell_now(s, lane, position, rules, live, sale.parts[0], orders_after=legs, needs_record=True)


def _fault(s: Situation, lane: Lane, position: Position, rules: SymbolRules) -> str:
    """Return why the part is given up; empty if it is not."""
    pause, part = lane.exit_pause, position.part
    if pause.failures >= (_MOST_ATTEMPTS if pause.by_outage else 1):
        return f"the exchange says: {lane.exit_refusal}" if lane.exit_refusal else "no attempt has sold it"
    if part is not None and s.ms > part.ms + _PATIENCE_MS:
        return f"it could not be sold within {_PATIENCE_MS // 1000} s"
    fault = "" if part is None else _rest_fault(s, position, rules, part.keep)
    return f"the rest could not be protected: {fault}" if fault else ""


def _must_wait(s: Situation, position: Position) -> bool:
    """Whether the part waits, under its protection: for a doubt to end, for a disk, or for what the exchange sells.

    Two directories with one position would both sell it; and unrecorded, a restart would.
    """
    symbol, plan, bid = position.symbol, position.plan, s.bid(position.symbol)
    if s.health.disk_problem is not None or account_doubt(s) is not None or symbol_doubt(s, symbol) is not None:
        return True
    is_at_target = bid is not None and plan.take_profit is not None and bid >= plan.take_profit
    return bid is None or would_trigger(s, position) or is_at_target


def _end_when_seen(s: Situation, lane: Lane, part: PartExit, live: list[OrderRecord]) -> None:
    """Note that the part is sold, once no stop is taken to be there that the sale has replaced."""
    covered = sum((order.remaining for order in live if order.leg is Leg.STOP), ZERO)
    if covered <= s.available(lane.symbol):
        s.record(f.PartExitEnded(lane.symbol, part.signal_key, ZERO, s.ms))
        lane.exit_pause.succeed()
