"""``events.md``: the event types and the fields of their payloads."""

from cq_tui.contracts.events import PAYLOADS
from cq_tui.contracts.json_schema import schema_of
from docs.generate import markdown
from docs.generate.fields import field_table


def page() -> str:
    """Return the page."""
    event = schema_of("event")
    return markdown.page(
        "Events",
        "Every line of `memory/event_chain.ndjson` is one event. `cq-tui events --json` prints these lines.",
        field_table(event),
        "## Metadata",
        markdown.prose(event["$defs"]["EventMetadata"]["description"]),
        field_table(event["$defs"]["EventMetadata"]),
        "## Event types",
        "The fields of `data`, by type:",
        *(part for event_type in PAYLOADS for part in _event_type(event_type)),
    )


def _event_type(event_type: str) -> list[str]:
    schema = schema_of(f"event_{event_type}")
    return [f"### {event_type}", markdown.prose(schema["description"]), field_table(schema)]
