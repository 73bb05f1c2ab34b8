"""What can be wrong with a history, named so that a person can look at it and accept it."""

import re
from dataclasses import dataclass
from hashlib import sha256

_MAX_TEXT = 1000
_VALUES = re.compile(r" \((?:expected|found) [^()]*\)$")


@dataclass(frozen=True, slots=True)
class HistoryFault:
    """One thing that is wrong. ``index`` is that of block or event, ``expected`` and ``found`` tell what differs."""

    file: str
    reason: str
    index: int | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        """Say all of it in a line: who accepts it accepts what was found, and no other change of the same event."""
        told = (("expected", self.expected), ("found", self.found))
        values = ", ".join(f"{name} {value}" for name, value in told if value)
        return f"{self.headline} ({values})" if values else self.headline

    @property
    def headline(self) -> str:
        """Where it is and what is wrong there."""
        where = "" if self.index is None else f" at index {self.index}"
        return f"{self.file}{where}: {self.reason}"


def headline_of(fault: str) -> str:
    """Return the headline of a fault's text: what to read where nobody compares hashes."""
    return _VALUES.sub("", fault)


def fault_id(fault: str) -> str:
    """Return the short name of a fault: the first 8 hex digits of SHA-256 of its text as one line."""
    return sha256(one_line(fault).encode()).hexdigest()[:8]


def one_line(text: str) -> str:
    """Return the text with every run of spaces, line ends and control characters as one space, cut to 1,000 letters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_MAX_TEXT].rstrip()
