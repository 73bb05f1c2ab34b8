"""Checkpoints: signed statements of the history's size and root at a time (C2SP tlog-checkpoint).

The body has the lines origin, size and base64 root, then extension lines in this order:

- ``time <Unix seconds, six decimals>``, so that the time is signed too;
- ``chain <hex hash of the block at that size>``, which covers what the root does not: the genesis time and the blocks;
- ``accepted <index> ...``, after a person accepted that the history contradicts what was signed before: the indices of
  the events that record it.

The last two may be missing. Any other spelling is refused.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import lt
from typing import TYPE_CHECKING, TypeGuard

from cq_tui.store.checkpoints.signed_note import (
    SignedNoteError,
    VerifierKey,
    from_base64,
    open_note,
    sign_note,
    split_note,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "coinquant.r11/"
_ORIGIN = re.compile(r"coinquant\.r11/([0-9a-f]{32})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_TIME = re.compile(r"time ((?:0|[1-9][0-9]{0,9})\.[0-9]{6})")
_CHAIN = re.compile(r"chain ([0-9a-f]{64})")
_ACCEPTED = re.compile(r"accepted ([1-9][0-9]{0,17}(?: [1-9][0-9]{0,17})*)")
_ROOT_BYTES = 32
#: Up to here (the year 2242) a float is exact to the microsecond.
_END_OF_TIME = 2.0**33


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a history at a time, in Unix seconds to the microsecond."""

    #: The data directory: ``coinquant.r11/<id>``.
    origin: str
    size: int
    #: 32 bytes.
    root: bytes
    time: float
    #: Hex hash of the block at this size; None in checkpoints that earlier versions signed.
    chain: str | None = None
    #: Indices of the events in which a person accepted that the history contradicts earlier checkpoints, ascending.
    accepted: tuple[int, ...] = ()

    def body(self) -> str:
        """Return the note text, exactly as signed. Raises SignedNoteError for invalid fields."""
        directory_id_of(self.origin)
        lines = [] if self.chain is None else [f"chain {self.chain}"]
        lines += [f"accepted {' '.join(map(str, self.accepted))}"] if self.accepted else []
        text = f"{self.origin}\n{head_lines(self.size, self.root, self.time)}" + "".join(f"{each}\n" for each in lines)
        if _parse_extensions(lines, self.size) != (self.chain, self.accepted):
            raise SignedNoteError(f"checkpoint: {lines} are no block hash and indices of events")
        return text


def origin_of(directory_id: str) -> str:
    """Return the origin, which is also the key name, of a data directory. Raises SignedNoteError."""
    origin = _PREFIX + directory_id
    directory_id_of(origin)
    return origin


def directory_id_of(origin: str) -> str:
    """Return the id of the data directory (32 hex digits) in an origin. Raises SignedNoteError."""
    found = _ORIGIN.fullmatch(origin)
    if not found:
        raise SignedNoteError(f"checkpoint: origin {origin[:80]!r} is not {_PREFIX}<32 hex digits>")
    return found[1]


def is_directory_id(value: object) -> TypeGuard[str]:
    """Whether a value is the id of a data directory: 32 hex digits."""
    return isinstance(value, str) and _ORIGIN.fullmatch(_PREFIX + value) is not None


def head_lines(size: int, root: bytes, time: float) -> str:
    """Return the lines after the origin. Raises SignedNoteError for invalid values."""
    if not 0 <= size < 2**63:
        raise SignedNoteError(f"checkpoint: size {size} is not a number of events")
    if len(root) != _ROOT_BYTES:
        raise SignedNoteError(f"checkpoint: root has {len(root)} bytes, {_ROOT_BYTES} are needed")
    if not 0 <= time < _END_OF_TIME:
        raise SignedNoteError(f"checkpoint: time {time} is not in Unix seconds")
    return f"{size}\n{base64.b64encode(root).decode()}\ntime {time:.6f}\n"


def parse_head(size: str, root: str, time: str) -> tuple[int, bytes, float]:
    """Parse the lines after the origin. Raises SignedNoteError naming the invalid line."""
    if not _NUMBER.fullmatch(size) or int(size) >= 2**63:
        raise SignedNoteError(f"checkpoint: size {size[:80]!r} is not a number of events")
    content = from_base64(root)
    if content is None or len(content) != _ROOT_BYTES:
        raise SignedNoteError(f"checkpoint: root {root[:80]!r} is not base64 of {_ROOT_BYTES} bytes")
    found = _TIME.fullmatch(time)
    if not found or float(found[1]) >= _END_OF_TIME:
        raise SignedNoteError(f"checkpoint: line {time[:80]!r} is not 'time <seconds with six decimals>'")
    return int(size), content, float(found[1])


def parse_checkpoint(body: str) -> Checkpoint:
    """Parse a note text. Raises SignedNoteError for anything but the lines of a checkpoint."""
    lines = body.removesuffix("\n").split("\n")
    if len(lines) < 4 or not body.endswith("\n"):
        raise SignedNoteError("checkpoint: is not the lines origin, size, root, time")
    directory_id_of(lines[0])
    size, root, time = parse_head(*lines[1:4])
    return Checkpoint(lines[0], size, root, time, *_parse_extensions(lines[4:], size))


def _parse_extensions(lines: Sequence[str], size: int) -> tuple[str | None, tuple[int, ...]]:
    """Parse the lines after the time. Raises SignedNoteError for any other line or order."""
    rest = list(lines)
    chain = _CHAIN.fullmatch(rest[0]) if rest else None
    rest = rest[1:] if chain else rest
    accepted = _ACCEPTED.fullmatch(rest[0]) if rest else None
    rest = rest[1:] if accepted else rest
    indices = tuple(map(int, accepted[1].split())) if accepted else ()
    if rest or (indices and indices[-1] > size) or not all(map(lt, indices, indices[1:])):
        raise SignedNoteError(f"checkpoint: line {(rest or lines)[0][:80]!r} is no extension line of a checkpoint")
    return chain[1] if chain else None, indices


def sign_checkpoint(checkpoint: Checkpoint, private_key: "Ed25519PrivateKey") -> str:
    """Return the checkpoint as a signed note; the key's name is the origin. Raises SignedNoteError."""
    return sign_note(checkpoint.body(), checkpoint.origin, private_key)


def open_checkpoint(text: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in a note that ``key`` signed. Raises SignedNoteError."""
    return parse_checkpoint(open_own_note(text, key))


def open_own_note(text: str, key: VerifierKey, suffix: str = "") -> str:
    """Return the body of a note that ``key`` signed in its own name, which is the origin line without ``suffix``.

    Raises SignedNoteError.
    """
    body = open_note(text, key)
    origin = body.partition("\n")[0]
    if origin != key.name + suffix:
        raise SignedNoteError(f"note: origin {origin[:80]} is not the signer's name {key.name[:80]}{suffix}")
    return body


def parse_unverified(text: str) -> Checkpoint:
    """Return a note's checkpoint, for display only: the signature is not verified. Raises SignedNoteError."""
    return parse_checkpoint(split_note(text)[0])
