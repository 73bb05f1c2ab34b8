"""Whether a JSON value fits a schema, and what does not: the part of JSON Schema 2020-12 that our schemas use.

A schema becomes functions once. A value that fits costs about 0.1 µs a field, so that a million events can be checked:
its type says whether it needs a look, and one call of a built-in function is mostly all of that.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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


#: Whether a value of one type surely fits; if it says no, the check decides.
_Test = Callable[[Any], object]
#: By type; None if every value of it fits.
_Tests = dict[type, _Test | None]


class _Part(NamedTuple):
    """A schema as a function, and quick tests that mostly save its call."""

    tests: _Tests
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
_ALL_TYPES = frozenset(each for types in _TYPES.values() for each in types)
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
#: How a value compares with a bound, in words, and how the bound compares with it.
_COMPARED: dict[str, tuple[Callable[[Any, Any], bool], str, str]] = {
    "minimum": (ge, "at least", "__le__"),
    "exclusiveMinimum": (gt, "more than", "__lt__"),
    "maximum": (le, "at most", "__ge__"),
    "exclusiveMaximum": (lt, "less than", "__gt__"),
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
            return _Part(dict.fromkeys(_ALL_TYPES), _nothing) if schema else _Part({}, _refuse)
        demands = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        tests: _Tests = dict.fromkeys(_ALL_TYPES)
        checks: list[Check] = []
        for part in self._parts(demands):
            tests = _both(tests, part.tests)
            checks.append(part.check)
        return _Part(tests, checks[0] if len(checks) == 1 else partial(_check_all, tuple(checks)))

    def _parts(self, demands: dict[str, Any]) -> Iterator[_Part]:
        """Yield what each keyword demands."""
        if named := demands.pop("type", None):
            yield _type_part([named] if isinstance(named, str) else list(named))
        if "$ref" in demands:
            yield self._refer(demands.pop("$ref"))
        if "anyOf" in demands:
            parts = [self.part(each) for each in demands.pop("anyOf")]
            yield _Part(_either(parts), partial(_check_any, [each.check for each in parts]))
        if demands.keys() & set(_OF_OBJECTS):
            check = self._object(demands)
            yield _Part({**_all_but(dict), dict: _passing(check)}, check)
        if "items" in demands:
            yield _Part(_all_but(list), partial(_check_items, self.part(demands.pop("items"))))
        for keyword, wanted in demands.items():
            yield _simple(keyword, wanted)

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


def _all_but(*types: type) -> _Tests:
    """Every value fits, unless it is of one of these types: then the check decides."""
    return {each: None for each in _ALL_TYPES if each not in types}


def _both(one: _Tests, other: _Tests) -> _Tests:
    """Return the tests that a value passes only if it passes both."""
    return {kind: _chained(one[kind], other[kind]) for kind in one if kind in other}


def _chained(one: _Test | None, other: _Test | None) -> _Test | None:
    if one is None or other is None:
        return one or other
    return lambda value: one(value) and other(value)


def _either(parts: Sequence[_Part]) -> _Tests:
    """Return tests that a value passes only if it fits one of the parts."""
    found: _Tests = {}
    for part in parts:
        found |= {kind: test for kind, test in part.tests.items() if test is None or kind not in found}
    return found


def _passing(check: Check) -> _Test:
    return lambda value: not check(value)


def _never(_: Any) -> bool:
    return False


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


def _type_part(names: Sequence[str]) -> _Part:
    types = frozenset(each for name in names for each in _TYPES[name])
    words = _one_of([_TYPE_WORDS[name] for name in names])
    return _Part(dict.fromkeys(types), partial(_check_type, types, "integer" in names, words))


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
        if part is None or (test := part.tests.get(type(item), _never)) is None or test(item):
            continue
        if found := part.check(item):
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
        test = part.tests.get(type(item), _never)
        if test is not None and not test(item) and (found := part.check(item)):
            problems = [*(problems or ()), *(each._replace(path=(index, *each.path)) for each in found)]
    return problems


def _simple(keyword: str, wanted: Any) -> _Part:
    """Return what a keyword without nested schemas demands."""
    if keyword in _COMPARED:
        compare, words, _ = _COMPARED[keyword]
        check = partial(_check_number, keyword, compare, wanted, f"must be {words} {wanted}")
        return _Part({**_all_but(int, float), **_bound_tests(keyword, wanted)}, check)
    if keyword in _LENGTHS:
        kind, compare, words = _LENGTHS[keyword]
        text = f"must have {words.format(wanted)}"
        check = partial(_check_length, keyword, kind, compare, wanted, text)
        # Most demand that there is something at all.
        quick: _Tests = {kind: len} if (compare, wanted) == (ge, 1) else {}
        return _Part({**_all_but(kind), **quick}, check)
    if keyword == "pattern":
        # Python's $ would let a line feed follow.
        pattern = re.compile(wanted.removesuffix("$") + (r"\Z" if wanted.endswith("$") else ""))
        text = f"must match {wanted}"
        return _Part({**_all_but(str), str: pattern.search}, partial(_check_pattern, pattern, text))
    if keyword in ("enum", "const"):
        values = wanted if keyword == "enum" else [wanted]
        is_member = frozenset(each for each in values if isinstance(each, str)).__contains__
        return _Part({str: is_member}, partial(_check_member, keyword, values, f"must be {_one_of(_shown(values))}"))
    raise UnknownKeyword(keyword)


def _bound_tests(keyword: str, bound: float) -> _Tests:
    """Return the comparisons with a bound as built-in methods of it, where the types make that exact."""
    method = _COMPARED[keyword][2]
    of_floats: _Tests = {float: getattr(float(bound), method)} if float(bound) == bound else {}
    return {int: getattr(bound, method), **of_floats}


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
