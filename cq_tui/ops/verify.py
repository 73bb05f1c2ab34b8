"""Verifying a history offline, with all evidence that there is about it.

Read-only; no service is needed. A checkpoint is an anchor if its signer is known here: signed with the user's own key,
or given by the user to compare with (``--against``).
"""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoint_file import open_kept_checkpoint
from cq_tui.ops.gathered_evidence import gather_evidence, own_public_key, parse_named_key
from cq_tui.ops.verification_report import VerificationReport
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.checkpoints.checkpoint import directory_id_of
from cq_tui.store.checkpoints.checkpoint_log import Statement
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.consistency import is_matched, missing_by_checkpoint
from cq_tui.store.checkpoints.known_directories import LostHistory, find_lost_history
from cq_tui.store.history.event_line import EventLineError, parse_header
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, HistoryFault
from cq_tui.store.history.parallel import verify_in_parallel
from cq_tui.store.history.verification import Progress
from cq_tui.store.journal import JournalError, last_lines
from cq_tui.store.lock import read_holder

#: While memory writes, its files change places under a reader, so a fault is verified again.
_ATTEMPTS = 3


class NoHistory(Exception):
    """There is no history to verify."""


def verify_history(
    data: DataDir,
    *,
    workers: int | None = None,
    against: Path | None = None,
    key: str | None = None,
    progress: Progress = lambda _: None,
) -> VerificationReport:
    """Verify everything.

    ``against`` is a kept checkpoint to compare with, ``key`` the verifier key that the user trusts. Raises NoHistory,
    OSError, UnusableKey, and CheckpointFileError if ``against`` cannot be used.
    """
    if not data.events.exists() and not data.hash_chain.exists():
        lost = _find_lost_history(data)
        known = f", but {lost}" if lost else ". Use --data-dir to name another data directory"
        raise NoHistory(f"{data.memory}: has no history{known}")
    evidence = gather_evidence(data, parse_named_key(key) if key else None)
    kept = [open_kept_checkpoint(against, own_public_key(), evidence)] if against is not None else []
    sizes = evidence.sizes | {each.checkpoint.size for each in kept}
    workers = workers or os.cpu_count() or 1
    is_live = read_holder(data.lock_of("memory")) is not None
    # Read before the files: memory saves it after it wrote them.
    state = MemoryState.load(data)
    for _ in range(_ATTEMPTS if is_live else 1):
        found = verify_in_parallel(workers, data, sizes, progress, watermark=state.watermark)
        if not found.fault_count and not found.missing:
            break
        progress(-history_bytes(data))
    evidence.add_noted(found.noted)
    evidence.statements += kept
    # What memory found stays open until a person accepts it, though memory repaired it, or it is of a spool.
    still_open = open_faults(data).values()
    # Missing events are no damage: they are counted.
    texts = [LOG_FAULT_PREFIX + each for each in evidence.find_faults(found.events, found.marks, still_open)]
    told = {*texts, *map(str, found.faults)}
    texts += [each for each in still_open if each not in told]
    further = [HistoryFault.parse(each) for each in texts if not missing_by_checkpoint([each])]
    matching = [each for each in evidence.statements if is_matched(each.checkpoint, found.marks)]
    return VerificationReport(
        result=found,
        faults=found.faults + further,
        fault_count=found.fault_count + len(further),
        missing=max(found.missing, evidence.count_missing(found.events, still_open)),
        anchor=max(matching, key=lambda each: (each.trusted, each.checkpoint.size), default=None),
        is_live=is_live,
        checked_at=time.time(),
        last_full_check=state.last_full_check,
        newest_event=_newest_event(data),
        acceptances=evidence.acceptances,
        contradictions=evidence.report_contradictions(),
        warnings=evidence.warnings,
        lost=_find_lost_history(data, evidence.statements),
    )


def history_bytes(data: DataDir) -> int:
    """Return how many bytes there are to verify."""
    return data.events.stat().st_size if data.events.exists() else 0


def _find_lost_history(data: DataDir, present: Iterable[Statement] = ()) -> LostHistory | None:
    """Return an earlier history recorded for this directory, unless what was signed is about it."""
    try:
        return find_lost_history(config_folder(), data, {directory_id_of(each.checkpoint.origin) for each in present})
    except RuntimeError:
        return None


def _newest_event(data: DataDir) -> float | None:
    """Return when the last event was recorded; None if there is none, or it is damaged."""
    with contextlib.suppress(JournalError, EventLineError):
        return next((float(parse_header(line).timestamp) for line in last_lines(data.events, 1)), None)
    return None


def open_faults(data: DataDir) -> dict[str, str]:
    """Return the faults that nobody has accepted yet, by id, as memory last saved them."""
    return MemoryState.load(data).faults
