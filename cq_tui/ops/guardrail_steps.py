"""What an entry is asked, step by step, in the order of the guardrails: for a check list of one signal."""

from enum import Enum
from typing import Final

from cq_tui.ops.denial_words import known_denial
from cq_tui.trading.denial import DenialReason

_R = DenialReason

#: Each step with the reasons that it can end for. Reasons of one step may be asked in any order.
STEPS: Final[tuple[tuple[str, frozenset[DenialReason]], ...]] = (
    ("trading allowed", frozenset({
        _R.TRADING_HALTED, _R.TRADING_REDUCING, _R.MODE_BLOCKED, _R.EXCHANGE_UNREACHABLE, _R.REQUEST_LIMITS,
        _R.NOT_RECONCILED, _R.CLOCK_SKEW, _R.ACCOUNT_IN_DOUBT,
    })),
    ("signal in order", frozenset({
        _R.DUPLICATE_SIGNAL, _R.SIGNAL_STALE, _R.SIGNAL_FROM_FUTURE, _R.SIGNAL_IMPLAUSIBLE, _R.SIGNAL_UNSUPPORTED,
        _R.LIMIT_NOT_REACHED, _R.LIMIT_WITHDRAWN,
    })),
    ("services and symbol", frozenset({
        _R.DISK_FULL, _R.ARES_STALE, _R.ARES_UNHEALTHY, _R.FEEDER_STALE, _R.FEEDER_UNHEALTHY, _R.MEMORY_STALE,
        _R.MEMORY_UNHEALTHY, _R.NOT_WATCHED, _R.QUOTE_ASSET, _R.SYMBOL_IN_DOUBT, _R.SYMBOL_LOCKED,
        _R.SYMBOL_NOT_TRADING, _R.POSITION_OPEN, _R.ENTRY_PENDING, _R.NOTHING_TO_ADD_TO, _R.OTHER_STRATEGY,
        _R.EXIT_PENDING,
    })),
    ("limits of loss", frozenset({_R.DAILY_LOSS, _R.DRAWDOWN})),
    ("no quarantine", frozenset({_R.QUARANTINED, _R.STRATEGY_QUARANTINED})),
    ("worth the costs", frozenset({_R.PRICE_GAP, _R.LOW_CONFIDENCE, _R.TARGET_TOO_NEAR})),
    ("pauses and rates", frozenset({_R.COOLDOWN, _R.STRATEGY_COOLDOWN, _R.ORDER_RATE, _R.ORDERS_A_DAY})),
    ("amounts", frozenset({
        _R.MAX_POSITIONS, _R.EXPOSURE, _R.ORDER_NOTIONAL, _R.SYMBOL_NOTIONAL, _R.TOTAL_NOTIONAL,
    })),
    ("levels and size", frozenset({
        _R.LEVELS_PASSED, _R.PROTECTION_IMPOSSIBLE, _R.SIGNAL_SIZE, _R.BALANCE, _R.LOT_SIZE, _R.MIN_NOTIONAL, _R.DUST,
        _R.MAX_POSITION,
    })),
)  # fmt: skip


class Passed(Enum):
    """What became of one step."""

    YES = "passed"
    NO = "denied"
    NOT_ASKED = "not asked"


def check_list(code: str) -> list[tuple[str, Passed]]:
    """Return every step with what became of it. ``code``: the guardrail's of a denied entry, empty of one that passed.

    A code that no step has, as of a later version, says nothing of any step: the list is empty.
    """
    reason = known_denial(code)
    if reason is None:
        return [] if code else [(name, Passed.YES) for name, _ in STEPS]
    at = next((number for number, (_, reasons) in enumerate(STEPS) if reason in reasons), None)
    if at is None:
        return []
    return [
        (name, Passed.YES if number < at else Passed.NO if number == at else Passed.NOT_ASKED)
        for number, (name, _) in enumerate(STEPS)
    ]
