"""Ledger events and records as JSON values, and back, through pydantic's adapters for their dataclasses.

Decimals become strings and records objects; a field that has its default is left out.
"""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from cq_tui.simulator.engine.ledger_events import EVENT_TYPES, LedgerEvent
from cq_tui.store.document import describe_validation_error

T = TypeVar("T")
JsonObject = dict[str, object]
_TYPE_BY_NAME = {kind.__name__: kind for kind in EVENT_TYPES}


class LedgerFormatError(ValueError):
    """A JSON value that is no event or record of the ledger; the message names type, field and problem."""


class _Adapters(dict[type[Any], TypeAdapter[Any]]):
    """The adapter of each type, built on first use: building all takes tens of milliseconds."""

    def __missing__(self, kind: type[Any]) -> TypeAdapter[Any]:
        self[kind] = TypeAdapter(kind)
        return self[kind]


_ADAPTERS = _Adapters()


def encode_record(record: Any) -> JsonObject:
    """Return a record as JSON values."""
    encoded: JsonObject = _ADAPTERS[type(record)].serializer.to_python(record, mode="json", exclude_defaults=True)
    return encoded


def decode_record(kind: type[T], raw: object) -> T:
    """Return the record that ``raw`` encodes; unknown fields are ignored. Raises LedgerFormatError."""
    try:
        record: T = _ADAPTERS[kind].validator.validate_python(raw)
    except ValidationError as error:
        raise LedgerFormatError(f"{kind.__name__}: {describe_validation_error(error)}") from None
    return record


def encode_event(event: LedgerEvent) -> JsonObject:
    """Return an event as JSON values with its type under ``fact``."""
    return {"fact": type(event).__name__, **encode_record(event)}


def decode_event(raw: dict[str, Any]) -> LedgerEvent:
    """Return the event that ``raw`` encodes. Raises LedgerFormatError."""
    kind = _TYPE_BY_NAME.get(str(raw.get("fact")))
    if kind is None:
        raise LedgerFormatError(f"unknown event type {raw.get('fact')!r}")
    return decode_record(kind, raw)
