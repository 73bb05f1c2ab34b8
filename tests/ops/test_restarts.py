"""What is told of a service that stopped by itself, and for how long."""

import pytest

from cq_tui.contracts.health import ServiceState
from cq_tui.ops.restarts import SEEN_LIMIT, UNSEEN_LIMIT, SeenRestarts, restart_alerts

#: 2026-08-01 14:22:07 UTC.
NOW = 1785594127.0


def stopped(
    reason: str | None, *, ago: float = 60.0, away: float | None = 1.14, state: str = "running"
) -> ServiceState:
    moment = NOW - ago
    return ServiceState.model_validate(
        {"state": state, "restarts": 1, "last_stopped_ts": moment, "last_stop_reason": reason}
        | {"last_recovered_ts": None if away is None else moment + away}
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (
            stopped("killed by signal SIGKILL"),
            "feeder was killed by signal SIGKILL; running again after 1.1 s (14:21:07)",
        ),
        (
            stopped("hung: no report for 15 s; killed", away=16.0),
            "feeder hung: no report for 15 s; killed; running again after 16.0 s (14:21:07)",
        ),
        (
            stopped("exit code 1: no \x1b[31mluck", away=None, state="backoff"),
            "feeder ended (exit code 1: no ␛[31mluck); not running again yet (14:21:07)",
        ),
        (stopped(None, ago=0.0), "feeder ended (reason unknown); running again after 1.1 s (14:22:07)"),
    ],
)
def test_a_restart_in_words(state: ServiceState, text: str) -> None:
    assert restart_alerts({"feeder": state}, NOW) == [("look", text)]


def test_the_newest_comes_first_and_nothing_is_told_of_the_others() -> None:
    states = {
        "exchange": ServiceState(state="running", restarts=3),
        "memory": stopped("exit code 1", ago=500),
        "feeder": stopped("exit code 2", ago=5),
        # Its verdict already says so.
        "ares": stopped("exit code 3", ago=1, state="gave_up"),
    }
    assert [alert.text.split()[0] for alert in restart_alerts(states, NOW)] == ["feeder", "memory"]
    assert restart_alerts({}, NOW) == []


@pytest.mark.parametrize(
    ("ago", "seen_ago", "is_shown"),
    [
        (SEEN_LIMIT + 1, None, True),
        (UNSEEN_LIMIT - 1, None, True),
        (UNSEEN_LIMIT + 1, None, False),
        (5000, SEEN_LIMIT - 1, True),
        (5000, SEEN_LIMIT + 1, False),
        # A key before it stopped saw nothing of it.
        (10, 5000, True),
    ],
)
def test_it_stays_until_it_was_seen_and_then_for_a_while(ago: float, seen_ago: float | None, is_shown: bool) -> None:
    states, seen = {"feeder": stopped("exit code 1", ago=ago)}, SeenRestarts()
    if seen_ago is not None:
        shown_then = {name: state for name, state in states.items() if ago >= seen_ago}
        seen.mark(shown_then, NOW - seen_ago)
        # Later keys change nothing.
        seen.mark(states, NOW)
    assert bool(restart_alerts(states, NOW, seen)) is is_shown


def test_each_restart_is_seen_by_itself() -> None:
    seen = SeenRestarts()
    seen.mark({"feeder": stopped("exit code 1", ago=5000)}, NOW - 4000)
    assert restart_alerts({"feeder": stopped("exit code 1", ago=5000)}, NOW, seen) == []
    assert restart_alerts({"feeder": stopped("exit code 1", ago=100)}, NOW, seen)
