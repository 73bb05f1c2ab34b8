"""Whether a history is consistent with its checkpoints: at least as large, and with the same roots."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cq_tui.store.checkpoints.checkpoint import Checkpoint
from cq_tui.store.history.faults import CONTRADICTION_PREFIX


def find_contradictions(checkpoints: Iterable[Checkpoint], events: int, roots: Mapping[int, bytes]) -> list[str]:
    """Return up to two faults: events are missing, and the history is another one.

    ``roots`` are the history's roots at the sizes that were verified; checkpoints of other sizes are not compared.
    """
    ordered = sorted(checkpoints, key=lambda checkpoint: (checkpoint.size, checkpoint.time))
    faults = []
    if ordered and ordered[-1].size > events:
        faults.append(_missing_events(ordered[-1], events))
    compared = [checkpoint for checkpoint in ordered if checkpoint.size <= events and checkpoint.size in roots]
    first_other = next((checkpoint for checkpoint in compared if roots[checkpoint.size] != checkpoint.root), None)
    if first_other is not None:
        matching = [checkpoint for checkpoint in compared if checkpoint.size < first_other.size]
        faults.append(_other_history(first_other, matching[-1] if matching else None))
    return faults


def format_signing_time(checkpoint: Checkpoint) -> str:
    """Return when a checkpoint was signed, in UTC."""
    return f"{datetime.fromtimestamp(checkpoint.time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _missing_events(checkpoint: Checkpoint, events: int) -> str:
    return (
        f"{CONTRADICTION_PREFIX}history has {events:,} events, the checkpoint signed {format_signing_time(checkpoint)} "
        f"names {checkpoint.size:,}: {checkpoint.size - events:,} are missing, or an old copy was put back"
    )


def _other_history(checkpoint: Checkpoint, matching: Checkpoint | None) -> str:
    first = f"; the first {matching.size:,} are as signed {format_signing_time(matching)}" if matching else ""
    return (
        f"{CONTRADICTION_PREFIX}the first {checkpoint.size:,} events are not those of the checkpoint "
        f"signed {format_signing_time(checkpoint)}: something in them was changed, "
        f"or another history was put in their place{first}"
    )
