"""What was signed about a history: the newest entries of the log, and the anchors outside the data directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cq_tui.store.checkpoints.acknowledgement import Acknowledgement
from cq_tui.store.checkpoints.checkpoint import Checkpoint
from cq_tui.store.checkpoints.checkpoint_log import LogReading, read_acknowledgements, read_checkpoint_log
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, fault_id

#: Only the newest entries bind: a root covers every event before it, so older ones add nothing.
MAX_BINDING = 100


class Evidence(NamedTuple):
    """What one key signed; without a key, what anybody did."""

    log: LogReading
    #: Every fault that a person accepted with the key, oldest first.
    acceptances: list[Acknowledgement]
    #: The checkpoints of the anchors, by their notes, except those that an acceptance released.
    anchors: dict[str, Checkpoint]
    #: What is wrong with the log, except what was accepted.
    problems: list[str]


def read_evidence(path: Path, key: VerifierKey | None, anchors: Mapping[str, Checkpoint]) -> Evidence:
    """Read the log at ``path`` and apply its acceptances to it and to ``anchors``. Raises JournalError."""
    log = read_checkpoint_log(path, key, newest=MAX_BINDING)
    acceptances = read_acknowledgements(path, key) if key else []
    accepted = {each.fault_id for each in acceptances}
    released = {entry.text for entry in log.entries} - {entry.text for entry in log.binding}
    return Evidence(
        log,
        acceptances,
        {text: checkpoint for text, checkpoint in anchors.items() if text not in released},
        [problem for problem in log.problems if problem_id(problem) not in accepted],
    )


def problem_id(problem: str) -> str:
    """Return the fault id of a problem of the log."""
    return fault_id(LOG_FAULT_PREFIX + problem)
