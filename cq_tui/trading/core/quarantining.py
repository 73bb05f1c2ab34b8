"""Quarantine for what lost again and again, or by hand: of symbols and of strategies; and how each cause ends."""

from datetime import UTC, datetime

from cq_tui.contracts.freshness import NO_END
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.command_answer import CommandAnswer, done, refused
from cq_tui.trading.core.inputs import Command
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.position_life import NakedKind
from cq_tui.trading.quarantine import Cause, Quarantine

# Stops in a row


def judge_result(s: Situation, symbol: str) -> None:
    """Quarantine what was stopped with a loss too often in a row, or release what has just earned something."""
    position = s.book.positions.get(symbol)
    _judge_stops(s, s.book.quarantine, s.settings.max_symbol_stops, symbol=symbol)
    if position is not None and position.plan.counts_for:
        strategy = position.plan.counts_for
        _judge_stops(s, s.book.strategy_quarantine, s.settings.max_strategy_stops, strategy=strategy)


def _judge_stops(s: Situation, quarantine: Quarantine, limit: int, *, symbol: str = "", strategy: str = "") -> None:
    name = strategy or symbol
    known, count = quarantine.get(name), quarantine.stops.get(name, 0)
    is_probe = known is not None and known.probing and known.cause == Cause.STOPS
    if is_probe and not count:
        s.record(f.QuarantineEnded(symbol, "its probe was closed with a profit", strategy, Cause.STOPS.value))
    elif count >= limit and (known is None or is_probe):
        since = s.now if known is None else known.since
        reason = f"{count} stops in a row"
        until = s.now + s.settings.quarantine_seconds
        s.record(f.QuarantineBegan(symbol, reason, count, since, until, strategy, Cause.STOPS.value))


# Protection that is lost again and again


def note_repair(s: Situation, lane: Lane, position: Position) -> None:
    """Note that a position has lost its protection; too often within the window, it is sold instead."""
    if position.naked is None or position.naked.kind is not NakedKind.LOST:
        return
    lane.repairs.append(s.now)
    while lane.repairs and lane.repairs[0] < s.now - s.settings.repair_window:
        lane.repairs.popleft()
    if len(lane.repairs) <= s.settings.max_repairs:
        return
    reason = f"its protection was lost {len(lane.repairs)} times in {s.settings.repair_window:g} s"
    if not position.exit_reason:
        s.record(f.ExitWanted(lane.symbol, reason, s.ms))
    known = s.book.quarantine.get(lane.symbol)
    if known is None or known.probing:
        since, until = s.now if known is None else known.since, s.now + s.settings.quarantine_seconds
        count = len(lane.repairs)
        s.record(f.QuarantineBegan(lane.symbol, reason, count, since, until, cause=Cause.REPAIRS.value))
    lane.repairs.clear()


def release_after_probe(s: Situation, lane: Lane) -> None:
    """Release a symbol whose probe is over, and its protection was not lost again; unless it was stopped too often."""
    known = s.book.quarantine.get(lane.symbol)
    if known is not None and known.probing and known.cause == Cause.REPAIRS:
        s.record(f.QuarantineEnded(lane.symbol, "the protection of its probe held", cause=Cause.REPAIRS.value))
        _judge_stops(s, s.book.quarantine, s.settings.max_symbol_stops, symbol=lane.symbol)


# By hand, and by time


def quarantine_by_hand(s: Situation, command: Command) -> CommandAnswer:
    """Quarantine a symbol or a strategy until a time, or until it is released."""
    name, until = command.symbol, min(float(command.numbers.get("until", NO_END)), NO_END)
    if until <= s.now:
        return refused(f"that time is over: {_clock(until)}")
    if (symbol := _as_symbol(s, name)) is None:
        return refused(f"{name} is neither watched nor held")
    strategy = "" if symbol else name
    s.record(f.QuarantineBegan(symbol, command.why, 0, s.now, until, strategy, Cause.HAND.value, command.person))
    return done(f"{name} is quarantined {'until it is released' if until >= NO_END else f'until {_clock(until)}'}")


def _as_symbol(s: Situation, name: str) -> str | None:
    """Return a name as a symbol, "" if it is a strategy's, and None if it is a symbol that nobody knows."""
    if name in s.settings.symbols or name in s.book.holdings or name in s.book.quarantine:
        return name
    return None if name == name.upper() and name not in s.book.strategy_quarantine else ""


def release(s: Situation, command: Command) -> CommandAnswer:
    """Release a symbol or a strategy, whatever the cause: a person takes it upon himself."""
    name, how = command.symbol, f"by {command.person}" + (f": {command.why}" if command.why else "")
    is_held = [name in of for of in (s.book.quarantine, s.book.strategy_quarantine)]
    if is_held[0]:
        s.record(f.QuarantineEnded(name, how))
    if is_held[1]:
        s.record(f.QuarantineEnded("", how, name))
    return done(f"{name} may trade again") if any(is_held) else refused(f"{name} is not quarantined")


def end_by_time(s: Situation) -> None:
    """End what a person put there until a time that has come; what failed or lost there holds on."""
    for is_strategy, quarantine in enumerate((s.book.quarantine, s.book.strategy_quarantine)):
        for entry in quarantine.by_hand:
            if s.now >= entry.until:
                symbol, strategy = ("", entry.symbol) if is_strategy else (entry.symbol, "")
                s.record(f.QuarantineEnded(symbol, "its time is over", strategy, Cause.HAND.value))


def quarantined_strategies(s: Situation) -> dict[str, str]:
    """Return by name why a strategy opens nothing now."""
    of = s.book.strategy_quarantine
    return {entry.symbol: why for entry in of if (why := of.block_reason(entry.symbol, s.now)) is not None}


def _clock(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
