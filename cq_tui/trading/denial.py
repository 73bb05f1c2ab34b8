"""Why an order is refused: each reason with a sentence and a remedy."""

from dataclasses import dataclass
from enum import StrEnum


class DenialReason(StrEnum):
    """A reason to refuse an entry, or an exit that a signal asks for."""

    TRADING_HALTED = "trading_halted"
    TRADING_REDUCING = "trading_reducing"
    MODE_BLOCKED = "mode_blocked"
    EXCHANGE_UNREACHABLE = "exchange_unreachable"
    REQUEST_LIMITS = "request_limits"
    NOT_RECONCILED = "not_reconciled"
    DUPLICATE_SIGNAL = "duplicate_signal"
    SIGNAL_STALE = "signal_stale"
    SIGNAL_FROM_FUTURE = "signal_from_future"
    SIGNAL_IMPLAUSIBLE = "signal_implausible"
    SIGNAL_UNSUPPORTED = "signal_unsupported"
    NOTHING_HELD = "nothing_held"
    OTHER_STRATEGY = "other_strategy"
    NOTHING_TO_ADD_TO = "nothing_to_add_to"
    EXIT_PENDING = "exit_pending"
    PART_TOO_SMALL = "part_too_small"
    CLOCK_SKEW = "clock_skew"
    ACCOUNT_IN_DOUBT = "account_in_doubt"
    SYMBOL_IN_DOUBT = "symbol_in_doubt"
    NOT_WATCHED = "not_watched"
    QUOTE_ASSET = "quote_asset"
    PRICE_GAP = "price_gap"
    PROTECTION_IMPOSSIBLE = "protection_impossible"
    ARES_STALE = "ares_stale"
    ARES_UNHEALTHY = "ares_unhealthy"
    FEEDER_STALE = "feeder_stale"
    FEEDER_UNHEALTHY = "feeder_unhealthy"
    MEMORY_STALE = "memory_stale"
    MEMORY_UNHEALTHY = "memory_unhealthy"
    DISK_FULL = "disk_full"
    SYMBOL_NOT_TRADING = "symbol_not_trading"
    SYMBOL_LOCKED = "symbol_locked"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    QUARANTINED = "quarantined"
    STRATEGY_QUARANTINED = "strategy_quarantined"
    POSITION_OPEN = "position_open"
    ENTRY_PENDING = "entry_pending"
    LOW_CONFIDENCE = "low_confidence"
    TARGET_TOO_NEAR = "target_too_near"
    COOLDOWN = "cooldown"
    STRATEGY_COOLDOWN = "strategy_cooldown"
    ORDER_RATE = "order_rate"
    ORDERS_A_DAY = "orders_a_day"
    MAX_POSITIONS = "max_positions"
    EXPOSURE = "exposure"
    ORDER_NOTIONAL = "order_notional"
    SYMBOL_NOTIONAL = "symbol_notional"
    TOTAL_NOTIONAL = "total_notional"
    LEVELS_PASSED = "levels_passed"
    LIMIT_NOT_REACHED = "limit_not_reached"
    LIMIT_WITHDRAWN = "limit_withdrawn"
    SIGNAL_SIZE = "signal_size"
    BALANCE = "balance"
    LOT_SIZE = "lot_size"
    MIN_NOTIONAL = "min_notional"
    DUST = "dust"
    MAX_POSITION = "max_position"

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return _TEXTS[self][0]

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return _TEXTS[self][1]


