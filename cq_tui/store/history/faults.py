"""What can be wrong with a history, named so that a person can review and accept it.

A fault is identified by its text, which signed acceptances repeat: reworded, an accepted fault would stand again.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

_MAX_TEXT = 1000
_VALUES = re.compile(r" \((?:expected|found) [^()]*\)$")


@dataclass(frozen=True, slots=True)
class HistoryFault:
    """One thing that is wrong. ``index`` is that of the block or event; ``expected`` and ``found`` differ."""

    file: str
    reason: str
    index: int | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        """All of it in one line: accepting it covers what was found, not other changes of the same event."""
        named = (("expected", self.expected), ("found", self.found))
        values = ", ".join(f"{name} {value}" for name, value in named if value)
        return f"{self.headline} ({values})" if values else self.headline

    @property
    def headline(self) -> str:
        """Where and what, without the values."""
        where = "" if self.index is None else f" at index {self.index}"
        return f"{self.file}{where}: {self.reason}"


def headline_of(fault: str) -> str:
    """Return the headline of a fault's text, without expected and found values."""
    return _VALUES.sub("", fault)


def fault_id(fault: str) -> str:
    """Return the id of a fault: the first 8 hex digits of the SHA-256 of its text as one line."""
    return sha256(one_line(fault).encode()).hexdigest()[:8]


def one_line(text: str) -> str:
    """Collapse whitespace and unprintable characters to single spaces; keep at most 1,000 characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_MAX_TEXT].rstrip()
