"""``settings.md``: every setting with its default, limits and meaning."""

from typing import Any

import orjson

from cq_tui.contracts.json_schema import schema_of
from cq_tui.ops.json_types import describe
from docs.generate import markdown


def page() -> str:
    """Return the page."""
    properties: dict[str, dict[str, Any]] = schema_of("settings")["properties"]
    rows = [
        [
            markdown.code(key),
            default_of(rule.get("default")),
            describe(rule, markdown.code),
            markdown.prose(rule["description"]),
        ]
        for key, rule in properties.items()
    ]
    return markdown.page(
        "Settings",
        "Settings are keys in `ssot/env.json`. List them with `cq-tui config show` and change them with "
        "`cq-tui config set KEY=VALUE`; running services apply changes at once. An environment variable of the same "
        "name overrides the file.",
        markdown.table(["key", "default", "value", "meaning"], rows),
    )


def default_of(value: object) -> str:
    """Return a default as the reference shows it."""
    if value is None:
        return "unset"
    if isinstance(value, list):
        return ", ".join(map(markdown.code, value))
    if isinstance(value, float):
        return markdown.code(f"{value:g}")
    return markdown.code(value if isinstance(value, str) else orjson.dumps(value).decode())
