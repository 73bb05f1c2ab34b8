"""What is wrong with supervision itself, in one sentence that ``status`` and the room share. Pure."""

from collections.abc import Collection

from cq_tui.contracts.freshness import Ahead, Stale, judge_age
from cq_tui.contracts.health import SupervisorHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.contracts.runfiles import LockHolder

_LIMIT = FRESHNESS_LIMITS["supervisor"]


def supervision_problem(
    holder: LockHolder | None, report: SupervisorHealth | None, running: Collection[str], now: float
) -> str | None:
    """Return why services that crash stay down, and the remedy; None when they do not, or none runs.

    ``holder`` holds the supervisor's lock, ``running`` are the services that run.
    """
    if holder is None:
        return (
            "no supervisor is running: services that crash stay down. Start one with `cq-tui up` or `cq-tui`"
            if running
            else None
        )
    since = report.last_update_ts if report and report.pid == holder.pid else holder.process_started
    match judge_age(since, now, _LIMIT):
        case Stale(age):
            return (
                f"the supervisor (process {holder.pid}) is hung: no report for {age:.0f} s, services that crash stay "
                f"down. An open room replaces it; without one: `kill -9 {holder.pid}`, then `cq-tui up`"
            )
        case Ahead(seconds):
            return f"the supervisor's last report is {seconds:.0f} s ahead: check the clock"
    return None
