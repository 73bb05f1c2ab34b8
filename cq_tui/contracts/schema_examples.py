"""Examples in the schemas: documents that a stack wrote, and from them one or two values of each field.

``examples/<kind>.json`` is a list of documents of a kind. Payloads of events are those of the events among them.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.schema_fields import Schema, parts_of

_FOLDER = Path(__file__).parent / "examples"
_EVENT = "event_"
#: Whole documents in a schema, values of a field, entries of a list or a map.
_MOST = 2


def add_examples(schema: Schema, kind: str, title: str) -> None:
    """Give a schema whole documents, and every field of it the values that it has in them."""
    documents = example_documents(kind)
    found: dict[tuple[str, str], list[Any]] = {}
    _collect(schema, title, documents, schema.get("$defs", {}), found)
    for part_title, part in parts_of(schema, title):
        for field, rule in part.get("properties", {}).items():
            if values := _distinct(_shorten(value, rule) for value in found.get((part_title, field), ())):
                rule["examples"] = values
    if documents:
        schema["examples"] = documents[:_MOST]


@cache
def example_documents(kind: str) -> list[Any]:
    """Return the documents of a kind; none if there is no file."""
    if kind.startswith(_EVENT):
        event_type = kind.removeprefix(_EVENT)
        return [event["data"] for event in example_documents("event") if event["event_type"] == event_type]
    path = _FOLDER / f"{kind}.json"
    documents: list[Any] = orjson.loads(path.read_bytes()) if path.exists() else []
    return documents


def _collect(
    rule: Schema, title: str, values: list[Any], definitions: Schema, found: dict[tuple[str, str], list[Any]]
) -> None:
    """Collect the values that the fields of a schema have in ``values``, by the field's part and name."""
    if "$ref" in rule:
        title = rule["$ref"].rpartition("/")[2]
        rule = definitions[title]
    for branch in rule.get("anyOf", ()):
        _collect(branch, title, values, definitions, found)
    objects = [value for value in values if isinstance(value, dict)]
    for field, inner in rule.get("properties", {}).items():
        held = [value[field] for value in objects if value.get(field) is not None]
        found.setdefault((title, field), []).extend(held)
        _collect(inner, title, held, definitions, found)
    if isinstance(rule.get("items"), dict):
        entries = [entry for value in values if isinstance(value, list) for entry in value]
        _collect(rule["items"], title, entries, definitions, found)
    if isinstance(rule.get("additionalProperties"), dict):
        entries = [entry for value in objects for entry in value.values()]
        _collect(rule["additionalProperties"], title, entries, definitions, found)


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Return up to two different values, those that say something first."""
    texts = {orjson.dumps(value): value for value in values}
    return sorted(texts.values(), key=lambda value: not value and value is not False)[:_MOST]


def _shorten(value: Any, rule: Schema) -> Any:
    if isinstance(value, list):
        return value[:_MOST]
    is_map = any("additionalProperties" in each and "properties" not in each for each in (rule, *rule.get("anyOf", ())))
    return dict(list(value.items())[:_MOST]) if is_map and isinstance(value, dict) else value
