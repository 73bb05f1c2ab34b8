"""Counters of request weight and orders in windows that begin on the clock, as the exchange counts them."""

from cq_tui.simulator.api.market_data import ORDERS_10S_LIMIT, ORDERS_DAY_LIMIT, WEIGHT_LIMIT
from cq_tui.simulator.errors import ApiError


class Window:
    """A count that begins anew with every window of ``length`` ms."""

    def __init__(self, length: int, limit: int) -> None:
        self.length = length
        self.limit = limit
        self._number = -1
        self._count = 0

    def count(self, now: int) -> int:
        """Return the count in the present window."""
        return self._count if now // self.length == self._number else 0

    def add(self, amount: int, now: int) -> None:
        """Count ``amount`` in the present window."""
        self._count = max(0, self.count(now) + amount)
        self._number = now // self.length

    def seconds_left(self, now: int) -> int:
        """Return whole seconds to the next window, at least one."""
        return (self.length - now % self.length + 999) // 1_000


class RateLimits:
    """Request weight of the one client address and orders of the one account."""

    def __init__(self) -> None:
        self.weight = Window(60_000, WEIGHT_LIMIT)
        self.orders_10s = Window(10_000, ORDERS_10S_LIMIT)
        self.orders_day = Window(86_400_000, ORDERS_DAY_LIMIT)

    def spend(self, weight: int, now: int) -> None:
        """Count a request's weight. Raises ApiError 429 when the minute's limit is passed."""
        self.weight.add(weight, now)
        if self.weight.count(now) > self.weight.limit:
            raise ApiError(
                -1003,
                f"Too much request weight used; current limit is {self.weight.limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                429,
                self.weight.seconds_left(now),
            )

    def check_orders(self, orders: int, now: int) -> None:
        """Raise ApiError 429 when so many more orders would be too many."""
        for window, name in ((self.orders_10s, "10 SECOND"), (self.orders_day, "1 DAY")):
            if orders and window.count(now) + orders > window.limit:
                raise ApiError(
                    -1015,
                    f"Too many new orders; current limit is {window.limit} orders per {name}.",
                    429,
                    window.seconds_left(now),
                )

    def count_orders(self, orders: int, now: int) -> None:
        """Count accepted orders."""
        self.orders_10s.add(orders, now)
        self.orders_day.add(orders, now)
