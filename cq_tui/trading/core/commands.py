"""What a person asks for: release, flatten, accept, adopt. The answer says what was done, or why not."""

from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.situation import Situation

ZERO = Decimal(0)


class CommandAnswer(NamedTuple):
    """What became of a command."""

    is_done: bool
    text: str


def take_command(s: Situation, command: Command) -> CommandAnswer:
    """Carry out a command as far as the core can; what takes longer goes on by itself."""
    match command.kind:
        case "release_symbol":
            return _release(s, command)
        case "flatten":
            return _flatten(s, command)
        case "accept":
            return _accept(s, command)
        case "adopt":
            return _adopt(s, command)
    return CommandAnswer(False, f"the trader has no command {command.kind!r}")


def _release(s: Situation, command: Command) -> CommandAnswer:
    if s.book.quarantine.get(command.symbol) is None:
        return CommandAnswer(False, f"{command.symbol} is not quarantined")
    s.record(f.QuarantineEnded(command.symbol, f"by {command.person}"))
    return CommandAnswer(True, f"{command.symbol} may trade again")


def _flatten(s: Situation, command: Command) -> CommandAnswer:
    held = [symbol for symbol in s.book.positions if command.symbol in ("", symbol)]
    for symbol in held:
        if not s.book.positions[symbol].exit_reason:
            s.record(f.ExitWanted(symbol, f"flatten, requested by {command.person}", s.ms))
        lane = s.lane(symbol)
        lane.exit_pause.succeed()
        s.touch(symbol)
    if not held:
        return CommandAnswer(True, "no open position")
    return CommandAnswer(True, f"closing {', '.join(held)}")


def _accept(s: Situation, command: Command) -> CommandAnswer:
    """Accept what cannot be explained, as it is now: missing coins leave the book, the doubts end."""
    symbol = command.symbol
    doubts = list(s.book.doubts.get(symbol, ()))
    missing = _missing(s, symbol) if symbol else ZERO
    if not doubts and missing <= 0:
        return CommandAnswer(False, f"nothing about {symbol or 'the account'} is in doubt")
    if missing > 0:
        s.record(f.HoldingAccepted(symbol, missing, command.person, command.why, s.ms))
    for kind in doubts:
        s.end_doubt(symbol, kind, f"accepted: {command.why}", command.person)
    s.touch(symbol) if symbol else None
    gone = f"; {missing:f} left the book" if missing > 0 else ""
    return CommandAnswer(True, f"{', '.join(doubts) or 'the difference'} of {symbol or 'the account'} accepted{gone}")


def _missing(s: Situation, symbol: str) -> Decimal:
    held = s.book.holdings.get(symbol)
    if held is None or not s.is_reconciled:
        return ZERO
    balance = s.balances.get(held.base)
    total = ZERO if balance is None else balance.total
    return max(min(s.own(held.base) - total, held.quantity), ZERO)


def _adopt(s: Situation, command: Command) -> CommandAnswer:
    symbol, rules = command.symbol, s.symbol_rules.get(command.symbol)
    stop = command.numbers.get("stop")
    bid = s.bid(symbol)
    if rules is None or stop is None or bid is None or not s.is_reconciled:
        return CommandAnswer(False, f"{symbol}: rules, a fresh price and balances are needed; try again in a minute")
    if symbol in s.book.positions:
        return CommandAnswer(False, f"a position in {symbol} is already open")
    if rules.quote_asset != s.settings.quote:
        return CommandAnswer(False, f"{symbol} is priced in {rules.quote_asset}, not in {s.settings.quote}")
    balance = s.balances.get(rules.base_asset)
    free = (ZERO if balance is None else balance.free) - s.own(rules.base_asset)
    quantity = rules.quantize_quantity(command.numbers.get("quantity", free))
    if quantity <= 0 or quantity > free:
        return CommandAnswer(False, f"{max(free, ZERO):f} {rules.base_asset} are free and not ours already")
    stop = rules.quantize_price(stop, ROUND_DOWN)
    target = command.numbers.get("target")
    target = None if target is None else rules.quantize_price(target, ROUND_DOWN)
    if not 0 < stop < bid or (target is not None and target <= bid):
        return CommandAnswer(False, f"the stop must be below the bid {bid:f}, and a target above it")
    plan = Plan(f"adopt:{symbol}:{s.ms}", "", "", stop, target)
    s.record(
        f.PositionAdopted(
            symbol, rules.base_asset, rules.quote_asset, quantity, bid, plan, s.ms, command.person, command.why
        )
    )
    s.touch(symbol)
    return CommandAnswer(True, f"{quantity:f} {rules.base_asset} come under protection at {stop:f}")
