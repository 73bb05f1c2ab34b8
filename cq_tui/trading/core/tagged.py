"""Any value of the core as plain JSON that names its types, and back, exactly: for a core that is to go on elsewhere.

Facts and books, which outlive versions, have the form of ``plain``. This one needs no declared types, so it also takes
what only a running core has; what a later version declares otherwise is refused.
"""

import dataclasses
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Final

#: Where the types are that may be named.
_PACKAGES: Final = ("cq_tui.trading.", "cq_tui.binance.", "cq_tui.contracts.")
_SEQUENCES: Final[dict[str, type[Any]]] = {"list": list, "set": set, "frozenset": frozenset, "deque": deque}
_SEQUENCE_TAGS: Final = {kind: tag for tag, kind in _SEQUENCES.items()}
_PLAIN: Final = (str, int, bool, type(None))
#: Names the type of an object; numbers what is referred to in more than one place.
_TYPE, _SHARED = "is", "#"


class NotTagged(ValueError):
    """Plain values that tell no value of this version; the message says why."""


def to_tagged(value: Any, *, shares: bool = False) -> Any:
    """Return a value as plain JSON. With ``shares``, what it refers to in two places is one thing again later."""
    return _Writer(_shared_ids(value) if shares else {}).write(value)


def from_tagged(plain: Any) -> Any:
    """Read ``to_tagged`` back. Raises NotTagged."""
    try:
        return _Reader().read(plain)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
        raise NotTagged(f"not of this version ({type(error).__name__}: {error})") from None


class _Writer:
    def __init__(self, shared: dict[int, int]) -> None:
        self._shared = shared
        self._written: set[int] = set()

    def write(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is Decimal:
            return {"decimal": str(value)}
        if kind is float:
            return value if isfinite(value) else {"float": str(value)}
        if kind is tuple:
            return [self.write(one) for one in value]
        number = self._shared.get(id(value))
        if number is None:
            return self._write_whole(kind, value)
        if number in self._written:
            return {_SHARED: number}
        self._written.add(number)
        return {_SHARED: number, **self._write_whole(kind, value)}

    def _write_whole(self, kind: Any, value: Any) -> dict[str, Any]:
        if (tag := _SEQUENCE_TAGS.get(kind)) is not None:
            return {tag: [self.write(one) for one in value]}
        if kind is dict:
            if all(type(key) is str for key in value):
                return {"map": {key: self.write(one) for key, one in value.items()}}
            return {"dict": [[self.write(key), self.write(one)] for key, one in value.items()]}
        if issubclass(kind, Enum):
            return {"enum": [_name(kind), value.value]}
        plain: dict[str, Any] = {_TYPE: _name(kind)}
        defaults = _defaults(kind)
        for name in _names(kind, value):
            one = getattr(value, name)
            if name not in defaults or not _is_same(one, defaults[name]):
                plain[name] = self.write(one)
        return plain


class _Reader:
    def __init__(self) -> None:
        self._shared: dict[int, Any] = {}

    def read(self, plain: Any) -> Any:
        if isinstance(plain, list):
            return tuple(map(self.read, plain))
        if not isinstance(plain, dict):
            return plain
        number = plain.get(_SHARED)
        if number is not None and len(plain) == 1:
            return self._shared[number]
        if (name := plain.get(_TYPE)) is not None:
            return self._object(_kind(name), plain, number)
        [(tag, content)] = [(tag, content) for tag, content in plain.items() if tag != _SHARED]
        if tag in ("map", "dict") or tag in _SEQUENCES:
            return self._container(tag, content, number)
        return _SCALARS[tag](content)

    def _container(self, tag: str, content: Any, number: int | None) -> Any:
        if tag == "frozenset":
            return frozenset(map(self.read, content))
        made: Any = {} if tag in ("map", "dict") else _SEQUENCES[tag]()
        if number is not None:
            self._shared[number] = made
        if tag == "map":
            made.update((key, self.read(one)) for key, one in content.items())
        elif tag == "dict":
            made.update((self.read(key), self.read(one)) for key, one in content)
        else:
            (made.update if tag == "set" else made.extend)(map(self.read, content))
        return made

    def _object(self, kind: Any, plain: Mapping[str, Any], number: int | None) -> Any:
        fields = {name: value for name, value in plain.items() if name not in (_TYPE, _SHARED)}
        if issubclass(kind, tuple):
            return kind(**{name: self.read(value) for name, value in fields.items()})
        made: Any = object.__new__(kind)
        if number is not None:
            self._shared[number] = made
        for name in _declared(kind) or fields:
            value = self.read(fields[name]) if name in fields else _defaults(kind)[name]
            object.__setattr__(made, name, value)
        return made


def _enum(content: list[Any]) -> Any:
    return _kind(content[0])(content[1])


_SCALARS: Final[dict[str, Callable[[Any], Any]]] = {"decimal": Decimal, "float": float, "enum": _enum}


def _is_same(value: Any, default: Any) -> bool:
    """Whether a value is its default, to the last digit."""
    return value is default or (type(value) is type(default) and type(value) in (*_PLAIN, float) and value == default)


@cache
def _declared(kind: Any) -> tuple[str, ...]:
    """Return the fields of a dataclass or NamedTuple; of another class none are declared."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(getattr(kind, "_fields", ()))


def _names(kind: Any, value: Any) -> Iterable[str]:
    if declared := _declared(kind):
        return declared
    slots = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    return (*slots, *getattr(value, "__dict__", ()))


@cache
def _defaults(kind: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        return dict(getattr(kind, "_field_defaults", {}))
    return {one.name: one.default for one in dataclasses.fields(kind) if one.default is not dataclasses.MISSING}


@cache
def _name(kind: Any) -> str:
    """Return the name of a type. Raises TypeError for one that is none of the core."""
    if not kind.__module__.startswith(_PACKAGES):
        raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no type of the core")
    return f"{kind.__module__.rpartition('.')[2]}.{kind.__qualname__}"


@cache
def _kind(name: str) -> type[Any]:
    """Return the type of a name, from the modules that the core imports."""
    tail, _, qualname = name.partition(".")
    for module_name, module in [*sys.modules.items()]:
        if module_name.startswith(_PACKAGES) and module_name.endswith(f".{tail}"):
            kind = vars(module).get(qualname)
            if isinstance(kind, type) and kind.__module__ == module_name and not issubclass(kind, BaseException):
                return kind
    raise NotTagged(f"{name[:60]!r} is no type of the core")


def _shared_ids(value: Any) -> dict[int, int]:
    """Number what can be changed and is referred to in more than one place."""
    seen: dict[int, int] = {}
    waiting = [value]
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if kind in _PLAIN or kind in (Decimal, float) or issubclass(kind, Enum):
            continue
        if kind not in (tuple, frozenset):
            seen[id(one)] = seen.get(id(one), 0) + 1
            if seen[id(one)] > 1:
                continue
        waiting += _parts(kind, one)
    return {number: at for at, number in enumerate(one for one, count in seen.items() if count > 1)}


def _parts(kind: Any, value: Any) -> Iterable[Any]:
    if kind is dict:
        return (*value.keys(), *value.values())
    if kind in (tuple, list, set, frozenset, deque):
        return tuple(value)
    return [getattr(value, name) for name in _names(kind, value)]
