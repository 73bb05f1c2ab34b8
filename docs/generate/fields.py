"""Tables of the fields of a document, and of the objects in it."""

from typing import Any

import orjson

from cq_tui.ops.json_types import describe
from docs.generate import markdown

#: Characters of an example in a table; the schema has all of it.
_MOST = 60


def field_table(schema: dict[str, Any]) -> str:
    """Return the table of the fields of one object."""
    required = schema.get("required", [])
    rows = [
        [
            markdown.code(name),
            describe(rule, markdown.code),
            rule["unit"].replace("none", ""),
            "yes" if name in required else "no",
            _example(rule),
            markdown.prose(rule.get("description")),
        ]
        for name, rule in schema["properties"].items()
    ]
    return markdown.table(["field", "type", "unit", "required", "example", "meaning"], rows)


def document_sections(kind: str, schema: dict[str, Any]) -> list[str]:
    """Return the sections about one kind of file: its fields, then those of the objects in it."""
    parts = [f"### {kind}", schema["description"], field_table(schema)]
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            parts += [f"`{name}`: {part['description']}", field_table(part)]
    return parts


def _example(rule: dict[str, Any]) -> str:
    text = orjson.dumps(rule.get("examples", [""])[0]).decode()
    shown = text if len(text) <= _MOST else text[: _MOST - 1] + "…"
    return "" if text == '""' else markdown.code(shown.replace("`", "'"))
