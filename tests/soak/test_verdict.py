"""How a soak is judged: what is a gap, what is not, and when a process is back."""

import pytest

from tests.soak.verdict import Gap, Kill, Observation, slowness


def seen(*changes: tuple[float, int | None, bool], name: str = "supervisor") -> Observation:
    return Observation({"at": at, "name": name, "pid": pid, "wanted": wanted} for at, pid, wanted in changes)


def test_a_lock_that_nobody_holds_is_a_gap_until_somebody_does() -> None:
    observed = seen((1.0, None, True), (2.0, 10, True), (5.0, None, True), (9.5, 11, True))
    assert observed.gaps("supervisor", 20.0) == [Gap(5.0, 4.5)]


def test_a_gap_lasts_to_the_end() -> None:
    assert seen((2.0, 10, True), (5.0, None, True)).gaps("supervisor", 20.0) == [Gap(5.0, 15.0)]


def test_what_was_stopped_on_request_is_not_missed() -> None:
    observed = seen((2.0, 10, True), (4.0, 10, False), (5.0, None, False), (30.0, None, True), (31.0, 12, True))
    assert observed.gaps("supervisor", 40.0) == [Gap(30.0, 1.0)]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([(5.0, None, True), (7.5, 11, True)], 2.5),
        ([(7.5, 11, True)], 2.5),
        ([(5.0, None, True), (6.0, None, False)], 0.0),
        ([(5.0, None, True)], None),
        ([], None),
    ],
)
def test_a_killed_service_is_back_when_another_process_holds_its_lock(
    changes: list[tuple[float, int | None, bool]], seconds: float | None
) -> None:
    observed = seen((1.0, 10, True), *changes, name="feeder")
    assert observed.seconds_until_back(Kill(5.0, "feeder", 10, "SIGKILL")) == seconds


def test_a_busy_machine_may_be_slower() -> None:
    assert slowness([(1.0, 8.0), (100.0, 1.0)], 5.0, 2) == 4.0
    assert slowness([(1.0, 8.0), (100.0, 1.0)], 99.0, 2) == 1.0
