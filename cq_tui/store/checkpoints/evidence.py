"""The evidence about a history: what was signed, kept and accepted, read in one place for everybody who judges.

It comes from the log, the anchors outside the data directory, the user's copy, and the history's own events. Statements
of the user's key, and of earlier keys whose verifier key lies beside an anchor in the configuration folder, are
*trusted*. If none of these keys ever signed here, what the log says of its signer is all there is.
"""

import contextlib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from cq_tui.contracts.health import AcceptedContradiction
from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.acknowledgement import open_acknowledgement
from cq_tui.store.checkpoints.anchors import KeptNote, find_series, read_series
from cq_tui.store.checkpoints.checkpoint import Checkpoint, directory_id_of, is_directory_id, open_checkpoint, origin_of
from cq_tui.store.checkpoints.checkpoint_log import (
    Acceptance,
    Statement,
    log_contains,
    newest_checkpoint,
    read_acknowledgements,
    read_checkpoint_log,
)
from cq_tui.store.checkpoints.consistency import (
    find_contradictions,
    format_signing_time,
    is_matched,
    missing_by_checkpoint,
    without_taken_back,
)
from cq_tui.store.checkpoints.known_directories import find_live_copies, has_history, known_directory_id
from cq_tui.store.checkpoints.signed_note import SignedNoteError, VerifierKey
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, fault_id
from cq_tui.store.history.noted import NotedEvent
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.journal import JournalError

#: Only the newest entries of the log bind: a root covers every event before it, so older ones add nothing.
MAX_BINDING = 100
#: The writer whose recorded faults count.
_RECORDER = "memory"
#: Begins the problem of a log whose directory is not the one that was known here.
ANOTHER_DIRECTORY = "is that of another data directory"


