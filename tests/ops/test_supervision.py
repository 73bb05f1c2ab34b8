"""What is wrong with supervision, in one sentence."""

import pytest

from cq_tui.contracts.health import SupervisorHealth
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.supervision import supervision_problem

NOW = 1_785_594_127.0


def holder(age: float) -> LockHolder:
    return LockHolder(pid=7, process_started=NOW - age, name="supervisor")


def report(age: float, pid: int = 7) -> SupervisorHealth:
    return SupervisorHealth(
        service="supervisor", status="ok", last_update_ts=NOW - age, updated_within_sec=0.0, pid=pid
    )


@pytest.mark.parametrize(
    ("found", "said", "running", "expected"),
    [
        (None, None, [], None),
        (None, report(0.5), ["ares"], "no supervisor is running"),
        (holder(900.0), report(9.0), ["ares"], None),
        (holder(900.0), report(11.0), ["ares"], "(process 7) is hung: no report for 11 s"),
        (holder(900.0), report(-30.0), ["ares"], "30 s ahead: check the clock"),
        # A young one has not reported yet; what its predecessor reported does not count.
        (holder(5.0), report(600.0, pid=6), ["ares"], None),
        (holder(5.0), None, ["ares"], None),
        (holder(12.0), report(0.5, pid=6), [], "no report for 12 s"),
    ],
)
def test_it_names_what_keeps_crashed_services_down(
    found: LockHolder | None, said: SupervisorHealth | None, running: list[str], expected: str | None
) -> None:
    problem = supervision_problem(found, said, running, NOW)
    assert (problem is None) if expected is None else (expected in (problem or ""))
