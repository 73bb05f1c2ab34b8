"""The simulated symbols: how each one trades, and its exchangeInfo entry."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

#: Quote assets for splitting an unknown symbol into base and quote, longest first.
QUOTE_ASSETS = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")
#: Decimals of assets. Tick size × step size has no more, so neither does price × quantity.
PRECISION = 8
ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
STP_MODES = ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
DEFAULT_STP_MODE = "EXPIRE_MAKER"


class UnknownSymbolError(ValueError):
    """A symbol that the simulated exchange does not know and cannot generate."""


@dataclass(frozen=True, slots=True)
class MarketSymbol:
    """One symbol of the simulated market.

    ``volatility`` multiplies the market's base volatility, ``beta`` is the market factor's share of it,
    ``spread_bp`` the typical spread in basis points, ``touch_notional`` the quote amount at the best price.
    """

    base_asset: str
    quote_asset: str
    start_price: float
    tick_size: Decimal
    step_size: Decimal
    volatility: float = 1.0
    beta: float = 0.6
    spread_bp: float = 1.0
    best_level_notional: float = 10_000.0

    @property
    def symbol(self) -> str:
        """The name, for instance BTCUSDT."""
        return self.base_asset + self.quote_asset

    def exchange_info(self, status: str = "TRADING") -> dict[str, Any]:
        """Return the symbol's entry in exchangeInfo's ``symbols``; it lists only what the engine supports."""
        return {
            "symbol": self.symbol,
            "status": status,
            "baseAsset": self.base_asset,
            "baseAssetPrecision": PRECISION,
            "quoteAsset": self.quote_asset,
            "quotePrecision": PRECISION,
            "quoteAssetPrecision": PRECISION,
            "baseCommissionPrecision": PRECISION,
            "quoteCommissionPrecision": PRECISION,
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": True,
            "ocoAllowed": True,
            "otoAllowed": True,
            "opoAllowed": True,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self._filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": DEFAULT_STP_MODE,
            "allowedSelfTradePreventionModes": list(STP_MODES),
        }

    def _filters(self) -> list[dict[str, Any]]:
        tick, step = self.tick_size, self.step_size
        top = tick * 10 ** max(8, math.ceil(math.log10(self.start_price / float(tick))) + 1)
        most = step * 10**9
        market_most = step * int(400 * self.best_level_notional / self.start_price / float(step))
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": format_amount(tick),
                "maxPrice": format_amount(top),
                "tickSize": format_amount(tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": format_amount(step),
                "maxQty": format_amount(most),
                "stepSize": format_amount(step),
            },
            {"filterType": "ICEBERG_PARTS", "limit": 100},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": format_amount(Decimal(0)),
                "maxQty": format_amount(market_most),
                "stepSize": format_amount(Decimal(0)),
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
        ]


def format_amount(value: Decimal) -> str:
    """Format an amount like Binance: plain digits, 8 decimals."""
    return f"{value:.8f}" if value else "0.00000000"


def _symbol(
    base: str, price: float, tick: str, step: str, volatility: float, beta: float, spread_bp: float, touch: float
) -> MarketSymbol:
    return MarketSymbol(base, "USDT", price, Decimal(tick), Decimal(step), volatility, beta, spread_bp, touch)


_KNOWN = (
    _symbol("BTC", 67_400.0, "0.01", "0.00001", 0.94, 0.85, 0.1, 90_000),
    _symbol("ETH", 3_500.0, "0.01", "0.0001", 1.0, 0.8, 0.2, 60_000),
    _symbol("BNB", 585.0, "0.001", "0.001", 0.92, 0.65, 0.4, 20_000),
    _symbol("SOL", 152.0, "0.001", "0.001", 1.08, 0.65, 0.5, 25_000),
    _symbol("XRP", 0.5245, "0.00001", "0.1", 1.0, 0.6, 0.7, 20_000),
    _symbol("ADA", 0.4482, "0.00001", "0.1", 1.02, 0.65, 0.9, 12_000),
    _symbol("DOGE", 0.1587, "0.000001", "1", 1.1, 0.6, 0.8, 16_000),
    _symbol("AVAX", 35.6, "0.001", "0.01", 1.08, 0.65, 1.0, 10_000),
    _symbol("DOT", 7.12, "0.0001", "0.01", 1.02, 0.65, 1.2, 8_000),
    _symbol("LINK", 17.35, "0.0001", "0.01", 1.04, 0.6, 1.0, 10_000),
    _symbol("LTC", 83.4, "0.001", "0.001", 0.96, 0.6, 1.0, 10_000),
    _symbol("TRX", 0.1128, "0.000001", "0.1", 0.9, 0.5, 1.2, 9_000),
    _symbol("ATOM", 8.57, "0.0001", "0.01", 1.02, 0.6, 1.5, 6_000),
    _symbol("NEAR", 7.41, "0.0001", "0.1", 1.1, 0.6, 1.8, 6_000),
)
KNOWN_SYMBOLS: dict[str, MarketSymbol] = {entry.symbol: entry for entry in _KNOWN}
DEFAULT_SYMBOLS: tuple[str, ...] = tuple(KNOWN_SYMBOLS)


def market_symbol(name: str) -> MarketSymbol:
    """Return a known symbol, or for an unknown base asset one that trades near 10 quote units.

    Raises UnknownSymbolError if the name has no known quote asset.
    """
    if (known := KNOWN_SYMBOLS.get(name)) is not None:
        return known
    return symbol_at_price(name, 10.0)


def symbol_at_price(name: str, price: float, tick_size: Decimal | None = None) -> MarketSymbol:
    """Return ``name`` trading near ``price``, with suitable tick and step sizes unless the tick size is given."""
    base, quote = split_symbol(name)
    known = KNOWN_SYMBOLS.get(name)
    tick = tick_size or Decimal(10) ** max(-PRECISION, math.floor(math.log10(price)) - 4)
    # A step is worth about 0.1 to 1 quote unit, and tick × step has at most 8 decimals.
    step = max(Decimal(10) ** min(0, -math.floor(math.log10(price)) - 1), Decimal(1).scaleb(-PRECISION) / tick)
    if known is None:
        return MarketSymbol(base, quote, price, tick, step)
    return MarketSymbol(
        base, quote, price, tick, max(step, known.step_size), known.volatility, known.beta,
        known.spread_bp, known.best_level_notional,
    )  # fmt: skip


def recorded_symbol(name: str, price: float, decimals: int, volume_decimals: int) -> MarketSymbol:
    """Return a symbol whose recorded prices, near ``price``, and volumes have so many decimals."""
    entry = symbol_at_price(name, price, Decimal(1).scaleb(-decimals))
    recorded = Decimal(1).scaleb(-min(volume_decimals, PRECISION - decimals))
    return replace(entry, start_price=price, step_size=min(entry.step_size, recorded))


def split_symbol(name: str) -> tuple[str, str]:
    """Split a symbol into base and quote asset. Raises UnknownSymbolError."""
    for quote in QUOTE_ASSETS:
        if name.endswith(quote) and len(name) > len(quote):
            return name.removesuffix(quote), quote
    raise UnknownSymbolError(
        f"symbol {name!r} has no known quote asset; it must end in one of {', '.join(QUOTE_ASSETS)}"
    )
