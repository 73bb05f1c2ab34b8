"""What can be wrong with a history, named so that a person can review and accept it.

A fault is identified by its text, which signed acceptances repeat: reworded, an accepted fault would stand again.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, get_args

#: ``history``: stored bytes were changed. ``contradiction``: it is not the history that was signed, or (``missing``)
#: lacks its end. The log of checkpoints is damaged (``checkpoints``), or has another signer (``key``). ``copy``: a
#: second copy of the directory signs. ``spool``: a spool is damaged or lacks lines.
FaultKind = Literal["history", "missing", "contradiction", "checkpoints", "key", "copy", "spool"]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

#: Prefix of every fault of the checkpoint log, and of no other fault.
LOG_FAULT_PREFIX = "checkpoints.log: "
#: What follows it in faults of a history that is not the one that was signed.
CONTRADICTION_PREFIX = "contradicts what was signed: "
_TEXT = re.compile(r"([^ :]+)(?: at index ([0-9]{1,15}))?: (.*)", re.DOTALL)
_LOG = re.escape(LOG_FAULT_PREFIX)
_MAX_TEXT = 1000
_VALUES = re.compile(r" \((?:expected|found) [^()]*\)$")
#: How the text of each kind begins, the most specific first; all others are of the history.
_BEGINNINGS: tuple[tuple[FaultKind, re.Pattern[str]], ...] = (
    ("spool", re.compile("spool: ")),
    (
        "copy",
        re.compile(f"{_LOG}({CONTRADICTION_PREFIX}.* was not signed here: )?another copy of this data directory "),
    ),
    ("missing", re.compile(f"{_LOG}{CONTRADICTION_PREFIX}history has ")),
    ("contradiction", re.compile(f"{_LOG}{CONTRADICTION_PREFIX}")),
    ("key", re.compile(f"{_LOG}(holds entries signed with another key|another key signed the anchor)")),
    ("checkpoints", re.compile(_LOG)),
)


@dataclass(frozen=True, slots=True)
class HistoryFault:
    """One thing that is wrong. ``index`` is that of the block or event; ``expected`` and ``found`` differ."""

    file: str
    reason: str
    index: int | None = None
    expected: str | None = None
    found: str | None = None

    @classmethod
    def parse(cls, text: str) -> "HistoryFault":
        """Return the fault of a text; its values stay part of the reason."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return cls("state", text)
        return cls(match[1], match[3], None if match[2] is None else int(match[2]))

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


def fault_kind(fault: str) -> FaultKind:
    """Return what a fault is about, from its text: only ``history`` means that stored events or blocks are damaged."""
    text = fault.removeprefix("state: ")
    return next((kind for kind, beginning in _BEGINNINGS if beginning.match(text)), "history")


def one_line(text: str) -> str:
    """Collapse whitespace and unprintable characters to single spaces; keep at most 1,000 characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_MAX_TEXT].rstrip()
