"""Operator controls of the account at /admin: deposits, withdrawals, commission rates, and a reset of the venue."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from cq_tui.binance.commission import CommissionRates, SideRates
from cq_tui.simulator.engine.commission_rates import DISCOUNT_ASSET
from cq_tui.simulator.engine.orders import ZERO
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.symbols import format_amount

_MOST = Decimal(10) ** 15


def _check_decimals(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -8:
        raise ValueError("at most 8 decimals")
    return value


Asset = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,20}$")]
Amount = Annotated[Decimal, Field(ge=0, le=_MOST, allow_inf_nan=False), AfterValidator(_check_decimals)]
Rate = Annotated[Decimal, Field(ge=0, lt=1, allow_inf_nan=False), AfterValidator(_check_decimals)]


class ControlError(ValueError):
    """A control that cannot be carried out; the message says why."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class BalanceRequest(_Request):
    """Amounts to deposit or withdraw, by asset; withdrawals come last."""

    deposit: dict[Asset, Amount] = Field(default_factory=dict)
    withdraw: dict[Asset, Amount] = Field(default_factory=dict)


class WipeRequest(_Request):
    """The free balances after a reset."""

    balances: dict[Asset, Amount]


class RatesRequest(_Request):
    """One kind of rates, as fractions."""

    maker: Rate = ZERO
    taker: Rate = ZERO
    buyer: Rate = ZERO
    seller: Rate = ZERO

    def rates(self) -> SideRates:
        """Return the rates."""
        return SideRates(self.maker, self.taker, self.buyer, self.seller)


class CommissionRequest(_Request):
    """The rates of one symbol, or of all that have none of their own. A kind that is left out costs nothing.

    With ``discount``, commission is paid in BNB where there is enough, its standard part times the discount.
    """

    symbol: str = ""
    standard: RatesRequest = Field(default_factory=RatesRequest)
    special: RatesRequest = Field(default_factory=RatesRequest)
    tax: RatesRequest = Field(default_factory=RatesRequest)
    discount: Annotated[Decimal, Field(gt=0, le=1, allow_inf_nan=False)] | None = None


def change_balances(exchange: Exchange, request: BalanceRequest) -> dict[str, Any]:
    """Deposit and withdraw, with user data events. Raises ControlError before anything if too little is free."""
    changes = [*request.deposit.items(), *((asset, -amount) for asset, amount in request.withdraw.items())]
    free = {asset: exchange.state.balances[asset].free for asset, _ in changes if asset in exchange.state.balances}
    for asset, change in changes:
        free[asset] = free.get(asset, ZERO) + change
        if free[asset] < 0:
            raise ControlError(f"withdraw.{asset}: {-change} is more than is free; cancel orders or deposit first")
    for asset, change in changes:
        exchange.deposit({asset: change})
    return balances(exchange)


def set_commission(exchange: Exchange, request: CommissionRequest) -> dict[str, Any]:
    """Change the commission rates. Raises ControlError for a symbol that is not listed."""
    if request.symbol and request.symbol not in exchange.market.column:
        raise ControlError(f"symbol {request.symbol!r} is not listed here")
    discount = request.discount
    exchange.set_commission(
        CommissionRates(
            request.symbol,
            request.standard.rates(),
            request.special.rates(),
            request.tax.rates(),
            discount is not None,
            DISCOUNT_ASSET,
            ZERO if discount is None else discount,
        )
    )
    return {}


def wipe(exchange: Exchange, request: WipeRequest) -> dict[str, Any]:
    """Reset the venue; the account keeps its uid and key, and ids go on."""
    exchange.wipe(request.balances)
    return balances(exchange)


def balances(exchange: Exchange) -> dict[str, Any]:
    """Return the account's uid and balances."""
    return {
        "uid": exchange.identity.uid,
        "balances": {
            asset: {"free": format_amount(held.free), "locked": format_amount(held.locked)}
            for asset, held in sorted(exchange.state.balances.items())
        },
    }
