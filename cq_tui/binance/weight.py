"""The request-weight budget: what may be sent now, and how long to wait otherwise. No I/O.

The exchange counts weight per address in minutes of its clock that start at :00, tells the count in
``X-MBX-USED-WEIGHT-1M`` and answers 429, then 418, to those who go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

#: The limit until exchangeInfo has told the real one.
DEFAULT_LIMIT = 6000
MINUTE_MS = 60_000
#: Seconds of the longest ban that the exchange documents: a longer pause is somebody's mistake.
_LONGEST_BAN = 3 * 86_400.0
#: What ordinary requests may use; the rest is kept for orders and for other users of the address.
ORDINARY_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class WeightState:
    """What is known of the running minute. ``minute`` counts minutes since 1970 on the server's clock."""

    minute: int = 0
    used: int = 0
    limit: int = DEFAULT_LIMIT
    blocked_until_ms: int = 0

    def at(self, now_ms: int) -> "WeightState":
        """Return the state at a time: a new minute begins with nothing used.

        A minute ahead of now (the clock was put back by a little) is left to run out.
        """
        minute = now_ms // MINUTE_MS
        ahead = self.minute - minute
        if 0 <= ahead <= 1:
            return self
        return WeightState(minute, 0, self.limit, self.blocked_until_ms)

    def wait_ms(self, weight: int, now_ms: int, *, essential: bool = False) -> int:
        """Return how long to wait before sending a request of this weight, 0 for not at all.

        Essential requests (orders, protection) may use the whole limit. Nobody passes a
        ``Retry-After``: going on after a 429 earns a ban.
        """
        if now_ms < self.blocked_until_ms:
            return self.blocked_until_ms - now_ms
        state = self.at(now_ms)
        allowed = state.limit if essential else int(state.limit * ORDINARY_SHARE)
        if state.used + weight <= allowed or not state.used:
            return 0
        return (state.minute + 1) * MINUTE_MS - now_ms

    def reserved(self, weight: int, now_ms: int) -> "WeightState":
        """Return the state after a request of this weight has been let go."""
        state = self.at(now_ms)
        return WeightState(state.minute, state.used + weight, state.limit, state.blocked_until_ms)

    def observed(self, used: int, now_ms: int) -> "WeightState":
        """Return the state after a response told the weight used.

        The higher figure counts: ours includes requests under way, the server's those of others.
        """
        state = self.at(now_ms)
        return WeightState(state.minute, max(state.used, used), state.limit, state.blocked_until_ms)

    def blocked(self, retry_after: float, now_ms: int) -> "WeightState":
        """Return the state after a 429 or 418 asked for a pause of so many seconds."""
        state = self.at(now_ms)
        pause_ms = int(min(max(retry_after, 0.0), _LONGEST_BAN) * 1000)
        until = max(state.blocked_until_ms, now_ms + pause_ms)
        return WeightState(state.minute, state.used, state.limit, until)

    def limited(self, limit: int, now_ms: int) -> "WeightState":
        """Return the state with the limit that exchangeInfo tells."""
        if limit < 1:
            raise ValueError(f"a request weight limit of {limit}: at least 1 is needed")
        state = self.at(now_ms)
        return WeightState(state.minute, state.used, limit, state.blocked_until_ms)


def used_weight(headers: Mapping[str, str]) -> int | None:
    """Return the used weight of the running minute that the response headers tell, if they do."""
    value = headers.get("x-mbx-used-weight-1m") or headers.get("x-mbx-used-weight") or ""
    return int(value) if value.isascii() and value.isdigit() else None
