"""Money has one unit: what cannot be counted in it, or cannot be valued, is not opened."""

from decimal import Decimal

from cq_tui.binance.filters import SymbolRules


def unit_fault(rules: SymbolRules, quote: str) -> str | None:
    """Return why a symbol cannot be traded with money counted in ``quote`` (TRADER_QUOTE), or None."""
    if rules.quote_asset == quote:
        return None
    return (
        f"{rules.symbol} is priced in {rules.quote_asset}, but money is counted in {quote}:"
        f" remove it from SYMBOLS, or set TRADER_QUOTE to {rules.quote_asset}"
    )


def value_fault(symbol: str, bid: Decimal | None) -> str | None:
    """Return why own coins of a symbol could not be valued now, or None."""
    return None if bid else f"{symbol} has no best bid: what cannot be valued is not opened"
