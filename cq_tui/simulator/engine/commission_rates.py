"""The commission rates of the simulated account before others are set, and of one order."""

from dataclasses import replace
from decimal import Decimal

from cq_tui.binance.commission import CommissionRates, SideRates

DISCOUNT_ASSET = "BNB"
DEFAULT_RATE = Decimal("0.001")
_NOTHING = SideRates()
#: The rates of every symbol until others are set.
DEFAULT_RATES = CommissionRates(
    "", SideRates(maker=DEFAULT_RATE, taker=DEFAULT_RATE), _NOTHING, _NOTHING, False, DISCOUNT_ASSET, Decimal(0)
)


def rates_of_order(rates: CommissionRates, side: str) -> CommissionRates:
    """Return maker's and taker's rates of an order of this side: each with the rate of the side."""

    def of_side(kind: SideRates) -> SideRates:
        extra = kind.buyer if side == "BUY" else kind.seller
        return SideRates(maker=kind.maker + extra, taker=kind.taker + extra)

    return replace(rates, standard=of_side(rates.standard), special=of_side(rates.special), tax=of_side(rates.tax))
