"""A lock: nothing is opened in a symbol, or at all, until a person resumes."""

from datetime import UTC, datetime
from typing import NamedTuple


class Lock(NamedTuple):
    """Who locked, why, and since when (the exchange's Unix milliseconds)."""

    person: str
    why: str
    ms: int

    def describe(self) -> str:
        """Return it in words, such as ``flattened by kim since 2026-11-30 13:40 UTC: maintenance``."""
        since = datetime.fromtimestamp(self.ms / 1000, UTC)
        return f"flattened by {self.person} since {since:%Y-%m-%d %H:%M} UTC" + (f": {self.why}" if self.why else "")
