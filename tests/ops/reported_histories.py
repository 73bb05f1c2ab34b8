"""What memory may report of its history, and the three verdicts on it, as a table."""

from typing import Any, NamedTuple

from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.ops.formatting import StatusLevel

#: 2026-08-01 14:22:07 UTC, as in ``tests.room.stage``.
NOW = 1785594127.0
_DAMAGE = "event_chain.ndjson at index 8: was changed after it was chained"
_CONTRADICTION = (
    "checkpoints.log: contradicts what was signed: history has 9 events, the checkpoint signed "
    "2026-07-31 14:22:07 UTC names 12: 3 are missing, or an old copy was put back"
)
_STALE = FRESHNESS_LIMITS["memory"] + 175
_SEEN: tuple[str, StatusLevel] = ("checked 0.8 s ago", "good")
_WHOLE: tuple[str, StatusLevel] = ("complete to 12,800", "good")
_GONE: tuple[str, StatusLevel] = ("3 missing, accepted", "idle")


class Row(NamedTuple):
    """Fields of the report beside the usual ones; word and level of integrity, completeness and age."""

    fields: dict[str, Any]
    integrity: tuple[str, StatusLevel] = ("intact", "good")
    completeness: tuple[str, StatusLevel] = _WHOLE
    age: tuple[str, StatusLevel] = _SEEN


