"""What became of each signal, in short words, and how often the same was said in a row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cq_tui.ops.denial_words import exchange_code, known_denial, short_refusal
from cq_tui.ops.formatting import StatusLevel, format_clock, format_price, format_signed, pluralize
from cq_tui.room.trades import OrderRow, SignalRow
from cq_tui.trading.exit_names import exit_name

#: A commission in coins and the step of sizes leave a little of what was bought.
_ALL_SOLD = 0.99
#: From a signal to its fill, in seconds; after a longer one it waited, and was not slow.
_LONGEST_DELAY = 3600.0
_HOUR = 3600.0


class Outcome(NamedTuple):
    """What became of a signal. ``level``: idle for what was not traded by rule."""

    level: StatusLevel
    words: str
    #: Whether no order came of it.
    is_denied: bool = False
    #: Figures behind the words, the most telling first, where there is room for them.
    figures: tuple[str, ...] = ()


def outcome_of(signal: SignalRow, orders: Sequence[OrderRow], decimals: int | None = None) -> Outcome:
    """Return the outcome; ``orders`` are those of the signal's natural key, in any order."""
    entry = next((order for order in orders if order.is_entry), None)
    if entry is None or entry.event_filled <= 0:
        return _without_fill(signal)
    exits = [order for order in orders if not order.is_entry and order.event_filled > 0]
    if is_all_sold(orders):
        profit = sum(float(order.realized or 0) for order in exits)
        level: StatusLevel = "good" if profit > 0 else "bad" if profit < 0 else "idle"
        return Outcome(level, f"closed {format_signed(profit)}", figures=(f"by {way_out(exits)}",))
    part = "part filled" if entry.life is not None and entry.life.is_partly_filled else "filled"
    price = entry.event_value / entry.event_filled
    figures = [f"{format_signed((price / signal.entry - 1) * 1e4, 1)} bp"] if signal.entry else []
    delay = entry.filled_at - signal.timestamp
    if 0 <= delay < _LONGEST_DELAY:
        figures.append(f"{delay * 1000:.0f} ms" if delay < 1 else f"{delay:.1f} s")
    return Outcome("good", f"{part} {format_price(price, decimals)}", figures=tuple(figures))


def is_all_sold(orders: Sequence[OrderRow]) -> bool:
    """Whether what the entry among these orders bought was sold by the others, as far as fills were told."""
    bought = sum(order.event_filled for order in orders if order.is_entry)
    sold = sum(order.event_filled for order in orders if not order.is_entry)
    return bought > 0 and sold >= _ALL_SOLD * bought


def way_out(exits: Sequence[OrderRow]) -> str:
    """Return by what a position was closed, in a word or two: the last of these orders."""
    last = max(exits, key=lambda order: order.updated)
    if last.leg in ("stop", "target"):
        return last.leg
    name = exit_name(last.exit_reason)
    return "hand" if name == "close" else name or "exit"


def _without_fill(signal: SignalRow) -> Outcome:
    if signal.code or signal.refusal:
        is_rule = known_denial(signal.code) is not None or signal.refused_by == "guardrail"
        code = () if known_denial(signal.code) or not signal.code else (f"({exchange_code(signal.code)})",)
        return Outcome("idle" if is_rule else "bad", short_refusal(signal.code, signal.refusal), True, code)
    return Outcome(signal.level, signal.outcome or "no outcome yet", signal.level == "look")


@dataclass(slots=True)
class SignalGroup:
    """A signal, and older ones of the same symbol and side that were denied for the same reason right before it."""

    newest: SignalRow
    outcome: Outcome
    count: int = 1

    def words(self, room: int) -> str:
        """Return the outcome with its count, and its figures as far as they fit into so many cells."""
        words = self.outcome.words + (f" ×{self.count}" if self.count > 1 else "")
        for figure in self.outcome.figures:
            if len(words) + 1 + len(figure) > room:
                break
            words = f"{words} {figure}"
        return words


def group_signals(
    signals: Iterable[SignalRow],
    orders: Mapping[str, Sequence[OrderRow]],
    decimals: Mapping[str, int | None],
) -> list[SignalGroup]:
    """Return the signals newest first, repeated denials of a symbol as one.

    ``signals`` are oldest first, ``orders`` by the natural key of their signal, ``decimals`` of prices by symbol.
    """
    groups: list[SignalGroup] = []
    last_of: dict[str, SignalGroup] = {}
    for signal in reversed(list(signals)):
        outcome = outcome_of(signal, orders.get(signal.natural_key, ()), decimals.get(signal.symbol))
        newer = last_of.get(signal.symbol)
        if (
            newer is not None
            and outcome.is_denied
            and newer.outcome == outcome
            and (newer.newest.side, newer.newest.strategy) == (signal.side, signal.strategy)
        ):
            newer.count += 1
            continue
        last_of[signal.symbol] = group = SignalGroup(signal, outcome)
        groups.append(group)
    return groups


def orders_by_signal(orders: Iterable[OrderRow]) -> dict[str, list[OrderRow]]:
    """Return orders by the natural key of their signal."""
    found: dict[str, list[OrderRow]] = {}
    for order in orders:
        if order.signal_key:
            found.setdefault(order.signal_key, []).append(order)
    return found


@dataclass(slots=True)
class ReasonCount:
    """How many signals ended for one reason, and of which symbols."""

    words: str
    level: StatusLevel
    is_denied: bool
    #: The guardrail's code; empty for all else.
    code: str = ""
    symbols: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many signals."""
        return self.symbols.total()


def count_reasons(
    signals: Iterable[SignalRow], orders: Mapping[str, Sequence[OrderRow]], since: float
) -> list[ReasonCount]:
    """Count what became of the signals since a time: what was traded first, then the reasons, most frequent first."""
    counts: dict[str, ReasonCount] = {}
    for signal in signals:
        if signal.timestamp < since:
            continue
        outcome = outcome_of(signal, orders.get(signal.natural_key, ()))
        has_fills = any(order.event_filled > 0 for order in orders.get(signal.natural_key, ()))
        is_traded = has_fills or outcome.level == "good"
        words = "traded" if is_traded else outcome.words
        code = signal.code if outcome.is_denied and known_denial(signal.code) else ""
        level: StatusLevel = "good" if is_traded else outcome.level
        reason = counts.setdefault(words, ReasonCount(words, level, outcome.is_denied, code))
        reason.symbols[signal.symbol] += 1
    return sorted(counts.values(), key=lambda reason: (reason.is_denied, -reason.count, reason.words))


def hour_of(known_since: float, now: float) -> tuple[float, str]:
    """Return when the last hour began, Unix seconds, and its name; less of it if the events known reach less far."""
    begin = now - _HOUR
    return (begin, "last hour") if known_since <= begin else (known_since, f"since {format_clock(known_since)}")


def summarize_reasons(reasons: Sequence[ReasonCount], when: str, room: int) -> str:
    """Return the counts in a line of so many cells, as in "last hour 15: 2 traded, 6 nothing held, 2 others"."""
    total = sum(reason.count for reason in reasons)
    if not total:
        return f"{when}: no signal"
    for shown in range(len(reasons), -1, -1):
        parts = [f"{reason.count} {reason.words}" for reason in reasons[:shown]]
        if rest := sum(reason.count for reason in reasons[shown:]):
            parts.append(pluralize(rest, "other"))
        line = f"{when} {total}: {', '.join(parts)}"
        if len(line) <= room:
            break
    return line
