"""Documents that a schema of ours takes, as Hypothesis makes them: the ends of every range, and unknown fields."""

import json
from typing import Any

from hypothesis import strategies as st

#: What JSON readers keep exact.
_MOST = 2**53 - 1
_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_ANYTHING = st.recursive(
    st.booleans() | st.integers(-_MOST, _MOST) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)


def documents_of(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the documents of a kind."""
    return _values(schema, schema.get("$defs", {}))


def _values(rule: dict[str, Any], parts: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in rule:
        return st.deferred(lambda: _values(parts[rule["$ref"].rpartition("/")[2]], parts))
    if "anyOf" in rule:
        return st.one_of([_values(each, parts) for each in rule["anyOf"]])
    if "const" in rule or "enum" in rule:
        return st.sampled_from(rule.get("enum") or [rule["const"]])
    match rule.get("type"):
        case "object":
            return _objects(rule, parts)
        case "array":
            items = _values(rule["items"], parts)
            return st.lists(items, min_size=rule.get("minItems", 0), max_size=rule.get("minItems", 0) + 2)
        case "string":
            pattern = rule.get("pattern")
            made = st.from_regex(pattern.removesuffix("$") + r"\Z") if pattern else _TEXT
            return made.filter(lambda text: len(text) >= rule.get("minLength", 0))
        case "integer":
            return st.integers(_bound(rule, "inimum", 1, -_MOST), _bound(rule, "aximum", -1, _MOST))
        case "number":
            return _numbers(rule)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case None:
            return _ANYTHING
    raise NotImplementedError(json.dumps(rule))


def _objects(rule: dict[str, Any], parts: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: _values(each, parts) for name, each in rule.get("properties", {}).items()}
    needed = set(rule.get("required", ()))
    others = rule.get("additionalProperties", True)
    if not fields:
        return st.dictionaries(_TEXT, _ANYTHING if others is True else _values(others, parts), max_size=2)
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if name in needed},
        optional={name: fields[name] for name in fields if name not in needed} | {"x_unknown": _ANYTHING},
    )


def _bound(rule: dict[str, Any], ending: str, step: int, unbounded: int) -> int:
    exclusive = rule.get("exclusiveM" + ending)
    found = rule.get("m" + ending, unbounded) if exclusive is None else exclusive + step
    return int(max(-_MOST, min(_MOST, found)))


def _numbers(rule: dict[str, Any]) -> st.SearchStrategy[float]:
    least, most = (rule.get(f"m{end}", rule.get(f"exclusiveM{end}")) for end in ("inimum", "aximum"))
    return st.floats(
        least, most, exclude_min="exclusiveMinimum" in rule, exclude_max="exclusiveMaximum" in rule,
        allow_nan=False, allow_infinity=False,
    )  # fmt: skip
