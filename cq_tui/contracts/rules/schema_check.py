"""Whether a JSON value fits a schema, and what does not: the part of JSON Schema 2020-12 that our schemas use.

A schema becomes functions once; a value that fits costs about 60 ns a field, so that a million events can be checked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import ge, gt, le, lt
from types import NoneType
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class SchemaProblem(NamedTuple):
    """What does not fit, where. ``text`` says what is demanded and never repeats the value."""

    path: Path
    #: The keyword of JSON Schema that is not met.
    keyword: str
    value: Any
    text: str


#: Returns what is wrong with a value; None or nothing if it fits.
Check = Callable[[Any], Sequence[SchemaProblem] | None]


class UnknownKeyword(ValueError):
    """A schema uses a keyword that is not known here: it must not pass as if it demanded nothing."""


class _Part(NamedTuple):
    """A schema as a function, and the types whose every value fits, which need no call."""

    types: frozenset[type]
    check: Check


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (NoneType,),
    "object": (dict,),
    "array": (list,),
}
_TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}
#: Keywords that demand nothing of a value.
ANNOTATIONS = frozenset(
    {
        "$comment",
        "$defs",
        "$id",
        "$schema",
        "default",
        "deprecated",
        "description",
        "examples",
        "format",
        "readOnly",
        "title",
        "unit",
        "version",
        "writeOnly",
    }
)
_COMPARED: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (ge, "at least"),
    "exclusiveMinimum": (gt, "more than"),
    "maximum": (le, "at most"),
    "exclusiveMaximum": (lt, "less than"),
}
_LENGTHS: dict[str, tuple[type[str] | type[list[Any]], Callable[[Any, Any], bool], str]] = {
    "minLength": (str, ge, "at least {} characters"),
    "maxLength": (str, le, "at most {} characters"),
    "minItems": (list, ge, "at least {} items"),
    "maxItems": (list, le, "at most {} items"),
}
_OF_OBJECTS = ("properties", "required", "additionalProperties")


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """Return the check of a schema. Raises UnknownKeyword for one that uses more of JSON Schema than is known here."""
    return _Compiler(schema).part(schema).check


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._referred: dict[str, _Part] = {}

    def part(self, schema: Mapping[str, Any] | bool) -> _Part:
        if isinstance(schema, bool):
            return _Part(frozenset(_all_types()), _nothing) if schema else _Part(frozenset(), _refuse)
        checks: list[Check] = []
        types = frozenset(_all_types())
        demands = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        if named := demands.pop("type", None):
            names = [named] if isinstance(named, str) else list(named)
            types = frozenset(each for name in names for each in _TYPES[name])
            checks.append(partial(_check_type, types, "integer" in names, _one_of([_TYPE_WORDS[x] for x in names])))
        if "$ref" in demands:
            referred = self._refer(demands.pop("$ref"))
            types &= referred.types
            checks.append(referred.check)
        if "anyOf" in demands:
            parts = [self.part(each) for each in demands.pop("anyOf")]
            types &= frozenset().union(*(each.types for each in parts))
            checks.append(partial(_check_any, [each.check for each in parts]))
        if demands.keys() & set(_OF_OBJECTS):
            types -= {dict}
            checks.append(self._object(demands))
        if "items" in demands:
            types -= {list}
            checks.append(partial(_check_items, self.part(demands.pop("items"))))
        for keyword in list(demands):
            narrowed, check = _simple(keyword, demands.pop(keyword))
            types -= narrowed
            checks.append(check)
        if types or len(checks) != 1:
            return _Part(types, partial(_check_all, tuple(checks)))
        return _Part(types, checks[0])

    def _refer(self, reference: str) -> _Part:
        if reference not in self._referred:
            head, _, name = reference.rpartition("/")
            if head != "#/$defs":
                raise UnknownKeyword(f"$ref {reference}")
            self._referred[reference] = self.part(self._root["$defs"][name])
        return self._referred[reference]

    def _object(self, demands: dict[str, Any]) -> Check:
        properties, required, others = (demands.pop(keyword, None) for keyword in _OF_OBJECTS)
        parts = {name: self.part(each) for name, each in (properties or {}).items()}
        other = None if others in (None, True) else self.part(others)
        return partial(_check_object, parts, frozenset(required or ()), other)


def _all_types() -> set[type]:
    return {each for types in _TYPES.values() for each in types}


def _nothing(_: Any) -> None:
    return None


def _refuse(value: Any) -> list[SchemaProblem]:
    return [SchemaProblem((), "additionalProperties", value, "must not be there")]


def _one_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _check_all(checks: Sequence[Check], value: Any) -> Sequence[SchemaProblem] | None:
    for check in checks:
        if found := check(value):
            return found
    return None


def _check_type(types: frozenset[type], is_whole: bool, words: str, value: Any) -> list[SchemaProblem] | None:
    kind = type(value)
    # JSON Schema takes 3.0 for a whole number.
    if kind in types or (is_whole and kind is float and value.is_integer()):
        return None
    return [SchemaProblem((), "type", value, f"must be {words}")]


def _check_any(checks: Sequence[Check], value: Any) -> Sequence[SchemaProblem] | None:
    found: list[Sequence[SchemaProblem]] = []
    for check in checks:
        problems = check(value)
        if not problems:
            return None
        found.append(problems)
    # What comes closest is told: of the right type, but wrong inside.
    closest = [each for each in found if not (each[0].keyword == "type" and not each[0].path)]
    if closest:
        return closest[0]
    words = _one_of([each[0].text.removeprefix("must be ") for each in found])
    return [SchemaProblem((), "type", value, f"must be {words}")]


def _check_object(
    parts: Mapping[str, _Part], required: frozenset[str], other: _Part | None, value: Any
) -> list[SchemaProblem] | None:
    if type(value) is not dict:
        return None
    problems: list[SchemaProblem] | None = None
    for name, item in value.items():
        part = parts.get(name, other)
        if part is not None and type(item) not in part.types and (found := part.check(item)):
            problems = [*(problems or ()), *(each._replace(path=(name, *each.path)) for each in found)]
    if not required <= value.keys():
        missing = sorted(required - value.keys())
        absent = [SchemaProblem((name,), "required", None, "is missing") for name in missing]
        problems = [*(problems or ()), *absent]
    return problems


def _check_items(part: _Part, value: Any) -> list[SchemaProblem] | None:
    if type(value) is not list:
        return None
    problems: list[SchemaProblem] | None = None
    for index, item in enumerate(value):
        if type(item) not in part.types and (found := part.check(item)):
            problems = [*(problems or ()), *(each._replace(path=(index, *each.path)) for each in found)]
    return problems


def _simple(keyword: str, wanted: Any) -> tuple[frozenset[type], Check]:
    """Return the types that a keyword is about, and its check."""
    if keyword in _COMPARED:
        compare, words = _COMPARED[keyword]
        return frozenset((int, float)), partial(_check_number, keyword, compare, wanted, f"must be {words} {wanted}")
    if keyword in _LENGTHS:
        kind, compare, words = _LENGTHS[keyword]
        text = f"must have {words.format(wanted)}"
        return frozenset((kind,)), partial(_check_length, keyword, kind, compare, wanted, text)
    if keyword == "pattern":
        # Python's $ would let a line feed follow.
        written = wanted.removesuffix("$") + (r"\Z" if wanted.endswith("$") else "")
        return frozenset((str,)), partial(_check_pattern, re.compile(written), f"must match {wanted}")
    if keyword in ("enum", "const"):
        values = wanted if keyword == "enum" else [wanted]
        return frozenset(_all_types()), partial(_check_member, keyword, values, f"must be {_one_of(_shown(values))}")
    raise UnknownKeyword(keyword)


def _shown(values: Sequence[Any]) -> list[str]:
    return ["null" if each is None else str(each) for each in values]


def _check_number(
    keyword: str, compare: Callable[[Any, Any], bool], bound: float, text: str, value: Any
) -> list[SchemaProblem] | None:
    kind = type(value)
    if (kind is float or kind is int) and not compare(value, bound):
        return [SchemaProblem((), keyword, value, text)]
    return None


def _check_length(
    keyword: str,
    kind: type[str] | type[list[Any]],
    compare: Callable[[Any, Any], bool],
    bound: int,
    text: str,
    value: Any,
) -> list[SchemaProblem] | None:
    if isinstance(value, kind) and not compare(len(value), bound):
        return [SchemaProblem((), keyword, value, text)]
    return None


def _check_pattern(pattern: re.Pattern[str], text: str, value: Any) -> list[SchemaProblem] | None:
    if type(value) is str and pattern.search(value) is None:
        return [SchemaProblem((), "pattern", value, text)]
    return None


def _check_member(keyword: str, values: Sequence[Any], text: str, value: Any) -> list[SchemaProblem] | None:
    # In Python True equals 1.
    if any(value == each and (type(value) is bool) == (type(each) is bool) for each in values):
        return None
    return [SchemaProblem((), keyword, value, text)]
