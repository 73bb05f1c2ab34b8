"""The order of texts in a column: numbers by their value and unit, all else by its letters, what is missing last."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from cq_tui.ops.formatting import MINUS, NO_VALUE

Item = TypeVar("Item")

_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")
#: Factors of units that stand behind numbers.
_UNITS = {
    "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "days": 86_400.0,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "B": 1.0,
}  # fmt: skip
_MISSING = 2
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")


def number_in(text: str) -> float | None:
    """Return the number that a text begins with, in the smallest of its units; None if it begins with none."""
    plain = text.strip().replace(MINUS, "-")
    match = _NUMBER.match(plain)
    if match is None or _CLOCK.match(plain):
        return None
    unit = plain[match.end() :].split(maxsplit=1)[:1]
    return float(match[0].replace(",", "")) * _UNITS.get(unit[0] if unit else "", 1.0)


def sort_key(text: str) -> tuple[int, float, str]:
    """Return by what a text is sorted."""
    stripped = text.strip()
    if stripped in ("", NO_VALUE):
        return _MISSING, 0.0, ""
    number = number_in(stripped)
    return (1, 0.0, stripped.casefold()) if number is None else (0, number, "")


def sort_by_text(items: Iterable[Item], text_of: Callable[[Item], str], *, reverse: bool) -> list[Item]:
    """Return items in the order of their texts; those without a value stay last also in reverse."""
    keyed = [(sort_key(text_of(item)), item) for item in items]
    known = sorted((pair for pair in keyed if pair[0][0] < _MISSING), key=lambda pair: pair[0], reverse=reverse)
    return [item for _, item in [*known, *(pair for pair in keyed if pair[0][0] == _MISSING)]]
