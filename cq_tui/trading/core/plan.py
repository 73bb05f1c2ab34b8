"""How a position is to be left, as its signal asked."""

from dataclasses import dataclass, replace
from decimal import Decimal

from cq_tui.trading.signals import TRAIL_BARS

#: How the key of a plan begins that no signal asked for: a person put coins under protection.
ADOPTED = "adopt:"
#: And of one that is only there to be sold: coins of others, which a person wants sold.
SOLD = "sold:"


@dataclass(frozen=True, slots=True)
class Plan:
    """The exit plan of a position. Prices in the quote asset, on the tick; times in Unix milliseconds."""

    signal_key: str
    #: Whose SELL signals close it; empty if it is no strategy's.
    strategy: str
    frame: str
    stop_loss: Decimal
    #: None where only the stop ends it.
    take_profit: Decimal | None = None
    #: Distance of the trailing stop below the highest high; None keeps the stop where it is.
    trail: Decimal | None = None
    trail_bars: int = TRAIL_BARS
    #: When it is closed even if neither stop nor target was reached.
    time_stop_ms: int | None = None
    #: How long the strategy pauses in the symbol after its stop.
    cooldown_ms: int = 0
    #: Whether its entry adds to the position of the strategy, if there is one: then this changes the plan of that.
    adds: bool = False

    @property
    def is_adopted(self) -> bool:
        """Whether a person put coins under protection that were already held."""
        return self.signal_key.startswith(ADOPTED)

    @property
    def counts_for(self) -> str:
        """The strategy whose stops and profits it counts for; empty for none, as of coins that a person chose."""
        return "" if self.is_adopted else self.strategy

    @property
    def is_sale(self) -> bool:
        """Whether the position is only there to be sold: coins of others."""
        return self.signal_key.startswith(SOLD)

    def with_added(self, added: "Plan") -> "Plan":
        """Return the plan after a purchase by another signal: never a lower stop; what that does not say stays."""
        trails = self if added.trail is None else added
        return replace(
            self,
            stop_loss=max(self.stop_loss, added.stop_loss),
            take_profit=added.take_profit,
            frame=trails.frame,
            trail=trails.trail,
            trail_bars=trails.trail_bars,
            time_stop_ms=self.time_stop_ms if added.time_stop_ms is None else added.time_stop_ms,
            cooldown_ms=max(self.cooldown_ms, added.cooldown_ms),
        )

    @property
    def target(self) -> Decimal | None:
        """The target that a list can have; None without one, or where the trailing stop has passed it."""
        if self.take_profit is None or self.take_profit <= self.stop_loss:
            return None
        return self.take_profit
