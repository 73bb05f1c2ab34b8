"""Why an order is refused: every reason, with a plain sentence and a remedy."""

from dataclasses import dataclass
from enum import StrEnum


class DenialReason(StrEnum):
    """A reason to refuse an entry (or, where it says so, an exit that a signal asked for)."""

    TRADING_HALTED = "trading_halted"
    TRADING_REDUCING = "trading_reducing"
    MODE_BLOCKED = "mode_blocked"
    NOT_RECONCILED = "not_reconciled"
    DUPLICATE_SIGNAL = "duplicate_signal"
    SIGNAL_STALE = "signal_stale"
    SIGNAL_FROM_FUTURE = "signal_from_future"
    NOTHING_HELD = "nothing_held"
    ARES_STALE = "ares_stale"
    ARES_UNHEALTHY = "ares_unhealthy"
    FEEDER_STALE = "feeder_stale"
    FEEDER_UNHEALTHY = "feeder_unhealthy"
    MEMORY_STALE = "memory_stale"
    MEMORY_UNHEALTHY = "memory_unhealthy"
    SYMBOL_NOT_TRADING = "symbol_not_trading"
    QUARANTINED = "quarantined"
    POSITION_OPEN = "position_open"
    ENTRY_PENDING = "entry_pending"
    COOLDOWN = "cooldown"
    STRATEGY_COOLDOWN = "strategy_cooldown"
    MAX_POSITIONS = "max_positions"
    EXPOSURE = "exposure"
    LEVELS_PASSED = "levels_passed"
    BALANCE = "balance"
    LOT_SIZE = "lot_size"
    MIN_NOTIONAL = "min_notional"
    DUST = "dust"

    @property
    def sentence(self) -> str:
        """What is the case."""
        return _TEXTS[self][0]

    @property
    def remedy(self) -> str:
        """What to do, or what will change it."""
        return _TEXTS[self][1]

    @property
    def is_soft(self) -> bool:
        """Whether DISABLE_ORDER_GUARDRAILS lifts it, outside live mode."""
        return self in SOFT_REASONS


#: Limits of taste, not of safety. Trading state, quarantine, duplicates, freshness, health and balance always hold.
SOFT_REASONS = frozenset(
    {
        DenialReason.COOLDOWN,
        DenialReason.STRATEGY_COOLDOWN,
        DenialReason.MAX_POSITIONS,
        DenialReason.EXPOSURE,
    }
)

_R = DenialReason
_TEXTS: dict[DenialReason, tuple[str, str]] = {
    _R.TRADING_HALTED: ("Trading is halted.", "Set TRADING_STATE to active; protection of open positions goes on."),
    _R.TRADING_REDUCING: ("Only closing is allowed.", "Set TRADING_STATE to active to open positions again."),
    _R.MODE_BLOCKED: ("No order is possible in this mode.", "Set what the mode needs, or choose another mode."),
    _R.NOT_RECONCILED: (
        "Orders and balances have not been compared with the exchange yet.",
        "Wait until the trader has reached the exchange; see its log if this lasts.",
    ),
    _R.DUPLICATE_SIGNAL: ("This signal was acted on before.", "Nothing to do: a signal is traded once."),
    _R.SIGNAL_STALE: (
        "The signal is too old.",
        "Check the delay of feeder and ARES; ARES_FRESHNESS_THRESHOLD is the limit.",
    ),
    _R.SIGNAL_FROM_FUTURE: ("The signal's bar has not closed yet.", "Check this computer's clock."),
    _R.NOTHING_HELD: ("Nothing held: on spot a SELL only closes a position.", "Nothing to do."),
    _R.ARES_STALE: ("ARES has not reported for too long.", "Start or restart ARES."),
    _R.ARES_UNHEALTHY: ("ARES reports an error.", "See the log of ARES."),
    _R.FEEDER_STALE: ("The price of this symbol is too old.", "Start or restart the feeder; check the connection."),
    _R.FEEDER_UNHEALTHY: ("The feeder reports an error.", "See the log of the feeder."),
    _R.MEMORY_STALE: ("Memory has not reported for too long.", "Start or restart memory."),
    _R.MEMORY_UNHEALTHY: (
        "Memory reports an error or a fault of integrity.",
        "Verify the history; what cannot be remembered is not traded.",
    ),
    _R.SYMBOL_NOT_TRADING: ("The exchange does not trade this symbol now.", "Remove it from SYMBOLS, or wait."),
    _R.QUARANTINED: ("The symbol is in quarantine.", "Wait for the probe, or release it by hand."),
    _R.POSITION_OPEN: ("A position in this symbol is open.", "One position a symbol: wait until it is closed."),
    _R.ENTRY_PENDING: ("An entry of this symbol is on its way.", "Wait for its outcome."),
    _R.COOLDOWN: ("The last entry of this symbol is too recent.", "Wait; TRADER_ORDER_COOLDOWN is the pause."),
    _R.STRATEGY_COOLDOWN: ("The strategy pauses in this symbol after a stop.", "Wait until the pause is over."),
    _R.MAX_POSITIONS: ("As many positions are open as are allowed.", "Close one, or raise TRADER_MAX_POSITIONS."),
    _R.EXPOSURE: (
        "The positions would be too large a share of the equity.",
        "Close one, lower TRADER_ORDER_QUOTE, or raise TRADER_MAX_EXPOSURE.",
    ),
    _R.LEVELS_PASSED: (
        "The price is already beyond the signal's stop or target.",
        "Nothing to do: the chance is gone.",
    ),
    _R.BALANCE: (
        "The free balance does not cover the order with commission.",
        "Deposit, or lower TRADER_ORDER_QUOTE.",
    ),
    _R.LOT_SIZE: ("The quantity is outside the symbol's lot size.", "Change TRADER_ORDER_QUOTE."),
    _R.MIN_NOTIONAL: ("The order is below the symbol's minimum notional.", "Raise TRADER_ORDER_QUOTE."),
    _R.DUST: (
        "What is left after commission could not be sold again at the stop.",
        "Raise TRADER_ORDER_QUOTE.",
    ),
}


@dataclass(frozen=True, slots=True)
class Denial:
    """One refusal, with the figures of the case."""

    reason: DenialReason
    detail: str = ""

    def __str__(self) -> str:
        """Sentence, figures and remedy in one line."""
        figures = f" ({self.detail})" if self.detail else ""
        return f"{self.reason.sentence[:-1]}{figures}. {self.reason.remedy}"
