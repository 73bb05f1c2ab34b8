"""Why an order was refused, in at most three words: for lists, where a sentence has no room."""

from cq_tui.ops.formatting import MINUS, sanitize
from cq_tui.trading.denial import DenialReason

_R = DenialReason
_SHORT: dict[DenialReason, str] = {
    _R.TRADING_HALTED: "trading halted",
    _R.TRADING_REDUCING: "only closing now",
    _R.MODE_BLOCKED: "mode blocked",
    _R.EXCHANGE_UNREACHABLE: "exchange silent",
    _R.REQUEST_LIMITS: "request limits",
    _R.NOT_RECONCILED: "not reconciled",
    _R.DUPLICATE_SIGNAL: "already acted on",
    _R.SIGNAL_STALE: "signal too old",
    _R.SIGNAL_FROM_FUTURE: "bar not closed",
    _R.SIGNAL_IMPLAUSIBLE: "implausible signal",
    _R.SIGNAL_UNSUPPORTED: "not supported",
    _R.NOTHING_HELD: "nothing held",
    _R.OTHER_STRATEGY: "held by another",
    _R.NOTHING_TO_ADD_TO: "nothing to add to",
    _R.EXIT_PENDING: "exit pending",
    _R.PART_TOO_SMALL: "part too small",
    _R.CLOCK_SKEW: "clock differs",
    _R.ACCOUNT_IN_DOUBT: "account in doubt",
    _R.SYMBOL_IN_DOUBT: "symbol in doubt",
    _R.NOT_WATCHED: "not in SYMBOLS",
    _R.QUOTE_ASSET: "other quote asset",
    _R.PRICE_GAP: "prices far apart",
    _R.PROTECTION_IMPOSSIBLE: "cannot be protected",
    _R.ARES_STALE: "ARES too old",
    _R.ARES_UNHEALTHY: "ARES in error",
    _R.FEEDER_STALE: "prices too old",
    _R.FEEDER_UNHEALTHY: "feeder in error",
    _R.MEMORY_STALE: "memory too old",
    _R.MEMORY_UNHEALTHY: "history in doubt",
    _R.DISK_FULL: "disk full",
    _R.SYMBOL_NOT_TRADING: "symbol halted",
    _R.SYMBOL_LOCKED: "symbol locked",
    _R.DAILY_LOSS: "daily loss limit",
    _R.DRAWDOWN: "drawdown limit",
    _R.QUARANTINED: "quarantined",
    _R.STRATEGY_QUARANTINED: "strategy paused",
    _R.POSITION_OPEN: "position open",
    _R.ENTRY_PENDING: "entry pending",
    _R.LOW_CONFIDENCE: "low confidence",
    _R.TARGET_TOO_NEAR: "target too near",
    _R.COOLDOWN: "cooldown",
    _R.STRATEGY_COOLDOWN: "pause after a stop",
    _R.ORDER_RATE: "orders a minute",
    _R.ORDERS_A_DAY: "orders a day",
    _R.MAX_POSITIONS: "positions full",
    _R.EXPOSURE: "exposure limit",
    _R.ORDER_NOTIONAL: "order limit",
    _R.SYMBOL_NOTIONAL: "symbol limit",
    _R.TOTAL_NOTIONAL: "total limit",
    _R.LEVELS_PASSED: "levels passed",
    _R.LIMIT_NOT_REACHED: "limit not reached",
    _R.LIMIT_WITHDRAWN: "withdrawn",
    _R.SIGNAL_SIZE: "size too small",
    _R.BALANCE: "balance too small",
    _R.LOT_SIZE: "below one lot",
    _R.MIN_NOTIONAL: "below smallest order",
    _R.DUST: "rest unsellable",
    _R.MAX_POSITION: "exchange's maximum",
}
#: What the exchange says with -2010, by its first words, shortened. Source: Binance Spot API, "Errors".
_REJECTIONS = {
    "account has insufficient balance": "balance too small",
    "stop price would trigger": "stop would trigger",
    "order would immediately": "would match at once",
    "market is closed": "market closed",
    "market orders are not supported": "no market orders",
    "this action is disabled": "disabled for account",
    "this symbol is not permitted": "not permitted",
    "duplicate order": "duplicate order",
}
_FILTER = "filter failure: "
_LONGEST = 24


def known_denial(code: str) -> DenialReason | None:
    """Return the guardrail's reason with this code; None for the exchange's codes and those of later versions."""
    try:
        return DenialReason(code)
    except ValueError:
        return None


def short_refusal(code: str, reason: str) -> str:
    """Return a refusal in few words: the guardrail's or the exchange's."""
    if (denial := known_denial(code)) is not None:
        return _SHORT[denial]
    said = sanitize(reason).strip()
    lower = said.casefold()
    words = next((short for begin, short in _REJECTIONS.items() if lower.startswith(begin)), "")
    if not words and lower.startswith(_FILTER):
        words = f"filter {said[len(_FILTER) :].partition(' ')[0]}"
    if not words:
        words = said if said and len(said) <= _LONGEST else "refused"
    return words


def exchange_code(code: str) -> str:
    """Return the exchange's error code as it is shown."""
    return sanitize(code, 20).replace("-", MINUS)
