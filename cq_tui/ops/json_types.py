"""JSON Schema in words: the type of a value and its limits."""

from collections.abc import Callable, Iterator
from typing import Any

Quote = Callable[[object], str]
_LIMITS = {
    "exclusiveMinimum": "> {}",
    "minimum": "≥ {}",
    "exclusiveMaximum": "< {}",
    "maximum": "≤ {}",
    "minItems": "at least {} item",
    "maxItems": "at most {} items",
}
_EXACT_INTEGERS = 2**53


def describe(schema: dict[str, Any], quote: Quote = str) -> str:
    """Return type and limits of a property, such as "number > 0, ≤ 3,600". Null, as in optional fields, is left out.

    ``quote`` marks names and values.
    """
    if "anyOf" in schema:
        return " or ".join(describe(each, quote) for each in schema["anyOf"] if each != {"type": "null"})
    if "const" in schema:
        return quote(schema["const"])
    if "enum" in schema:
        return ", ".join(map(quote, schema["enum"]))
    return f"{_type(schema, quote)} {', '.join(_limits(schema, quote))}".rstrip()


def _type(schema: dict[str, Any], quote: Quote) -> str:
    if "$ref" in schema:
        return quote(schema["$ref"].rpartition("/")[2])
    match schema.get("type"):
        case "array":
            return (
                f"array of {describe(schema['items'], quote)};"
                if "minItems" in schema
                else f"array of {describe(schema['items'], quote)}"
            )
        case "object":
            values = schema.get("additionalProperties")
            return f"object of {describe(values, quote)}" if isinstance(values, dict) else "object"
        case str(name):
            return "secret string" if schema.get("format") == "password" else name
    return "any"


def _limits(schema: dict[str, Any], quote: Quote) -> Iterator[str]:
    for key, text in _LIMITS.items():
        if key in schema:
            yield text.format(_number(schema[key]))
    if "minLength" in schema:
        yield "(not empty)"
    if "pattern" in schema:
        yield f"matching {quote(schema['pattern'])}"


def _number(value: float) -> str:
    return f"{value:,}" if value < _EXACT_INTEGERS else f"2^{int(value).bit_length() - 1}"