_R = DenialReason
_TEXTS: dict[DenialReason, tuple[str, str]] = {
    _R.TRADING_HALTED: ("Trading is halted.", "Run `cq-tui resume`; open positions stay protected."),
    _R.TRADING_REDUCING: (
        "Positions may only be closed.",
        "Run `cq-tui resume`, or correct the settings, to open positions again.",
    ),
    _R.MODE_BLOCKED: ("No order is possible in this mode.", "Provide what the mode needs, or choose another mode."),
    _R.EXCHANGE_UNREACHABLE: (
        "The exchange does not answer, or refuses this account.",
        "Check the connection, the API key and its permissions.",
    ),
    _R.REQUEST_LIMITS: (
        "The exchange's request limits leave no room for an entry.",
        "Wait: it ends by itself. Other programs on this address or account use the same limits.",
    ),
    _R.NOT_RECONCILED: (
        "Orders and balances are not reconciled with the exchange yet.",
        "Wait until the trader reaches the exchange; if this persists, see its log.",
    ),
    _R.DUPLICATE_SIGNAL: ("This signal was already acted on.", "Nothing to do: each signal is traded once."),
    _R.SIGNAL_STALE: (
        "The signal is too old.",
        "Check the feeder and ARES for delays; the limit is ARES_FRESHNESS_THRESHOLD.",
    ),
    _R.SIGNAL_FROM_FUTURE: ("The signal's bar has not closed yet.", "Check this computer's clock."),
    _R.SIGNAL_IMPLAUSIBLE: (
        "A figure of the signal is out of bounds.",
        "Correct the signal, or see the strategy that made it.",
    ),
    _R.SIGNAL_UNSUPPORTED: (
        "The signal asks for something that the trader does not do.",
        "Send it without that, or update cq-tui: it would mean something else without what it asks for.",
    ),
    _R.CLOCK_SKEW: (
        "This computer's clock differs too much from the exchange's.",
        "Set the clock, for example by NTP; positions stay protected.",
    ),
    _R.ACCOUNT_IN_DOUBT: (
        "Something about the account cannot be explained.",
        "See what it is; it ends by itself when it is explained, or with cq-tui accept.",
    ),
    _R.SYMBOL_IN_DOUBT: (
        "Something about the symbol cannot be explained.",
        "See what it is; it ends by itself when it is explained, or with cq-tui accept SYMBOL.",
    ),
    _R.NOT_WATCHED: ("The symbol is not in SYMBOLS.", "Add it to SYMBOLS to trade it."),
    _R.QUOTE_ASSET: ("The symbol is priced in another asset than TRADER_QUOTE.", "Remove it from SYMBOLS."),
    _R.PRICE_GAP: (
        "The signal's entry price, the ask and the last trade are too far apart.",
        "Nothing to do if the market moved; TRADER_MAX_PRICE_GAP sets the limit.",
    ),
    _R.PROTECTION_IMPOSSIBLE: (
        "The exchange would not accept the position's stop and target.",
        "Nothing to do: what cannot be protected is not bought. The symbol's rules are read again every minute.",
    ),
    _R.NOTHING_HELD: ("Nothing to sell: on spot, a SELL only closes a position.", "Nothing to do."),
    _R.OTHER_STRATEGY: (
        "The position belongs to another strategy, or to a person.",
        "Nothing to do: stop, target, cq-tui close and cq-tui flatten close it. TRADER_EXIT_ANY_STRATEGY lets any "
        "strategy do so.",
    ),
    _R.NOTHING_TO_ADD_TO: (
        "The strategy has no protected position in this symbol to add to.",
        "Nothing to do; without `scale_in`, the signal would open one.",
    ),
    _R.EXIT_PENDING: (
        "Some or all of the position is being sold.",
        "Wait for its outcome.",
    ),
    _R.PART_TOO_SMALL: (
        "The part is less than can be sold.",
        "Nothing to do: the position stays protected. Ask for a larger part, or for all of it.",
    ),
    _R.ARES_STALE: ("The last report from ARES is too old.", "Start or restart ARES."),
    _R.ARES_UNHEALTHY: ("ARES reports an error.", "See the log of ARES."),
    _R.FEEDER_STALE: ("Market data is too old.", "Start or restart the feeder; check the connection."),
    _R.FEEDER_UNHEALTHY: ("The feeder reports an error.", "See the log of the feeder."),
    _R.MEMORY_STALE: ("The last report from memory is too old.", "Start or restart memory."),
    _R.MEMORY_UNHEALTHY: (
        "Memory reports a problem or an integrity fault.",
        "Verify the history: what cannot be recorded is not traded.",
    ),
    _R.DISK_FULL: ("The disk is full.", "Free some space: what cannot be recorded is not bought."),
    _R.SYMBOL_NOT_TRADING: ("The exchange is not trading this symbol.", "Remove it from SYMBOLS, or wait."),
    _R.SYMBOL_LOCKED: ("The symbol was flattened.", "Run `cq-tui resume SYMBOL` to open positions in it again."),
    _R.DAILY_LOSS: (
        "Too much was lost today.",
        "Wait for the next day (UTC); TRADER_MAX_DAILY_LOSS sets the limit.",
    ),
    _R.DRAWDOWN: (
        "The equity is too far below its peak.",
        "Wait until it has recovered, or run `cq-tui accept drawdown --why ...`; TRADER_DRAWDOWN_* set the limits.",
    ),
    _R.QUARANTINED: ("The symbol is quarantined.", "Wait for the probe, or release it by hand."),
    _R.STRATEGY_QUARANTINED: (
        "The strategy is quarantined.",
        "Wait for its end or its probe, or run `cq-tui release`.",
    ),
    _R.POSITION_OPEN: ("A position in this symbol is already open.", "One position per symbol: wait until it closes."),
    _R.ENTRY_PENDING: ("An entry in this symbol is pending.", "Wait for its outcome."),
    _R.LOW_CONFIDENCE: (
        "The strategy trusts the signal too little.",
        "Nothing to do; TRADER_MIN_CONFIDENCE sets the limit.",
    ),
    _R.TARGET_TOO_NEAR: (
        "The target brings too little for what buying and selling costs.",
        "Nothing to do; TRADER_MIN_TARGET_COSTS sets how many times the costs it must bring.",
    ),
    _R.COOLDOWN: ("The last entry in this symbol is too recent.", "Wait; TRADER_ORDER_COOLDOWN sets the pause."),
    _R.STRATEGY_COOLDOWN: ("The strategy pauses in this symbol after a stop.", "Wait until the pause is over."),
    _R.ORDER_RATE: (
        "Too many entries were made within a minute.",
        "Wait; TRADER_MAX_ORDERS_MINUTE sets the limit. If strategies signal that often, see why.",
    ),
    _R.ORDERS_A_DAY: (
        "The day's entries are used up.",
        "Wait for the next day (UTC), or raise TRADER_MAX_ORDERS_DAY.",
    ),
    _R.MAX_POSITIONS: ("The maximum number of positions is open.", "Close one, or raise TRADER_MAX_POSITIONS."),
    _R.EXPOSURE: (
        "Positions leave less than can be traded of their share of the equity.",
        "Close one, or raise TRADER_MAX_EXPOSURE.",
    ),
    _R.ORDER_NOTIONAL: (
        "The most that one entry may cost is less than can be traded.",
        "Raise TRADER_MAX_ORDER_NOTIONAL.",
    ),
    _R.SYMBOL_NOTIONAL: (
        "The limit on one symbol leaves less than can be traded.",
        "Sell some of it, or raise TRADER_MAX_SYMBOL_NOTIONAL.",
    ),
    _R.TOTAL_NOTIONAL: (
        "The limit on all positions leaves less than can be traded.",
        "Close one, or raise TRADER_MAX_TOTAL_NOTIONAL.",
    ),
    _R.LEVELS_PASSED: (
        "The price is too near the signal's stop or target, or beyond it.",
        "Nothing to do if the market moved; TRADER_SLIPPAGE_CAP sets how much above the ask may be paid.",
    ),
    _R.LIMIT_NOT_REACHED: (
        "The entry could not be made at its limit price in time.",
        "Nothing to do; the signal says how long it waits, at most a day.",
    ),
    _R.LIMIT_WITHDRAWN: (
        "The entry that waited for its limit price was withdrawn.",
        "Nothing to do: a later signal of the strategy, or a person, has taken its place or called it off.",
    ),
    _R.SIGNAL_SIZE: (
        "The size that the signal asks for is less than can be traded.",
        "Ask for more, or leave the size to the settings.",
    ),
    _R.BALANCE: (
        "The free balance is less than can be traded, its commission included.",
        "Deposit, or close a position.",
    ),
    _R.LOT_SIZE: (
        "The quantity is less than one lot of the symbol.",
        "Raise TRADER_ORDER_QUOTE, or TRADER_RISK_FRACTION where that sets the size.",
    ),
    _R.MIN_NOTIONAL: (
        "The order's value is less than the symbol's smallest.",
        "Raise TRADER_ORDER_QUOTE, or TRADER_RISK_FRACTION where that sets the size.",
    ),
    _R.DUST: (
        "What remains after commission could not be sold at the stop.",
        "Raise TRADER_ORDER_QUOTE.",
    ),
    _R.MAX_POSITION: (
        "The account holds about as much of the asset as the exchange allows in this symbol.",
        "Sell or withdraw some of it, or cancel open buy orders.",
    ),
}


@dataclass(frozen=True, slots=True)
class Denial:
    """One refusal, with its figures."""

    reason: DenialReason
    detail: str = ""

    def __str__(self) -> str:
        """Sentence, figures and remedy in one line."""
        figures = f" ({self.detail})" if self.detail else ""
        return f"{self.reason.sentence[:-1]}{figures}. {self.reason.remedy}"
