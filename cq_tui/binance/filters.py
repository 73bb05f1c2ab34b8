"""Binance Spot symbol filters: the rules of one symbol, quantizing, and the filter an order would violate."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from cq_tui.binance.filter_fields import read_filters, read_flags

ZERO = Decimal(0)
#: Order types that wait for a trigger price; they count toward MAX_NUM_ALGO_ORDERS.
ALGO_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOP_LOSSES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})


class SymbolRulesError(ValueError):
    """An exchangeInfo symbol that cannot be parsed; the message names the field and its value."""


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """Trading rules of one symbol. Zero disables a limit, as Binance defines it.

    Whatever exchangeInfo leaves out counts as allowed: the exchange still enforces it.
    """

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
    multiplier_up: Decimal = ZERO
    multiplier_down: Decimal = ZERO
    bid_multiplier_up: Decimal = ZERO
    bid_multiplier_down: Decimal = ZERO
    ask_multiplier_up: Decimal = ZERO
    ask_multiplier_down: Decimal = ZERO
    average_price_minutes: int = 0
    min_trailing_above: int = 0
    max_trailing_above: int = 0
    min_trailing_below: int = 0
    max_trailing_below: int = 0
    max_iceberg_parts: int = 0
    max_orders: int = 0
    max_algo_orders: int = 0
    max_iceberg_orders: int = 0
    max_order_lists: int = 0
    max_amends: int = 0
    max_position: Decimal = ZERO
    iceberg_allowed: bool = True
    oco_allowed: bool = True
    oto_allowed: bool = True
    opo_allowed: bool = True
    quote_quantity_allowed: bool = True
    trailing_allowed: bool = True
    cancel_replace_allowed: bool = True
    amend_allowed: bool = True
    pegging_allowed: bool = True
    spot_allowed: bool = True
    #: An account needs at least one permission of each set.
    permission_sets: tuple[frozenset[str], ...] = ()
    default_stp_mode: str = "NONE"
    stp_modes: tuple[str, ...] = ()

    @classmethod
    def from_exchange_info(cls, symbol: Mapping[str, Any]) -> "SymbolRules":
        """Parse one element of exchangeInfo's ``symbols``.

        Raises SymbolRulesError, naming the symbol, when a field is missing or not a number.
        """
        try:
            return cls(
                symbol=symbol["symbol"],
                status=symbol["status"],
                base_asset=symbol["baseAsset"],
                quote_asset=symbol["quoteAsset"],
                base_precision=int(symbol["baseAssetPrecision"]),
                quote_precision=int(symbol["quoteAssetPrecision"]),
                order_types=frozenset(symbol["orderTypes"]),
                **read_filters(symbol["filters"]),
                **read_flags(symbol),
            )
        except KeyError as error:
            raise SymbolRulesError(f"exchangeInfo of {_symbol_name(symbol)}: field {error} is missing") from None
        except (TypeError, ValueError, InvalidOperation) as error:
            raise SymbolRulesError(f"exchangeInfo of {_symbol_name(symbol)}: {error}") from None

    def may_trade(self, permissions: Collection[str]) -> bool:
        """Whether an account with these permissions may trade the symbol on Spot."""
        return self.spot_allowed and all(not wanted.isdisjoint(permissions) for wanted in self.permission_sets)

    def quantize_price(self, price: Decimal, rounding: str) -> Decimal:
        """Return ``price`` rounded to the tick size with a rounding mode of ``decimal``."""
        return _round_to_step(price, self.tick_size, rounding)

    def quantize_quantity(self, quantity: Decimal, *, market: bool = False) -> Decimal:
        """Return ``quantity`` rounded down to LOT_SIZE's step; with ``market`` also to MARKET_LOT_SIZE's."""
        cut = _round_to_step(quantity, self.step_size, ROUND_DOWN)
        return _round_to_step(cut, self.market_step_size, ROUND_DOWN) if market else cut

    def violation(
        self,
        *,
        side: str,
        order_type: str,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        quote_quantity: Decimal | None = None,
        iceberg_quantity: Decimal | None = None,
        trailing_delta: int | None = None,
        reference_price: Decimal | None = None,
        open_orders: int = 0,
        open_algo_orders: int = 0,
        open_iceberg_orders: int = 0,
        position: Decimal | None = None,
    ) -> str | None:
        """Return the first filter that the order violates, in exchangeInfo's order, or None.

        ``reference_price`` is the reference price, else the average over ``average_price_minutes`` (0: the
        last price); without it the rules that need it are left to the exchange. The counts exclude this order.
        ``position`` is the base asset held plus open buy orders (without it MAX_POSITION is left to the
        exchange). A stop order without a limit price is valued at its stop price.
        """
        if self._violates_price_filter(price) or self._violates_price_filter(stop_price):
            return "PRICE_FILTER"
        if name := self._quantity_violation(order_type, quantity, iceberg_quantity, quote_quantity, reference_price):
            return name
        if trailing_delta is not None and self._violates_trailing_delta(side, order_type, trailing_delta):
            return "TRAILING_DELTA"
        if price is not None and reference_price is not None:
            if (self.multiplier_up or self.multiplier_down) and _outside_multipliers(
                price, reference_price, self.multiplier_up, self.multiplier_down
            ):
                return "PERCENT_PRICE"
            if self._violates_percent_price_by_side(side, price, reference_price):
                return "PERCENT_PRICE_BY_SIDE"
        value = _notional(quantity, price or stop_price or reference_price, quote_quantity)
        if value is not None and self._violates_notional(value, order_type == "MARKET"):
            return self.notional_filter
        if name := self._count_violation(
            order_type, bool(iceberg_quantity), open_orders, open_algo_orders, open_iceberg_orders
        ):
            return name
        if self.max_position and side == "BUY" and position is not None and quantity is not None:
            return "MAX_POSITION" if position + quantity > self.max_position else None
        return None

    def list_violation(self, *, open_order_lists: int) -> str | None:
        """Return MAX_NUM_ORDER_LISTS when one more order list on the symbol would be too many, else None."""
        too_many = self.max_order_lists and open_order_lists >= self.max_order_lists
        return "MAX_NUM_ORDER_LISTS" if too_many else None

    def amend_violation(self, *, amends: int) -> str | None:
        """Return MAX_NUM_ORDER_AMENDS when an order amended this often may not be amended again, else None."""
        return "MAX_NUM_ORDER_AMENDS" if self.max_amends and amends >= self.max_amends else None

    def _violates_price_filter(self, price: Decimal | None) -> bool:
        return price is not None and _violates_range(price, self.min_price, self.max_price, self.tick_size)

    def _quantity_violation(
        self,
        order_type: str,
        quantity: Decimal | None,
        iceberg: Decimal | None,
        quote: Decimal | None,
        reference: Decimal | None,
    ) -> str | None:
        if quantity is None:
            # By quote amount: the quantity is known only once it fills, so its current value is bounded.
            maximum = self.market_max_quantity
            return "MARKET_LOT_SIZE" if quote and reference and maximum and quote > maximum * reference else None
        if _violates_range(quantity, self.min_quantity, self.max_quantity, self.step_size):
            return "LOT_SIZE"
        if iceberg:
            if _violates_range(iceberg, self.min_quantity, self.max_quantity, self.step_size):
                return "LOT_SIZE"
            if self.max_iceberg_parts and quantity > iceberg * self.max_iceberg_parts:
                return "ICEBERG_PARTS"
        if order_type == "MARKET" and _violates_range(
            quantity, self.market_min_quantity, self.market_max_quantity, self.market_step_size
        ):
            return "MARKET_LOT_SIZE"
        return None

    def _violates_trailing_delta(self, side: str, order_type: str, delta: int) -> bool:
        above = (order_type in _STOP_LOSSES) == (side == "BUY")
        minimum, maximum = (
            (self.min_trailing_above, self.max_trailing_above)
            if above
            else (self.min_trailing_below, self.max_trailing_below)
        )
        return delta < minimum or bool(maximum and delta > maximum)

    def _violates_percent_price_by_side(self, side: str, price: Decimal, reference: Decimal) -> bool:
        if side == "BUY":
            return _outside_multipliers(price, reference, self.bid_multiplier_up, self.bid_multiplier_down)
        return _outside_multipliers(price, reference, self.ask_multiplier_up, self.ask_multiplier_down)

    def _violates_notional(self, value: Decimal, market: bool) -> bool:
        below = bool(self.min_notional) and value < self.min_notional
        above = bool(self.max_notional) and value > self.max_notional
        if market:
            return (below and self.min_notional_on_market) or (above and self.max_notional_on_market)
        return below or above

    def _count_violation(self, order_type: str, iceberg: bool, orders: int, algos: int, icebergs: int) -> str | None:
        if self.max_orders and orders >= self.max_orders:
            return "MAX_NUM_ORDERS"
        if self.max_algo_orders and order_type in ALGO_TYPES and algos >= self.max_algo_orders:
            return "MAX_NUM_ALGO_ORDERS"
        if self.max_iceberg_orders and iceberg and icebergs >= self.max_iceberg_orders:
            return "MAX_NUM_ICEBERG_ORDERS"
        return None


def _symbol_name(symbol: Mapping[str, Any]) -> str:
    return str(symbol.get("symbol", "a symbol without a name"))


def _round_to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if not step:
        return value
    return (value / step).to_integral_value(rounding) * step


def _violates_range(value: Decimal, minimum: Decimal, maximum: Decimal, step: Decimal) -> bool:
    if (minimum and value < minimum) or (maximum and value > maximum):
        return True
    return bool(step) and not _is_on_step(value, step)


def _is_on_step(value: Decimal, step: Decimal) -> bool:
    try:
        return value % step == 0
    except InvalidOperation:
        # More steps than a Decimal counts: no exchange takes such a figure.
        return False


def _outside_multipliers(price: Decimal, reference: Decimal, up: Decimal, down: Decimal) -> bool:
    return (bool(up) and price > reference * up) or (bool(down) and price < reference * down)


def _notional(quantity: Decimal | None, price: Decimal | None, quote: Decimal | None) -> Decimal | None:
    if quote is not None:
        return quote
    return quantity * price if quantity is not None and price is not None else None
