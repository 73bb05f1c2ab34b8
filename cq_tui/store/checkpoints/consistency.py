"""Whether a history is consistent with its checkpoints: at least as large, with the same roots and the same blocks."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from cq_tui.store.checkpoints.checkpoint import Checkpoint
from cq_tui.store.history.faults import CONTRADICTION_PREFIX
from cq_tui.store.history.position import HistoryMark

#: In a fault text: the checkpoint, and how many of its events are missing.
_MISSING = re.compile(r"the checkpoint (signed .{1,40} UTC names [0-9,]+): ([0-9,]+) are missing")


def find_contradictions(checkpoints: Iterable[Checkpoint], events: int, marks: Mapping[int, HistoryMark]) -> list[str]:
    """Return up to three faults: events are missing, the history is another one, its blocks were rebuilt.

    ``marks`` are the history's state at the sizes that were verified; checkpoints of other sizes are not compared.
    """
    ordered = sorted(checkpoints, key=lambda checkpoint: (checkpoint.size, checkpoint.time))
    faults = []
    if ordered and ordered[-1].size > events:
        faults.append(_missing_events(ordered[-1], events))
    compared = [checkpoint for checkpoint in ordered if checkpoint.size <= events and checkpoint.size in marks]
    first_other = next((each for each in compared if marks[each.size].root != each.root), None)
    if first_other is not None:
        matching = [checkpoint for checkpoint in compared if checkpoint.size < first_other.size]
        faults.append(_other_history(first_other, matching[-1] if matching else None))
    same = [each for each in compared if first_other is None or each.size < first_other.size]
    if rebuilt := [each for each in same if each.chain not in (None, marks[each.size].tip)]:
        faults.append(_other_blocks(rebuilt[0]))
    return faults


def is_matched(checkpoint: Checkpoint, marks: Mapping[int, HistoryMark]) -> bool:
    """Whether the history was verified at the size of a checkpoint, and has the root and the block that it names."""
    return checkpoint.size in marks and not find_contradictions([checkpoint], checkpoint.size, marks)


def missing_by_checkpoint(faults: Iterable[str]) -> dict[str, int]:
    """Return how many events these faults say are missing, by the checkpoint that names them.

    Of several about one checkpoint the first found most: later ones count the events that were added meanwhile.
    """
    missing: dict[str, int] = {}
    for fault in faults:
        if found := _MISSING.search(fault):
            missing[found[1]] = max(missing.get(found[1], 0), int(found[2].replace(",", "")))
    return missing


def without_taken_back(
    checkpoints: Iterable[Checkpoint], missing: Mapping[str, int], restored: Collection[int]
) -> list[Checkpoint]:
    """Leave out the checkpoints of events that a restore took back, since that these are missing is told already.

    ``missing`` is what ``missing_by_checkpoint`` found, ``restored`` the sizes of the histories that were restored. New
    events in the place of the missing ones are no contradiction of their own; what was signed afterwards may be one.
    """
    ordered = list(checkpoints)
    told = [(each.size - missing[name], each.time) for each in ordered if (name := _name(each)) in missing]
    taken_back = [(left, time) for left, time in told if left in restored]
    return [each for each in ordered if not any(each.size > left and each.time <= time for left, time in taken_back)]


def format_signing_time(checkpoint: Checkpoint) -> str:
    """Return when a checkpoint was signed, in UTC."""
    return f"{datetime.fromtimestamp(checkpoint.time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _name(checkpoint: Checkpoint) -> str:
    return f"signed {format_signing_time(checkpoint)} names {checkpoint.size:,}"


def _missing_events(checkpoint: Checkpoint, events: int) -> str:
    return (
        f"{CONTRADICTION_PREFIX}history has {events:,} events, the checkpoint {_name(checkpoint)}: "
        f"{checkpoint.size - events:,} are missing, or an old copy was put back"
    )


def _other_history(checkpoint: Checkpoint, matching: Checkpoint | None) -> str:
    first = f"; the first {matching.size:,} are as signed {format_signing_time(matching)}" if matching else ""
    return (
        f"{CONTRADICTION_PREFIX}the first {checkpoint.size:,} events are not those of the checkpoint "
        f"signed {format_signing_time(checkpoint)}: something in them was changed, "
        f"or another history was put in their place{first}"
    )


def _other_blocks(checkpoint: Checkpoint) -> str:
    return (
        f"{CONTRADICTION_PREFIX}the blocks of the first {checkpoint.size:,} events are not those of the checkpoint "
        f"signed {format_signing_time(checkpoint)}: the genesis time or block hashes were rebuilt, "
        "though the events are as signed"
    )
