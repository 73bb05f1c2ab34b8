"""Commission of a fill: standard, special and tax rates of role and side, and the discount for paying in BNB."""

from decimal import ROUND_HALF_UP, Decimal

from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.commission_rates import DEFAULT_RATE, DISCOUNT_ASSET
from cq_tui.simulator.engine.orders import EngineOrder

_EIGHT_DECIMALS = Decimal("0.00000001")


def commission_on(received: Decimal, rate: Decimal = DEFAULT_RATE) -> Decimal:
    """Return the commission on a received amount: 8 decimals, rounded half up, as on recorded real fills."""
    return (received * rate).quantize(_EIGHT_DECIMALS, ROUND_HALF_UP)


def commission_of_fill(
    context: CommandContext, order: EngineOrder, price: Decimal, quantity: Decimal, *, is_maker: bool
) -> tuple[Decimal, str]:
    """Return the commission of a fill and its asset: the one received, or BNB where the discount applies.

    Without enough free BNB, all of it is taken from what was received.
    """
    base, quote = context.state.assets_of(order.symbol)
    buying = order.side == "BUY"
    received, asset = (quantity, base) if buying else (price * quantity, quote)
    rates = context.state.commission_rates(order.symbol)
    standard, others = _rate(rates.standard, is_maker, buying), _other_rates(rates, is_maker, buying)
    if rates.discount_enabled:
        in_bnb = _in_bnb(context, asset, quote, price)
        balance = context.state.balances.get(DISCOUNT_ASSET)
        if in_bnb is not None and balance is not None:
            commission = commission_on(received * in_bnb, standard * rates.discount + others)
            if asset == DISCOUNT_ASSET or balance.free - _still_to_pay(order, base, quote, price) >= commission:
                return commission, DISCOUNT_ASSET
    return commission_on(received, standard + others), asset


def _still_to_pay(order: EngineOrder, base: str, quote: str, price: Decimal) -> Decimal:
    """Return the free BNB that the order itself takes yet: a market order has locked none of it."""
    buying = order.side == "BUY"
    if (quote if buying else base) != DISCOUNT_ASSET:
        return Decimal(0)
    return max((order.remaining * price if buying else order.remaining) - order.locked, Decimal(0))


def _rate(rates: SideRates, is_maker: bool, buying: bool) -> Decimal:
    return (rates.maker if is_maker else rates.taker) + (rates.buyer if buying else rates.seller)


def _other_rates(rates: CommissionRates, is_maker: bool, buying: bool) -> Decimal:
    return _rate(rates.special, is_maker, buying) + _rate(rates.tax, is_maker, buying)


def _in_bnb(context: CommandContext, asset: str, quote: str, price: Decimal) -> Decimal | None:
    """Return the BNB that one unit of the received asset is worth; None without a price."""
    if asset == DISCOUNT_ASSET:
        return Decimal(1)
    in_quote = Decimal(1) if asset == quote else price
    if quote == DISCOUNT_ASSET:
        return in_quote
    symbol = DISCOUNT_ASSET + quote
    if symbol not in context.state.assets:
        return None
    return in_quote / context.engine.last_price(symbol)
