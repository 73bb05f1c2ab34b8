"""Reading typed fields out of the exchange's JSON, and writing decimals as it wants them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from cq_tui.binance.errors import MalformedMessage


def shorten_value(value: object) -> str:
    """Return a value as an error message shows it: short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Fields:
    """One JSON object with typed access; unknown fields are ignored.

    Every getter raises MalformedMessage, naming the field, when it is missing or of another type.
    """

    __slots__ = ("raw", "subject")

    def __init__(self, raw: object, subject: str) -> None:
        if not isinstance(raw, Mapping):
            raise MalformedMessage(subject, "(whole)", f"is {shorten_value(raw)}, a JSON object is needed")
        self.raw: Mapping[str, Any] = raw
        self.subject = subject

    def field_error(self, name: str, wanted: str) -> MalformedMessage:
        """Return the error for a field that is missing or holds something else than wanted."""
        if name not in self.raw:
            return MalformedMessage(self.subject, name, f"is missing, {wanted} is needed")
        return MalformedMessage(self.subject, name, f"is {shorten_value(self.raw[name])}, {wanted} is needed")

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.raw.get(name)
        if not isinstance(value, str):
            raise self.field_error(name, "a text")
        return value

    def integer(self, name: str) -> int:
        """Return a whole number (ids, counts, milliseconds)."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.field_error(name, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.raw.get(name)
        if not isinstance(value, bool):
            raise self.field_error(name, "true or false")
        return value

    def decimal(self, name: str) -> Decimal:
        """Return a finite decimal, which the exchange sends as text."""
        value = self.raw.get(name)
        if isinstance(value, str):
            try:
                number = Decimal(value)
            except InvalidOperation:
                raise self.field_error(name, "a decimal as text") from None
            if number.is_finite():
                return number
        raise self.field_error(name, "a decimal as text")

    def decimal_or_zero(self, name: str) -> Decimal:
        """Return a decimal of a field that may be absent, which means zero."""
        return self.decimal(name) if name in self.raw else Decimal(0)

    def integer_or(self, name: str, default: int) -> int:
        """Return a whole number of a field that may be absent."""
        return self.integer(name) if name in self.raw else default

    def text_or(self, name: str, default: str) -> str:
        """Return a text of a field that may be absent or null."""
        return default if self.raw.get(name) is None else self.text(name)

    def array(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.raw.get(name)
        if not isinstance(value, list):
            raise self.field_error(name, "a list")
        return value

    def nested(self, name: str) -> "Fields":
        """Return an object within this one."""
        if name not in self.raw:
            raise self.field_error(name, "an object")
        return Fields(self.raw[name], f"{self.subject}.{name}")


def require_list(raw: object, subject: str) -> list[Any]:
    """Return the answer as a list. Raises MalformedMessage when it is something else."""
    if not isinstance(raw, list):
        raise MalformedMessage(subject, "(whole)", f"is {shorten_value(raw)}, a list is needed")
    return raw


def format_decimal(value: Decimal) -> str:
    """Return a price or quantity as exact plain digits, never with an exponent.

    Raises ValueError for what the exchange would not read: negative, infinite or NaN.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is no Decimal: prices and quantities are sent exactly")
    if not value.is_finite() or value < 0:
        raise ValueError(f"{value} cannot be a price or a quantity")
    return format(value.copy_abs(), "f")  # abs() would round to 28 digits
