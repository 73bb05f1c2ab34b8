"""Acknowledgements: a person accepts a fault; this is signed and logged with the checkpoints, and erases nothing.

Lines of the body: origin (of the checkpoints, plus ``/acknowledgement``), size and root of the history then, time,
``fault <id> <text>``, ``who <word>`` and optionally ``comment <text>``.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cq_tui.store.checkpoints.checkpoint import directory_id_of, head_lines, open_own_note, parse_head
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey, sign_note
from cq_tui.store.history.faults import CONTRADICTION_PREFIX, LOG_FAULT_PREFIX, fault_id, one_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ACKNOWLEDGEMENT_SUFFIX = "/acknowledgement"
_FAULT = re.compile(r"fault ([0-9a-f]{8}) (.+)")
_WHO = re.compile(r"[A-Za-z0-9._@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who accepted which fault, and the history's size then. Create it with ``make_acknowledgement``."""

    #: As in the checkpoints of the same data directory.
    origin: str
    size: int
    #: 32 bytes.
    root: bytes
    time: float
    #: One line.
    fault: str
    who: str
    comment: str | None = None

    @property
    def fault_id(self) -> str:
        """Id of the fault."""
        return fault_id(self.fault)

    @property
    def releases_checkpoints(self) -> bool:
        """Whether earlier checkpoints no longer bind, since the person accepts that the history is another."""
        return is_contradiction(self.fault)

    def body(self) -> str:
        """Return the note text. Raises SignedNoteError if a text is not one line, or the name not one word."""
        directory_id_of(self.origin)
        for text in (self.fault,) if self.comment is None else (self.fault, self.comment):
            if not text or text != one_line(text):
                raise SignedNoteError(f"acknowledgement: {text[:80]!r} is not one line of text")
        if not _WHO.fullmatch(self.who):
            raise SignedNoteError(f"acknowledgement: name {self.who[:80]!r} is not a plain word")
        comment = "" if self.comment is None else f"comment {self.comment}\n"
        return (
            f"{self.origin}{ACKNOWLEDGEMENT_SUFFIX}\n{head_lines(self.size, self.root, self.time)}"
            f"fault {self.fault_id} {self.fault}\nwho {self.who}\n{comment}"
        )


def make_acknowledgement(
    origin: str, size: int, root: bytes, time: float, *, fault: str, who: str, comment: str | None = None
) -> Acknowledgement:
    """Return an acknowledgement; texts are reduced to one line, the name to a plain word."""
    remark = one_line(comment or "") or None
    return Acknowledgement(origin, size, root, time, one_line(fault), to_plain_word(who), remark)


def is_contradiction(fault: str) -> bool:
    """Whether a fault says that the history is another one, lacks events, or was signed in two places."""
    return fault.startswith(LOG_FAULT_PREFIX + CONTRADICTION_PREFIX)


def to_plain_word(name: str) -> str:
    """Reduce a name to ASCII letters, digits and ``._@-``."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "-", name).strip("-")[:64].strip("-") or "unknown"


def is_acknowledgement(text: str) -> bool:
    """Whether a note claims to be an acknowledgement in its origin line."""
    return text.partition("\n")[0].endswith(ACKNOWLEDGEMENT_SUFFIX)


def sign_acknowledgement(acknowledgement: Acknowledgement, private_key: "Ed25519PrivateKey") -> str:
    """Return it as a note signed in the name of its data directory. Raises SignedNoteError."""
    return sign_note(acknowledgement.body(), acknowledgement.origin, private_key)


def open_acknowledgement(text: str, key: VerifierKey) -> Acknowledgement:
    """Return the acknowledgement in a note that ``key`` signed. Raises SignedNoteError."""
    return _parse(open_own_note(text, key, ACKNOWLEDGEMENT_SUFFIX))


def _parse(body: str) -> Acknowledgement:
    lines = body.removesuffix("\n").split("\n")
    if len(lines) not in (6, 7) or not lines[0].endswith(ACKNOWLEDGEMENT_SUFFIX):
        raise SignedNoteError("acknowledgement: is not the lines origin, size, root, time, fault, who, comment")
    fault = _FAULT.fullmatch(lines[4])
    comment = lines[6].removeprefix("comment ") if len(lines) == 7 else None
    if not fault or not lines[5].startswith("who "):
        raise SignedNoteError(f"acknowledgement: fault or name is missing after {lines[3][:80]!r}")
    head = parse_head(*lines[1:4])
    origin, who = lines[0].removesuffix(ACKNOWLEDGEMENT_SUFFIX), lines[5].removeprefix("who ")
    found = Acknowledgement(origin, *head, fault[2], who, comment)
    if found.body() != body:
        raise SignedNoteError("acknowledgement: its lines are not spelled as they are signed")
    return found
