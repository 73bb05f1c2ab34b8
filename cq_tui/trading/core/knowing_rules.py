"""Keeps the rules of symbols known: which the settings and the book want, what the exchange says, when to ask again."""

from cq_tui.binance.exchange_info import ExchangeInfo
from cq_tui.trading.core.book import coins_to_sell
from cq_tui.trading.core.foreign_orders import may_lock
from cq_tui.trading.core.settings import TraderSettings
from cq_tui.trading.core.situation import Situation

#: Before protection is removed, the symbol's rules and status must have been read in the last so many seconds.
RULES_LIMIT = 5.0


def take_settings(s: Situation, settings: TraderSettings) -> None:
    """Take new settings."""
    s.settings = settings
    quarantine = s.book.quarantine
    quarantine.limit, quarantine.seconds = settings.quarantine_failures, settings.quarantine_seconds
    want_symbols(s)


def want_symbols(s: Situation) -> None:
    """Want the rules of the watched symbols and of whatever is held or open."""
    wanted = dict.fromkeys((*s.settings.symbols, *sorted(s.book.symbols()), *_held(s), *_to_be_sold(s)))
    s.rules.want(wanted)
    _rules_came(s, tuple(symbol for symbol in s.lanes if symbol not in wanted))
    _note_rules(s)


def _held(s: Situation) -> list[str]:
    return [symbol for symbol, held in s.book.holdings.items() if held.quantity]


def _to_be_sold(s: Situation) -> list[str]:
    """Return the markets of coins that are not ours and to be sold, and of open orders that may lock them."""
    coins = coins_to_sell(s.book)
    locking = (order for order in s.other_orders.values() if any(may_lock(order, asset) for asset in coins))
    return [*(f"{asset}{s.settings.quote}" for asset in coins), *sorted(order.symbol for order in locking)]


def take_rules(s: Situation, requested: tuple[str, ...], info: ExchangeInfo) -> None:
    """Take rules of symbols, and look at those symbols again."""
    for change in s.rules.take(requested, info, s.now):
        lane = s.lane(change.symbol)
        lane.rules_changed_at = s.now
        lane.exit_pause.succeed()
        lane.protect_pause.succeed()
        s.touch(change.symbol)
    _rules_came(s, requested)
    before = s.symbol_rules
    _note_rules(s)
    if s.symbol_rules is not before:
        # Symbols that trade now may lack their commission.
        s.commissions_due = min(s.commissions_due, s.now)


def take_unlisted(s: Situation, requested: tuple[str, ...]) -> None:
    """Take the answer that none of these symbols is listed."""
    for change in s.rules.take_unlisted(requested, s.now):
        s.lane(change.symbol).rules_changed_at = s.now
        s.touch(change.symbol)
    _rules_came(s, requested)
    _note_rules(s)


def note_refusal(s: Situation, symbol: str, code: int | None) -> None:
    """Note that the exchange refused a request: the code may say that the symbol's rules are out of date."""
    s.rules.note_refusal(symbol, code, s.now)
    s.rules_due = s.rules.next_due()


def rules_failed(s: Situation, symbols: tuple[str, ...]) -> None:
    """Note that rules could not be read."""
    s.rules.failed(symbols, s.now)
    _rules_came(s, symbols)
    s.rules_due = s.rules.next_due()


def hurry_rules(s: Situation) -> None:
    """Read the rules of what does not trade again soon."""
    s.rules.hurry(s.now)
    s.rules_due = s.rules.next_due()


def knows_rules_now(s: Situation, symbol: str, limit: float = RULES_LIMIT, *, must_be_read: bool = False) -> bool:
    """Return whether a symbol's rules and status were read in the last ``limit`` seconds; if not, ask at once.

    If they could not be, the last ones count, unless they ``must_be_read``.
    The symbol is looked at again when the answer is there, or when there is none.
    """
    if s.rules.confirm(symbol, s.now, limit, must_be_read=must_be_read):
        return True
    s.lane(symbol).awaits_rules = True
    s.rules_due = s.rules.next_due()
    return False


def _rules_came(s: Situation, symbols: tuple[str, ...]) -> None:
    for symbol in symbols:
        lane = s.lanes.get(symbol)
        if lane is not None and lane.awaits_rules:
            lane.awaits_rules = False
            s.touch(symbol)


def _note_rules(s: Situation) -> None:
    s.symbol_rules, s.left_out = s.rules.rules, s.rules.left_out
    s.rules_due = s.rules.next_due()
