"""Pauses after failures grow, have a limit, and end with a success."""

from math import inf

from cq_tui.trading.core.lane import Lane, Pause


def test_a_pause_doubles_up_to_its_limit() -> None:
    pause = Pause()
    lengths = []
    for _ in range(8):
        pause.fail(100.0)
        lengths.append(pause.until - 100.0)
    assert lengths == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    for _ in range(2_000):
        pause.fail(100.0)
    assert pause.until == 130.0


def test_a_pause_knows_when_the_failures_began_and_what_kind_the_last_was() -> None:
    pause = Pause()
    pause.fail(100.0, by_outage=True)
    pause.fail(103.0, 7.0)
    assert (pause.since, pause.until, pause.failures, pause.by_outage) == (100.0, 110.0, 2, False)
    pause.succeed()
    assert (pause.since, pause.until, pause.failures) == (inf, -inf, 0)
    pause.fail(200.0)
    assert (pause.since, pause.until) == (200.0, 200.5)


def test_the_earliest_moment_to_look_again_counts() -> None:
    lane = Lane("BTCUSDT")
    lane.wake_at(5.0)
    lane.wake_at(9.0)
    assert lane.due == 5.0
    lane.wake_at(3.0)
    assert lane.due == 3.0
