"""The request budget: what may be sent now, or how long to wait. No I/O.

The exchange counts weight per IP address and orders per account, in windows of its clock that begin at :00. It reports
usage in ``X-MBX-USED-WEIGHT-1M`` and ``X-MBX-ORDER-COUNT-10S``, and answers 429, then 418, above a limit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

#: The limit until exchangeInfo has reported the real one.
DEFAULT_LIMIT = 6000
MINUTE_MS = 60_000
#: Seconds of the longest ban that the exchange documents: a longer one must be a mistake.
_MAX_BAN_SECONDS = 3 * 86_400.0
#: The share of ordinary requests; the rest is reserved for orders and for other users of the address.
ORDINARY_SHARE = 0.8
_ORDER_COUNT = "x-mbx-order-count-"
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class RateWindow:
    """One limit and the usage of its current window; ``number`` counts windows since 1970 on the server's clock.

    ``used`` is what the exchange reported. ``in_flight`` was sent since and is unanswered: it is added on top,
    and stays until the window ends if no response comes.
    """

    seconds: int = 60
    limit: int = DEFAULT_LIMIT
    number: int = 0
    used: int = 0
    in_flight: int = 0

    def at(self, now_ms: int) -> "RateWindow":
        """Return the window at a time; a new one begins unused.

        A window slightly ahead of now (the clock was set back) is kept until it ends.
        """
        number = self._number_at(now_ms)
        if 0 <= self.number - number <= 1:
            return self
        return RateWindow(self.seconds, self.limit, number)

    def wait_ms(self, amount: int, now_ms: int, share: float = 1.0) -> int:
        """Return the ms to wait until the amount fits into the share, or 0.

        An amount above the whole limit may go alone.
        """
        window = self.at(now_ms)
        taken = window.used + window.in_flight
        if not amount or not taken or taken + amount <= int(window.limit * share):
            return 0
        return (window.number + 1) * self.seconds * 1000 - now_ms

    def with_reservation(self, amount: int, now_ms: int) -> "RateWindow":
        """Return the window after the amount was sent."""
        window = self.at(now_ms)
        return replace(window, in_flight=window.in_flight + amount)

    def with_response(
        self, amount: int, reported: int | None, sent_ms: int, now_ms: int, *, may_fall: bool = False
    ) -> "RateWindow":
        """Return the window after the response to what was sent at ``sent_ms``; without a reported count, ours is used.

        The reported count replaces ours. Of responses out of order the highest does, unless the count can fall
        within a window, as that of unfilled orders. A response from another window says nothing about this one.
        """
        window = self.at(now_ms)
        if self._number_at(sent_ms) != window.number:
            return window
        used = window.used + amount if reported is None else reported if may_fall else max(window.used, reported)
        return replace(window, used=used, in_flight=max(0, window.in_flight - amount))

    def _number_at(self, now_ms: int) -> int:
        return now_ms // (self.seconds * 1000)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """All limits of one address and account. ``blocked_until_ms`` blocks everything, the other only orders."""

    weight: RateWindow = RateWindow()
    orders: tuple[RateWindow, ...] = ()
    blocked_until_ms: int = 0
    orders_blocked_until_ms: int = 0
    #: When the last of both began; 0 if that is not known.
    blocked_at_ms: int = 0

    def wait_ms(self, weight: int, now_ms: int, *, orders: int = 0, essential: bool = False) -> int:
        """Return the ms to wait before a request of this weight that places this many orders.

        Essential requests (orders, protection) may use the whole weight. ``Retry-After`` applies to
        every request: continuing after a 429 leads to a ban.
        """
        # The server's clock was set back: how much is left is not known, and the exchange says so again.
        was_set_back = now_ms < self.blocked_at_ms - MINUTE_MS
        waits = [
            0 if was_set_back else self.blocked_until_ms - now_ms,
            self.weight.wait_ms(weight, now_ms, 1.0 if essential else ORDINARY_SHARE),
        ]
        if orders:
            waits.append(0 if was_set_back else self.orders_blocked_until_ms - now_ms)
            waits += [window.wait_ms(orders, now_ms) for window in self.orders]
        return max(0, *waits)

    def with_reservation(self, weight: int, now_ms: int, orders: int = 0) -> "BudgetState":
        """Return the state after a request was sent."""
        return replace(
            self,
            weight=self.weight.with_reservation(weight, now_ms),
            orders=tuple(window.with_reservation(orders, now_ms) for window in self.orders),
        )

    def with_response(
        self, weight: int, orders: int, reported: "ReportedUsage", sent_ms: int, now_ms: int
    ) -> "BudgetState":
        """Return the state after a response, with the usage that it reported."""
        return replace(
            self,
            weight=self.weight.with_response(weight, reported.weight, sent_ms, now_ms),
            orders=tuple(
                window.with_response(orders, reported.orders.get(window.seconds), sent_ms, now_ms, may_fall=True)
                for window in self.orders
            ),
        )

    def with_block(self, retry_after: float, now_ms: int, *, orders_only: bool = False) -> "BudgetState":
        """Return the state after a 429 or 418 with a ``Retry-After`` of this many seconds."""
        until = now_ms + int(min(max(retry_after, 0.0), _MAX_BAN_SECONDS) * 1000)
        # What was blocked before the clock was set back ends now.
        known = replace(self, blocked_at_ms=now_ms)
        if now_ms < self.blocked_at_ms - MINUTE_MS:
            known = replace(known, blocked_until_ms=0, orders_blocked_until_ms=0)
        if orders_only:
            return replace(known, orders_blocked_until_ms=max(known.orders_blocked_until_ms, until))
        return replace(known, blocked_until_ms=max(known.blocked_until_ms, until))

    def with_limits(self, weight: int | None, orders: Iterable[tuple[int, int]]) -> "BudgetState":
        """Return the state with the limits from exchangeInfo; ``orders`` are pairs of seconds and limit."""
        known = {window.seconds: window for window in self.orders}
        windows = [replace(known.get(seconds, RateWindow(seconds)), limit=limit) for seconds, limit in orders]
        if (weight is not None and weight < 1) or any(window.limit < 1 or window.seconds < 1 for window in windows):
            raise ValueError("a request limit is below 1; expected at least 1")
        limit = self.weight.limit if weight is None else weight
        return replace(self, weight=replace(self.weight, limit=limit), orders=tuple(windows))


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """The usage that response headers report: weight of the current minute, orders by window in seconds."""

    weight: int | None
    orders: Mapping[int, int]


def usage_from_headers(headers: Mapping[str, str]) -> ReportedUsage:
    """Parse the usage from response headers (lower-case names); an unreadable count is left out."""
    weight = _parse_count(headers.get("x-mbx-used-weight-1m") or headers.get("x-mbx-used-weight") or "")
    orders: dict[int, int] = {}
    for name, value in headers.items():
        if name.startswith(_ORDER_COUNT):
            size, unit = _parse_count(name[len(_ORDER_COUNT) : -1]), _UNIT_SECONDS.get(name[-1])
            count = _parse_count(value)
            if size is not None and unit is not None and count is not None:
                orders[size * unit] = count
    return ReportedUsage(weight, orders)


def _parse_count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
