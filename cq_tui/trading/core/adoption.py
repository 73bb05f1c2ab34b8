"""A person puts coins that the account already holds under protection: a position of that person, or of a strategy.

Everything is checked as it will be sent. What could not be protected would be sold at market, and that is not what was
asked for.
"""

from decimal import ROUND_DOWN, Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.acceptance import is_under_way
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.plan import ADOPTED, Plan
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.money.exact import plain_text
from cq_tui.trading.money.sellable import protectable
from cq_tui.trading.money.units import unit_fault
from cq_tui.trading.protection import can_protect_by_list, refused_leg, stop_type

ZERO = Decimal(0)


def adopt(s: Situation, command: Command) -> CommandAnswer:
    """Make a position of free coins that are not ours yet, with a stop, and a target if one is given."""
    symbol, rules, bid = command.symbol, s.symbol_rules.get(command.symbol), s.bid(command.symbol)
    if reason := _why_not(s, symbol, rules):
        return refused(reason)
    assert rules is not None
    if bid is None:
        return refused(f"there is no fresh price of {symbol}; try again when there is one")
    quantity = rules.quantize_quantity(command.numbers.get("quantity", _free(s, rules)))
    stop = rules.quantize_price(command.numbers["stop"], ROUND_DOWN)
    target = command.numbers.get("target")
    target = None if target is None else rules.quantize_price(target, ROUND_DOWN)
    reason = _price_fault(s, symbol, stop, target) or _quantity_fault(s, rules, quantity, stop, target)
    reason = reason or _filter_fault(rules, quantity, stop, target, bid)
    if reason:
        return refused(reason)
    plan = Plan(f"{ADOPTED}{symbol}:{s.ms}", command.strategy, "", stop, target)
    bases = rules.base_asset, rules.quote_asset
    by = command.person, command.why
    s.record(f.PositionAdopted(symbol, *bases, quantity, bid, plan, s.ms, *by, strategy=command.strategy))
    s.touch(symbol)
    at = f"a stop at {plain_text(stop)}" + ("" if target is None else f" and a target at {plain_text(target)}")
    return done(f"{plain_text(quantity)} {rules.base_asset} become a position with {at}; {_who_closes(s, plan)}")


def _who_closes(s: Situation, plan: Plan) -> str:
    if s.settings.exit_any_strategy:
        return "a SELL signal of any strategy closes it, too"
    return f"a SELL signal of {plan.strategy} closes it, too" if plan.strategy else "no SELL signal closes it"


def _why_not(s: Situation, symbol: str, rules: SymbolRules | None) -> str | None:
    """Return why nothing can be adopted in a symbol now, whatever the levels."""
    if symbol in s.book.positions:
        return f"a position in {symbol} is already open"
    if s.book.foreign_sale is not None and s.book.foreign_sale.is_pending:
        return "what the account holds is being sold by flatten --all; cq-tui resume ends that"
    if not s.is_reconciled:
        return "orders and balances of the account are not known yet; try again in a minute"
    if s.health.disk_problem is not None:
        return f"it could not be recorded: {s.health.disk_problem}; try again when there is space"
    if symbol in s.left_out:
        return f"{symbol} does not trade: {s.left_out[symbol]}"
    if rules is None or (s.bid(symbol) is None and symbol not in s.settings.symbols):
        return f"{symbol} is not watched: add it to SYMBOLS, so that its rules and prices are known"
    if stop_type(rules) is None:
        return f"{symbol} takes no stop orders, so its coins cannot be protected"
    return unit_fault(rules, s.settings.quote) or is_under_way(s, symbol)


def _free(s: Situation, rules: SymbolRules) -> Decimal:
    """Return how many coins are free and not ours already."""
    balance = s.balances.get(rules.base_asset)
    return ZERO if balance is None else max(min(balance.free, balance.total - s.own(rules.base_asset)), ZERO)


def _quantity_fault(
    s: Situation, rules: SymbolRules, quantity: Decimal, stop: Decimal, target: Decimal | None
) -> str | None:
    free = _free(s, rules)
    if quantity > free:
        return f"only {plain_text(free)} {rules.base_asset} are free and not ours already"
    if free and not quantity:
        return f"the quantity is less than one lot of {plain_text(rules.step_size)} {rules.base_asset}"
    coverage = protectable(rules, quantity, stop, target or stop)
    if quantity and coverage.quantity == quantity:
        return None
    left = f"{plain_text(free)} {rules.base_asset} are free" if coverage.left is None else coverage.left.reason
    return f"{plain_text(quantity)} {rules.base_asset} cannot be protected: {left}"


def _price_fault(s: Situation, symbol: str, stop: Decimal, target: Decimal | None) -> str | None:
    bid, last = s.bid(symbol), s.last_price(symbol)
    assert bid is not None
    assert last is not None
    market = f"bid {plain_text(bid)} and last price {plain_text(last)}"
    if not 0 < stop < min(bid, last):
        return f"stop {plain_text(stop)} must lie above 0 and below {market}"
    if target is not None and target <= max(bid, last):
        return f"target {plain_text(target)} must lie above {market}"
    return None


def _filter_fault(
    rules: SymbolRules, quantity: Decimal, stop: Decimal, target: Decimal | None, bid: Decimal
) -> str | None:
    """Return in words which filter an order would fail, as it will be sent; the bid stands for the average price."""
    refused_order = refused_leg(rules, quantity, stop, target if can_protect_by_list(rules) else None, bid)
    if refused_order is None:
        return None
    what = "stop" if refused_order.level == stop else "target"
    return f"the exchange would refuse {what} {plain_text(refused_order.level)}: {refused_order.filter}"
