"""When the chain is flushed: twice a second, at once for a signal, and never more than 20 times in a second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.services.memory.chain_schedule import ChainSchedule

_IDLE = 0.5


def flushes(schedule: ChainSchedule, signals: list[float], end: float) -> list[float]:
    """Run memory's loop in virtual time: wait, append what came, flush what is due; return when it flushed."""
    now, is_behind, found, coming = 0.0, False, list[float](), sorted(signals)
    while now < end:
        pause = schedule.pause(now, is_behind=is_behind)
        if is_behind and not pause:
            schedule.flushed(now)
            found.append(now)
            is_behind = False
            continue
        now += min(pause, coming[0] - now) if coming else pause
        while coming and coming[0] <= now:
            coming.pop(0)
            schedule.add_signal()
            is_behind = True
    return found


def test_what_is_no_signal_waits_for_the_interval() -> None:
    schedule = ChainSchedule(0.0)
    assert schedule.pause(0.2, is_behind=False) == _IDLE
    assert schedule.pause(0.2, is_behind=True) == 0.3
    assert schedule.pause(0.5, is_behind=True) == 0.0
    schedule.flushed(0.7)
    assert schedule.pause(0.9, is_behind=True) == pytest.approx(0.3)


def test_a_signal_is_due_at_once_just_after_another_flush_too() -> None:
    schedule = ChainSchedule(0.0)
    schedule.flushed(0.1)
    schedule.add_signal()
    assert schedule.pause(0.1, is_behind=True) == 0.0
    schedule.flushed(0.1)
    assert schedule.pause(0.1, is_behind=True) == _IDLE, "nothing waits any more"


def test_a_refused_flush_is_not_tried_faster_for_a_signal() -> None:
    schedule = ChainSchedule(0.0)
    schedule.add_signal()
    schedule.flushed(1.0)
    assert schedule.pause(1.0, is_behind=True) == _IDLE


def test_a_stream_of_signals_is_flushed_20_times_in_its_first_second_and_15_times_in_each_later_one() -> None:
    found = flushes(ChainSchedule(-10.0), [number / 1000 for number in range(3000)], 3.0)
    assert [round(time, 3) for time in found[:5]] == [0.0, 0.001, 0.002, 0.003, 0.004]
    assert [sum(second <= time < second + 1 for time in found) for second in range(3)] == [19, 15, 15]
    assert max(sum(begin <= other < begin + 1 for other in found) for begin in found) <= 20


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=400))
def test_signals_share_at_most_20_flushes_in_any_second_and_wait_at_most_a_fifteenth(signals: list[float]) -> None:
    found = flushes(ChainSchedule(-10.0), signals, 5.0)
    assert all(sum(begin <= other < begin + 1 for other in found) <= 20 for begin in found)
    for signal in signals:
        shown = min(time for time in found if time >= signal)
        assert shown - signal <= 1 / 15 + 1e-6


@given(st.lists(st.floats(0.07, 0.5), min_size=1, max_size=50))
def test_signals_that_come_less_often_than_that_never_wait(pauses: list[float]) -> None:
    signals = [sum(pauses[: number + 1]) for number in range(len(pauses))]
    assert flushes(ChainSchedule(-10.0), signals, signals[-1] + 1) == signals
