"""Anchoring: signs checkpoints, keeps copies outside the data directory, and compares the history with them.

Nothing here stops memory: ``problem`` says why no checkpoint can be signed.
"""

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, sign_acknowledgement
from cq_tui.store.checkpoints.anchors import AnchorError, Anchors
from cq_tui.store.checkpoints.checkpoint import (
    Checkpoint,
    directory_id_of,
    is_directory_id,
    open_checkpoint,
    origin_of,
    sign_checkpoint,
)
from cq_tui.store.checkpoints.checkpoint_log import (
    CheckpointLog,
    LoggedCheckpoint,
    LogReading,
    newest_checkpoint,
    read_checkpoint_log,
)
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.consistency import find_contradictions, format_signing_time
from cq_tui.store.checkpoints.evidence import MAX_BINDING, Evidence, problem_id, read_evidence
from cq_tui.store.checkpoints.known_directories import (
    find_lost_history,
    has_history,
    known_directory_id,
    record_directory,
)
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.checkpoints.signing_key import SigningKeyError, load_or_create_key
from cq_tui.store.history.faults import CONTRADICTION_PREFIX, LOG_FAULT_PREFIX, fault_id
from cq_tui.store.journal import JournalError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Seconds after which the time of a note is later than another, also when rounded.
_LATER = 2e-6
_ANOTHER_DIRECTORY = "is that of another data directory"


class ForkDetected(Exception):
    """The anchor was signed with this key, but not here: two copies of the data directory are in use."""

    def __init__(self, theirs: Checkpoint) -> None:
        super().__init__(
            f"{CONTRADICTION_PREFIX}the anchor's checkpoint of {theirs.size:,} events, signed "
            f"{format_signing_time(theirs)}, was not signed here: "
            "another copy of this data directory is in use. Stop one of them"
        )


class AcceptanceRefused(Exception):
    """An acceptance could not be signed and logged, so the fault stays open."""


class _Signer(NamedTuple):
    folder: Path
    private_key: "Ed25519PrivateKey"
    verifier: VerifierKey
    log: CheckpointLog
    anchors: Anchors


