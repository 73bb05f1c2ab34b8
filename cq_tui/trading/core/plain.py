"""Frozen values as plain JSON values and back, exactly: amounts as decimal text, enums by value.

The type says how to read a value back: dataclasses and NamedTuples by field name, so a field with a default may be
missing. A field that is empty (None, "", (), False) because that is its default is left out.
"""

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_EMPTY = (None, "", (), False)


class NotPlain(ValueError):
    """A plain value that its type does not allow; the message names type, field and value."""


def decimal_text(value: Decimal) -> str:
    """Return an amount as text that reads back as the same number."""
    return format(value, "f")


def to_plain(value: Any) -> Any:
    """Return a value as plain JSON values."""
    kind: Any = type(value)
    return _writer(kind)(value)


def from_plain(kind: type[T], plain: Any) -> T:
    """Read ``to_plain`` back as a value of ``kind``. Raises NotPlain."""
    any_kind: Any = kind
    read: T = _reader(any_kind)(plain)
    return read


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    if issubclass(kind, Enum):
        return lambda value: value.value
    if kind is Decimal:
        return decimal_text
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _fields_writer(kind)
    if issubclass(kind, tuple | list):
        return lambda value: [to_plain(one) for one in value]
    if issubclass(kind, Mapping):
        return _write_mapping
    if kind in (str, int, float, bool, NoneType):
        return lambda value: value
    raise TypeError(f"{kind.__name__} has no plain form")


def _write_mapping(value: Mapping[Any, Any]) -> Any:
    """Return an object, or a list of pairs if the keys are no text."""
    if all(isinstance(key, str) for key in value):
        return {str(to_plain(key)): to_plain(one) for key, one in value.items()}
    return [[to_plain(key), to_plain(one)] for key, one in value.items()]


def _fields_writer(kind: type) -> Callable[[Any], Any]:
    omitted = {name: default for name, default in _defaults(kind).items() if _is_empty(default)}
    names = list(_field_types(kind))

    def write(value: Any) -> dict[str, Any]:
        plain = {}
        for name in names:
            one = getattr(value, name)
            is_omitted = name in omitted and type(one) is type(omitted[name]) and one == omitted[name]
            if not is_omitted:
                plain[name] = to_plain(one)
        return plain

    return write


def _is_empty(default: Any) -> bool:
    return any(type(default) is type(empty) and default == empty for empty in _EMPTY)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union_reader(arguments)
    if origin is Literal:
        return _checked(lambda value: value in arguments, kind)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is list:
        return _sequence_reader(list, _reader(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(_reader(arguments[0]), _reader(arguments[1]))
    if kind is Decimal:
        return read_decimal
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _fields_reader(kind)
    if issubclass(kind, Enum):
        return _enum_reader(kind)
    if kind is float:
        return _checked(lambda value: type(value) in (int, float), kind, float)
    if kind in (str, int, bool, NoneType):
        return _checked(lambda value: type(value) is kind, kind)
    raise TypeError(f"{kind} has no plain form")


def _checked(
    fits: Callable[[Any], bool], kind: Any, convert: Callable[[Any], Any] | None = None
) -> Callable[[Any], Any]:
    def read(plain: Any) -> Any:
        if not fits(plain):
            raise NotPlain(f"{str(plain)[:40]!r} is no {getattr(kind, '__name__', kind)}")
        return plain if convert is None else convert(plain)

    return read


def read_decimal(plain: Any) -> Decimal:
    """Read ``decimal_text`` back. Raises NotPlain."""
    try:
        value = Decimal(plain) if isinstance(plain, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite():
        raise NotPlain(f"{str(plain)[:40]!r} is no decimal text")
    return value


def _enum_reader(kind: type[Enum]) -> Callable[[Any], Any]:
    def read(plain: Any) -> Enum:
        try:
            return kind(plain)
        except ValueError:
            raise NotPlain(f"{str(plain)[:40]!r} is no {kind.__name__}") from None

    return read


def _union_reader(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Read an optional value: no other union has a plain form."""
    [kind] = [kind for kind in kinds if kind is not NoneType]
    read = _reader(kind)
    return lambda plain: None if plain is None else read(plain)


def _tuple_reader(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    if kinds[-1] is Ellipsis:
        return _sequence_reader(tuple, _reader(kinds[0]))
    readers = [_reader(kind) for kind in kinds]

    def read(plain: Any) -> tuple[Any, ...]:
        if not isinstance(plain, list | tuple) or len(plain) != len(readers):
            raise NotPlain(f"{str(plain)[:40]!r} is no list of {len(readers)}")
        return tuple(read_one(one) for read_one, one in zip(readers, plain, strict=True))

    return read


def _sequence_reader(make: Callable[[Any], Any], read_one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(plain: Any) -> Any:
        if not isinstance(plain, list | tuple):
            raise NotPlain(f"{str(plain)[:40]!r} is no list")
        return make(map(read_one, plain))

    return read


def _mapping_reader(read_key: Callable[[Any], Any], read_value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(plain: Any) -> dict[Any, Any]:
        pairs = plain.items() if isinstance(plain, Mapping) else plain
        try:
            return {read_key(key): read_value(value) for key, value in pairs}
        except TypeError:
            raise NotPlain(f"{str(plain)[:40]!r} is no object and no list of pairs") from None

    return read


def _fields_reader(kind: Any) -> Callable[[Any], Any]:
    readers = {name: _reader(hint) for name, hint in _field_types(kind).items()}
    required = readers.keys() - _defaults(kind).keys()

    def read(plain: Any) -> Any:
        if not isinstance(plain, Mapping):
            raise NotPlain(f"{str(plain)[:40]!r} is no object with the fields of {kind.__name__}")
        if missing := required - plain.keys():
            raise NotPlain(f"{kind.__name__}: field {min(missing)!r} is missing")
        values = {}
        for name, read_one in readers.items():
            if name in plain:
                try:
                    values[name] = read_one(plain[name])
                except NotPlain as error:
                    raise NotPlain(f"{kind.__name__}.{name}: {error}") from None
        return kind(**values)

    return read


def _field_types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = (
        kind._fields if hasattr(kind, "_fields") else [field.name for field in dataclasses.fields(kind) if field.init]
    )
    return {name: hints[name] for name in names}


def _defaults(kind: Any) -> dict[str, Any]:
    if hasattr(kind, "_fields"):
        return dict(kind._field_defaults)
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return {
        field.name: field.default
        for field in fields
        if field.default is not missing or field.default_factory is not missing
    }
