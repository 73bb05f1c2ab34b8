"""Rate limits in fixed clock-aligned windows: request weight, raw requests, connections, orders; and IP bans."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cq_tui.simulator.errors import RequestRejected

_SECOND = 1_000
_MINUTE = 60 * _SECOND
_DAY = 86_400 * _SECOND
#: Rejections with 429 per minute before the IP is banned.
_MAX_REJECTIONS = 10
_FIRST_BAN_MS = 2 * _MINUTE
_MAX_BAN_MS = 3 * _DAY
#: How much an order's first fill reduces the count of unfilled orders.
_TAKER_FILL = 1
_MAKER_FILL = 5


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """Configured limits; without ``enforced``, usage is counted and shown but nothing is rejected."""

    weight: int = 6_000
    orders_10s: int = 100
    orders_day: int = 200_000
    raw_requests: int = 300_000
    connections: int = 300
    enforced: bool = True


class FixedWindow:
    """A counter that restarts with each window of ``length`` ms."""

    def __init__(self, limit_type: str, number: int, interval: str, length: int, limit: int) -> None:
        self.length = length
        self.limit = limit
        self._limit_json = {"rateLimitType": limit_type, "interval": interval, "intervalNum": number, "limit": limit}
        self._number = -1
        self._count = 0

    def count(self, now: int) -> int:
        """Return the count in the current window."""
        return self._count if now // self.length == self._number else 0

    def add(self, amount: int, now: int) -> int:
        """Add ``amount`` in the current window and return the count, which is never below 0."""
        number = now // self.length
        count = amount + (self._count if number == self._number else 0)
        self._number, self._count = number, count if count > 0 else 0
        return self._count

    def seconds_left(self, now: int) -> int:
        """Return whole seconds until the next window, at least 1."""
        return (self.length - now % self.length + 999) // 1_000

    def usage_json(self, now: int) -> dict[str, Any]:
        """Return limit and count as in WebSocket API responses and rateLimit/order."""
        return {**self._limit_json, "count": self.count(now)}

    @property
    def limit_json(self) -> dict[str, Any]:
        """The limit as in exchangeInfo."""
        return dict(self._limit_json)


class RateLimits:
    """Usage of the single client IP and the single account, and the IP's ban.

    ``on_ban`` callbacks run when a ban begins; open WebSocket API connections are closed then.
    """

    def __init__(self, limits: RateLimitSettings | None = None) -> None:
        limits = limits or RateLimitSettings()
        self.enforced = limits.enforced
        self.weight = FixedWindow("REQUEST_WEIGHT", 1, "MINUTE", _MINUTE, limits.weight)
        self.orders_10s = FixedWindow("ORDERS", 10, "SECOND", 10 * _SECOND, limits.orders_10s)
        self.orders_day = FixedWindow("ORDERS", 1, "DAY", _DAY, limits.orders_day)
        self.raw_requests = FixedWindow("RAW_REQUESTS", 5, "MINUTE", 5 * _MINUTE, limits.raw_requests)
        self.connections = FixedWindow("CONNECTIONS", 5, "MINUTE", 5 * _MINUTE, limits.connections)
        self.stream_connections = FixedWindow("CONNECTIONS", 5, "MINUTE", 5 * _MINUTE, limits.connections)
        self.banned_until = 0
        self.on_ban: list[Callable[[], None]] = []
        self._rejections = FixedWindow("REFUSALS", 1, "MINUTE", _MINUTE, _MAX_REJECTIONS)
        self._next_ban = _FIRST_BAN_MS

    # Per IP

    def count_request(self, weight: int, now: int) -> None:
        """Count a request and its weight. Raises RequestRejected 418 while banned, 429 above a limit."""
        if now < self.banned_until:
            raise self._ban_error(now)
        requests = self.raw_requests.add(1, now)
        used = self.weight.add(weight, now)
        if not self.enforced:
            return
        if used > self.weight.limit:
            self._reject(self.weight, "request weight used", "request weight per 1 MINUTE", now)
        if requests > self.raw_requests.limit:
            self._reject(self.raw_requests, "requests", "raw requests per 5 MINUTE", now)

    def _reject(self, window: FixedWindow, much: str, unit: str, now: int) -> None:
        if self._rejections.add(1, now) > _MAX_REJECTIONS:
            self.ban(self._next_ban, now)
            self._next_ban = min(2 * self._next_ban, _MAX_BAN_MS)
            raise self._ban_error(now)
        how = "much" if window is self.weight else "many"
        raise RequestRejected(
            -1003,
            f"Too {how} {much}; current limit is {window.limit} {unit}. "
            "Please use WebSocket Streams for live updates to avoid polling the API.",
            429,
            window.seconds_left(now),
        )

    def _ban_error(self, now: int) -> RequestRejected:
        return RequestRejected(
            -1003,
            f"Way too much request weight used; IP banned until {self.banned_until}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            418,
            (self.banned_until - now + 999) // 1_000,
        )

    def refund_weight(self, weight: int, now: int) -> None:
        """Refund weight: since 2026-04-02 a successful order call costs none."""
        self.weight.add(-weight, now)

    def ban(self, milliseconds: int, now: int) -> None:
        """Ban the IP from now on."""
        self.banned_until = now + milliseconds
        for cut in self.on_ban:
            cut()

    def unban(self) -> None:
        """End the ban."""
        self.banned_until = 0

    def count_ws_api_connection(self, weight: int, now: int) -> None:
        """Count a WebSocket API connection. Raises RequestRejected 418 or 429."""
        if now < self.banned_until:
            raise self._ban_error(now)
        self.weight.add(weight, now)
        if self.connections.add(1, now) > self.connections.limit and self.enforced:
            self._reject(self.connections, "connections", "connections per 5 MINUTE", now)

    def count_stream_connection(self, now: int) -> None:
        """Count a market stream connection. Raises RequestRejected 429, or 418 if a banned IP is above the limit.

        A ban alone does not block market streams, which need no key and cost no weight.
        """
        if self.stream_connections.add(1, now) > self.stream_connections.limit and self.enforced:
            if now < self.banned_until:
                raise self._ban_error(now)
            self._reject(self.stream_connections, "connections", "connections per 5 MINUTE", now)

    # Per account

    def order_limit_error(self, orders: int, now: int) -> RequestRejected | None:
        """Return the error if ``orders`` more would exceed an order limit, otherwise None.

        With 0, checks the orders already counted, including those of the current request.
        """
        if not self.enforced:
            return None
        for window, name in ((self.orders_day, "1 DAY"), (self.orders_10s, "10 SECOND")):
            if window.count(now) + orders > window.limit:
                # Unlike other 429 responses, this one has no Retry-After, according to the exchange's documentation.
                text = f"Too many new orders; current limit is {window.limit} orders per {name}."
                return RequestRejected(-1015, text, 429)
        return None

    def count_orders(self, orders: int, now: int) -> None:
        """Count orders before they are placed; a negative number takes back rejected ones."""
        self.orders_day.add(orders, now)
        if orders < 0 or self.orders_day.count(now) <= self.orders_day.limit:
            self.orders_10s.add(orders, now)

    def count_first_fill(self, is_maker: bool, now: int) -> None:
        """Reduce the order count when an order is first filled."""
        less = _MAKER_FILL if is_maker else _TAKER_FILL
        self.orders_10s.add(-less, now)
        self.orders_day.add(-less, now)

    def order_counts(self, now: int) -> list[dict[str, Any]]:
        """Return both order counts as in rateLimit/order."""
        return [self.orders_10s.usage_json(now), self.orders_day.usage_json(now)]
