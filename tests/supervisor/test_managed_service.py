"""Whether a service is ready: its own process says so, just now."""

import pytest

from cq_tui.contracts.health import Health
from cq_tui.supervisor.managed_service import is_ready

NOW = 1_800_000_000.0


def health(age: float = 1.0, **changes: object) -> Health:
    plain: dict[str, object] = {
        "service": "trader", "status": "ok", "last_update_ts": NOW - age, "updated_within_sec": 0.0, "pid": 11,
        "ready": True,
    }  # fmt: skip
    return Health.model_validate(plain | changes)


@pytest.mark.parametrize(
    ("found", "pid", "ready"),
    [
        (health(), 11, True),
        (health(age=60), 11, True),
        (health(age=-2), 11, True),
        (health(age=61), 11, False),
        (health(age=-3), 11, False),
        (health(ready=False), 11, False),
        (health(), 12, False),
        (health(), None, False),
        (None, 11, False),
    ],
)
def test_a_ready_service(found: Health | None, pid: int | None, ready: bool) -> None:
    assert is_ready(found, pid, NOW) is ready


def test_a_service_is_ready_under_a_clock_that_was_never_set() -> None:
    assert is_ready(health(last_update_ts=0.0), 11, -5.0)
