"""The health of the services that entries depend on, as the core is told of it. What cannot be read is missing."""

from typing import TypeVar

from cq_tui.contracts.health import AresHealth, FeederHealth, Health, MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.reserve import Reserve
from cq_tui.trading.core.inputs import HealthSeen
from cq_tui.trading.guardrails import HealthReport

_Health = TypeVar("_Health", bound=Health)


def read_health(data: DataDir) -> HealthSeen:
    """Read the health files, and whether the disk takes what opens risk."""
    memory = _read(data, "memory", MemoryHealth)
    feeder = _read(data, "feeder", FeederHealth)
    return HealthSeen(
        ares=_report(_read(data, "ares", AresHealth)),
        feeder=_report(feeder),
        memory=_report(memory, intact=memory is not None and memory.integrity_ok),
        market=None if feeder is None else feeder.mode,
        disk_problem=Reserve(data).problem,
    )


def _read(data: DataDir, service: str, model: type[_Health]) -> _Health | None:
    try:
        return read_document(data.health_of(service), model)
    except DocumentError:
        return None


def _report(health: Health | None, *, intact: bool = True) -> HealthReport:
    if health is None:
        return HealthReport(intact=intact)
    return HealthReport(health.status, health.last_update_ts, intact, health.reason)