def faulty(kinds: dict[str, int] | None = None, *, faults: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    count = sum((kinds or {}).values()) or len(faults or ())
    return {"integrity_ok": False, "fault_kinds": kinds, "fault_count": count, "faults": faults} | fields


def accepted(index: int | None) -> dict[str, Any]:
    return {"event_index": index, "accepted_by": "ann", "accepted_at": NOW - 86400, "fault": _CONTRADICTION}


#: Fields that every report here has.
USUAL = {"anchored_count": 12800, "last_anchor_ts": NOW - 12, "last_full_check": NOW - 7200}

ROWS: dict[str, Row] = {
    "all is well": Row({}),
    "a check runs": Row({"full_check_progress": 0.374}, ("being verified (37 %)", "idle")),
    "damaged": Row(faulty({"history": 2}, faults=[_DAMAGE]), ("DAMAGED", "bad")),
    "another history": Row(faulty({"contradiction": 1}), ("CONTRADICTS its checkpoints", "bad")),
    "another key": Row(faulty({"key": 1}), ("key changed", "bad")),
    "a damaged log": Row(faulty({"checkpoints": 3}), ("checkpoints.log damaged", "bad")),
    "a second copy": Row(faulty({"copy": 1}), ("another copy in use", "bad")),
    "a stray spool line": Row(faulty({"spool": 1}), ("spool fault", "look")),
    "several faults": Row(faulty({"spool": 4, "key": 1, "history": 1}), ("DAMAGED +5", "bad")),
    "a spool and a key": Row(faulty({"spool": 1, "key": 1}), ("key changed +1", "bad")),
    "a kind of a later version": Row(faulty({"weather": 2}), ("NOT INTACT", "bad")),
    "faults of an earlier version": Row(
        faulty(faults=["spool: x", _CONTRADICTION], missing_count=3),
        ("spool fault", "look"), ("INCOMPLETE by 3", "bad"),
    ),
    "more faults than texts": Row(faulty(faults=[_DAMAGE]) | {"fault_count": 9}, ("DAMAGED +8", "bad")),
    "no reason at all": Row({"integrity_ok": False}, ("NOT INTACT", "bad")),
    "damaged while a check runs": Row(faulty({"history": 1}, full_check_progress=0.1), ("DAMAGED", "bad")),
    "accepted": Row({"accepted": [accepted(3), accepted(9100)]}, ("intact since event 9,100", "idle"), _GONE),
    "accepted damage": Row({"accepted_fault_count": 2}, ("damage accepted", "idle")),
    "accepted damage and more": Row(faulty({"history": 1}, accepted_fault_count=2), ("DAMAGED", "bad")),
    "accepted just now": Row({"accepted": [accepted(None)]}, ("intact after a contradiction", "idle"), _GONE),
    "accepted, then damaged": Row(faulty({"history": 1}, accepted=[accepted(9)]), ("DAMAGED", "bad"), _GONE),
    "accepted, being verified": Row(
        {"accepted": [accepted(9)], "full_check_progress": 0.0}, ("being verified (0 %)", "idle"), _GONE
    ),
    "a cut tail": Row({"missing_count": 3}, completeness=("INCOMPLETE by 3", "bad")),
    "a cut tail that was signed": Row(
        faulty({"missing": 1}, missing_count=3, anchor_problem=_CONTRADICTION), completeness=("INCOMPLETE by 3", "bad")
    ),
    "a cut tail without a number": Row(faulty({"missing": 1}), completeness=("INCOMPLETE", "bad")),
    "a cut tail and a stray line": Row(
        faulty({"missing": 1, "spool": 1}, missing_count=3), ("spool fault", "look"), ("INCOMPLETE by 3", "bad")
    ),
    "damaged and cut": Row(faulty({"history": 1}, missing_count=3), ("DAMAGED", "bad"), ("INCOMPLETE by 3", "bad")),
    "numbers of a writer": Row({"gap_count": 1}, completeness=("1 number missing", "look")),
    "a lost history": Row(
        {"lost_count": 40, "anchor_problem": "was here before"},
        completeness=("INCOMPLETE by an earlier history of 40", "bad"),
    ),
    "all is signed": Row({"anchored_count": 12847}, completeness=("complete to 12,847", "good")),
    "nothing signed yet": Row({"anchored_count": 0, "last_anchor_ts": None}, completeness=("not anchored yet", "idle")),
    "nothing can be signed": Row(
        {"anchored_count": 0, "last_anchor_ts": None, "anchor_problem": "no key\x1b"},
        completeness=("not anchored, anchoring problem", "look"),
    ),
    "no longer signed": Row(
        {"anchor_problem": "no key"}, completeness=("complete to 12,800, anchoring problem", "look")
    ),
    "a fault that stops signing": Row(faulty({"history": 1}, anchor_problem=_DAMAGE), ("DAMAGED", "bad")),
    "an earlier version": Row(
        {"anchored_count": None, "last_anchor_ts": None, "last_full_check": None},
        completeness=("12,847 events", "idle"),
    ),
    "an anchor that is late": Row({"last_anchor_ts": NOW - 131}, age=("anchor late", "look")),
    "an anchor in the future": Row({"last_anchor_ts": NOW + 500}, age=("anchor late", "look")),
    "an old anchor without new events": Row(
        {"anchored_count": 12847, "last_anchor_ts": NOW - 9000}, completeness=("complete to 12,847", "good")
    ),
    "an old anchor during a check": Row(
        {"last_anchor_ts": NOW - 9000, "full_check_progress": 0.999}, ("being verified (100 %)", "idle")
    ),
    "a check that stands still": Row({"last_integrity_check": NOW - 80}, age=("checked 80 s ago", "look")),
    "a check in the future": Row({"last_integrity_check": NOW + 80}, age=("checked in the future", "look")),
    "never checked": Row({"last_integrity_check": 0.0}, age=("checked not yet", "idle")),
    "a clock that was set back": Row(
        {"clock_ahead_sec": 320.0, "status": "degraded"}, age=("newest event 5 min ahead of the clock", "look")
    ),
    "a clock within its tolerance": Row({"clock_ahead_sec": 59.0}),
    "stopped": Row(
        {"last_update_ts": NOW - _STALE},
        ("intact", "idle"), ("complete to 12,800", "idle"), ("last reported 3 min ago", "look"),
    ),
    "stopped, damaged and cut": Row(
        faulty({"history": 1}, last_update_ts=NOW - _STALE, missing_count=3, clock_ahead_sec=500.0),
        ("DAMAGED", "bad"), ("INCOMPLETE by 3", "bad"), ("last reported 3 min ago", "look"),
    ),
    "a report in the future": Row(
        {"last_update_ts": NOW + 900},
        ("intact", "idle"), ("complete to 12,800", "idle"), ("last reported in the future", "look"),
    ),
    "absurd numbers": Row(
        faulty({"history": 1, "spool": 10**18}, missing_count=2**63 - 1, gap_count=10**15),
        ("DAMAGED +10^18", "bad"), ("INCOMPLETE by 10^18", "bad"),
    ),
}  # fmt: skip
