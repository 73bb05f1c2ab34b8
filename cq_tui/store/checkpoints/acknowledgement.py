"""Acknowledgements: a person accepts a named fault; signed, kept beside the checkpoints, nothing erased.

The body's lines: origin (that of the checkpoints and ``/acknowledgement``), size, root and time of the history as it
then stood, ``fault <id> <text>``, ``who <word>`` and, if there is one, ``comment <text>``.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cq_tui.store.checkpoints.checkpoint import directory_id_of, head_lines, parse_head
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey, open_note, sign_note, split_note

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SUFFIX = "/acknowledgement"
_MAX_TEXT = 1000
_FAULT = re.compile(r"fault ([0-9a-f]{8}) (.+)")
_WHO = re.compile(r"[A-Za-z0-9._@-]{1,64}")
#: A fault that begins so is about the checkpoints: the history is not the one that was signed.
CHECKPOINT_FAULT = "checkpoints.log: "


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who accepted which fault, and how large the history was then. Make it with ``acknowledge``."""

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
        """Short name of the fault."""
        return fault_id(self.fault)

    @property
    def releases_checkpoints(self) -> bool:
        """Whether the checkpoints signed before no longer bind: the person accepts that the history is another."""
        return self.fault.startswith(CHECKPOINT_FAULT)

    def body(self) -> str:
        """Return the note text. Raises SignedNoteError for fields that were not made one line or one word."""
        directory_id_of(self.origin)
        for text in (self.fault,) if self.comment is None else (self.fault, self.comment):
            if not text or text != one_line(text):
                raise SignedNoteError(f"acknowledgement: {text[:80]!r} is not one line of text")
        if not _WHO.fullmatch(self.who):
            raise SignedNoteError(f"acknowledgement: name {self.who[:80]!r} is not a plain word")
        comment = "" if self.comment is None else f"comment {self.comment}\n"
        return (
            f"{self.origin}{_SUFFIX}\n{head_lines(self.size, self.root, self.time)}"
            f"fault {self.fault_id} {self.fault}\nwho {self.who}\n{comment}"
        )


def acknowledge(
    origin: str, size: int, root: bytes, time: float, *, fault: str, who: str, comment: str | None = None
) -> Acknowledgement:
    """Return an acknowledgement; texts become one line, the name a plain word."""
    remark = one_line(comment or "") or None
    return Acknowledgement(origin, size, root, time, one_line(fault), plain_word(who), remark)


def fault_id(fault: str) -> str:
    """Return the short name of a fault: the first 8 hex digits of SHA-256 of its text as one line."""
    return sha256(one_line(fault).encode()).hexdigest()[:8]


def one_line(text: str) -> str:
    """Return the text with every run of spaces, line ends and control characters as one space, cut to 1,000 letters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_MAX_TEXT].rstrip()


def plain_word(name: str) -> str:
    """Return a name as a word of ASCII letters, digits and ``._@-``."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "-", name).strip("-")[:64].strip("-") or "unknown"


def is_acknowledgement(text: str) -> bool:
    """Whether a note says that it is an acknowledgement, going by its origin line."""
    return text.partition("\n")[0].endswith(_SUFFIX)


def sign_acknowledgement(acknowledgement: Acknowledgement, private_key: "Ed25519PrivateKey") -> str:
    """Return it as a note signed in the name of its data directory. Raises SignedNoteError."""
    return sign_note(acknowledgement.body(), acknowledgement.origin, private_key)


def open_acknowledgement(text: str, key: VerifierKey) -> Acknowledgement:
    """Return the acknowledgement in a note that ``key`` signed. Raises SignedNoteError."""
    found = _parse(open_note(text, key))
    if found.origin != key.name:
        raise SignedNoteError(f"acknowledgement: origin {found.origin} is not the signer's name {key.name[:80]}")
    return found


def read_unverified_acknowledgement(text: str) -> Acknowledgement:
    """Return what a note says, for display only: nobody has looked at its signature. Raises SignedNoteError."""
    return _parse(split_note(text)[0])


def _parse(body: str) -> Acknowledgement:
    lines = body.removesuffix("\n").split("\n")
    if len(lines) not in (6, 7) or not lines[0].endswith(_SUFFIX):
        raise SignedNoteError("acknowledgement: is not the lines origin, size, root, time, fault, who, comment")
    fault = _FAULT.fullmatch(lines[4])
    comment = lines[6].removeprefix("comment ") if len(lines) == 7 else None
    if not fault or not lines[5].startswith("who "):
        raise SignedNoteError(f"acknowledgement: fault or name is missing after {lines[3][:80]!r}")
    head = parse_head(*lines[1:4])
    found = Acknowledgement(lines[0].removesuffix(_SUFFIX), *head, fault[2], lines[5].removeprefix("who "), comment)
    if found.body() != body:
        raise SignedNoteError("acknowledgement: its lines are not spelled as they are signed")
    return found
