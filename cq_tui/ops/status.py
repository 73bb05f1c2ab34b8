"""The state of the stack, read from its files: what ``cq-tui status`` prints and a bundle summarises."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cq_tui.contracts.health import HEALTH_MODELS, Health, MemoryHealth, ServiceState, SupervisorHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS, SERVICES, DataDir
from cq_tui.contracts.mode import EffectiveMode, effective_mode, soft_guardrails_active
from cq_tui.ops.verdict import Overall, Verdict, judge, judge_all, judge_process
from cq_tui.store.document import DocumentError, DocumentMissing, read_document
from cq_tui.store.lock import read_holder
from cq_tui.store.settings_file import LoadedSettings, load_settings


@dataclass(frozen=True, slots=True)
class StackStatus:
    """Everything one look at the health files tells."""

    overall: Overall
    mode: EffectiveMode
    loaded: LoadedSettings
    verdicts: Mapping[str, Verdict]
    health: Mapping[str, Health]
    services: Mapping[str, ServiceState]
    #: Process of the supervisor and its kind; None when nobody supervises.
    supervisor: tuple[int, str] | None

    @property
    def required(self) -> tuple[str, ...]:
        """Services that this mode needs."""
        return required_services(self.mode)

    @property
    def memory(self) -> MemoryHealth | None:
        """Health of memory, when it could be read."""
        found = self.health.get("memory")
        return found if isinstance(found, MemoryHealth) else None

    def to_json(self) -> dict[str, Any]:
        """Return what ``cq-tui status --json`` prints."""
        memory, settings = self.memory, self.loaded.settings
        return {
            "overall": self.overall,
            "mode": self.mode.mode,
            "because": list(self.mode.reasons),
            "trading_blocked": self.mode.blocked,
            "trading_state": settings.TRADING_STATE,
            "guardrails": soft_guardrails_active(settings, self.mode.mode),
            "settings_problem": self.loaded.problem,
            "supervisor": None if self.supervisor is None else {"pid": self.supervisor[0], "kind": self.supervisor[1]},
            "memory": None
            if memory is None
            else {
                "integrity_ok": memory.integrity_ok,
                "events_count": memory.events_count,
                "root": memory.merkle_root,
                "missing_count": memory.missing_count,
                "anchored_count": memory.anchored_count,
                "last_anchor_ts": memory.last_anchor_ts,
            },
            "services": {name: self._service(name) for name in SERVICES},
        }

    def _service(self, name: str) -> dict[str, Any]:
        verdict, state = self.verdicts[name], self.services.get(name)
        return {
            "status": verdict.word,
            "reason": verdict.reason or None,
            "age": None if verdict.age is None else round(verdict.age, 1),
            "pid": state.pid if state else None,
            "state": state.state if state else None,
            "restarts": state.restarts if state else None,
            "required": name in self.required,
        }


def required_services(mode: EffectiveMode) -> tuple[str, ...]:
    """Return the services that a mode needs: the simulated exchange only where orders go to it."""
    return SERVICES if mode.uses_simulator else tuple(name for name in SERVICES if name != "exchange")


def read_status(data: DataDir, now: float | None = None) -> StackStatus:
    """Read the health files of a living or dead data directory. Never raises for what is in them."""
    moment = time.time() if now is None else now
    loaded = load_settings(data.settings)
    mode = effective_mode(loaded.settings)
    services, supervisor = _supervisor(data, moment)
    verdicts: dict[str, Verdict] = {}
    health: dict[str, Health] = {}
    for name in SERVICES:
        problem = None
        try:
            health[name] = read_document(data.health_of(name), HEALTH_MODELS[name])
        except DocumentMissing:
            pass
        except DocumentError as error:
            problem = f"health/{name}.json {error.problem}"
        holder = read_holder(data.lock_of(name))
        verdict = judge(name, health.get(name), moment, problem)
        pid = None if holder is None else holder.pid
        verdicts[name] = judge_process(verdict, health.get(name), pid, services.get(name))
    overall = judge_all(verdicts, required_services(mode))
    return StackStatus(overall, mode, loaded, verdicts, health, services, supervisor)


def _supervisor(data: DataDir, now: float) -> tuple[Mapping[str, ServiceState], tuple[int, str] | None]:
    """Return what a living supervisor says: nothing, when its report is another process's or too old."""
    holder = read_holder(data.lock_of("supervisor"))
    if holder is None:
        return {}, None
    process = (holder.pid, holder.kind or "headless")
    try:
        report = read_document(data.health_of("supervisor"), SupervisorHealth)
    except DocumentError:
        return {}, process
    if report.pid != holder.pid or now - report.last_update_ts > FRESHNESS_LIMITS["supervisor"]:
        return {}, process
    return report.services, process
