"""One row per service: its verdict, and what the supervisor measures of its process."""

from dataclasses import dataclass, replace
from typing import Self

from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.ops.verdict import Verdict
from cq_tui.room.state import RoomState


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service at one moment."""

    verdict: Verdict
    age_limit: float
    restarts: int
    cpu_percent: float | None
    memory_mb: float | None
    pid: int | None

    def with_age_of(self, before: Self | None) -> Self:
        """Return the row with its age as it was shown, if nothing but ages differs."""
        if before is None:
            return self
        aged = replace(self, verdict=replace(self.verdict, age=before.verdict.age))
        return aged if aged.verdict == before.verdict else self


def service_rows(state: RoomState, now: float) -> dict[str, ServiceRow]:
    """Return a row for every service that the mode needs, in start order."""
    return {service: _row(state, verdict, now) for service, verdict in state.verdicts(now).items()}


def _row(state: RoomState, verdict: Verdict, now: float) -> ServiceRow:
    supervised, holder = state.supervised_state(verdict.service, now), state.lock_holders.get(verdict.service)
    return ServiceRow(
        verdict=verdict,
        age_limit=FRESHNESS_LIMITS[verdict.service],
        restarts=supervised.restarts if supervised else 0,
        cpu_percent=supervised.cpu_percent if supervised else None,
        memory_mb=supervised.memory_mb if supervised else None,
        pid=holder.pid if holder else supervised.pid if supervised else None,
    )
