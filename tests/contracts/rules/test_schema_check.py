"""Our check of a schema and jsonschema's agree on every document, and a schema that asks for more is refused."""

import copy
import random
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cq_tui.contracts.rules.schema_check import Check, UnknownKeyword, compile_schema
from cq_tui.schemas import kinds, load_schema

EXAMPLES = Path(__file__).parents[1] / "examples"
#: Contract examples by the kind of their schema; events of a type by their payload.
SAMPLES = {
    path.stem: (value["data"] if path.stem.startswith("event_") else value)
    for path in sorted(EXAMPLES.glob("*.json"))
    if isinstance(value := orjson.loads(path.read_bytes()), dict)
}
OTHERS: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3.0,
    2.5,
    -0.5,
    1e300,
    2**53,
    2**63,
    "",
    "ok",
    "x",
    [],
    ["x"],
    {},
    {"a": 1},
]
#: There is a test for each kind: together they try as many as others do.
FEWER = settings(max_examples=max(1, settings.default.max_examples // 4 if settings.default else 10))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key in a document."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    own = [(value, key) for key in keys]
    return own + [place for container, key in own for place in places(container[key])]


def mutated(value: Any, chance: random.Random) -> Any:
    """Return a document with one or two fields removed, replaced or added."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 2)):
        container, key = chance.choice(places(value))
        if isinstance(container, dict) and chance.random() < 0.25:
            del container[key]
        else:
            container[key] = copy.deepcopy(chance.choice(OTHERS))
        if not places(value):
            break
    return value


@pytest.mark.parametrize("kind", kinds())
def test_every_schema_of_ours_is_understood_whole(kind: str) -> None:
    compile_schema(load_schema(kind))


@pytest.mark.parametrize("kind", sorted(SAMPLES))
@FEWER
@given(seed=st.integers(0, 2**32))
def test_agrees_with_jsonschema_on_examples_with_mistakes(kind: str, seed: int) -> None:
    check, peer = peers(kind)
    chance = random.Random(seed)
    for _ in range(20):
        value = mutated(SAMPLES[kind], chance)
        assert (not check(value)) == peer.is_valid(value), value


@cache
def peers(kind: str) -> tuple[Check, jsonschema.Draft202012Validator]:
    schema = load_schema(kind)
    return compile_schema(schema), jsonschema.Draft202012Validator(schema)


ANYTHING = st.recursive(st.sampled_from(OTHERS[:-4]), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(value=ANYTHING)
def test_agrees_with_jsonschema_on_anything(value: Any) -> None:
    for kind in kinds():
        check, peer = peers(kind)
        assert (not check(value)) == peer.is_valid(value), kind


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, [1, 3.0, 2**70], [True, 1.5, "1", None]),
        ({"type": "number", "minimum": 0}, [0, 0.0, 7], [-1, -0.1, True, "0"]),
        ({"type": ["string", "null"], "minLength": 2}, ["ab", None], ["a", 1]),
        ({"const": 1}, [1, 1.0], [True, "1", 2]),
        ({"enum": ["a", None]}, ["a", None], ["b", False]),
        ({"type": "string", "pattern": "^a+$"}, ["a", "aa"], ["b", "a\n", ""]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"a": 1}], [{"a": "x"}, []]),
        ({"type": "object", "additionalProperties": False, "properties": {"a": {}}}, [{"a": []}], [{"b": 1}]),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}, [["a"]], [[], [1], ["a"] * 3]),
        ({"anyOf": [{"type": "integer", "maximum": 3}, {"type": "null"}]}, [3, None], [4, "x"]),
        ({"required": ["a"]}, [{"a": None}, 5], [{}]),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "boolean"}}}, [True], [1]),
    ],
)
def test_each_keyword(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    check = compile_schema(schema)
    assert [value for value in good if check(value)] == []
    assert [value for value in bad if not check(value)] == []


def test_tells_the_field_at_any_depth_and_what_it_must_be() -> None:
    item = {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}}}
    check = compile_schema({"type": "object", "properties": {"a": {"type": "array", "items": item}}})
    (problem,) = check({"a": [{"b": 1}, {"b": "x"}]}) or ()
    assert problem == (("a", 1, "b"), "type", "x", "must be a whole number")
    (missing,) = check({"a": [{}]}) or ()
    assert (missing.path, missing.keyword) == (("a", 0, "b"), "required")


def test_of_alternatives_the_one_that_is_meant_is_told() -> None:
    check = compile_schema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]})
    assert [each.text for each in check(-1) or ()] == ["must be more than 0"]
    assert [each.text for each in check("x") or ()] == ["must be a number or null"]


@pytest.mark.parametrize("schema", [{"oneOf": []}, {"properties": {"a": {"multipleOf": 2}}}, {"$ref": "other.json"}])
def test_what_is_not_understood_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnknownKeyword):
        compile_schema(schema)
