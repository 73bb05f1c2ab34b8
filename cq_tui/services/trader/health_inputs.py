"""The health of the services that entries depend on, as the core is told of it. What cannot be read is missing."""

import math
from typing import TypeVar

from cq_tui.binance.request_budget import BudgetState
from cq_tui.contracts.health import AresHealth, FeederHealth, Health, MemoryHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.reserve import Reserve
from cq_tui.trading.core.inputs import HealthSeen
from cq_tui.trading.entry_context import HealthReport

#: What an entry uses: one request that places the entry, its stop and its target.
_ENTRY_WEIGHT, _ENTRY_ORDERS = 1, 3

_Health = TypeVar("_Health", bound=Health)


def read_health(data: DataDir, limits_problem: str | None = None) -> HealthSeen:
    """Read the health files, and whether the disk takes what opens risk."""
    memory = _read(data, "memory", MemoryHealth)
    feeder = _read(data, "feeder", FeederHealth)
    return HealthSeen(
        ares=_report(_read(data, "ares", AresHealth)),
        feeder=_report(feeder),
        memory=_report(memory, intact=memory is not None and memory.integrity_ok),
        market=None if feeder is None else feeder.mode,
        disk_problem=Reserve(data).problem,
        limits_problem=limits_problem,
    )


def limits_problem_of(budget: BudgetState, now_ms: int) -> str | None:
    """Return for how long an entry would be held back by the request limits; None if there is room for it."""
    wait_ms = budget.wait_ms(_ENTRY_WEIGHT, now_ms, orders=_ENTRY_ORDERS, essential=True)
    return f"for {math.ceil(wait_ms / 1000)} s" if wait_ms else None


def _read(data: DataDir, service: str, model: type[_Health]) -> _Health | None:
    try:
        return read_document(data.health_of(service), model)
    except DocumentError:
        return None


def _report(health: Health | None, *, intact: bool = True) -> HealthReport:
    if health is None:
        return HealthReport(intact=intact)
    return HealthReport(health.status, health.last_update_ts, intact, health.reason)
