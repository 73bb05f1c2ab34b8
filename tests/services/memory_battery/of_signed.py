"""Mutations of what was signed: the log, the anchor, the kept copy and the key. The history is untouched."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cq_tui.store.checkpoints.checkpoint import Checkpoint, origin_of, sign_checkpoint
from cq_tui.store.checkpoints.signed_note import VerifierKey
from tests.services.memory_battery.edits import append, cut, flip
from tests.services.memory_battery.mutation import Mutation, both
from tests.services.memory_battery.site import Site

LOG = "checkpoints.log"
_SEPARATOR = b"\x1e"
_LOG = frozenset({"checkpoints"})
_KEY = frozenset({"key"})
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def entries(log: Path) -> list[bytes]:
    """Return the entries of a log, without what separates them."""
    return log.read_bytes().split(_SEPARATOR)[1:]


def _log(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Site], None]:
    """Return a change of the log's entries."""

    def changed(site: Site) -> None:
        log = site.data.checkpoints
        log.write_bytes(b"".join(_SEPARATOR + entry for entry in change(entries(log))))

    return changed


def directory_id(site: Site) -> str:
    return site.anchor.stem


def forged_entry(site: Site, size: int, root: bytes, origin: str | None = None) -> bytes:
    """Return an entry that somebody else signed in the name of the data directory."""
    name = origin or origin_of(directory_id(site))
    note = sign_checkpoint(Checkpoint(name, size, root, 1_900_000_000.0), STRANGER)
    return f"{VerifierKey.of(name, STRANGER).text}\n{note}".encode()


def _replace_key(site: Site) -> None:
    content = STRANGER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _key(site).write_bytes(content)


def _flip(marker: bytes, share: float) -> Callable[[Site], None]:
    return lambda site: flip(site.data.checkpoints, marker, share)


def _key(site: Site) -> Path:
    return site.config / "checkpoint_key.pem"


def _delete_key(site: Site) -> None:
    _key(site).unlink()


def _delete_log(site: Site) -> None:
    site.data.checkpoints.unlink()


def _delete_anchor(site: Site) -> None:
    anchor = site.anchor
    anchor.unlink()


def _delete_copy(site: Site) -> None:
    site.copy.unlink()


MUTATIONS = (
    # The log
    *(
        Mutation(
            f"the log has a bit of {marker!r} flipped at {share}",
            _flip(marker, share),
            kinds=_LOG,
            file=LOG,
            is_heavy=share != 0.4,
        )
        for share in (0, 0.4, 0.7)
        for marker in (b"coinquant", b"time ", b"=\n", b"\xe2\x80\x94", b"+")
    ),
    Mutation("the log has a separator changed", _flip(_SEPARATOR, 0.5), kinds=_LOG, file=LOG),
    Mutation("the log lacks its last entry", _log(lambda notes: notes[:-1]), 2, _LOG),
    Mutation("the log lacks its first entry", _log(lambda notes: notes[1:]), exit_code=0),
    Mutation("the log lacks one in the middle", _log(lambda notes: notes[:1] + notes[2:]), exit_code=0),
    Mutation("the log has its entries turned around", _log(lambda notes: notes[::-1]), exit_code=0),
    Mutation("the log has an entry twice", _log(lambda notes: [*notes, notes[0]]), exit_code=0),
    Mutation(
        "the log is cut in the middle of a note", lambda site: cut(site.data.checkpoints, 60), kinds=_LOG, file=LOG
    ),
    Mutation("the log is gone", _delete_log, kinds=_LOG, file=LOG),
    Mutation("the log is empty", lambda site: os.truncate(site.data.checkpoints, 0), kinds=_LOG, file=LOG),
    Mutation(
        "the log is that of an earlier moment",
        lambda site: shutil.copy(site.at(1).data.checkpoints, site.data.checkpoints),
        kinds=_LOG,
        file=LOG,
    ),
    Mutation(
        "the log is another directory's",
        lambda site: shutil.copy(site.other.checkpoints, site.data.checkpoints),
        kinds=frozenset({"checkpoints", "contradiction"}),
        file=LOG,
    ),
    Mutation(
        "the log has another directory's entry",
        lambda site: append(site.data.checkpoints, site.other.checkpoints.read_bytes()),
        kinds=_KEY,
        file=LOG,
    ),
    Mutation("the log has garbage in front", _log(lambda notes: [b"garbage\n", *notes]), kinds=_LOG, file=LOG),
    Mutation("the log has garbage behind", lambda site: append(site.data.checkpoints, b"garbage\n"), 0),
    Mutation("the log has zeros behind", lambda site: append(site.data.checkpoints, bytes(4096)), 0),
    Mutation(
        "the log has a stranger's checkpoint",
        lambda site: append(site.data.checkpoints, _SEPARATOR + forged_entry(site, 5, bytes(32))),
        kinds=_KEY,
        file=LOG,
    ),
    Mutation(
        "the log is all a stranger's",
        lambda site: _log(lambda _: [forged_entry(site, site.events, bytes(32))])(site),
        kinds=_KEY | _LOG,
        file=LOG,
    ),
    Mutation(
        "the log and the anchor are gone",
        both(_delete_anchor, _delete_log),
        kinds=_LOG,
        file=LOG,
    ),
    Mutation(
        "the log, the anchor and the copy are gone",
        both(_delete_anchor, _delete_log, _delete_copy),
        exit_code=1,
    ),
    # The anchor
    Mutation("the anchor is gone", _delete_anchor, exit_code=0),
    Mutation("the anchor is empty", lambda site: os.truncate(site.anchor, 0), exit_code=0),
    Mutation("the anchor has a bit flipped", lambda site: flip(site.anchor, b"time", 0), exit_code=0),
    Mutation("the anchor is garbage", lambda site: site.anchor.write_bytes(b"garbage"), exit_code=0),
    Mutation("the anchor is large", lambda site: site.anchor.write_bytes(b"x" * 10**6), exit_code=0),
    Mutation(
        "the anchor is of an earlier moment",
        lambda site: shutil.copy(site.at(1).anchor, site.anchor),
        exit_code=0,
    ),
    Mutation(
        "the anchor is another directory's",
        lambda site: shutil.copy(next(p for p in site.anchor.parent.iterdir() if p != site.anchor), site.anchor),
        exit_code=0,
    ),
    # The kept copy
    Mutation("the copy is gone", _delete_copy, exit_code=0),
    Mutation("the copy is empty", lambda site: os.truncate(site.copy, 0), exit_code=0),
    Mutation("the copy has a bit flipped", lambda site: flip(site.copy, b"time", 0), exit_code=0),
    Mutation("the copy is garbage", lambda site: site.copy.write_bytes(b"my own notes\n"), exit_code=0),
    Mutation("the copy is of an earlier moment", lambda site: shutil.copy(site.at(1).copy, site.copy), exit_code=0),
    Mutation("the copy's folder is gone", lambda site: shutil.rmtree(site.copy.parent), exit_code=0),
    # The key: the verifier key beside the anchor stands in for it
    Mutation("the key is gone", _delete_key, exit_code=0),
    Mutation("the key is another one", _replace_key, kinds=_KEY, file=LOG),
    Mutation("the key is garbage", lambda site: _key(site).write_bytes(b"garbage"), exit_code=0),
    Mutation("the key is open to others", lambda site: _key(site).chmod(0o644), exit_code=0),
    Mutation("the configuration folder is gone", lambda site: shutil.rmtree(site.config), exit_code=1),
    Mutation("the key and the log are gone", both(_delete_key, _delete_log), kinds=_LOG, file=LOG),
)
