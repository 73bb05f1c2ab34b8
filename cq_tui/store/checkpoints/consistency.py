"""Whether a history agrees with its checkpoints: as large as they say, and with their roots. Words for a person."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from cq_tui.store.checkpoints.acknowledgement import CONTRADICTION_PREFIX
from cq_tui.store.checkpoints.checkpoint import Checkpoint


def find_contradictions(checkpoints: Iterable[Checkpoint], events: int, roots: Mapping[int, bytes]) -> list[str]:
    """Say what is wrong: at most that events are missing, and where the history is another one.

    ``roots`` holds the root that the history has at each size that was looked at; other sizes are not judged.
    """
    ordered = sorted(checkpoints, key=lambda checkpoint: (checkpoint.size, checkpoint.time))
    faults = []
    if ordered and ordered[-1].size > events:
        faults.append(_missing_events(ordered[-1], events))
    looked_at = [checkpoint for checkpoint in ordered if checkpoint.size <= events and checkpoint.size in roots]
    other = next((checkpoint for checkpoint in looked_at if roots[checkpoint.size] != checkpoint.root), None)
    if other is not None:
        alike = [checkpoint for checkpoint in looked_at if checkpoint.size < other.size]
        faults.append(_other_history(other, alike[-1] if alike else None))
    return faults


def format_signing_time(checkpoint: Checkpoint) -> str:
    """Return when it was signed, as a person reads it."""
    return f"{datetime.fromtimestamp(checkpoint.time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _missing_events(checkpoint: Checkpoint, events: int) -> str:
    return (
        f"{CONTRADICTION_PREFIX}history has {events:,} events, the checkpoint signed {format_signing_time(checkpoint)} "
        f"names {checkpoint.size:,}: {checkpoint.size - events:,} are missing, or an old copy was put back"
    )


def _other_history(checkpoint: Checkpoint, alike: Checkpoint | None) -> str:
    first = f"; the first {alike.size:,} are as signed {format_signing_time(alike)}" if alike else ""
    return (
        f"{CONTRADICTION_PREFIX}the first {checkpoint.size:,} events are not those of the checkpoint "
        f"signed {format_signing_time(checkpoint)}: something in them was changed, "
        f"or another history was put in their place{first}"
    )
