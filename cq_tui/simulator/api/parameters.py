"""Request parameters: text in, typed values out, errors in the exchange's wording."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import orjson

from cq_tui.simulator.errors import RequestRejected, missing_parameter

DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_is_decimal = re.compile(DECIMAL_PATTERN).fullmatch
_is_integer = re.compile(_INTEGER).fullmatch
_LARGEST_INTEGER = 2**63 - 1
_MAX_DECIMALS = 8
_MAX_SYMBOLS = 100
_SYMBOL = r"[\w\-._&&[^a-z]]{1,50}"  # as in its error text; "&&" intersects character classes in its regex dialect
_SYMBOLS = rf'^\[("{_SYMBOL}"(,"{_SYMBOL}"){{0,}}){{0,1}}\]$'
_NAME = r"(?:(?![a-z])[\w\-.]){1,50}"
_is_symbol = re.compile(_NAME).fullmatch
_is_list = re.compile(rf'\[("{_NAME}"(,"{_NAME}")*)?\]').fullmatch


def read_form(query: bytes, body: bytes = b"") -> "Parameters":
    """Read query string and form body; the query wins for a name in both. Raises RequestRejected -1101."""
    values = _read_part(query)
    if body:
        values = _read_part(body) | values
    return Parameters(values)


def _read_part(part: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    if not part:
        return values
    for pair in part.decode("utf-8", "replace").split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, value = unquote_plus(name), unquote_plus(value)
        if name in values:
            raise RequestRejected(-1101, "Duplicate values for a parameter detected.")
        values[name] = value
    return values


class Parameters:
    """The parameters of one request."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def values(self) -> Mapping[str, str]:
        """All parameters as received."""
        return self._values

    def raw(self, name: str) -> str:
        """Return a parameter's text as received, empty when it was not sent."""
        return self._values.get(name, "")

    def optional(self, name: str) -> str | None:
        """Return a parameter's text, None when it was not sent. Raises RequestRejected -1105 when it is empty."""
        value = self._values.get(name)
        if value == "":
            raise empty_parameter(name)
        return value

    def text(self, name: str) -> str:
        """Return a mandatory parameter. Raises RequestRejected -1102."""
        value = self._values.get(name)
        if not value:
            raise missing_parameter(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Return a decimal parameter: plain digits, at most 8 after the decimal point."""
        value = self.optional(name)
        if value is None:
            return None
        if _is_decimal(value) is None:
            raise illegal_characters(name, DECIMAL_PATTERN)
        if len(value.partition(".")[2].rstrip("0")) > _MAX_DECIMALS:
            raise RequestRejected(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """Return a non-negative integer."""
        value = self.optional(name)
        if value is None:
            return None
        if _is_integer(value) is None:
            raise illegal_characters(name, _INTEGER)
        number = int(value)
        if number > _LARGEST_INTEGER:
            raise RequestRejected(-1108, f"Parameter '{name}' overflowed.")
        return number

    def time(self, name: str) -> int | None:
        """Return a time in Unix ms; clients may send microseconds."""
        value = self.integer(name)
        return value // 1_000 if value is not None and value >= 100_000_000_000_000 else value

    def limit(self, default: int, maximum: int) -> int:
        """Return ``limit``, capped at ``maximum``. Raises RequestRejected -1102 below 1."""
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise missing_parameter("limit")
        return min(value, maximum)

    def choice(self, name: str, allowed: Iterable[str], error: RequestRejected) -> str:
        """Return a mandatory parameter that must be one of ``allowed``; otherwise raises ``error``."""
        value = self.text(name)
        if value not in allowed:
            raise error
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean, written true or false."""
        value = self.optional(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise invalid_value(name)
        return value.lower() == "true"

    def symbol(self, known: Mapping[str, Any]) -> str:
        """Return ``symbol``, which must be listed. Raises RequestRejected."""
        value = self.text("symbol")
        if value not in known:
            raise unknown_symbol(value)
        return value

    def symbols(self, known: Mapping[str, Any]) -> list[str] | None:
        """Return ``symbols`` (a JSON array), None when it was not sent; it excludes ``symbol``."""
        value = self.optional("symbols")
        if value is None:
            return None
        if "symbol" in self:
            raise invalid_combination()
        names = _names(value)
        if len(names) > _MAX_SYMBOLS:
            raise RequestRejected(
                -1101, f"Too many values sent for parameter 'symbols', maximum allowed up to {_MAX_SYMBOLS}."
            )
        if len(set(names)) != len(names):
            raise RequestRejected(-1151, "Symbol is present multiple times in the list.")
        if any(name not in known for name in names):
            raise RequestRejected(-1121, "Invalid symbol.")
        return names


def unknown_symbol(value: str) -> RequestRejected:
    """The error for a symbol that is not listed, or for text that cannot be a symbol."""
    return (
        RequestRejected(-1121, "Invalid symbol.") if _is_symbol(value) else illegal_characters("symbol", f"^{_SYMBOL}$")
    )


def _names(value: str) -> list[str]:
    """Read a JSON array of strings; like the exchange, treats spaces as illegal characters."""
    if _is_list(value) is None:
        raise illegal_characters("symbols", _SYMBOLS)
    return [str(name) for name in orjson.loads(value)]


def empty_parameter(name: str) -> RequestRejected:
    """A parameter that was sent without a value."""
    return RequestRejected(-1105, f"Parameter '{name}' was empty.")


def invalid_value(name: str) -> RequestRejected:
    """A parameter whose value is not one of those allowed."""
    return RequestRejected(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_combination() -> RequestRejected:
    """Optional parameters that exclude each other."""
    return RequestRejected(-1128, "Combination of optional parameters invalid.")


def either_required(first: str, second: str) -> RequestRejected:
    """Two parameters of which at least one is required."""
    return RequestRejected(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal_characters(name: str, pattern: str) -> RequestRejected:
    """A parameter with characters that ``pattern`` does not allow."""
    return RequestRejected(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")
