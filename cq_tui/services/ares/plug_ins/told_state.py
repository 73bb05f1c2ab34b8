"""What the host says of each plug-in, as ARES takes it: a plug-in may have written into the message."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cq_tui.contracts.trader_requests import check_symbol
from cq_tui.strategies.checking import MAX_OTHERS_IN_ALL

#: Characters of a reason or traceback that are taken.
LONGEST_TEXT = 8_000
#: Faults of its settings that are told of a plug-in.
_MOST_FAULTS = 100


class PlugInState(NamedTuple):
    """What the host says of one plug-in."""

    #: Seconds; None before the first bar.
    p50: float | None
    slowest: float
    #: Seconds since its oldest waiting bar came.
    behind: float
    #: A symbol that is not warm yet, and how far it is; empty if all are.
    warming: dict[str, str]
    #: Whether its settings switch it on.
    enabled: bool
    #: What is wrong with its settings, in words.
    faults: tuple[str, ...]
    #: Its settings that hold.
    good: dict[str, Any] | None
    #: The symbols that it reads beside its own; None while that is not known.
    others: tuple[str, ...] | None

    @property
    def settled(self) -> tuple[object, ...]:
        """What of it ARES acts upon at once."""
        return self.enabled, self.faults, self.good, self.others

    @classmethod
    def of(cls, told: dict[str, Any]) -> "PlugInState":
        """Return the state in a message. Raises LookupError, TypeError or ValueError."""
        p50, warming = told["p50"], told["warming"]
        symbols = {str(warming[1])[:80]: str(warming[2])[:80]} if warming else {}
        good = None if told["good"] is None else dict(told["good"])
        faults = tuple(str(fault)[:LONGEST_TEXT] for fault in told["faults"][:_MOST_FAULTS])
        others = None if told["others"] is None else _symbols(told["others"])
        return cls(
            None if p50 is None else float(p50),
            float(told["slowest"]),
            float(told["behind"]),
            symbols,
            bool(told["enabled"]),
            faults,
            good,
            others,
        )


def _symbols(told: object) -> tuple[str, ...]:
    if not isinstance(told, list):
        raise TypeError(f"{told!r:.80} are no symbols")
    return tuple(map(check_symbol, told[:MAX_OTHERS_IN_ALL]))


def known_others(
    before: Mapping[str, tuple[str, ...]], states: Mapping[str, PlugInState]
) -> dict[str, tuple[str, ...]]:
    """Return the other symbols of each plug-in that reads any; those known ``before``, where it is not known now."""
    told = {name: state.others for name, state in states.items() if state.others is not None}
    return {name: others for name, others in {**before, **told}.items() if others}
