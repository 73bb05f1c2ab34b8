"""Facts and records as JSON values and back, by functions made once for each kind.

Decimals become text and records objects; a field that has its default is left out.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from typing import Any, TypeVar, get_type_hints

from cq_tui.simulator.engine.facts import KINDS, Fact
from cq_tui.simulator.engine.orders import Amendment, Balance, Order, OrderList, PreventedMatch, Trade

T = TypeVar("T")
Plain = dict[str, object]
_RECORDS: tuple[type[Any], ...] = (Balance, Trade, PreventedMatch, Amendment, Order, OrderList)


class FactError(ValueError):
    """A line of the ledger that is no fact: the message says what is wrong with it."""


def _as_is(value: Any) -> Any:
    return value


def _writer_of(hint: Any) -> Callable[[Any], Any]:
    return str if hint is Decimal else to_plain if hint in _RECORDS else _as_is


def _reader_of(hint: Any) -> Callable[[Any], Any]:
    if hint in _RECORDS:
        return lambda raw: from_plain(hint, raw)
    return Decimal if hint is Decimal else _as_is


class _Codec:
    """How one kind of record is written and read."""

    def __init__(self, kind: type[Any]) -> None:
        hints = get_type_hints(kind)
        self.always = [(entry.name, _writer_of(hints[entry.name])) for entry in fields(kind) if _needed(entry)]
        self.other = [
            (entry.name, entry.default, _writer_of(hints[entry.name])) for entry in fields(kind) if not _needed(entry)
        ]
        self.readers = [(entry.name, _needed(entry), _reader_of(hints[entry.name])) for entry in fields(kind)]


def _needed(entry: "Field[Any]") -> bool:
    return entry.default is MISSING


def to_plain(record: Any) -> Plain:
    """Return a record as JSON values."""
    codec = _CODECS[type(record)]
    plain: Plain = {name: write(getattr(record, name)) for name, write in codec.always}
    for name, default, write in codec.other:
        if (value := getattr(record, name)) != default:
            plain[name] = write(value)
    return plain


def from_plain(kind: type[T], raw: dict[str, Any]) -> T:
    """Read what ``to_plain`` wrote, now or by an older field set. Raises FactError; unknown fields are ignored."""
    try:
        values = {name: read(raw[name]) for name, needed, read in _CODECS[kind].readers if needed or name in raw}
        return kind(**values)
    except (KeyError, TypeError, ArithmeticError) as error:
        raise FactError(f"{kind.__name__}: {error!r}") from None


def fact_to_plain(fact: Fact) -> Plain:
    """Return a fact as JSON values with its kind."""
    return {"fact": type(fact).__name__, **to_plain(fact)}


def fact_from_plain(raw: dict[str, Any]) -> Fact:
    """Read what ``fact_to_plain`` wrote. Raises FactError."""
    kind = _FACTS.get(str(raw.get("fact")))
    if kind is None:
        raise FactError(f"unknown kind of fact {raw.get('fact')!r}")
    fact: Fact = from_plain(kind, raw)
    return fact


_FACTS: dict[str, type[Any]] = {kind.__name__: kind for kind in KINDS}
_CODECS = {kind: _Codec(kind) for kind in (*_RECORDS, *KINDS)}
