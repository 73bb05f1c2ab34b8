"""From float, as JSON files and settings hold numbers, to Decimal, as orders need them: the only conversion."""

from decimal import Decimal


def to_decimal(number: float) -> Decimal:
    """Return the shortest decimal that reads back as ``number``."""
    return Decimal(repr(float(number)))
