"""Signed notes: text with Ed25519 signatures below it (C2SP signed-note, signature type 0x01).

A note is its body (lines, each with its line feed), an empty line, and signature lines:
``— <key name> <base64 of the 4-byte key id and the signature>``. The body is signed, final line feed included.
"""

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Upper limit of a note; sixteen post-quantum signatures would fit easily.
MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 100
_MAX_NAME = 256
_ED25519 = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
#: EM DASH and a space.
SIGNATURE_MARK = "\u2014 "


class SignedNoteError(Exception):
    """A note or a key is malformed or cannot be trusted; the message says why."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A signer: a name and a public key (32 bytes). Its text form is the C2SP verifier key."""

    name: str
    raw: bytes

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise SignedNoteError(f"key name {self.name[:80]!r}: needs text without spaces and plus signs")
        if len(self.raw) != _KEY_BYTES:
            raise SignedNoteError(f"public key: has {len(self.raw)} bytes, Ed25519 needs {_KEY_BYTES}")

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name, line feed, 0x01, key): an identifier, not a proof."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """``name+<key id in hex>+<base64 of 0x01 and the key>``."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Parse the text form. Raises SignedNoteError."""
        parts = text.split("+", 2) if len(text) <= 2 * _MAX_NAME else []
        content = from_base64(parts[2]) if len(parts) == 3 else None
        if content is None:
            raise SignedNoteError("public key: is not of the form name+key id+base64")
        if content[:1] != _ED25519:
            raise SignedNoteError("public key: is not an Ed25519 key (type 0x01)")
        key = cls(parts[0], content[1:])
        if parts[1] != key.key_id.hex():
            raise SignedNoteError(f"public key: key id is {key.key_id.hex()}, its text says {parts[1][:16]!r}")
        return key

    @classmethod
    def of(cls, name: str, private_key: "Ed25519PrivateKey") -> "VerifierKey":
        """Return the verifier key of a private key."""
        return cls(name, private_key.public_key().public_bytes_raw())


class Signature(NamedTuple):
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


def sign_note(body: str, name: str, private_key: "Ed25519PrivateKey") -> str:
    """Return the note: body, empty line, one signature line. Raises SignedNoteError for an invalid body."""
    if not body.endswith("\n"):
        raise SignedNoteError("note: its text must end with a line feed")
    key = VerifierKey.of(name, private_key)
    signature = key.key_id + private_key.sign(_encoded(body))
    note = f"{body}\n{SIGNATURE_MARK}{name} {base64.b64encode(signature).decode()}\n"
    _encoded(note)
    return note


def open_note(text: str, key: VerifierKey) -> str:
    """Return the body of a note that ``key`` signed.

    Signatures of other keys are ignored. Raises SignedNoteError.
    """
    body, signatures = split_note(text)
    key_id = key.key_id
    mine = [line.signature for line in signatures if line.name == key.name and line.key_id == key_id]
    if not mine:
        signers = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in signatures[:3])
        raise SignedNoteError(f"note: not signed by {key.name}+{key_id.hex()}, but by {signers}")
    for signature in mine:
        _verify(key, signature, body.encode())
    return body


def split_note(text: str) -> tuple[str, list[Signature]]:
    """Return body and signatures of a note, unverified. Raises SignedNoteError if it is malformed."""
    _encoded(text)
    body, blank, block = text.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise SignedNoteError("note: malformed, an empty line and signature lines are missing at its end")
    lines = block[:-1].split("\n", MAX_SIGNATURES)
    if len(lines) > MAX_SIGNATURES:
        raise SignedNoteError(f"note: has more than {MAX_SIGNATURES} signatures")
    return body + "\n", [_parse_signature(line) for line in lines]


def decode_note(content: bytes) -> str:
    """Decode a note. Raises SignedNoteError."""
    if len(content) > MAX_NOTE_BYTES:
        raise SignedNoteError(f"note: is larger than {MAX_NOTE_BYTES:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SignedNoteError("note: malformed, it is not UTF-8") from None


def from_base64(text: str) -> bytes | None:
    """Decode standard padded base64 (RFC 4648 section 4); None for any other spelling.

    Unused bits must be 0 (section 3.5): otherwise one signature would have several spellings.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return content if base64.b64encode(content).decode() == text else None


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
    content = from_base64(encoded)
    well_formed = line.startswith(SIGNATURE_MARK) and space and _is_key_name(name)
    if not well_formed or content is None or len(content) <= _KEY_ID_BYTES:
        raise SignedNoteError(f"note: malformed signature line {line[:80]!r}")
    return Signature(name, content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])


def _verify(key: VerifierKey, signature: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignedNoteError(f"note: the signature of {key.name} is wrong; its text was changed") from None


def _encoded(text: str) -> bytes:
    """Encode a note's text after checking its size and characters."""
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise SignedNoteError("note: malformed, it is not UTF-8") from None
    if len(content) > MAX_NOTE_BYTES:
        raise SignedNoteError(f"note: is larger than {MAX_NOTE_BYTES:,} bytes")
    if min(content.replace(b"\n", b""), default=0x20) < 0x20:
        raise SignedNoteError("note: malformed, it holds a control character")
    return content


def _is_key_name(name: str) -> bool:
    return 0 < len(name) <= _MAX_NAME and "+" not in name and not any(letter.isspace() for letter in name)
