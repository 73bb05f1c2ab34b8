"""Facts and records as JSON values and back, by functions made once for each kind.

Decimals become text and records objects; a field that has its default is left out.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from typing import Any, TypeVar, get_type_hints

from cq_tui.simulator.engine.ledger_events import EVENT_TYPES, LedgerEvent
from cq_tui.simulator.engine.orders import Amendment, AssetBalance, EngineOrder, EngineOrderList, PreventedMatch, Trade

T = TypeVar("T")
JsonObject = dict[str, object]
_RECORD_TYPES: tuple[type[Any], ...] = (AssetBalance, Trade, PreventedMatch, Amendment, EngineOrder, EngineOrderList)


class LedgerFormatError(ValueError):
    """A line of the ledger that is no fact: the message says what is wrong with it."""


def _unchanged(value: Any) -> Any:
    return value


def _encoder_of(hint: Any) -> Callable[[Any], Any]:
    return str if hint is Decimal else encode_record if hint in _RECORD_TYPES else _unchanged


def _decoder_of(hint: Any) -> Callable[[Any], Any]:
    if hint in _RECORD_TYPES:
        return lambda raw: decode_record(hint, raw)
    return Decimal if hint is Decimal else _unchanged


class _Codec:
    """How one kind of record is written and read."""

    def __init__(self, kind: type[Any]) -> None:
        hints = get_type_hints(kind)
        self.required = [(entry.name, _encoder_of(hints[entry.name])) for entry in fields(kind) if _is_required(entry)]
        self.optional = [
            (entry.name, entry.default, _encoder_of(hints[entry.name]))
            for entry in fields(kind)
            if not _is_required(entry)
        ]
        self.decoders = [(entry.name, _is_required(entry), _decoder_of(hints[entry.name])) for entry in fields(kind)]


def _is_required(entry: "Field[Any]") -> bool:
    return entry.default is MISSING


def encode_record(record: Any) -> JsonObject:
    """Return a record as JSON values."""
    codec = _CODECS[type(record)]
    plain: JsonObject = {name: write(getattr(record, name)) for name, write in codec.required}
    for name, default, write in codec.optional:
        if (value := getattr(record, name)) != default:
            plain[name] = write(value)
    return plain


def decode_record(kind: type[T], raw: dict[str, Any]) -> T:
    """Read what ``to_plain`` wrote, now or by an older field set. Raises FactError; unknown fields are ignored."""
    try:
        values = {name: read(raw[name]) for name, needed, read in _CODECS[kind].decoders if needed or name in raw}
        return kind(**values)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise LedgerFormatError(f"{kind.__name__}: {error!r}") from None


def encode_event(fact: LedgerEvent) -> JsonObject:
    """Return a fact as JSON values with its kind."""
    return {"fact": type(fact).__name__, **encode_record(fact)}


def decode_event(raw: dict[str, Any]) -> LedgerEvent:
    """Read what ``fact_to_plain`` wrote. Raises FactError."""
    kind = _TYPE_BY_NAME.get(str(raw.get("fact")))
    if kind is None:
        raise LedgerFormatError(f"unknown kind of fact {raw.get('fact')!r}")
    fact: LedgerEvent = decode_record(kind, raw)
    return fact


_TYPE_BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in EVENT_TYPES}
_CODECS = {kind: _Codec(kind) for kind in (*_RECORD_TYPES, *EVENT_TYPES)}
