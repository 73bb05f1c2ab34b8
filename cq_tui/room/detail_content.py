"""What is shown of one row, as names and values: sanitized text only."""

from typing import NamedTuple

DetailField = tuple[str, str]


class DetailContent(NamedTuple):
    """A title and its fields; a field without a name is a line by itself."""

    title: str
    fields: list[DetailField]


def as_text(content: DetailContent) -> str:
    """Return title and fields as lines of text."""
    return "\n".join([content.title, *(f"{name}: {value}" if name else value for name, value in content.fields)])
