"""What a person asks for: release, flatten, accept, adopt. The answer says what was done, or why not."""

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.acceptance import accept
from cq_tui.trading.core.adoption import adopt
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.situation import Situation


def take_command(s: Situation, command: Command) -> CommandAnswer:
    """Carry out a command as far as the core can; what takes longer goes on by itself."""
    match command.kind:
        case "release_symbol":
            return _release(s, command)
        case "flatten":
            return _flatten(s, command)
        case "accept":
            return accept(s, command)
        case "adopt":
            return adopt(s, command)
    return refused(f"the trader has no command {command.kind!r}")


def _release(s: Situation, command: Command) -> CommandAnswer:
    if s.book.quarantine.get(command.symbol) is None:
        return refused(f"{command.symbol} is not quarantined")
    s.record(f.QuarantineEnded(command.symbol, f"by {command.person}"))
    return done(f"{command.symbol} may trade again")


def _flatten(s: Situation, command: Command) -> CommandAnswer:
    held = [symbol for symbol in s.book.positions if command.symbol in ("", symbol)]
    for symbol in held:
        if not s.book.positions[symbol].exit_reason:
            s.record(f.ExitWanted(symbol, f"flatten, requested by {command.person}", s.ms))
        lane = s.lane(symbol)
        lane.exit_pause.succeed()
        s.touch(symbol)
    if not held:
        return done("no open position")
    return done(f"closing {', '.join(held)}")
