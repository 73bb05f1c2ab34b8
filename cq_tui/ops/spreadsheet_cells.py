"""Cells of a CSV that a spreadsheet must not take for formulas (OWASP, CSV injection)."""

import re
from collections.abc import Mapping
from typing import Final

from cq_tui.ops.formatting import sanitize

Cell = str | int | float | None
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def harmless(record: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return a record whose words, from wherever they come, are words; numbers stay as they are."""
    return {name: _harmless(value) if isinstance(value, str) else value for name, value in record.items()}


def _harmless(value: str) -> str:
    if _NUMBER.fullmatch(value):
        return value
    text = sanitize(value, limit=len(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
