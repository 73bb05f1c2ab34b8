"""Adds first files to the corpus, for kinds that have none: ``python -m tests.contracts.make_corpus``.

A good one and bad ones are made from the first example of the kind, cut down to what is required. Rules beyond the
schema are added by hand; files that are there are never changed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.schema_examples import example_documents
from cq_tui.schemas import kinds, load_schema

CORPUS = Path(__file__).parent / "corpus"
_OTHER_TYPE: dict[str, Any] = {"string": 1, "number": "1", "integer": "1", "boolean": "true", "array": {}, "object": []}


def least(value: Any, rule: dict[str, Any], parts: dict[str, Any]) -> Any:
    """Return a value with nothing that its schema does not require, one entry of each list and map."""
    for each in rule.get("anyOf", [rule]):
        part = parts[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        if isinstance(value, dict) and "properties" in part:
            kept = part.get("required", ())
            return {key: least(value[key], part["properties"].get(key, {}), parts) for key in value if key in kept}
        if isinstance(value, list) and isinstance(part.get("items"), dict):
            return [least(entry, part["items"], parts) for entry in value[:1]]
        if isinstance(value, dict) and isinstance(part.get("additionalProperties"), dict):
            inner = part["additionalProperties"]
            return {key: least(entry, inner, parts) for key, entry in list(value.items())[:1]}
    return value


def breaches(rule: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield keywords of a field's schema, each with a value that breaks it alone."""
    if rule.get("type") in _OTHER_TYPE and not {"const", "enum"} & rule.keys():
        yield "type", _OTHER_TYPE[rule["type"]]
    if "const" in rule:
        yield "const", "of_another_kind"
    if "enum" in rule:
        yield "enum", "fine"
    if "minimum" in rule:
        yield "minimum", rule["minimum"] - 1
    if "exclusiveMinimum" in rule:
        yield "exclusiveMinimum", rule["exclusiveMinimum"]
    if "pattern" in rule:
        yield "pattern", "1,5"


def corpus_of(kind: str) -> Iterator[tuple[str, Any]]:
    """Yield files by their path in the corpus, with their content: one good, and one that breaks each keyword."""
    schema = load_schema(kind)
    good = least(example_documents(kind)[0], schema, schema.get("$defs", {}))
    yield f"good/{kind}/least.json", good
    required = schema.get("required", [])
    for field in required[-1:]:
        yield f"bad/{kind}/required-{field}.json", {key: value for key, value in good.items() if key != field}
    seen = set()
    for field in required or schema["properties"]:
        for keyword, value in breaches(schema["properties"][field]):
            if keyword not in seen:
                seen.add(keyword)
                yield f"bad/{kind}/{keyword}-{field}.json", good | {field: value}


def main() -> None:
    """Write the files of every kind that has none."""
    for kind in kinds():
        if not (CORPUS / "good" / kind).exists():
            for name, value in corpus_of(kind):
                path = CORPUS / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(orjson.dumps(value) + b"\n")


if __name__ == "__main__":
    main()