@dataclass(slots=True)
class Evidence:
    """What is known about a history besides its own bytes."""

    #: 32 hex digits; None if nothing tells.
    directory_id: str | None = None
    #: Who is trusted: the user's own key first, or the one that the user named, if it ever signed here or is about to.
    trusted: tuple[VerifierKey, ...] = ()
    #: What binds: not released by an acceptance.
    statements: list[Statement] = field(default_factory=list)
    #: Oldest first.
    acceptances: list[Acceptance] = field(default_factory=list)
    #: What is wrong with the log, or with its signers.
    problems: list[str] = field(default_factory=list)
    #: What is wrong outside the data directory.
    warnings: list[str] = field(default_factory=list)
    #: What signers that are not trusted accepted: counts if a trusted checkpoint names its event.
    accepted_by_others: dict[str, Acceptance] = field(default_factory=dict)
    #: The accepted faults by id: only those that a trusted key signed.
    accepted: dict[str, str] = field(default_factory=dict)
    #: Faults that the history itself records.
    recorded_faults: set[str] = field(default_factory=set)
    #: The sizes of the histories that the history itself records as restored from a backup.
    restored: set[int] = field(default_factory=set)

    @property
    def contradictions(self) -> list[Acceptance]:
        """The acceptances of a history that contradicts what was signed before."""
        return [each for each in self.acceptances if each.acknowledgement.releases_checkpoints]

    def report_contradictions(self) -> list[AcceptedContradiction]:
        """Return who accepted a contradiction, when, what, and the event that records it, oldest first."""
        return [
            AcceptedContradiction(event_index=index, accepted_by=each.who, accepted_at=each.time, fault=each.fault)
            for index, each in ((each.index, each.acknowledgement) for each in self.contradictions)
        ]

    def find_anchor(self, marks: Mapping[int, HistoryMark], skipped: int = 0) -> Checkpoint | None:
        """Return the largest checkpoint that the history matches; the first ``skipped`` events are still verified."""
        ordered = sorted((each.checkpoint for each in self.statements if each.trusted), key=lambda each: -each.size)
        return next(
            (each for each in ordered if is_matched(each, marks) or (each.size <= skipped and each.size not in marks)),
            None,
        )

    @property
    def released_until(self) -> float:
        """Trusted checkpoints up to this time (Unix seconds) bind no more."""
        return max((each.acknowledgement.time for each in self.contradictions if each.trusted), default=-math.inf)

    @property
    def sizes(self) -> set[int]:
        """The sizes at which the history is compared with what was signed."""
        return {each.checkpoint.size for each in self.statements}

    def add_noted(self, noted: Iterable[NotedEvent]) -> None:
        """Add what the history itself records: faults, and acceptances, some of which the log may lack."""
        by_text = {each.text: place for place, each in enumerate(self.acceptances)}
        named = {index for each in self.statements if each.trusted for index in each.checkpoint.accepted}
        for event in noted:
            recorded = orjson.loads(event.line)
            if recorded["event_type"] == "integrity_fault" and recorded["metadata"]["writer"] == _RECORDER:
                self.recorded_faults.add(str(recorded["data"].get("reason")))
            if recorded["event_type"] == "history_restored" and isinstance(size := recorded["data"].get("events"), int):
                self.restored.add(size)
            note = recorded["data"].get("note")
            if not isinstance(note, str) or recorded["event_type"] != "integrity_acknowledged":
                continue
            if (place := by_text.get(note)) is not None:
                # A note that is recorded twice keeps its first event.
                known = self.acceptances[place]
                self.acceptances[place] = replace(known, index=known.index or event.index)
            elif found := self._open_acceptance(note, by_others=event.index in named):
                by_text[note] = len(self.acceptances)
                self.acceptances.append(replace(found, index=event.index))
        self.apply_acceptances()

    def apply_acceptances(self) -> None:
        """Drop the statements that an acceptance released: of its own signer, or, if it is trusted, any of them."""
        self.accepted |= {
            each.acknowledgement.fault_id: each.acknowledgement.fault for each in self.acceptances if each.trusted
        }
        released = [(each.trusted, each.key, each.acknowledgement.time) for each in self.contradictions]
        self.statements = [
            each
            for each in self.statements
            if not any((trusted or key == each.key) and each.checkpoint.time <= time for trusted, key, time in released)
        ]

    def find_faults(self, events: int, marks: Mapping[int, HistoryMark], open_faults: Iterable[str] = ()) -> list[str]:
        """Return what is wrong with the log and where the history contradicts what was signed, unless it was accepted.

        ``events`` is the size of the history, ``marks`` its verified state at the sizes of the statements. A restored
        backup is one contradiction: once the history or ``open_faults`` tell it, what follows from it is no second one.
        """
        told = missing_by_checkpoint([*self._recorded_missing, *open_faults])
        found = [*self.problems, *self._missing_from_log(marks)]
        return [
            *(each for each in found if problem_id(each) not in self.accepted),
            *self._recorded_missing,
            *find_contradictions(
                without_taken_back((each.checkpoint for each in self.statements), told, self.restored), events, marks
            ),
        ]

    def count_missing(self, events: int, open_faults: Iterable[str] = ()) -> int:
        """Return how many events of the signed history are missing and nobody accepted that.

        Also after new events have passed the signed size: then ``open_faults``, or the history itself, tell.
        """
        present = find_contradictions((each.checkpoint for each in self.statements), events, {})
        faults = missing_by_checkpoint([*self._recorded_missing, *open_faults, *present])
        return sum(count for named, count in faults.items() if named not in self._accepted_missing)

    @property
    def _accepted_missing(self) -> dict[str, int]:
        return missing_by_checkpoint(each.acknowledgement.fault for each in self.acceptances)

    @property
    def _recorded_missing(self) -> list[str]:
        """The faults about missing events that the history itself records and nobody accepted."""
        accepted = self._accepted_missing.keys()
        named = ((each, missing_by_checkpoint([each]).keys()) for each in sorted(self.recorded_faults))
        return [each for each, missing in named if missing and not missing & accepted]

    def _missing_from_log(self, marks: Mapping[int, HistoryMark]) -> list[str]:
        """Return what the log lacks although the history or an external copy has it."""
        found = [
            f"lacks the checkpoint of {each.checkpoint.size:,} events signed {format_signing_time(each.checkpoint)}, "
            f"which the {each.source} holds: the log, or its end, was deleted"
            for each in self.statements
            if each.trusted and not each.logged and is_matched(each.checkpoint, marks)
        ]
        lacking = [each for each in self.acceptances if not each.logged]
        if lacking:
            first = lacking[0].acknowledgement
            found.append(
                f"lacks {len(lacking)} of the acceptances that the history records, the first by {first.who} "
                f"at event {lacking[0].index}: entries of the log were deleted"
            )
        return found

    @property
    def has_trusted_signature(self) -> bool:
        """Whether a trusted key has signed a checkpoint here; if not, what the log says of its signers counts."""
        return any(each.trusted for each in self.statements)

    def _open_acceptance(self, note: str, *, by_others: bool) -> Acceptance | None:
        if by_others and note in self.accepted_by_others:
            return self.accepted_by_others[note]
        by_others = by_others or not self.has_trusted_signature
        for key in (*self.trusted, *({each.key for each in self.statements} if by_others else ())):
            with contextlib.suppress(SignedNoteError):
                return Acceptance(open_acknowledgement(note, key), note, key, key in self.trusted, logged=False)
        return None


