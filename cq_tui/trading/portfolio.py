"""Positions, profit and equity, derived from fills. Amounts are Decimal, in the quote asset unless noted.

A commission in the base asset reduces the quantity held; one in the quote asset adds to the cost or reduces the
proceeds; one in a third asset (BNB) counts if its price is known. Cost is averaged over the quantity held, so realized
plus unrealized profit always equals proceeds, minus payments, plus the quantity held at its price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from pydantic import TypeAdapter

from cq_tui.contracts.base import Side
from cq_tui.trading.lifecycle import TradeFill

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """The position in one symbol, with its exit plan."""

    symbol: str
    base_asset: str
    quote_asset: str
    #: Quantity held, net of commissions in the base asset.
    quantity: Decimal = ZERO
    #: Cost of ``quantity``, commissions included.
    cost: Decimal = ZERO
    #: Total quantity bought, and its average price.
    bought: Decimal = ZERO
    average_price: Decimal = ZERO
    opened_at_ms: int = 0
    strategy: str = ""
    signal_key: str = ""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    #: Distance of the trailing stop below the highest high; None keeps the stop where it is.
    trail: Decimal | None = None
    #: When it is closed even if neither stop nor target was reached (Unix ms).
    time_stop_ms: int | None = None
    #: How often its protection was placed: the number in the next client order ids.
    protections: int = 0

    def unrealized(self, price: Decimal) -> Decimal:
        """Profit at ``price``, before the commission of a sale."""
        return self.quantity * price - self.cost


#: Positions as plain JSON values.
POSITIONS = TypeAdapter(list[Position])


class FillResult(NamedTuple):
    """A position after a fill."""

    #: None if this fill closed it.
    position: Position | None
    #: Profit of a sale, commissions of entry and exit included.
    realized: Decimal
    #: Quantity sold beyond the position: the account held more than the trader knew.
    excess: Decimal = ZERO


def apply_fill(
    position: Position, side: Side, fill: TradeFill, commission_prices: Mapping[str, Decimal] | None = None
) -> FillResult:
    """Apply one fill to a position (a new one has quantity 0).

    ``commission_prices``: prices of other commission assets, in quote units.
    """
    fee_base, fee_quote = _commission(position, fill, commission_prices or {})
    value = fill.price * fill.quantity
    if side == "BUY":
        bought = position.bought + fill.quantity
        middle = (position.average_price * position.bought + value) / bought
        grown = replace(
            position,
            quantity=position.quantity + fill.quantity - fee_base,
            cost=position.cost + value + fee_quote,
            bought=bought,
            average_price=middle,
            opened_at_ms=position.opened_at_ms or fill.time,
        )
        return FillResult(grown, ZERO)
    return _apply_sale(position, fill.quantity + fee_base, value - fee_quote)


def write_off(position: Position) -> FillResult:
    """Close the remainder as dust, too little to sell. Its cost is the loss."""
    return FillResult(None, -position.cost)


def _apply_sale(position: Position, quantity: Decimal, proceeds: Decimal) -> FillResult:
    held = min(quantity, position.quantity)
    excess = quantity - held
    if excess:
        # Only the part held counts toward this position's profit.
        proceeds = proceeds * held / quantity
    if held == position.quantity:
        return FillResult(None, proceeds - position.cost, excess)
    part = position.cost * held / position.quantity
    left = replace(position, quantity=position.quantity - held, cost=position.cost - part)
    return FillResult(left, proceeds - part)


def _commission(position: Position, fill: TradeFill, prices: Mapping[str, Decimal]) -> tuple[Decimal, Decimal]:
    """Return the commission in base units and in quote units."""
    if fill.commission_asset == position.base_asset:
        return fill.commission, ZERO
    if fill.commission_asset == position.quote_asset:
        return ZERO, fill.commission
    return ZERO, fill.commission * prices.get(fill.commission_asset, ZERO)


def equity(quote_balance: Decimal, positions: Mapping[str, Position], prices: Mapping[str, Decimal]) -> Decimal:
    """Return quote (free and locked) plus exposure."""
    return quote_balance + exposure(positions, prices)


def exposure(positions: Mapping[str, Position], prices: Mapping[str, Decimal]) -> Decimal:
    """Return the value of all positions at their last price; one without a price counts at its cost."""
    return sum(
        (
            position.quantity * prices[symbol] if symbol in prices else position.cost
            for symbol, position in positions.items()
        ),
        ZERO,
    )
