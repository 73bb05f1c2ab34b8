"""Checking the history of a backup before it is put in place, and comparing it with what this computer remembers."""

from collections.abc import Callable
from dataclasses import dataclass

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.gathered_evidence import own_public_key
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.checkpoints.anchors import anchor_path, read_series
from cq_tui.store.checkpoints.checkpoint import Checkpoint
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.evidence import read_evidence
from cq_tui.store.checkpoints.signed_note import SignedNoteError
from cq_tui.store.history.verification import verify


@dataclass(frozen=True, slots=True)
class CheckedHistory:
    """What the history in a backup is."""

    events: int
    merkle_root: str
    #: What is wrong with it, beside what its memory had noted already; empty if it is intact.
    faults: tuple[str, ...]
    #: The faults that its memory knew, which stay open until a person accepts them.
    known_faults: tuple[str, ...]
    #: What this computer signed last of the same history, if that has more events; None if not.
    newer: Checkpoint | None

    @property
    def rolled_back(self) -> int:
        """Number of events that this computer signed and the backup lacks."""
        return 0 if self.newer is None else self.newer.size - self.events


def check_history(data: DataDir, progress: Callable[[int], object]) -> CheckedHistory:
    """Verify events, chain, order and root, and every checkpoint in the log. Raises OSError."""
    state = MemoryState.load(data)
    known = tuple(state.faults.values())
    # Without the configuration folder: what else was signed here is no fault of the backup.
    evidence = read_evidence(data, None, own_public_key(), known_id=state.directory_id)
    if not data.events.exists() and not data.hash_chain.exists():
        missing = tuple(each for each in evidence.find_faults(0, {}) if each not in known)
        return CheckedHistory(0, "", missing, known, _newer(evidence.directory_id, 0))
    found = verify(data, evidence.sizes, progress, watermark=min(state.watermark, _size(data)))
    evidence.add_noted(found.noted)
    faults = [str(each) for each in found.faults] + evidence.find_faults(found.events, found.marks)
    if found.missing:
        faults.append(f"{found.missing:,} events that the chain has are missing")
    new = tuple(each for each in faults if not any(each in other for other in known))
    return CheckedHistory(found.events, found.merkle_root, new, known, _newer(evidence.directory_id, found.events))


def _size(data: DataDir) -> int:
    return data.events.stat().st_size if data.events.exists() else 0


def _newer(directory_id: str | None, events: int) -> Checkpoint | None:
    """Return the largest checkpoint that lies outside the data directory, if it has more events."""
    if directory_id is None:
        return None
    try:
        notes, _ = read_series(anchor_path(config_folder(), directory_id))
    except (RuntimeError, SignedNoteError):
        return None
    newest = max((note.checkpoint for note in notes), key=lambda each: each.size, default=None)
    return newest if newest is not None and newest.size > events else None
