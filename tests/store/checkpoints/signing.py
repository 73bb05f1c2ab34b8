"""Keys and signed things for tests."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, make_acknowledgement
from cq_tui.store.checkpoints.checkpoint import Checkpoint, origin_of, sign_checkpoint
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.position import HistoryMark

ID = "0123456789abcdef0123456789abcdef"
ORIGIN = origin_of(ID)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey.of(ORIGIN, PRIVATE)
OTHER_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER_KEY = VerifierKey.of(ORIGIN, OTHER_PRIVATE)
NOW = 1_700_000_000.0


def mark_of(size: int, branch: str = "") -> HistoryMark:
    """Stand for the state of a history of so many events."""
    return HistoryMark(root_of(size, branch), sha256(f"block {branch}{size}".encode()).hexdigest())


def root_of(size: int, branch: str = "") -> bytes:
    """Stand for the root of a history of so many events."""
    return sha256(f"{branch}{size}".encode()).digest()


def checkpoint(size: int, branch: str = "") -> Checkpoint:
    return Checkpoint(ORIGIN, size, root_of(size, branch), NOW + size)


def note(size: int, branch: str = "", private_key: Ed25519PrivateKey = PRIVATE) -> str:
    return sign_checkpoint(checkpoint(size, branch), private_key)


def accepted(fault: str, size: int = 5, time: float = NOW, comment: str | None = None) -> Acknowledgement:
    return make_acknowledgement(ORIGIN, size, root_of(size), time, fault=fault, who="operator", comment=comment)
