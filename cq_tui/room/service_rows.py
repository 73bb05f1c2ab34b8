"""One row a service: what its health file, the supervisor and its lock say together."""

from dataclasses import dataclass

from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.ops.formatting import StatusLevel
from cq_tui.ops.verdict import Verdict
from cq_tui.room.state import RoomState


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service at one moment."""

    name: str
    level: StatusLevel
    #: ready, starting, blocked, degraded, error, stale, stopped …
    word: str
    #: What stands under the row; empty when all is well.
    reason: str
    age: float | None
    age_limit: float
    restarts: int
    cpu_percent: float | None
    memory_mb: float | None
    pid: int | None


def service_rows(state: RoomState, now: float) -> list[ServiceRow]:
    """Return a row for every service that the mode needs, in start order."""
    return [_row(state, service, now) for service in state.required_services()]


def _row(state: RoomState, service: str, now: float) -> ServiceRow:
    verdict = state.verdict(service, now)
    known = _trusted(state, service, now)
    level, word, reason = _say(state, verdict, known)
    health = state.health_of(service)
    return ServiceRow(
        name=service,
        level=level,
        word=word,
        reason=reason,
        age=verdict.age,
        age_limit=FRESHNESS_LIMITS[service],
        restarts=known.restarts if known else 0,
        cpu_percent=known.cpu_percent if known else None,
        memory_mb=known.memory_mb if known else None,
        pid=(known.pid if known else None) or (health.pid if health and verdict.word != "stopped" else None),
    )


def _trusted(state: RoomState, service: str, now: float) -> ServiceState | None:
    """Return the supervisor's word, unless it is too old to be one."""
    supervisor = state.supervisor
    if supervisor is None or now - supervisor.last_update_ts > FRESHNESS_LIMITS["supervisor"]:
        return None
    return supervisor.services.get(service)


def _say(state: RoomState, verdict: Verdict, known: ServiceState | None) -> tuple[StatusLevel, str, str]:
    health = state.health_of(verdict.service)
    if verdict.word == "stopped" or (known is not None and known.state == "stopped"):
        # The supervisor knows of an end at once; the last health file would look well for seconds.
        return "idle", "stopped", verdict.reason if verdict.word == "stopped" else (known.reason or "" if known else "")
    if known is not None and known.state in ("backoff", "gave_up"):
        word = "gave up" if known.state == "gave_up" else "restarts"
        return ("bad" if known.state == "gave_up" else "look"), word, known.reason or verdict.reason
    if (
        known is not None
        and known.state in ("starting", "waiting", "stopping")
        and verdict.word in ("missing", "stale")
    ):
        return "look", known.state, known.reason or _waits_for(verdict)
    if verdict.word == "unreadable":
        return "bad", "bad file", verdict.reason
    if verdict.word == "missing":
        return _absent(state, verdict)
    if verdict.word == "stale":
        gone = "" if state.lock_holders.get(verdict.service) else "; its process is gone"
        return "bad", "stale", verdict.reason + gone
    if verdict.word == "error":
        return "bad", "error", verdict.reason
    if health is not None and health.ready is False:
        waits = f"waits for {health.waiting_for}" if health.waiting_for else verdict.reason
        return "look", "starting", waits
    if verdict.word == "degraded":
        blocked = verdict.service == "trader" and state.trader is not None and state.trader.blocked_by
        reason = "; ".join(state.trader.blocked_by or ()) if blocked and state.trader else verdict.reason
        return "look", "blocked" if blocked else "degraded", reason or verdict.reason
    return "good", "ready", ""


def _absent(state: RoomState, verdict: Verdict) -> tuple[StatusLevel, str, str]:
    if state.lock_holders.get(verdict.service):
        return "look", "starting", "has not reported yet"
    return "idle", "absent", ""


def _waits_for(verdict: Verdict) -> str:
    return "has not reported yet" if verdict.word == "missing" else verdict.reason
