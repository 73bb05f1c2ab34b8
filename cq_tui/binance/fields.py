"""Typed access to the fields of Binance's JSON, and decimals formatted for its requests."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cq_tui.binance.errors import MalformedMessage

#: A request parameter: strings are sent as they are, integers as digits, booleans as true/false.
Param = str | int | bool


def shorten_value(value: object) -> str:
    """Return a value's repr, shortened for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Fields:
    """One JSON object with typed access; unknown fields are ignored.

    Every getter raises MalformedMessage, naming the field, when it is missing or has another type.
    """

    __slots__ = ("raw", "subject")

    def __init__(self, raw: object, subject: str) -> None:
        # It is almost always a dict, and the check against the abstract class is slow.
        if not isinstance(raw, dict) and not isinstance(raw, Mapping):
            raise MalformedMessage(subject, "(whole)", f"is {shorten_value(raw)}; expected a JSON object")
        self.raw: Mapping[str, Any] = raw
        self.subject = subject

    def field_error(self, name: str, expected: str) -> MalformedMessage:
        """Return the error for a field that is missing or not what was expected."""
        if name not in self.raw:
            return MalformedMessage(self.subject, name, f"is missing; expected {expected}")
        return MalformedMessage(self.subject, name, f"is {shorten_value(self.raw[name])}; expected {expected}")

    def text(self, name: str) -> str:
        """Return a string."""
        value = self.raw.get(name)
        if not isinstance(value, str):
            raise self.field_error(name, "a string")
        return value

    def integer(self, name: str) -> int:
        """Return an integer (id, count, milliseconds)."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.field_error(name, "an integer")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.raw.get(name)
        if not isinstance(value, bool):
            raise self.field_error(name, "true or false")
        return value

    def decimal(self, name: str) -> Decimal:
        """Return a finite decimal, which the exchange sends as a string."""
        value = self.raw.get(name)
        if isinstance(value, str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                raise self.field_error(name, "a decimal string") from None
            if number.is_finite():
                return number
        raise self.field_error(name, "a decimal string")

    def decimal_or_zero(self, name: str) -> Decimal:
        """Return a decimal; zero when the field is absent."""
        return self.decimal(name) if name in self.raw else Decimal(0)

    def integer_or(self, name: str, default: int) -> int:
        """Return an integer, or the default when the field is absent."""
        return self.integer(name) if name in self.raw else default

    def text_or(self, name: str, default: str) -> str:
        """Return a string, or the default when the field is absent or null."""
        return default if self.raw.get(name) is None else self.text(name)

    def array(self, name: str) -> list[Any]:
        """Return an array."""
        value = self.raw.get(name)
        if not isinstance(value, list):
            raise self.field_error(name, "an array")
        return value

    def nested(self, name: str) -> "Fields":
        """Return a nested object."""
        if name not in self.raw:
            raise self.field_error(name, "an object")
        return Fields(self.raw[name], f"{self.subject}.{name}")


def require_list(raw: object, subject: str) -> list[Any]:
    """Return the response as a list. Raises MalformedMessage when it is not one."""
    if not isinstance(raw, list):
        raise MalformedMessage(subject, "(whole)", f"is {shorten_value(raw)}; expected an array")
    return raw


def format_decimal(value: Decimal) -> str:
    """Return a price or quantity as exact plain digits, never with an exponent.

    Raises ValueError for what the exchange cannot parse: negative, infinite or NaN.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is not a Decimal; prices and quantities are sent exactly")
    if not value.is_finite() or value < 0:
        raise ValueError(f"{value} cannot be a price or a quantity")
    return format(value.copy_abs(), "f")  # abs() would round to 28 digits