def problem_id(problem: str) -> str:
    """Return the fault id of a problem of the log."""
    return fault_id(LOG_FAULT_PREFIX + problem)


def read_evidence(
    data: DataDir,
    folder: Path | None,
    own: bytes | None,
    *,
    copy: str | None = None,
    known_id: str | None = None,
    named: VerifierKey | None = None,
    is_signer: bool = False,
) -> Evidence:
    """Read all evidence but that in the history itself (``Evidence.add_noted``). Bad files never raise.

    ``folder`` is the configuration folder, ``own`` the user's public key (32 bytes), ``copy`` the setting
    MEMORY_CHECKPOINT_COPY. ``known_id`` is the id of the directory in memory's state, ``named`` a key that the user
    trusts. ``is_signer`` means that the own key will sign here.
    """
    found = Evidence()
    signers = [each for each in (own, named.raw if named else None) if each]
    found.directory_id = _find_directory_id(data, folder, signers, known_id, found.problems)
    notes = _read_kept_notes(folder, copy, found)
    found.trusted = _find_keys(data, folder, own, named, found.directory_id, notes, is_signer=is_signer)
    _read_log(data.checkpoints, found)
    for source, note in notes:
        if all(note.text != each.text for each in found.statements):
            found.statements += _open_kept_note(data, note, source, found)
    if found.directory_id and not found.has_trusted_signature:
        _believe_others(data.checkpoints, origin_of(found.directory_id), found)
    found.apply_acceptances()
    # A copy in which memory never ran, and does not run now, is a backup.
    if folder and found.directory_id and (is_signer or known_directory_id(folder, data.root) == found.directory_id):
        found.problems += map(describe_live_copy, find_live_copies(folder, data, found.directory_id))
    return found


def describe_live_copy(root: Path) -> str:
    """Return the problem that memory also runs in another copy of the data directory."""
    return f"another copy of this data directory is running under the same key: {root}. Stop one of them"


def _find_directory_id(
    data: DataDir, folder: Path | None, signers: Collection[bytes], stored: str | None, problems: list[str]
) -> str | None:
    """Return the id of the data directory: from its log if a known key signed it, else from the configuration folder.

    ``stored``, and a log signed by others, come from the directory itself and count only after that.
    """
    known = stored = stored if is_directory_id(stored) else None
    if folder is not None and has_history(data):
        # A directory without a history may start over.
        known = known_directory_id(folder, data.root) or stored
    try:
        if known and any(newest_checkpoint(data.checkpoints, each, origin_of(known)) for each in signers):
            return known
        own = next(filter(None, (newest_checkpoint(data.checkpoints, each) for each in signers)), None)
        logged = own or (None if known else newest_checkpoint(data.checkpoints))
    except JournalError:
        # Reading the log reports it.
        return known
    if logged is None:
        return known
    found = directory_id_of(logged.checkpoint.origin)
    if known not in (None, found):
        problems.append(f"{ANOTHER_DIRECTORY} ({found}, not {known})")
    return found


