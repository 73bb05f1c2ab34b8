"""Integrity, completeness and age: from facts to words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.health import AcceptedContradiction, MemoryHealth
from cq_tui.ops.history_verdicts import HistoryFacts, HistoryVerdicts, judge_history
from cq_tui.store.history.faults import FAULT_KINDS
from tests.ops.reported_histories import NOW

ACCEPTED = AcceptedContradiction(event_index=9, accepted_by="ann\x1b", accepted_at=NOW, fault="x")


def judged(**facts: Any) -> HistoryVerdicts:
    usual = {"events": 20, "anchored": 15, "signed_at": NOW - 12, "checked_at": NOW, "checkpoint_interval": 60.0}
    return judge_history(HistoryFacts(**usual | facts), NOW)


def test_the_details() -> None:
    well = judged(fully_checked_at=NOW - 7200)
    assert well.integrity.text == "intact"
    assert well.completeness.text == "complete to 15, 5 not anchored yet"
    assert well.age.text == "checked 0.0 s ago, full check 2 h ago, last anchor 12 s ago"
    by = "contradiction accepted by ann␛, 2026-08-01 14:22:07 UTC"
    assert judged(accepted=[ACCEPTED]).integrity.text == f"intact since event 9, {by}"
    damaged = judged(faults={"spool": 2, "history": 1}, accepted=[ACCEPTED] * 3).integrity.text
    assert damaged == f"DAMAGED +2, 1 fault of events or blocks, 2 faults of spools, {by} and 2 earlier ones"
    lacking = judged(missing=3, lost=40, gaps=2, unchained=1).completeness.text
    assert lacking == (
        "INCOMPLETE by 3, INCOMPLETE by an earlier history of 40, 2 numbers missing, anchored to 15, "
        "5 not anchored yet, 1 event not chained yet"
    )
    assert judged(anchor_problem="no\x1b key").completeness.problem == "no␛ key"
    old = judged(reported_at=NOW - 200, checked_at=NOW - 201).age.text
    assert old == "last reported 3 min ago, checked 3 min ago, last anchor 12 s ago"


def test_what_a_verification_finds_fits_too() -> None:
    # Without an interval no anchor is late; a chain that lags behind is no damage.
    found = judged(signed_at=NOW - 9e6, unchained=5, checkpoint_interval=float("inf"))
    assert (found.integrity.word, found.completeness.level, found.age.level) == ("intact", "look", "good")
    empty = judged(events=0, anchored=0, signed_at=None)
    assert (empty.completeness.word, empty.level) == ("not anchored yet", "idle")
    other = judged(missing=4, anchored=0).completeness
    assert (other.word, other.detail) == ("INCOMPLETE by 4", "not anchored")


def test_lines_from_the_widest_to_the_shortest() -> None:
    assert judged().lines() == (
        "intact · complete to 15, 5 not anchored yet · checked 0.0 s ago",
        "intact · complete to 15 · checked 0.0 s ago",
        "intact · complete to 15 · checked 0.0 s ago",
        "intact · complete to 15",
        "intact",
    )
    assert judged(faults={"contradiction": 1}, missing=3, clock_ahead=99).lines()[1:] == (
        "CONTRADICTS its checkpoints · INCOMPLETE by 3 · newest event 99 s ahead of the clock",
        *["CONTRADICTS · INCOMPLETE by 3 · ahead of the clock"] * 3,
    )
    # No line lets an old word pass for a new one.
    assert judged(reported_at=NOW - 200).lines()[1:] == (
        "last reported 3 min ago: intact · complete to 15",
        "3 min ago: intact · complete to 15",
        "last reported 3 min ago",
    )
    assert judged(reported_at=NOW - 200, missing=3).lines()[-1] == "3 min ago: INCOMPLETE by 3"


numbers = st.integers(0, 10) | st.integers(0, 2**64)
times = st.none() | st.floats(0, 4e9)
FACTS = st.fixed_dictionaries(
    {
        "faults": st.dictionaries(st.sampled_from([*FAULT_KINDS, "", "weather"]), st.integers(1, 2**64)),
        "check_progress": st.none() | st.floats(0, 1),
        "accepted": st.lists(st.just(ACCEPTED), max_size=2),
        "anchored": st.none() | numbers,
        "signed_at": times,
        "checked_at": times,
        "reported_at": times,
        "anchor_problem": st.text(max_size=5),
        "clock_ahead": st.floats(0, 1e9),
        **dict.fromkeys(("missing", "gaps", "lost", "unchained"), numbers),
    }
)


@given(FACTS)
def test_no_verdict_hides_behind_another(facts: dict[str, Any]) -> None:
    found = judged(**facts)
    is_cut = "missing" in facts["faults"]
    damage = facts["faults"].keys() - {"missing"}
    is_clean = not damage and not facts["accepted"]
    assert (found.integrity.word == "intact") == (is_clean and facts["check_progress"] is None)
    assert ("DAMAGED" in found.integrity.word) == ("history" in facts["faults"])
    is_incomplete = bool(facts["missing"] or facts["lost"] or is_cut)
    assert (found.completeness.level == "bad") == ("INCOMPLETE" in found.completeness.word) == is_incomplete
    assert found.is_current == (facts["reported_at"] is None)
    if not found.is_current:
        assert "good" not in [verdict.level for verdict in found.by_name.values()]
    if damage:
        assert found.level in ("bad", "look")
        assert found.integrity.short in found.lines()[-1]
    if is_incomplete:
        assert found.completeness.short in found.lines()[-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"fault_kinds": ["history"]},
        {"fault_kinds": {"history": -1}},
        {"accepted": [{"accepted_by": 5}]},
        {"gap_count": "many"},
        {"clock_ahead_sec": float("inf")},
        {"full_check_progress": 7},
    ],
)
def test_wrong_types_are_refused_by_the_model(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        MemoryHealth.model_validate(fields)