class Anchoring:
    """Signing checkpoints and acceptances for memory.

    Problems of the disk or with files do not raise, except as ForkDetected and AcceptanceRefused.
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
        """Load key, log and anchors.

        ``known_id`` is the last known id of the data directory, ``copy`` the setting MEMORY_CHECKPOINT_COPY,
        ``folder`` the configuration folder, by default the user's.
        """
        self._data = data
        self._problem: str | None = None
        self._failure: str | None = None
        self._blocking_faults: dict[str, str] = {}
        self._log_problems: list[str] = []
        self._save_problem: str | None = None
        opened = self._load_key(folder)
        #: 32 hex digits; save it and pass it as ``known_id`` next time.
        self.directory_id = self._find_directory_id(known_id, opened) or new_id()
        self._anchors: Anchors | None = None
        self._signer = self._open_signer(copy, opened) if opened else None
        #: Accepted faults by id: only those in the log, signed with our own key.
        self.accepted: dict[str, str] = {}
        #: Checkpoints up to this time no longer bind; new ones get a later time, whatever the clock says.
        self._released_until = -math.inf
        evidence = self._read_evidence()
        for each in evidence.acceptances:
            self._record_acceptance(each)
        standing = [problem for problem in self._log_problems if problem_id(problem) not in self.accepted]
        self._log_problems = standing + evidence.problems
        self._binding, self._external = evidence.log.binding, evidence.anchors
        #: The earlier history that a new data directory here has lost.
        self._lost = find_lost_history(opened[0], data, [self.directory_id]) if opened else None
        self._save_directory_id()

    @property
    def problem(self) -> str | None:
        """Why no checkpoint can be signed; None if nothing prevents it."""
        return (
            self._problem or next(iter([*self._log_problems, *self._blocking_faults.values()]), None) or self._failure
        )

    @property
    def warnings(self) -> list[str]:
        """Problems that do not prevent signing: a lost history, an anchor that cannot be written."""
        found = [str(self._lost) if self._lost else None]
        if self._signer is not None:
            found += [self._signer.log.repaired, *self._signer.anchors.problems.values(), self._save_problem]
        return [warning for warning in found if warning]

    @property
    def last_checkpoint(self) -> Checkpoint | None:
        """The newest binding checkpoint signed here."""
        return self._binding[-1].checkpoint if self._binding else None

    @property
    def last_note(self) -> str | None:
        """Its note."""
        return self._binding[-1].text if self._binding else None

    @property
    def public_key(self) -> str | None:
        """The public key that signs (C2SP verifier key); None without a key."""
        return self._signer.verifier.text if self._signer else None

    def expected_roots(self) -> dict[int, bytes]:
        """Return the root that the history must have at each size in a binding checkpoint or an anchor."""
        return {checkpoint.size: checkpoint.root for checkpoint in self._expected_checkpoints()}

    def find_faults(self, events: int, roots: Mapping[int, bytes]) -> list[str]:
        """Return where the history contradicts what was signed, and what is wrong with the log itself.

        ``events`` is the size of the history, ``roots`` its verified roots at sizes of ``expected_roots()``.
        """
        return self._log_problems + find_contradictions(self._expected_checkpoints(), events, roots)

    def sign(self, size: int, root: bytes, now: float) -> Checkpoint | None:
        """Sign a checkpoint, log it and replace the anchors; return None if that is impossible (see ``problem``).

        Raises ForkDetected, and signs nothing, if another copy of the data directory has signed since.
        """
        signer = self._signer
        if signer is None or self._problem or self._log_problems or self._blocking_faults:
            return None
        try:
            theirs = signer.anchors.other_writer()
            if theirs is not None:
                raise ForkDetected(theirs)
            if contradictions := find_contradictions(self._expected_checkpoints(), size, {size: root}):
                self._failure = contradictions[0]
                return None
            head = Checkpoint(signer.verifier.name, size, root, max(now, self._released_until + _LATER))
            signed = _sign(head, signer)
            signer.log.append(signed.text, signer.verifier)
        except (AnchorError, JournalError, SignedNoteError) as error:
            self._failure = str(error)
            return None
        self._failure = None
        self._binding = [*self._binding[1 - MAX_BINDING :], signed]
        signer.anchors.write(signed.text)
        return signed.checkpoint

    def stop_signing(self, reason: str) -> None:
        """Sign nothing until a person accepts this fault."""
        self._blocking_faults[fault_id(reason)] = reason

    def accept(self, acknowledgement: Acknowledgement) -> str | None:
        """Sign and log that a person accepted a fault; return the note.

        If the history contradicts what was signed, this releases all earlier checkpoints. Without a key there is no
        note, and the acceptance is lost when this process ends. Raises AcceptanceRefused.
        """
        signer = self._signer
        if signer is None:
            self._apply_acceptance(acknowledgement)
            return None
        try:
            if acknowledgement.releases_checkpoints:
                # It must release every earlier checkpoint, also those signed while the clock was ahead.
                newest = max((checkpoint.time for checkpoint in self._all_checkpoints(signer)), default=0.0)
                acknowledgement = replace(acknowledgement, time=max(acknowledgement.time, newest))
            text = sign_acknowledgement(acknowledgement, signer.private_key)
            if acknowledgement.releases_checkpoints:
                # A checkpoint only in an anchor is logged first: the acknowledgement releases all before it.
                for note in self._unlogged_notes(signer):
                    signer.log.append(note, signer.verifier)
            signer.log.append(text, signer.verifier)
        except (JournalError, SignedNoteError) as error:
            self._failure = str(error)
            raise AcceptanceRefused(f"cannot be signed and logged: {error}") from None
        self._failure = None
        self._apply_acceptance(acknowledgement)
        return text

    def close(self) -> None:
        """Close the log."""
        if self._signer is not None:
            self._signer.log.close()

    def _expected_checkpoints(self) -> list[Checkpoint]:
        return [*(entry.checkpoint for entry in self._binding), *self._external.values()]

    def _apply_acceptance(self, acknowledgement: Acknowledgement) -> None:
        name = acknowledgement.fault_id
        self._blocking_faults.pop(name, None)
        self._log_problems = [problem for problem in self._log_problems if problem_id(problem) != name]
        self._record_acceptance(acknowledgement)
        if acknowledgement.releases_checkpoints:
            self._binding, self._external = [], {}
        if self._signer is not None and acknowledgement.fault.startswith(LOG_FAULT_PREFIX):
            self._signer.anchors.allow_overwrite(foreign_only=not acknowledgement.releases_checkpoints)
        self._save_directory_id()

    def _load_key(self, folder: Path | None) -> "tuple[Path, Ed25519PrivateKey] | None":
        try:
            folder = folder or config_folder()
            return folder, load_or_create_key(folder)
        except (SigningKeyError, RuntimeError) as error:
            self._problem = f"{error}; then restart memory"
            return None

    def _find_directory_id(self, stored: str | None, opened: "tuple[Path, Ed25519PrivateKey] | None") -> str | None:
        """Return the id of the data directory: from its log if our key signed it, else from the configuration folder.

        ``stored``, and a log signed by others, come from the directory itself and count only after that.
        """
        known = stored = stored if is_directory_id(stored) else None
        signer = None
        if opened is not None:
            folder, private_key = opened
            signer = private_key.public_key().public_bytes_raw()
            # A directory without a history may start over.
            if has_history(self._data):
                known = known_directory_id(folder, self._data.root) or stored
        try:
            own = newest_checkpoint(self._data.checkpoints, signer)
            found = own or (None if known else newest_checkpoint(self._data.checkpoints))
        except JournalError as error:
            self._problem = str(error)
            return known
        if found is None:
            return known
        logged = directory_id_of(found.checkpoint.origin)
        if known not in (None, logged):
            self._log_problems.append(f"{_ANOTHER_DIRECTORY} ({logged}, not {known})")
        return logged

    def _save_directory_id(self) -> None:
        """Save the id outside the data directory, unless it is in doubt."""
        signer = self._signer
        if signer is None or any(problem.startswith(_ANOTHER_DIRECTORY) for problem in self._log_problems):
            return
        if known_directory_id(signer.folder, self._data.root) == self.directory_id:
            return
        try:
            lost_id = self._lost.directory_id if self._lost else None
            record_directory(signer.folder, self._data.root, self.directory_id, lost_id)
            self._save_problem = None
        except OSError as error:
            self._save_problem = f"{signer.folder}: the data directory's id cannot be saved there ({error.strerror})"

    def _open_signer(self, copy: str | None, opened: "tuple[Path, Ed25519PrivateKey]") -> _Signer | None:
        folder, private_key = opened
        try:
            verifier = VerifierKey.of(origin_of(self.directory_id), private_key)
            self._anchors = anchors = Anchors(folder, verifier, copy)
            log = CheckpointLog(self._data.checkpoints, self._data.quarantine)
        except (SignedNoteError, JournalError) as error:
            self._problem = f"{error}; then restart memory"
            return None
        return _Signer(folder, private_key, verifier, log, anchors)

    def _read_evidence(self) -> Evidence:
        """Read log and anchors; only the anchors if the log cannot be read."""
        anchors = self._anchors.read() if self._anchors else {}
        try:
            return read_evidence(self._data.checkpoints, self._signer.verifier if self._signer else None, anchors)
        except JournalError as error:
            self._problem = str(error)
            return Evidence(LogReading(), [], anchors, [])

    def _record_acceptance(self, acknowledgement: Acknowledgement) -> None:
        self.accepted[acknowledgement.fault_id] = acknowledgement.fault
        if acknowledgement.releases_checkpoints:
            self._released_until = max(self._released_until, acknowledgement.time)

    def _all_checkpoints(self, signer: _Signer) -> list[Checkpoint]:
        """Return every binding checkpoint, and those now in the anchors."""
        return [*self._expected_checkpoints(), *signer.anchors.read().values()]

    def _unlogged_notes(self, signer: _Signer) -> list[str]:
        log = read_checkpoint_log(self._data.checkpoints, signer.verifier, newest=MAX_BINDING)
        logged = {entry.text for entry in log.entries}
        return [text for text in signer.anchors.read() if text not in logged]


def _sign(checkpoint: Checkpoint, signer: _Signer) -> LoggedCheckpoint:
    """Sign a checkpoint, and return it as signed, with its time rounded to microseconds."""
    text = sign_checkpoint(checkpoint, signer.private_key)
    return LoggedCheckpoint(open_checkpoint(text, signer.verifier), text, signer.verifier.text)
