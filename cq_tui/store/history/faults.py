"""What can be wrong with a history, named so that a person can look at it and accept it."""

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``index`` is that of block or event, ``expected`` and ``found`` tell what differs."""

    file: str
    reason: str
    index: int | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        """Say it in a line."""
        where = "" if self.index is None else f" at index {self.index}"
        return f"{self.file}{where}: {self.reason}"


def fault_id(text: str) -> str:
    """Return the short name under which a fault is accepted."""
    return sha256(text.encode()).hexdigest()[:8]
