"""What a debug bundle says of the history: the three verdicts in fixed words, numbers, and accepted contradictions."""

import re
from typing import Any

from cq_tui.contracts.bundle import BundleAcceptance, BundleVerdict
from cq_tui.contracts.health import AcceptedContradiction, MemoryHealth
from cq_tui.ops.history_verdicts import HistoryVerdicts
from cq_tui.store.checkpoints.acknowledgement import to_plain_word
from cq_tui.store.history.faults import FAULT_KINDS, LOG_FAULT_PREFIX, fault_id

#: Most acceptances in a bundle.
_MAX_ACCEPTED = 100
#: Most characters of a fault's text.
_MAX_TEXT = 1000
#: All words in the texts of contradictions; what else they contain are numbers, times and punctuation.
_CONTRADICTION_WORDS = frozenset({
    "Stop", "UTC", "an", "anchor", "and", "another", "are", "as", "back", "block", "blocks", "by", "changed",
    "checkpoint", "checkpoints", "contradicts", "copy", "data", "directory", "events", "first", "genesis", "has",
    "hash", "hashes", "here", "history", "in", "is", "log", "missing", "names", "not", "of", "old", "one", "or",
    "place", "put", "rebuilt", "s", "signed", "something", "the", "their", "them", "this", "those", "though",
    "time", "to", "use", "used", "was", "were", "what", "with",
})  # fmt: skip


def history_fields(memory: MemoryHealth | None, history: HistoryVerdicts | None) -> dict[str, Any]:
    """Return the three verdicts with the numbers behind them, and the accepted contradictions."""
    if memory is None or history is None:
        return {}
    numbers: dict[str, dict[str, int | float | None]] = {
        "integrity": {
            **{f"{kind}_faults": (memory.fault_kinds or {}).get(kind) for kind in FAULT_KINDS},
            "fault_count": memory.fault_count,
            "accepted_fault_count": memory.accepted_fault_count,
            "full_check_progress": memory.full_check_progress,
        },
        "completeness": {
            "missing_count": memory.missing_count,
            "gap_count": memory.gap_count,
            "lost_count": memory.lost_count,
            "anchored_count": memory.anchored_count,
        },
        "age": {
            "last_integrity_check": memory.last_integrity_check,
            "last_full_check": memory.last_full_check,
            "last_anchor_ts": memory.last_anchor_ts,
            "clock_ahead_sec": memory.clock_ahead_sec,
        },
    }
    verdicts = {
        name: BundleVerdict(
            word=verdict.word,
            level=verdict.level,
            numbers={key: value for key, value in numbers[name].items() if value is not None},
        )
        for name, verdict in history.by_name.items()
    }
    accepted = [_acceptance(each) for each in (memory.accepted or ())[-_MAX_ACCEPTED:]]
    return {**verdicts, "accepted": accepted or None}


def _acceptance(accepted: AcceptedContradiction) -> BundleAcceptance:
    who, words = accepted.accepted_by, re.findall(r"[^\W\d_]+", accepted.fault)
    is_ours = accepted.fault.startswith(LOG_FAULT_PREFIX) and _CONTRADICTION_WORDS.issuperset(words)
    return BundleAcceptance(
        fault_id=fault_id(accepted.fault),
        fault=accepted.fault if is_ours and len(accepted.fault) <= _MAX_TEXT else None,
        accepted_by=who if to_plain_word(who) == who else "(withheld)",
        accepted_at=accepted.accepted_at,
        event_index=accepted.event_index,
    )