def _read_kept_notes(folder: Path | None, copy: str | None, found: Evidence) -> list[tuple[str, KeptNote]]:
    """Return the external copies, each with where it was found."""
    series, warnings = find_series(folder, found.directory_id, copy)
    found.warnings += warnings
    kept = []
    for source, base in series.items():
        notes, problems = read_series(base)
        found.warnings += problems
        kept += [(source, note) for note in notes]
    return kept


def _find_keys(
    data: DataDir,
    folder: Path | None,
    own: bytes | None,
    named: VerifierKey | None,
    directory_id: str | None,
    notes: Iterable[tuple[str, KeptNote]],
    *,
    is_signer: bool,
) -> tuple[VerifierKey, ...]:
    """Return the keys that are trusted, if any of them has signed here or is about to."""
    origin = origin_of(directory_id) if directory_id else ""
    anchors = [note for source, note in notes if source == "anchor"]
    keys = [named]
    if own and origin:
        mine = VerifierKey(origin, own)
        is_ours = (
            is_signer
            or named is not None
            or (folder is not None and known_directory_id(folder, data.root) == directory_id)
            or any(opens(each.text, mine) for each in anchors)
            or any(each.key == mine for each in _newest_entries(data.checkpoints))
        )
        keys += [mine] if is_ours else []
    keys += [each.key for each in anchors if each.key and each.key.name == origin]
    return tuple(dict.fromkeys(each for each in keys if each is not None))


def _newest_entries(path: Path) -> list[Statement | Acceptance]:
    """Return what anybody signed in the end of the log; nothing if it cannot be read."""
    with contextlib.suppress(JournalError):
        return read_checkpoint_log(path, newest=MAX_BINDING).entries
    return []


def opens(text: str, key: VerifierKey) -> bool:
    """Whether a key signed this checkpoint."""
    with contextlib.suppress(SignedNoteError):
        open_checkpoint(text, key)
        return True
    return False


def _read_log(path: Path, found: Evidence) -> None:
    """Read the newest checkpoints and every acceptance; what is wrong with the log becomes a problem."""
    try:
        log = read_checkpoint_log(path, *found.trusted, newest=MAX_BINDING)
        acceptances = read_acknowledgements(path)
    except JournalError as error:
        found.problems.append(str(error).removeprefix(f"{path}: "))
        return
    found.problems += log.problems
    found.statements = [each for each in log.entries if isinstance(each, Statement)]
    found.acceptances = [replace(each, trusted=True) for each in acceptances if each.key in found.trusted]
    found.accepted_by_others = {each.text: each for each in acceptances if each.key not in found.trusted}


def _believe_others(path: Path, origin: str, found: Evidence) -> None:
    """Add what other keys signed and accepted here: a key that is new does not silence them."""
    known = {each.text for each in found.statements}
    others = [each for each in _newest_entries(path) if isinstance(each, Statement) and each.text not in known]
    found.statements += [each for each in others if each.key.name == origin]
    found.acceptances += [each for each in found.accepted_by_others.values() if each.key.name == origin]


def _open_kept_note(data: DataDir, note: KeptNote, source: str, found: Evidence) -> list[Statement]:
    """Return what a kept note states; nothing if no known key signed it, or it is of another data directory.

    The key beside a copy opens it, but does not make it trusted: its place may be known from the data directory only.
    """
    problem = "its signer is not known"
    for key in (*found.trusted, *filter(None, [note.key])):
        try:
            checkpoint = open_checkpoint(note.text, key)
        except SignedNoteError as error:
            problem = str(error)
            continue
        if found.directory_id is None or checkpoint.origin == origin_of(found.directory_id):
            logged = log_contains(data.checkpoints, note.text)
            return [Statement(checkpoint, note.text, key, key in found.trusted, source, logged)]
        problem = f"is of another data directory, {checkpoint.origin}"
    if source == "anchor":
        found.problems.append(f"another key signed the anchor of {note.checkpoint.size:,} events ({problem})")
    found.warnings.append(f"{note.path}: {problem}. Bring back the key that signed it, or move the file away")
    return []
