"""What was signed about a history: in its log, in the user's own anchors, and in a checkpoint that the user kept.

If the user's own key has signed here, or has an anchor of this data directory, only its statements count.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoint_file import CheckpointFileError, KeptCheckpoint, read_checkpoint_file
from cq_tui.ops.formatting import format_datetime
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement
from cq_tui.store.checkpoints.anchors import Anchors
from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    directory_id_of,
    is_directory_id,
    open_checkpoint,
    origin_of,
    parse_unverified,
)
from cq_tui.store.checkpoints.checkpoint_log import LogEntry, LoggedAcknowledgement, LoggedCheckpoint, LogReading
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.evidence import read_evidence
from cq_tui.store.checkpoints.known_directories import known_directory_id
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.checkpoints.signing_key import SigningKeyError, load_key
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.history.faults import HistoryFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint that the history must match."""

    checkpoint: Checkpoint
    #: Who signed it (C2SP verifier key).
    key: str
    #: Whether its signer is known here.
    trusted: bool
    #: Where it was found.
    source: str


class Acceptance(NamedTuple):
    """A fault that a person accepted, from the log."""

    acknowledgement: Acknowledgement
    #: Who signed the acceptance (C2SP verifier key).
    key: str

    @property
    def by(self) -> str:
        """Who accepted it, and when."""
        return f"{self.acknowledgement.who}, {format_datetime(self.acknowledgement.time)}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        accepted = self.acknowledgement
        return {
            "id": accepted.fault_id,
            "fault": accepted.fault,
            "accepted_by": accepted.who,
            "accepted_at": accepted.time,
            "events": accepted.size,
            "comment": accepted.comment,
            "key": self.key,
            "releases_checkpoints": accepted.releases_checkpoints,
        }


class SignedStatements(NamedTuple):
    """What was signed about a history."""

    anchors: list[Anchor]
    #: What is wrong with the log.
    faults: list[HistoryFault]
    acceptances: list[Acceptance]


def read_signed_statements(data: DataDir, against: Path | None) -> SignedStatements:
    """Read the log, the user's own anchors and the checkpoint in the file ``against``.

    If the user's own key has signed here, entries of others in the log bind nothing and release nothing.
    """
    kept = read_checkpoint_file(against) if against is not None else None
    evidence = read_evidence(data.checkpoints, None, {})
    private_key, ids = _own_key(), _candidate_ids(data, evidence.log, kept)
    owns = [VerifierKey.of(origin_of(each), private_key) for each in ids] if private_key else []
    anchored = {own: found for own in owns if (found := Anchors(config_folder(), own, None).read())}
    signers = {entry.public_key for entry in evidence.log.entries}
    # First the newest signer in the log, then one with an anchor.
    mine = next((own for own in owns if own.text in signers), next(iter(anchored), None))
    if mine is None:
        acceptances = [
            Acceptance(entry.acknowledgement, entry.public_key)
            for entry in evidence.log.entries
            if isinstance(entry, LoggedAcknowledgement)
        ]
        anchors = [Anchor(entry.checkpoint, entry.public_key, False, "log") for entry in evidence.log.binding]
    else:
        notes = {text: checkpoint for found in anchored.values() for text, checkpoint in found.items()}
        evidence = read_evidence(data.checkpoints, mine, notes)
        acceptances = [Acceptance(each, mine.text) for each in evidence.acceptances]
        anchors = [Anchor(entry.checkpoint, mine.text, True, "log") for entry in evidence.log.binding]
        anchors += [
            Anchor(checkpoint, VerifierKey(checkpoint.origin, mine.raw).text, True, "anchor")
            for checkpoint in evidence.anchors.values()
        ]
    if kept is not None and against is not None:
        anchors.append(_open_kept(against, kept, owns, anchors))
    faults = [HistoryFault(data.checkpoints.name, problem) for problem in evidence.problems]
    return SignedStatements(anchors, faults, list(dict.fromkeys(acceptances)))


def _candidate_ids(data: DataDir, reading: LogReading, kept: KeptCheckpoint | None) -> list[str]:
    """Return the possible ids of this data directory, newest in the log first."""
    found: list[object] = [directory_id_of(_origin(entry)) for entry in reversed(reading.entries)]
    with contextlib.suppress(RuntimeError):
        found.append(known_directory_id(config_folder(), data.root))
    with contextlib.suppress(DocumentError):
        found.append(read_json(data.state_of("memory")).get("directory_id"))
    if kept is not None:
        found.append(directory_id_of(parse_unverified(kept.text).origin))
    return list(dict.fromkeys(each for each in found if is_directory_id(each)))


def _origin(entry: LogEntry) -> str:
    return entry.checkpoint.origin if isinstance(entry, LoggedCheckpoint) else entry.acknowledgement.origin


def _own_key() -> "Ed25519PrivateKey | None":
    try:
        return load_key(config_folder())
    except (SigningKeyError, RuntimeError, OSError):
        return None


def _open_kept(path: Path, kept: KeptCheckpoint, owns: list[VerifierKey], anchors: list[Anchor]) -> Anchor:
    """Open a kept checkpoint with the first key that fits: the user's, the file's own, or that of the log."""
    named = VerifierKey.parse(kept.public_key) if kept.public_key else None
    keys = [*owns, *([named] if named else []), *(VerifierKey.parse(anchor.key) for anchor in anchors)]
    for key in keys:
        try:
            return Anchor(open_checkpoint(kept.text, key), key.text, True, str(path))
        except SignedNoteError:
            continue
    raise CheckpointFileError(
        path, "is signed by an unknown key", "Use a debug bundle or a proof, which include their key"
    )
