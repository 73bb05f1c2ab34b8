"""The account's fills in one symbol within one second, to be added to that second's bar."""

from cq_tui.simulator.market.tape import AccountFill
from cq_tui.simulator.market.ticks import Bars


class AccountSecond:
    """Sums over fills, as floats like bars. ``tick`` is that of the latest fill."""

    __slots__ = ("high", "latest_fill", "low", "quote", "taker", "taker_quote", "tick", "trades", "volume")

    def __init__(self) -> None:
        self.high, self.low = 0.0, float("inf")
        self.volume = self.quote = self.taker = self.taker_quote = 0.0
        self.trades = 0
        self.tick = -1
        self.latest_fill: AccountFill | None = None

    def add(self, tick: int, fill: AccountFill) -> None:
        """Add a fill, no earlier than the others."""
        price, quantity = float(fill.price), float(fill.quantity)
        quote = price * quantity
        if price > self.high:
            self.high = price
        if price < self.low:
            self.low = price
        self.volume += quantity
        self.quote += quote
        if not fill.buyer_is_maker:
            self.taker += quantity
            self.taker_quote += quote
        self.trades += 1
        self.tick, self.latest_fill = tick, fill

    def add_to(self, bar: Bars, last_tick: int) -> None:
        """Add the fills to a bar whose last tick is ``last_tick``; a fill at that tick sets the close."""
        bar["high"], bar["low"] = max(bar["high"], self.high), min(bar["low"], self.low)
        bar["volume"] += self.volume
        bar["quote"] += self.quote
        bar["taker"] += self.taker
        bar["taker_quote"] += self.taker_quote
        bar["trades"] += self.trades
        if self.latest_fill is not None and self.tick == last_tick:
            bar["close"] = float(self.latest_fill.price)
