"""The watchdog of a stream connection: no first data, silence, silence of one symbol. No I/O.

A live socket with an acknowledged subscription may still deliver nothing: only data counts here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class SymbolSilent(NamedTuple):
    """A symbol has sent no data for this many seconds; reported once per silence."""

    symbol: str
    seconds: float


class SymbolActive(NamedTuple):
    """A silent symbol sends data again, after this many seconds."""

    symbol: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds without data: after connecting, on the whole connection, and of one symbol."""

    first_data: float = 10.0
    connection: float = 20.0
    symbol: float = 60.0

    def __post_init__(self) -> None:
        for name in ("first_data", "connection", "symbol"):
            if not getattr(self, name) > 0:
                raise ValueError(f"deadline {name} is {getattr(self, name)}; expected seconds above zero")

    @property
    def check_interval(self) -> float:
        """Seconds between checks: a deadline is noticed at most a quarter late."""
        return min(1.0, self.first_data / 4, self.connection / 4, self.symbol / 4)


class StreamWatchdog:
    """When each symbol of one connection last sent data. ``now`` is any clock in seconds."""

    def __init__(self, symbols: Iterable[str], deadlines: Deadlines, now: float) -> None:
        self._deadlines = deadlines
        self._connected_at = now
        self._last_data: float | None = None
        self._last_data_of: dict[str, float] = {}
        self._symbols = frozenset(symbols)
        self._silent: set[str] = set()

    def record_data(self, symbol: str, now: float) -> SymbolActive | None:
        """Record data of a symbol; returns the end of its silence if it was silent."""
        active = None
        if self._silent and symbol in self._silent:
            self._silent.discard(symbol)
            active = SymbolActive(symbol, now - self._last_data_of.get(symbol, self._connected_at))
        self._last_data_of[symbol] = now
        self._last_data = now
        return active

    def failure_reason(self, now: float) -> str | None:
        """Return why the connection counts as dead, or None."""
        if self._last_data is None:
            silence = now - self._connected_at
            return f"no first data in {silence:.1f} s" if silence >= self._deadlines.first_data else None
        silence = now - self._last_data
        return f"silent for {silence:.1f} s" if silence >= self._deadlines.connection else None

    def newly_silent(self, now: float) -> list[SymbolSilent]:
        """Return the symbols whose silence has just exceeded the deadline."""
        silent: list[SymbolSilent] = []
        for symbol in sorted(self._symbols - self._silent):
            seconds = now - self._last_data_of.get(symbol, self._connected_at)
            if seconds >= self._deadlines.symbol:
                silent.append(SymbolSilent(symbol, seconds))
        self._silent.update(event.symbol for event in silent)
        return silent
