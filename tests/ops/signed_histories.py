"""Histories with signed checkpoints, without a running service."""

from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.store.checkpoints.checkpoint import Checkpoint, sign_checkpoint
from cq_tui.store.checkpoints.checkpoint_log import CheckpointLog
from cq_tui.store.history.merkle import leaf_hash
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.proofs.merkle_proofs import tree_hash
from tests.store.checkpoints.signing import KEY, ORIGIN, PRIVATE
from tests.store.history.histories import event, event_lines, made

#: When the checkpoint of an empty history was signed; each event takes a second.
SIGNED = 1_700_000_000.0


def sign(data: DataDir, size: int, origin: str = ORIGIN) -> str:
    """Sign the first ``size`` events as they stand and return the note; it is not in the log yet."""
    root = tree_hash([leaf_hash(line) for line in event_lines(data)[:size]])
    return sign_checkpoint(Checkpoint(origin, size, root, SIGNED + size), PRIVATE)


def log(data: DataDir, *notes: str) -> None:
    """Add notes to ``checkpoints.log``."""
    log = CheckpointLog(data.checkpoints, data.quarantine)
    for note in notes:
        log.append(note, KEY)
    log.close()


def anchored(folder: Path, count: int, size: int) -> DataDir:
    """Make a history of ``count`` events whose first ``size`` are signed."""
    data = made(folder, count)
    log(data, sign(data, size))
    return data


def grow(data: DataDir, start: int, stop: int) -> None:
    """Append events ``start`` to ``stop`` - 1."""
    history = HistoryWriter(data, now=5000.0 + start)
    history.append([event(seq) for seq in range(start, stop)], 5000.0 + start)
    history.close()
