"""What the feeder does with a symbol, in words."""

from typing import TYPE_CHECKING

from cq_tui.ops.formatting import format_age, format_datetime, pluralize, sanitize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cq_tui.contracts.health import SymbolState

#: A gap that is filled sooner is no news: every start has one.
_SHORT_GAP = 5.0
#: Symbols of one state that are named.
_MOST_NAMED = 5


def describe_feed(found: "SymbolState", now: float) -> str:
    """Say what is wrong with the feed of a symbol that is fed; empty when nothing is. ``now`` in Unix seconds."""
    age = format_age(max(0.0, now - found.since))
    if found.state == "silent":
        return f"silent: no message for {age}"
    if found.state == "filling" and now - found.since > _SHORT_GAP:
        return f"klines are being fetched for {age}"
    return ""


def symbol_lines(states: "Mapping[str, SymbolState]", now: float) -> list[str]:
    """Name the symbols that are not fed as they should be, those of one state together; none when all are."""
    named: dict[str, list[str]] = {}
    for symbol, found in states.items():
        if found.state not in ("trading", "starting") and (found.state != "filling" or describe_feed(found, now)):
            named.setdefault(found.state, []).append(
                f"{sanitize(symbol, 20)} {format_age(max(0.0, now - found.since))}"
            )
    if not named:
        return []
    fed = sum(found.state == "trading" for found in states.values())
    lines = [f"{fed} of {pluralize(len(states), 'symbol')} trading"]
    for state, texts in named.items():
        more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
        lines.append(f"  {sanitize(state, 20):<14}  {', '.join(texts[:_MOST_NAMED])}{more}")
    return lines


def describe_state(found: "SymbolState") -> str:
    """Say what the feeder does with a symbol, and since when."""
    return f"{sanitize(found.state, 20)} since {format_datetime(found.since)}"
