"""What a person asks for, from flatten to adopt. The answer says what was done, or why not."""

from cq_tui.contracts.trader_requests import DRAWDOWN
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.acceptance import accept
from cq_tui.trading.core.adoption import adopt
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.foreign_progress import ForeignProgress
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.losing import accept_drawdown
from cq_tui.trading.core.price_waits import withdraw
from cq_tui.trading.core.quarantining import quarantine_by_hand, release
from cq_tui.trading.core.situation import Situation


def take_command(s: Situation, command: Command) -> CommandAnswer:
    """Carry out a command as far as the core can; what takes longer goes on by itself."""
    match command.kind:
        case "release_symbol" | "release":
            return release(s, command)
        case "quarantine":
            return quarantine_by_hand(s, command)
        case "flatten":
            return _flatten(s, command)
        case "close":
            return _close(s, command)
        case "resume":
            return _resume(s, command)
        case "accept" if command.symbol == DRAWDOWN:
            return accept_drawdown(s, command)
        case "accept":
            return accept(s, command)
        case "adopt":
            return adopt(s, command)
    return refused(f"the trader has no command {command.kind!r}")


def _flatten(s: Situation, command: Command) -> CommandAnswer:
    """Close a symbol, or with an empty one all, and open nothing there until somebody resumes."""
    symbol, person, foreign = command.symbol, command.person, command.foreign and not command.symbol
    if foreign or symbol not in s.book.locks:
        s.record(f.SymbolLocked(symbol, person, command.why, s.ms, foreign))
    if foreign:
        s.foreign_progress = ForeignProgress()
        s.account_due = min(s.account_due, s.now)
    _want_exits(s, symbol, f"flatten, requested by {person}")
    return _closing(s, command)


def _close(s: Situation, command: Command) -> CommandAnswer:
    withdraw(s, command.symbol, f"close, requested by {command.person}")
    _want_exits(s, command.symbol, f"close, requested by {command.person}")
    return _closing(s, command)


def _want_exits(s: Situation, symbol: str, reason: str) -> None:
    for one in symbols_to_close(s.book, symbol):
        position = s.book.positions.get(one)
        if position is not None and not position.exit_reason:
            s.record(f.ExitWanted(one, reason, s.ms))
        s.lane(one).exit_pause.succeed()
        s.touch(one)
    # Nothing may be asked of the exchange for long, and the wish outlives a power failure.
    s.flush(durable=True)


def symbols_to_close(book: Book, symbol: str) -> list[str]:
    """Return the symbols in which something is held, or an entry is on its way: of all, or this one anyway."""
    if symbol:
        return [symbol]
    return [
        *book.positions,
        *(one for one, held in book.holdings.items() if held.quantity and one not in book.positions),
    ]


def _closing(s: Situation, command: Command) -> CommandAnswer:
    held = [one for one in s.book.positions if command.symbol in ("", one)]
    return done(f"closing {', '.join(held)}" if held else "no open position")


def _resume(s: Situation, command: Command) -> CommandAnswer:
    symbol = command.symbol
    if symbol not in s.book.locks:
        return done(f"{symbol} was not locked" if symbol else "nothing was flattened")
    s.record(f.SymbolUnlocked(symbol, command.person, command.why, s.ms))
    return done(f"{symbol} may be opened again" if symbol else "no longer halted after a flatten")
