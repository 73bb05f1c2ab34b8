"""What a person is told when a history is not the one that was signed."""

from dataclasses import replace

import pytest

from cq_tui.store.checkpoints.consistency import find_contradictions, missing_by_checkpoint, without_taken_back
from cq_tui.store.history.position import HistoryMark
from tests.store.checkpoints.signing import checkpoint, mark_of

SIGNED = [checkpoint(size) for size in (100, 200, 300)]
MARKS = {size: mark_of(size) for size in (100, 200, 300)}


def test_a_longer_history_is_consistent() -> None:
    assert find_contradictions(SIGNED, 300, MARKS) == []
    assert find_contradictions(SIGNED, 12_000, MARKS | {400: HistoryMark(b"anything", "")}) == []
    assert find_contradictions([], 0, {}) == []


def test_missing_events_are_counted_once() -> None:
    (fault,) = find_contradictions(SIGNED, 150, {100: mark_of(100)})
    assert fault == (
        "contradicts what was signed: history has 150 events, the checkpoint signed 2023-11-14 22:18:20 UTC names 300: "
        "150 are missing, or an old copy was put back"
    )


def test_another_root_is_placed_between_two_checkpoints() -> None:
    marks = {size: mark_of(size, "" if size < 200 else "forged") for size in (100, 200, 300)}
    (fault,) = find_contradictions(reversed(SIGNED), 300, marks)
    assert fault == (
        "contradicts what was signed: "
        "the first 200 events are not those of the checkpoint signed 2023-11-14 22:16:40 UTC: something in them was "
        "changed, or another history was put in their place; the first 100 are as signed 2023-11-14 22:15:00 UTC"
    )


def test_both_at_once_are_both_said() -> None:
    faults = find_contradictions(SIGNED, 250, {100: mark_of(100, "x"), 200: mark_of(200, "x")})
    assert [fault.split(": ")[1].split()[0] for fault in faults] == ["history", "the"]
    assert "are as signed" not in faults[1]


def test_two_checkpoints_of_one_size_contradict_each_other_whatever_the_history_is() -> None:
    both = [checkpoint(100), checkpoint(100, "fork")]
    for mark in (mark_of(100), mark_of(100, "fork")):
        assert len(find_contradictions(both, 100, {100: mark})) == 1


@pytest.mark.parametrize("marks", [{}, {100: mark_of(100)}])
def test_sizes_that_were_not_verified_are_not_judged(marks: dict[int, HistoryMark]) -> None:
    assert find_contradictions(SIGNED, 300, marks) == []


def test_only_what_a_restore_took_back_is_told_by_that_alone() -> None:
    """A history of 150 events was restored; 300 were signed before, and now there are 301 others."""
    told = missing_by_checkpoint(find_contradictions(SIGNED, 150, {}))
    assert without_taken_back(SIGNED, told, {150}) == SIGNED[:1], "what was left is compared as before"
    for restored in (set(), {149}, {300}):
        assert without_taken_back(SIGNED, told, restored) == SIGNED, "no restore that is recorded explains it"
    assert without_taken_back(SIGNED, {}, {150}) == SIGNED, "that they are missing is not told"
    later = replace(checkpoint(250, "elsewhere"), time=SIGNED[-1].time + 1)
    assert without_taken_back([*SIGNED, later], told, {150}) == [SIGNED[0], later], "signed after what was taken back"
