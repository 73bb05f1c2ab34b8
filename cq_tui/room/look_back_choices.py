"""What a look back can run over: the choices of its screen, and the command that follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cq_tui.ops.formatting import pluralize

#: The period that began with the trades of this history.
SINCE_TRADED = "traded"
WHOLE = "whole"
_DAY_MS = 86_400_000
_SPANS = (1, 3, 7, 30, 90, 365)
FIELDS = ("klines", "strategy", "symbols", "period")


class Option(NamedTuple):
    """One value of a field, and how it is shown."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class StoredKlines:
    """Klines of one interval that the data directory has."""

    interval: str
    symbols: tuple[str, ...]
    first_ms: int
    #: Open time of the last.
    last_ms: int


def stored_klines(listed: Sequence[Mapping[str, Any]]) -> list[StoredKlines]:
    """Return what ``cq-tui data list --json`` lists, by interval; that of most time first."""
    by_interval: dict[str, list[Mapping[str, Any]]] = {}
    for each in listed:
        if "error" not in each:
            by_interval.setdefault(each["interval"], []).append(each)
    found = [
        StoredKlines(
            interval,
            tuple(each["symbol"] for each in these),
            min(each["first"] for each in these),
            max(each["last"] for each in these),
        )
        for interval, these in by_interval.items()
    ]
    return sorted(found, key=lambda klines: klines.first_ms - klines.last_ms)


@dataclass(slots=True)
class LookBackChoices:
    """The fields of the screen, with the chosen option of each."""

    klines: list[StoredKlines]
    strategies: list[str]
    #: Whether anything was traded here.
    has_traded: bool
    _chosen: dict[str, int] = field(default_factory=dict)

    def options(self, name: str) -> list[Option]:
        """Return the options of a field, the first one being chosen at first."""
        if name == "klines":
            return [Option(one.interval, _describe(one)) for one in self.klines]
        if name == "strategy":
            return [Option("", "those that are on"), *(Option(each, each) for each in self.strategies)]
        stored = self.stored
        if name == "symbols":
            together = f"all {len(stored.symbols)}, with one wallet" if len(stored.symbols) > 1 else stored.symbols[0]
            alone = stored.symbols if len(stored.symbols) > 1 else ()
            return [Option("", together), *(Option(each, each) for each in alone)]
        traded = [Option(SINCE_TRADED, "since trading began here")] if self.has_traded else []
        days = (stored.last_ms - stored.first_ms) / _DAY_MS
        spans = (Option(str(span), f"the last {pluralize(span, 'day')}") for span in _SPANS if span < days)
        return [*traded, Option(WHOLE, "all that is stored"), *spans]

    @property
    def stored(self) -> StoredKlines:
        """The chosen klines."""
        return self.klines[self._chosen.get("klines", 0) % len(self.klines)]

    def chosen(self, name: str) -> Option:
        """Return the chosen option of a field."""
        options = self.options(name)
        return options[self._chosen.get(name, 0) % len(options)]

    def step(self, name: str, step: int) -> None:
        """Choose the next or previous option; other klines may have other symbols and times."""
        self._chosen[name] = (self._chosen.get(name, 0) + step) % len(self.options(name))
        if name == "klines":
            self._chosen = {key: value for key, value in self._chosen.items() if key in ("klines", "strategy")}

    def words(self) -> list[str]:
        """Return the options of the command, except those of the times that depend on a history."""
        strategy, symbol, period = (self.chosen(name).value for name in ("strategy", "symbols", "period"))
        words = ["--interval", self.stored.interval]
        words += ["--strategy", strategy] if strategy else []
        words += ["--symbols", symbol] if symbol else []
        if period not in (WHOLE, SINCE_TRADED):
            words += ["--from", str(self.stored.last_ms - int(period) * _DAY_MS)]
        return words

    @property
    def since_traded(self) -> bool:
        """Whether the period is that in which something ran live."""
        return self.chosen("period").value == SINCE_TRADED


def _describe(stored: StoredKlines) -> str:
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (stored.first_ms, stored.last_ms))
    symbols = stored.symbols[0] if len(stored.symbols) == 1 else f"{len(stored.symbols)} symbols"
    return f"{stored.interval} of {symbols}, {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
