"""Anchoring: signs checkpoints and acceptances, and keeps copies of the last checkpoint outside the data directory.

What was signed and accepted before is read by ``evidence``. Nothing here stops memory: ``problem`` says why no
checkpoint can be signed.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, sign_acknowledgement
from cq_tui.store.checkpoints.anchors import AnchorError, KeptNote, find_series, read_series, write_anchor
from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    open_checkpoint,
    origin_of,
    parse_unverified,
    sign_checkpoint,
)
from cq_tui.store.checkpoints.checkpoint_log import Acceptance, CheckpointLog, Statement, log_contains
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.consistency import find_contradictions, format_signing_time
from cq_tui.store.checkpoints.evidence import (
    ANOTHER_DIRECTORY,
    MAX_BINDING,
    Evidence,
    describe_live_copy,
    opens,
    problem_id,
    read_evidence,
)
from cq_tui.store.checkpoints.known_directories import (
    find_live_copies,
    find_lost_history,
    known_directory_id,
    record_directory,
)
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.checkpoints.signing_key import SigningKeyError, load_or_create_key
from cq_tui.store.history.faults import CONTRADICTION_PREFIX, LOG_FAULT_PREFIX, fault_id
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.journal import JournalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Seconds after which the time of a note is later than another, also when rounded.
_LATER = 2e-6


class SigningConflict(Exception):
    """Others interfere: another copy of the data directory is in use, the log was replaced. The message is a fault."""


class AcceptanceRefused(Exception):
    """An acceptance could not be signed and logged, so the fault stays open."""


def describe_fork(theirs: Checkpoint) -> str:
    """Return the problem that the anchor was signed with our key, but not here."""
    return (
        f"{CONTRADICTION_PREFIX}the anchor's checkpoint of {theirs.size:,} events, signed "
        f"{format_signing_time(theirs)}, was not signed here: "
        "another copy of this data directory is in use. Stop one of them"
    )


class _Signer(NamedTuple):
    folder: Path
    private_key: "Ed25519PrivateKey"
    verifier: VerifierKey
    log: CheckpointLog


class Anchoring:
    """Signing checkpoints and acceptances for memory.

    Problems of the disk or with files do not raise, except as SigningConflict and AcceptanceRefused.
    """

    def __init__(
        self,
        data: DataDir,
        *,
        known_id: str | None = None,
        copy: str | None = None,
        folder: Path | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Load the key and read the evidence.

        ``known_id`` is the last known id of the data directory, ``copy`` the setting MEMORY_CHECKPOINT_COPY,
        ``folder`` the configuration folder, by default the user's.
        """
        self._data, self._copy = data, copy
        #: What prevents signing: lasting, by faults, and since the last attempt.
        self._problem: str | None = None
        self._blocking_faults: dict[str, str] = {}
        self._failure: str | None = None
        self._write_problems: dict[str, str] = {}
        # What lies in the folder counts, even if the key cannot be used.
        self._folder, key = self._load_key(folder)
        own = key.public_key().public_bytes_raw() if key else None
        self.evidence: Evidence = read_evidence(data, self._folder, own, copy=copy, known_id=known_id, is_signer=True)
        #: 32 hex digits; save it and pass it as ``known_id`` next time.
        self.directory_id = self.evidence.directory_id or new_id()
        self._signer = self._open_signer(self._folder, key) if self._folder and key else None
        #: External notes that were found here, at the start or when a fault of the log was accepted.
        self._found = {note.text for note in self._external_notes()}
        #: The earlier history that a new data directory here has lost.
        self._lost = find_lost_history(self._folder, data, [self.directory_id]) if self._folder else None
        self._save_directory_id()

    @property
    def problem(self) -> str | None:
        """Why no checkpoint can be signed; None if nothing prevents it."""
        return self._problem or next(iter([*self._log_faults, *self._blocking_faults.values()]), None) or self._failure

    @property
    def warnings(self) -> list[str]:
        """Problems that do not prevent signing: a lost history, an external copy that cannot be read or written."""
        lost = [str(self._lost)] if self._lost else []
        return [*lost, *self.evidence.warnings, *self._write_problems.values()]

    @property
    def repaired(self) -> str | None:
        """What opening the log removed; None if nothing."""
        return self._signer.log.repaired if self._signer else None

    @property
    def lost_count(self) -> int:
        """Events of the earlier history that is gone."""
        return self._lost.checkpoint.size if self._lost else 0

    @property
    def last_checkpoint(self) -> Checkpoint | None:
        """The newest binding checkpoint that was signed here with the present key."""
        return self._last.checkpoint if self._last else None

    @property
    def last_note(self) -> str | None:
        """Its note."""
        return self._last.text if self._last else None

    @property
    def public_key(self) -> str | None:
        """The public key that signs (C2SP verifier key); None without a key."""
        return self._signer.verifier.text if self._signer else None

    def sign(self, size: int, mark: HistoryMark, now: float) -> Checkpoint | None:
        """Sign a checkpoint, log it and replace the anchors; return None if that is impossible (see ``problem``).

        Raises SigningConflict, and signs nothing, if others interfered since.
        """
        signer = self._signer
        if signer is None or self._problem or self._log_faults or self._blocking_faults:
            return None
        self._raise_conflict(signer)
        contradictions = self.evidence.contradictions
        try:
            if found := find_contradictions((each.checkpoint for each in self.evidence.statements), size, {size: mark}):
                self._failure = found[0]
                return None
            if any(each.index is None for each in contradictions):
                self._failure = "the history does not record yet that a person accepted a contradiction"
                return None
            time = max(now, self.evidence.released_until + _LATER)
            accepted = tuple(sorted({each.index for each in contradictions if each.index}))
            head = Checkpoint(signer.verifier.name, size, mark.root, time, mark.tip or None, accepted)
            text = sign_checkpoint(head, signer.private_key)
            signer.log.append(text, signer.verifier)
        except (JournalError, SignedNoteError) as error:
            self._failure = str(error)
            return None
        self._failure = None
        # As signed: with its time rounded to microseconds.
        signed = Statement(open_checkpoint(text, signer.verifier), text, signer.verifier, True, "log")
        self.evidence.statements = [*self.evidence.statements[1 - MAX_BINDING :], signed]
        self._write_copies(signer, text)
        return signed.checkpoint

    def stop_signing(self, reason: str) -> None:
        """Sign nothing until a person accepts this fault."""
        self._blocking_faults[fault_id(reason)] = reason

    def accept(self, acknowledgement: Acknowledgement) -> str:
        """Sign and log that a person accepted a fault; return the note.

        If the history contradicts what was signed, this releases all earlier checkpoints. Raises AcceptanceRefused.
        """
        signer = self._signer
        if signer is None:
            raise AcceptanceRefused(f"cannot be signed, so it would not last: {self._problem}")
        try:
            if acknowledgement.releases_checkpoints:
                # It must release every earlier checkpoint, also those signed while the clock was ahead.
                times = [each.checkpoint.time for each in self.evidence.statements]
                times += [each.checkpoint.time for each in self._external_notes() if opens(each.text, signer.verifier)]
                acknowledgement = replace(acknowledgement, time=max(acknowledgement.time, *times))
            text = sign_acknowledgement(acknowledgement, signer.private_key)
            if signer.log.was_replaced:
                signer.log.close()
                signer = self._signer = signer._replace(
                    log=CheckpointLog(self._data.checkpoints, self._data.quarantine)
                )
            signer.log.append(text, signer.verifier)
        except (JournalError, SignedNoteError) as error:
            self._failure = str(error)
            raise AcceptanceRefused(f"cannot be signed and logged: {error}") from error
        self._failure = None
        self._blocking_faults.pop(acknowledgement.fault_id, None)
        self.evidence.acceptances.append(Acceptance(acknowledgement, text, signer.verifier, trusted=True))
        self.evidence.apply_acceptances()
        if acknowledgement.fault.startswith(LOG_FAULT_PREFIX):
            self._found |= {note.text for note in self._external_notes()}
        self._save_directory_id()
        return text

    def close(self) -> None:
        """Close the log."""
        if self._signer is not None:
            self._signer.log.close()

    @property
    def _last(self) -> Statement | None:
        own = self._signer.verifier if self._signer else None
        signed = [each for each in self.evidence.statements if each.source == "log" and own in (None, each.key)]
        return signed[-1] if signed else None

    @property
    def _log_faults(self) -> list[str]:
        return [each for each in self.evidence.problems if problem_id(each) not in self.evidence.accepted]

    def _load_key(self, folder: Path | None) -> "tuple[Path | None, Ed25519PrivateKey | None]":
        try:
            folder = folder or config_folder()
            return folder, load_or_create_key(folder)
        except (SigningKeyError, RuntimeError) as error:
            self._problem = f"{error}; then restart memory"
            return folder, None

    def _save_directory_id(self) -> None:
        """Save the id outside the data directory, unless it is in doubt."""
        signer = self._signer
        if signer is None or any(each.startswith(ANOTHER_DIRECTORY) for each in self._log_faults):
            return
        if known_directory_id(signer.folder, self._data.root) == self.directory_id:
            return
        try:
            lost_id = self._lost.directory_id if self._lost else None
            record_directory(signer.folder, self._data.root, self.directory_id, lost_id)
            self._write_problems.pop("record", None)
        except OSError as error:
            problem = f"{signer.folder}: the data directory's id cannot be saved there ({error.strerror})"
            self._write_problems["record"] = problem

    def _open_signer(self, folder: Path, private_key: "Ed25519PrivateKey") -> _Signer | None:
        try:
            verifier = VerifierKey.of(origin_of(self.directory_id), private_key)
            return _Signer(folder, private_key, verifier, CheckpointLog(self._data.checkpoints, self._data.quarantine))
        except (SignedNoteError, JournalError) as error:
            self._problem = f"{error}; then restart memory"
            return None

    # -- external copies

    def _series(self) -> dict[str, Path]:
        """Return where each series of external copies begins."""
        return find_series(self._folder, self.directory_id, self._copy)[0]

    def _external_notes(self) -> list[KeptNote]:
        return [note for base in self._series().values() for note in read_series(base)[0]]

    def _is_ours(self, text: str) -> bool:
        """Whether a note was signed here with the present key, and the history still extends it."""
        if self._signer is None or not opens(text, self._signer.verifier):
            return False
        signed = any(each.text == text for each in self.evidence.statements)
        signed = signed or log_contains(self._data.checkpoints, text)
        return signed and parse_unverified(text).time > self.evidence.released_until

    def _raise_conflict(self, signer: _Signer) -> None:
        """Raise SigningConflict if the log was replaced, another copy runs, or it signed an anchor meanwhile."""
        if signer.log.was_replaced:
            raise SigningConflict("was deleted or replaced while memory was running")
        for path in find_live_copies(signer.folder, self._data, self.directory_id):
            raise SigningConflict(describe_live_copy(path))
        for note in read_series(self._series()["anchor"])[0]:
            if note.text in self._found or self._is_ours(note.text) or not opens(note.text, signer.verifier):
                continue
            raise SigningConflict(describe_fork(note.checkpoint))

    def _write_copies(self, signer: _Signer, text: str) -> None:
        """Replace the external copies that this checkpoint extends. A failure becomes a problem."""
        for name, base in self._series().items():
            try:
                write_anchor(base, text, signer.verifier, extends=self._is_ours, private=name == "anchor")
                self._write_problems.pop(name, None)
            except AnchorError as error:
                self._write_problems[name] = str(error)
