"""The trading state that the core acts on: the safest of what files and settings say, and of what it knows itself."""

from cq_tui.contracts.settings import TradingState
from cq_tui.trading.core.situation import Situation


def trading_state(s: Situation) -> TradingState:
    """Return the trading state in force."""
    return "halted" if "" in s.book.locks else s.settings.trading_state


def stop_reason(s: Situation) -> str | None:
    """Return who stopped trading, since when and why; None if only settings say it, or it is active."""
    lock = s.book.locks.get("")
    return s.settings.stop_reason if lock is None else lock.describe()


def symbol_lock(s: Situation, symbol: str) -> str | None:
    """Return who locked a symbol, since when and why; None if it is not locked by itself."""
    lock = s.book.locks.get(symbol)
    return None if lock is None else lock.describe()
