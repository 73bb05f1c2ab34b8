"""Quarantine: what fails repeatedly, a symbol or a strategy, is not traded until a probe or a person releases it.

Consecutive failures and stops are counted for each. At the limit it is quarantined for a while; then one entry is let
through as a probe. If the probe succeeds, it is released; if it fails, the time starts again. A person may put it there
too, until a time or until it is released: that is apart, and shortens nothing. When that is so, the core decides; here
it is remembered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from cq_tui.contracts.account import QuarantineState
from cq_tui.contracts.freshness import NO_END


class Cause(StrEnum):
    """Why something is quarantined, and so what must be gone before it is released."""

    #: Refused by the exchange: a probe that is bought and protected shows that it is over.
    FAILURES = "failures"
    #: Stopped with a loss in a row: a probe that is closed with a profit does.
    STOPS = "stops"
    #: Its protection was lost again and again: a probe that is closed without that does.
    REPAIRS = "repairs"
    #: A person wants it so: over at its time.
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One quarantined symbol or strategy, by its name. Times in Unix seconds."""

    symbol: str
    reason: str
    failures: int
    since: float
    #: When one entry is let through as a probe.
    until: float
    #: A probe is pending.
    probing: bool = False
    cause: str = Cause.FAILURES.value
    #: Who put it there, if that was a person.
    person: str = ""

    @property
    def is_by_hand(self) -> bool:
        """Whether a person put it there: no probe ends it, its time does."""
        return self.cause == Cause.HAND

    @property
    def why(self) -> str:
        """The reason, with the person or the count."""
        if self.is_by_hand:
            return f"by {self.person}: {self.reason}"
        if self.cause == Cause.FAILURES:
            return f"{self.failures} failures in a row, last: {self.reason}"
        return self.reason

    def describe(self, now: float) -> str:
        """Describe it, with the time left."""
        left = max(self.until - now, 0.0)
        if self.is_by_hand and self.until >= NO_END:
            return f"{self.why}; until it is released"
        return f"{self.why}; {'ends' if self.is_by_hand else 'probe'} in {left / 60:.0f} min"

    def to_state(self, strategy: str | None = None) -> QuarantineState:
        """Return its part of ``state/account.json``."""
        return QuarantineState(
            symbol="" if strategy else self.symbol,
            reason=self.reason,
            failures=self.failures,
            since=self.since,
            until=self.until,
            strategy=strategy,
            cause=self.cause,
            person=self.person or None,
        )


class Quarantine:
    """Failure counts and quarantined symbols of one trader."""

    def __init__(self, failures: int = 3, seconds: float = 900.0) -> None:
        """Quarantine after ``failures`` in a row; probe after ``seconds``."""
        self.limit, self.seconds = failures, seconds
        self._counts: dict[str, int] = {}
        #: Stops with a loss in a row.
        self.stops: dict[str, int] = {}
        self._entries: dict[str, QuarantineEntry] = {}
        #: What a person put there, beside what counted.
        self._by_hand: dict[str, QuarantineEntry] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quarantine) and self.to_dict() == other.to_dict()

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._entries or symbol in self._by_hand

    def __iter__(self) -> Iterator[QuarantineEntry]:
        """Iterate over one entry of each: that of a person, where there are two."""
        return iter((self._entries | self._by_hand).values())

    def get(self, symbol: str) -> QuarantineEntry | None:
        """Return the entry of a symbol that its failures, stops or repairs have put there."""
        return self._entries.get(symbol)

    @property
    def by_hand(self) -> list[QuarantineEntry]:
        """What persons put there."""
        return [*self._by_hand.values()]

    def block_reason(self, symbol: str, now: float) -> str | None:
        """Return why the symbol takes no entry now; None also when its probe is due."""
        if (wanted := self._by_hand.get(symbol)) is not None and now < wanted.until:
            return wanted.describe(now)
        held = self._entries.get(symbol)
        if held is None or (now >= held.until and not held.probing):
            return None
        return "a probe is pending" if held.probing else held.describe(now)

    def record_entry(self, symbol: str, now: float) -> None:
        """Record that an entry was sent: in a quarantined symbol, it is the probe."""
        held = self._entries.get(symbol)
        if held is not None and now >= held.until:
            self._entries[symbol] = replace(held, probing=True)

    def reset_probe(self, symbol: str) -> None:
        """Forget a probe that never reached the exchange: the next entry is a probe again."""
        held = self._entries.get(symbol)
        if held is not None and held.probing:
            self._entries[symbol] = replace(held, probing=False)

    def count_failure(self, symbol: str) -> int:
        """Count a failure and return how many there were in a row."""
        count = self._counts[symbol] = self._counts.get(symbol, 0) + 1
        return count

    def failures_of(self, symbol: str) -> int:
        """Return how many failures there were in a row."""
        return self._counts.get(symbol, 0)

    def forget_failures(self, symbol: str) -> None:
        """Start counting from zero; a quarantined symbol stays so."""
        self._counts.pop(symbol, None)

    def count_stop(self, symbol: str) -> None:
        """Count a stop with a loss."""
        self.stops[symbol] = self.stops.get(symbol, 0) + 1

    def forget_stops(self, symbol: str) -> None:
        """Start counting stops from zero."""
        self.stops.pop(symbol, None)

    def put(
        self,
        symbol: str,
        reason: str,
        failures: int,
        since: float,
        until: float,
        cause: str = Cause.FAILURES.value,
        person: str = "",
    ) -> None:
        """Quarantine it until ``until`` (Unix seconds)."""
        end = min(until, NO_END)
        self._keep(symbol, QuarantineEntry(symbol, reason, failures, since, end, False, cause, person))

    def _keep(self, symbol: str, entry: QuarantineEntry) -> None:
        (self._by_hand if entry.is_by_hand else self._entries)[symbol] = entry

    def release(self, symbol: str, cause: str = "") -> QuarantineEntry | None:
        """Release it and count anew; return its entry, or None if it was not quarantined.

        With a cause, only that one is over: the others count on, and what a person wants ends apart.
        """
        wanted = self._by_hand.pop(symbol, None) if cause in ("", Cause.HAND) else None
        if cause in ("", Cause.FAILURES):
            self._counts.pop(symbol, None)
        if cause in ("", Cause.STOPS):
            self.stops.pop(symbol, None)
        return wanted if cause == Cause.HAND else self._entries.pop(symbol, wanted)

    def to_dict(self) -> dict[str, Any]:
        """Return what must survive a restart, as plain JSON values."""
        return {
            "counts": dict(self._counts),
            "stops": dict(self.stops),
            "held": {symbol: asdict(entry) for symbol, entry in self._entries.items()},
            "by_hand": {symbol: asdict(entry) for symbol, entry in self._by_hand.items()},
        }

    @classmethod
    def from_dict(
        cls, plain: Mapping[str, Any], failures: int = 3, seconds: float = 900.0, *, keep_probes: bool = False
    ) -> "Quarantine":
        """Read ``to_dict`` back. Unless ``keep_probes``, a pending probe is forgotten: it may be tried again.

        Raises KeyError or TypeError for anything else.
        """
        restored = cls(failures, seconds)
        restored._counts = {str(symbol): int(count) for symbol, count in plain["counts"].items()}
        restored.stops = {str(symbol): int(count) for symbol, count in plain.get("stops", {}).items()}
        # Earlier versions kept what a person wanted in the place of what counted.
        for symbol, told in (*plain["held"].items(), *plain.get("by_hand", {}).items()):
            entry = replace(QuarantineEntry(**told), probing=keep_probes and bool(told["probing"]))
            restored._keep(str(symbol), entry)
        return restored
