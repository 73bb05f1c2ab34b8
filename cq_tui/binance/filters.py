"""Symbol filters of Binance Spot: the rules of one symbol, quantising, and what an order would violate."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal, InvalidOperation
from typing import Any

ZERO = Decimal(0)
#: Order types that wait for a trigger price; they count for MAX_NUM_ALGO_ORDERS.
ALGO_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


class SymbolRulesError(ValueError):
    """An exchangeInfo symbol that cannot be read: the message names the field and what it held."""


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """Trading rules of one symbol. A limit of zero means that the rule is off, as the exchange defines it."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    base_precision: int
    quote_precision: int
    order_types: frozenset[str]
    min_price: Decimal = ZERO
    max_price: Decimal = ZERO
    tick_size: Decimal = ZERO
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    step_size: Decimal = ZERO
    market_min_quantity: Decimal = ZERO
    market_max_quantity: Decimal = ZERO
    market_step_size: Decimal = ZERO
    notional_filter: str = "NOTIONAL"
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO
    min_notional_on_market: bool = False
    max_notional_on_market: bool = False
    bid_multiplier_up: Decimal = ZERO
    bid_multiplier_down: Decimal = ZERO
    ask_multiplier_up: Decimal = ZERO
    ask_multiplier_down: Decimal = ZERO
    average_price_minutes: int = 0
    max_orders: int = 0
    max_algo_orders: int = 0
    max_order_lists: int = 0

    @classmethod
    def from_exchange_info(cls, symbol: Mapping[str, Any]) -> "SymbolRules":
        """Read one element of exchangeInfo's ``symbols``.

        Raises SymbolRulesError, naming the symbol, when a field is missing or is no number.
        """
        try:
            filters = {str(entry["filterType"]): entry for entry in symbol["filters"]}
            return cls(
                symbol=symbol["symbol"],
                status=symbol["status"],
                base_asset=symbol["baseAsset"],
                quote_asset=symbol["quoteAsset"],
                base_precision=int(symbol["baseAssetPrecision"]),
                quote_precision=int(symbol["quoteAssetPrecision"]),
                order_types=frozenset(symbol["orderTypes"]),
                **_price_rules(filters),
                **_quantity_rules(filters),
                **_notional_rules(filters),
                **_count_rules(filters),
            )
        except KeyError as error:
            raise SymbolRulesError(f"exchangeInfo of {_name(symbol)}: field {error} is missing") from None
        except (TypeError, ValueError, InvalidOperation) as error:
            raise SymbolRulesError(f"exchangeInfo of {_name(symbol)}: {error}") from None

    def quantise_price(self, price: Decimal, rounding: str) -> Decimal:
        """Return ``price`` on a multiple of the tick size, by a rounding mode of ``decimal``."""
        return _on_step(price, self.tick_size, rounding)

    def quantise_quantity(self, quantity: Decimal, *, market: bool = False) -> Decimal:
        """Return ``quantity`` cut down to the lot step; with ``market`` also to MARKET_LOT_SIZE's step."""
        cut = _on_step(quantity, self.step_size, ROUND_DOWN)
        return _on_step(cut, self.market_step_size, ROUND_DOWN) if market else cut

    def min_quantity_for(self, price: Decimal, *, market: bool = False) -> Decimal:
        """Return the smallest quantity that passes lot size and min notional at ``price`` (> 0)."""
        wanted = max(self.min_quantity, self.step_size, self.market_min_quantity if market else ZERO)
        if self.min_notional and (self.min_notional_on_market or not market):
            wanted = max(wanted, self.min_notional / price)
        quantity = _on_step(wanted, self.step_size, ROUND_UP)
        return _on_step(quantity, self.market_step_size, ROUND_UP) if market else quantity

    def violation(
        self,
        *,
        side: str,
        order_type: str,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        quote_quantity: Decimal | None = None,
        reference_price: Decimal | None = None,
        open_orders: int = 0,
        open_algo_orders: int = 0,
    ) -> str | None:
        """Return the name of the first filter that the order fails, or None.

        ``reference_price`` is the reference price, else the average over ``average_price_minutes`` (0: the
        last price); without it the rules that need it are left to the exchange. The counts are of orders
        open *before* this one. A stop order without a limit price is valued at its stop price.
        """
        market = order_type == "MARKET"
        if self._price_off_grid(price) or self._price_off_grid(stop_price):
            return "PRICE_FILTER"
        if price is not None and reference_price is not None and self._price_too_far(side, price, reference_price):
            return "PERCENT_PRICE_BY_SIDE"
        if quantity is not None:
            if _off_range(quantity, self.min_quantity, self.max_quantity, self.step_size):
                return "LOT_SIZE"
            if market and _off_range(
                quantity, self.market_min_quantity, self.market_max_quantity, self.market_step_size
            ):
                return "MARKET_LOT_SIZE"
        value = _notional(quantity, price or stop_price or reference_price, quote_quantity)
        if value is not None and self._notional_out(value, market):
            return self.notional_filter
        if self.max_orders and open_orders >= self.max_orders:
            return "MAX_NUM_ORDERS"
        if order_type in ALGO_TYPES and self.max_algo_orders and open_algo_orders >= self.max_algo_orders:
            return "MAX_NUM_ALGO_ORDERS"
        return None

    def list_violation(self, *, open_order_lists: int) -> str | None:
        """Return MAX_NUM_ORDER_LISTS when one more order list on the symbol would be too many, else None."""
        too_many = self.max_order_lists and open_order_lists >= self.max_order_lists
        return "MAX_NUM_ORDER_LISTS" if too_many else None

    def _price_off_grid(self, price: Decimal | None) -> bool:
        return price is not None and _off_range(price, self.min_price, self.max_price, self.tick_size)

    def _price_too_far(self, side: str, price: Decimal, reference: Decimal) -> bool:
        up, down = (
            (self.bid_multiplier_up, self.bid_multiplier_down)
            if side == "BUY"
            else (self.ask_multiplier_up, self.ask_multiplier_down)
        )
        return (bool(up) and price > reference * up) or (bool(down) and price < reference * down)

    def _notional_out(self, value: Decimal, market: bool) -> bool:
        below = bool(self.min_notional) and value < self.min_notional
        above = bool(self.max_notional) and value > self.max_notional
        if market:
            return (below and self.min_notional_on_market) or (above and self.max_notional_on_market)
        return below or above


