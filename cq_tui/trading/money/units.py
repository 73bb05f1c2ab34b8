"""Money has one unit: what cannot be counted in it is not opened."""

from cq_tui.binance.filters import SymbolRules


def unit_fault(rules: SymbolRules, quote: str) -> str | None:
    """Return why a symbol cannot be traded with money counted in ``quote`` (TRADER_QUOTE), or None."""
    if rules.quote_asset == quote:
        return None
    return (
        f"{rules.symbol} is priced in {rules.quote_asset}, but money is counted in {quote}:"
        f" remove it from SYMBOLS, or set TRADER_QUOTE to {rules.quote_asset}"
    )
