"""What trading costs in a look back: commission, and how much worse than the candle's price whoever takes trades."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cq_tui.binance.commission import CommissionRates, SideRates

#: Share of the amount, of buying and of selling.
DEFAULT_FEE: Final = Decimal("0.001")
#: Half the spread and the slippage of a market order, as a share of the price.
DEFAULT_SLIPPAGE: Final = Decimal("0.0005")
DEFAULT_SLIPPAGE_OF: Final[Mapping[str, Decimal]] = {"BTCUSDT": Decimal("0.0001"), "ETHUSDT": Decimal("0.0001")}
_NOTHING = SideRates()


@dataclass(frozen=True, slots=True)
class Costs:
    """Commission and slippage as shares: 0.001 is 0.1 %.

    ``slippage`` is all that a market order, or a stop, pays beyond the price of the candle: half the spread included.
    ``slippage_of`` has symbols of their own. A resting order trades at its price.
    """

    fee: Decimal = DEFAULT_FEE
    slippage: Decimal = DEFAULT_SLIPPAGE
    slippage_of: Mapping[str, Decimal] = field(default_factory=lambda: dict(DEFAULT_SLIPPAGE_OF))

    def slippage_in(self, symbol: str) -> Decimal:
        """Return the slippage of a symbol."""
        return self.slippage_of.get(symbol, self.slippage)

    def worse(self, symbol: str, price: int) -> tuple[int, int]:
        """Return bid and ask of whoever takes at a price; all in tick sizes, rounded against him."""
        part, whole = self.slippage_in(symbol).as_integer_ratio()
        return max(price * (whole - part) // whole, 1), -(-price * (whole + part) // whole)

    def highest_for(self, symbol: str, ask: int) -> int:
        """Return the highest price at which whoever buys pays no more than ``ask``; all in tick sizes."""
        part, whole = self.slippage_in(symbol).as_integer_ratio()
        return ask * whole // (whole + part)

    def rates(self) -> CommissionRates:
        """Return the commission as an exchange's account has it, for every symbol."""
        return CommissionRates("", SideRates(maker=self.fee, taker=self.fee), _NOTHING, _NOTHING)
