"""Request weight by parameters. Nothing is rejected here: a malformed request costs what a simple one does."""

from collections.abc import Callable

from cq_tui.simulator.api.parameters import Parameters

Weight = Callable[[Parameters], int]


def fixed(weight: int) -> Weight:
    """Return a constant weight."""
    return lambda parameters: weight


def with_or_without(name: str, present: int, absent: int) -> Weight:
    """Return a weight that depends on whether a parameter was sent."""
    return lambda parameters: present if name in parameters else absent


def per_symbol(weight: int, maximum: int) -> Weight:
    """Return a weight per symbol, capped at ``maximum``, which is also the weight of all symbols."""
    return lambda parameters: min(maximum, weight * _symbols(parameters)) or maximum


def depth(parameters: Parameters) -> int:
    """Return the weight of an order book by its ``limit``."""
    text = parameters.raw("limit")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 100
    return next((weight for levels, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= levels), 250)


def day_ticker(parameters: Parameters) -> int:
    """Return the weight of 24 h tickers by the number of symbols."""
    count = _symbols(parameters)
    return 80 if not count or count > 100 else 2 if count <= 20 else 40


def order_test(parameters: Parameters) -> int:
    """Return the weight of a test order, which is higher with commission rates."""
    return 20 if parameters.raw("computeCommissionRates") == "true" else 1


def _symbols(parameters: Parameters) -> int:
    """Return how many symbols are requested; 0 means all."""
    if "symbol" in parameters:
        return 1
    names = parameters.raw("symbols")
    return names.count(",") + 1 if names else 0