def _name(symbol: Mapping[str, Any]) -> str:
    return str(symbol.get("symbol", "a symbol without a name"))


def _on_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if not step:
        return value
    return (value / step).to_integral_value(rounding) * step


def _off_range(value: Decimal, minimum: Decimal, maximum: Decimal, step: Decimal) -> bool:
    if (minimum and value < minimum) or (maximum and value > maximum):
        return True
    return bool(step) and value % step != 0


def _notional(quantity: Decimal | None, price: Decimal | None, quote: Decimal | None) -> Decimal | None:
    if quote is not None:
        return quote
    return quantity * price if quantity is not None and price is not None else None


def _price_rules(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    if (price := filters.get("PRICE_FILTER")) is not None:
        rules |= {
            "min_price": Decimal(price["minPrice"]),
            "max_price": Decimal(price["maxPrice"]),
            "tick_size": Decimal(price["tickSize"]),
        }
    if (percent := filters.get("PERCENT_PRICE_BY_SIDE")) is not None:
        rules |= {
            "bid_multiplier_up": Decimal(percent["bidMultiplierUp"]),
            "bid_multiplier_down": Decimal(percent["bidMultiplierDown"]),
            "ask_multiplier_up": Decimal(percent["askMultiplierUp"]),
            "ask_multiplier_down": Decimal(percent["askMultiplierDown"]),
            "average_price_minutes": int(percent["avgPriceMins"]),
        }
    return rules


def _quantity_rules(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for name, prefix in (("LOT_SIZE", ""), ("MARKET_LOT_SIZE", "market_")):
        if (lot := filters.get(name)) is not None:
            rules |= {
                f"{prefix}min_quantity": Decimal(lot["minQty"]),
                f"{prefix}max_quantity": Decimal(lot["maxQty"]),
                f"{prefix}step_size": Decimal(lot["stepSize"]),
            }
    return rules


def _notional_rules(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if (notional := filters.get("NOTIONAL")) is not None:
        return {
            "min_notional": Decimal(notional["minNotional"]),
            "max_notional": Decimal(notional["maxNotional"]),
            "min_notional_on_market": bool(notional["applyMinToMarket"]),
            "max_notional_on_market": bool(notional["applyMaxToMarket"]),
        }
    if (minimum := filters.get("MIN_NOTIONAL")) is not None:
        return {
            "notional_filter": "MIN_NOTIONAL",
            "min_notional": Decimal(minimum["minNotional"]),
            "min_notional_on_market": bool(minimum["applyToMarket"]),
        }
    return {}


def _count_rules(filters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    fields = {
        "MAX_NUM_ORDERS": ("max_orders", "maxNumOrders"),
        "MAX_NUM_ALGO_ORDERS": ("max_algo_orders", "maxNumAlgoOrders"),
        "MAX_NUM_ORDER_LISTS": ("max_order_lists", "maxNumOrderLists"),
    }
    return {rule: int(filters[name][field]) for name, (rule, field) in fields.items() if name in filters}
