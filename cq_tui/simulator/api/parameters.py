"""Request parameters: text in, typed values out, with the exchange's own words for what is wrong."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import orjson

from cq_tui.simulator.errors import ApiError, mandatory

_DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_MAX_DECIMALS = 8
_MAX_SYMBOLS = 100
_LIST = re.compile(r'^\[("[^"]*"(,"[^"]*")*)?\]$')


def read_form(query: bytes, body: bytes = b"") -> "Parameters":
    """Read query string and form body; of a name in both, the query counts. Raises ApiError -1101."""
    values: dict[str, str] = {}
    for part in (body, query):
        pairs = parse_qsl(part.decode("utf-8", "replace"), keep_blank_values=True)
        if len({name for name, _ in pairs}) != len(pairs):
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        values.update(pairs)
    return Parameters(values)


class Parameters:
    """The parameters of one request."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def optional(self, name: str) -> str | None:
        """Return a parameter's text, None when it was not sent. Raises ApiError when it is empty."""
        value = self._values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """Return a parameter that has to be there."""
        value = self._values.get(name)
        if not value:
            raise mandatory(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Return a decimal parameter: plain digits, at most 8 of them after the point."""
        value = self.optional(name)
        if value is None:
            return None
        if re.match(_DECIMAL, value) is None:
            raise _illegal(name, _DECIMAL)
        if len(value.partition(".")[2].rstrip("0")) > _MAX_DECIMALS:
            raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """Return a whole number that is not negative."""
        value = self.optional(name)
        if value is None:
            return None
        if re.match(_INTEGER, value) is None:
            raise _illegal(name, _INTEGER)
        return int(value)

    def time(self, name: str) -> int | None:
        """Return a time in Unix ms; it may have been sent in microseconds."""
        value = self.integer(name)
        return value // 1_000 if value is not None and value >= 100_000_000_000_000 else value

    def limit(self, default: int, most: int) -> int:
        """Return ``limit``, cut to what the endpoint gives at most."""
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise ApiError(-1102, "Mandatory parameter 'limit' was not sent, was empty/null, or malformed.")
        return min(value, most)

    def choice(self, name: str, allowed: Iterable[str], error: ApiError) -> str:
        """Return a parameter that has to be one of ``allowed``; anything else raises ``error``."""
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
            raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value.lower() == "true"

    def symbol(self, known: Mapping[str, Any]) -> str:
        """Return the symbol, which has to be one of the exchange's."""
        value = self.text("symbol")
        if value not in known:
            raise ApiError(-1121, "Invalid symbol.")
        return value

    def symbols(self, known: Mapping[str, Any]) -> list[str] | None:
        """Return ``symbols`` (JSON text), None when not sent; ``symbol`` and ``symbols`` exclude each other."""
        value = self.optional("symbols")
        if value is None:
            return None
        if "symbol" in self:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if _LIST.match(value.replace(" ", "")) is None:
            raise ApiError(-1135, "JSON sent for parameter 'symbols' is not valid")
        names = [str(name) for name in orjson.loads(value)]
        if len(names) > _MAX_SYMBOLS:
            raise ApiError(
                -1101, f"Too many values sent for parameter 'symbols', maximum allowed up to {_MAX_SYMBOLS}."
            )
        if len(set(names)) != len(names):
            raise ApiError(-1151, "Symbol is present multiple times in the list.")
        if any(name not in known for name in names):
            raise ApiError(-1121, "Invalid symbol.")
        return names


def _illegal(name: str, pattern: str) -> ApiError:
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")
