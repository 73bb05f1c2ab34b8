"""What a request weighs, by its parameters. Nothing is refused here: a malformed request weighs as a simple one."""

from collections.abc import Callable

from cq_tui.simulator.api.parameters import Parameters

Weight = Callable[[Parameters], int]


def fixed(weight: int) -> Weight:
    """Return a weight that is always the same."""
    return lambda parameters: weight


def with_or_without(name: str, present: int, absent: int) -> Weight:
    """Return a weight that depends on whether a parameter is there."""
    return lambda parameters: present if name in parameters else absent


def per_symbol(weight: int, most: int) -> Weight:
    """Return a weight for each symbol, ``most`` when none is named."""
    return lambda parameters: min(most, weight * _symbols(parameters)) or most


def depth(parameters: Parameters) -> int:
    """Return what a book of so many levels weighs."""
    text = parameters.raw("limit")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def day_ticker(parameters: Parameters) -> int:
    """Return what the 24 h statistics of so many symbols weigh."""
    count = _symbols(parameters)
    return 80 if not count or count > 100 else 2 if count <= 20 else 40


def order_test(parameters: Parameters) -> int:
    """Return what a test order weighs, with commission rates or without."""
    return 20 if parameters.raw("computeCommissionRates") == "true" else 1


def _symbols(parameters: Parameters) -> int:
    """Return how many symbols are named, 0 for none, which means all."""
    if "symbol" in parameters:
        return 1
    names = parameters.raw("symbols")
    return names.count(",") + 1 if names else 0
