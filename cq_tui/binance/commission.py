"""Commission rates of an account on one symbol (``account/commission``)."""

from dataclasses import dataclass
from decimal import Decimal

from cq_tui.binance.fields import Fields

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SideRates:
    """Rates by role and side, as fractions: 0.001 is 0.1 %. A fill pays its role's rate plus its side's."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    buyer: Decimal = ZERO
    seller: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class CommissionRates:
    """What the account pays on one symbol: the sum of standard, special and tax rates of what a fill receives.

    With ``discount_enabled`` and enough of ``discount_asset``, commission is paid in that asset instead, its standard
    part times ``discount``. Source: the exchange's FAQ on commission rates, by its worked example.
    """

    symbol: str
    standard: SideRates
    special: SideRates
    tax: SideRates
    discount_enabled: bool = False
    discount_asset: str = ""
    discount: Decimal = Decimal(1)

    @property
    def worst_buy(self) -> Decimal:
        """The most that a buy can cost, as a share of the quantity received: maker or taker, without discount."""
        return self._worst_role + sum((rates.buyer for rates in self._all), ZERO)

    @property
    def worst_sell(self) -> Decimal:
        """The most that a sale can cost, as a share of the quote amount received: maker or taker, without discount."""
        return self._worst_role + sum((rates.seller for rates in self._all), ZERO)

    @property
    def _all(self) -> tuple[SideRates, SideRates, SideRates]:
        return self.standard, self.special, self.tax

    @property
    def _worst_role(self) -> Decimal:
        return max(sum((rates.maker for rates in self._all), ZERO), sum((rates.taker for rates in self._all), ZERO))


def parse_commission_rates(raw: object) -> CommissionRates:
    """Parse the response to ``account/commission``."""
    fields = Fields(raw, "account/commission")
    discount = fields.nested("discount")
    return CommissionRates(
        symbol=fields.text("symbol"),
        standard=_parse_rates(fields.nested("standardCommission")),
        special=_parse_rates(fields.nested("specialCommission")),
        tax=_parse_rates(fields.nested("taxCommission")),
        discount_enabled=discount.flag("enabledForAccount") and discount.flag("enabledForSymbol"),
        discount_asset=discount.text_or("discountAsset", ""),
        discount=discount.decimal("discount"),
    )


def _parse_rates(fields: Fields) -> SideRates:
    maker, taker, buyer, seller = map(fields.decimal, ("maker", "taker", "buyer", "seller"))
    return SideRates(maker, taker, buyer, seller)
