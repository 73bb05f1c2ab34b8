"""The state of the stack, read from its files: what ``cq-tui status`` prints and a bundle summarizes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.health import (
    HEALTH_MODELS,
    FeederHealth,
    Health,
    MemoryHealth,
    ServiceState,
    SupervisorHealth,
    SymbolState,
    TraderHealth,
)
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.mode import EffectiveMode, effective_mode, shown_mode, soft_guardrails_active
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.history_verdicts import HistoryVerdicts, judge_memory
from cq_tui.ops.supervision import supervision_problem
from cq_tui.ops.verdict import (
    Overall,
    ServiceFacts,
    Verdict,
    is_supervisor_starting,
    judge,
    judge_all,
    living_supervisor,
    reported_modes,
)
from cq_tui.store.data_version import find_version
from cq_tui.store.document import DocumentError, DocumentMissing, read_document
from cq_tui.store.lock import find_holder
from cq_tui.store.reserve import Reserve
from cq_tui.store.settings_file import LoadedSettings
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.supervisor.desired_state import read_desired_state, will_run


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The state of the stack at one moment."""

    overall: Overall
    mode: EffectiveMode
    loaded: LoadedSettings
    verdicts: Mapping[str, Verdict]
    health: Mapping[str, Health]
    services: Mapping[str, ServiceState]
    #: Process of the supervisor and its kind; None without a supervisor.
    supervisor: tuple[int, str] | None
    #: The verdicts on the history; None if memory has not reported.
    history: HistoryVerdicts | None
    #: Why the disk takes nothing that opens risk.
    disk_problem: str | None = None
    #: The trader's account; None if its file cannot be read.
    account: AccountState | None = None
    #: Why services that crash stay down.
    supervision_problem: str | None = None
    #: When it was read, Unix seconds.
    now: float = 0.0
    #: Version of the directory's files; None if it holds nothing yet.
    data_version: str | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """Services that this mode needs."""
        return self.mode.required_services

    @property
    def memory(self) -> MemoryHealth | None:
        """Memory's health report, if it could be read."""
        found = self.health.get("memory")
        return found if isinstance(found, MemoryHealth) else None

    @property
    def feeder(self) -> FeederHealth | None:
        """The feeder's health report, if it could be read."""
        found = self.health.get("feeder")
        return found if isinstance(found, FeederHealth) else None

    @property
    def symbol_states(self) -> Mapping[str, SymbolState]:
        """What a feeder that reports does with each symbol."""
        verdict = self.verdicts.get("feeder")
        is_current = verdict is not None and verdict.is_current
        return (self.feeder.symbol_states if self.feeder and is_current else None) or {}

    @property
    def trader(self) -> TraderHealth | None:
        """The trader's health report, if it could be read."""
        found = self.health.get("trader")
        return found if isinstance(found, TraderHealth) else None

    def to_json(self) -> dict[str, Any]:
        """Return what ``cq-tui status --json`` prints."""
        memory, settings = self.memory, self.loaded.settings
        return {
            "overall": self.overall,
            "data_version": self.data_version,
            "mode": self.mode.mode,
            "because": list(self.mode.reasons),
            "trading_blocked": self.mode.blocked,
            "trading_state": settings.TRADING_STATE,
            "trading_stopped": self.loaded.stop_reason,
            "guardrails": soft_guardrails_active(self.mode.mode, disabled=settings.DISABLE_ORDER_GUARDRAILS),
            "settings_problem": self.loaded.problem,
            "unknown_settings": list(self.loaded.unknown),
            "trimmed_settings": list(self.loaded.trimmed),
            "disk_problem": self.disk_problem,
            "supervision_problem": self.supervision_problem,
            "supervisor": None if self.supervisor is None else {"pid": self.supervisor[0], "kind": self.supervisor[1]},
            "memory": None
            if memory is None
            else {
                "age": self._service("memory")["age"],
                "integrity_ok": memory.integrity_ok,
                "events_count": memory.events_count,
                "root": memory.merkle_root,
                "missing_count": memory.missing_count,
                "anchored_count": memory.anchored_count,
                "last_anchor_ts": memory.last_anchor_ts,
            },
            "history": None
            if memory is None or self.history is None
            else self.history.to_json()
            | {"accepted": [each.model_dump(mode="json") for each in (memory.accepted or ())]},
            "services": {name: self._service(name) for name in SERVICES},
            "symbols": {symbol: found.model_dump(mode="json") for symbol, found in self.symbol_states.items()},
        }

    def _service(self, name: str) -> dict[str, Any]:
        verdict, state = self.verdicts[name], self.services.get(name)
        return {
            "status": verdict.word,
            "level": verdict.level,
            "glyph": verdict.glyph,
            "key": verdict.key or None,
            "reason": verdict.reason or None,
            "age": None if verdict.age is None else round(verdict.age, 1),
            "pid": state.pid if state else None,
            "state": state.state if state else None,
            "restarts": state.restarts if state else None,
            "last_stopped_ts": state.last_stopped_ts if state else None,
            "last_stop_reason": state.last_stop_reason if state else None,
            "last_recovered_ts": state.last_recovered_ts if state else None,
            "required": name in self.required,
        }


def read_status(
    data: DataDir, now: float | None = None, find_holder: Callable[[Path], LockHolder | None] = find_holder
) -> StackStatus:
    """Read the state of a data directory, whether or not the stack runs. Bad files never raise."""
    moment = time.time() if now is None else now
    loaded = SettingsInForce(data).load()
    holder, report = find_holder(data.lock_of("supervisor")), _read_supervisor(data)
    services = living_supervisor(report, holder.pid if holder else None, moment)
    is_starting, holders = is_supervisor_starting(report, holder, moment), dict[str, int | None]()
    verdicts: dict[str, Verdict] = {}
    health: dict[str, Health] = {}
    for name in SERVICES:
        problem = None
        try:
            health[name] = read_document(data.health_of(name), HEALTH_MODELS[name])
        except DocumentMissing:
            pass
        except DocumentError as error:
            problem = error.describe(f"health/{name}.json")
        process = find_holder(data.lock_of(name))
        holders[name] = process.pid if process else None
        facts = ServiceFacts(
            name,
            health.get(name),
            problem,
            holder=holders[name],
            supervised=services.get(name),
            stop_requested=read_desired_state(data, name) == "stopped",
            will_start=is_starting and will_run(data, name),
        )
        verdicts[name] = judge(facts, moment)
    mode = shown_mode(effective_mode(loaded.settings), reported_modes(health, holders))
    memory, interval = health.get("memory"), loaded.settings.MEMORY_CHECKPOINT_INTERVAL
    history = judge_memory(memory, verdicts["memory"], interval, moment) if isinstance(memory, MemoryHealth) else None
    overall = judge_all(verdicts, mode.required_services)
    running = [name for name in SERVICES if holders[name] is not None]
    unsupervised = supervision_problem(holder, report, running, moment)
    return StackStatus(
        "degraded" if unsupervised and overall == "ok" else overall,
        mode,
        loaded,
        verdicts,
        health,
        services,
        (holder.pid, holder.kind or "headless") if holder else None,
        history,
        Reserve(data).problem,
        _read_account(data),
        unsupervised,
        moment,
        find_version(data).version,
    )


def _read_account(data: DataDir) -> AccountState | None:
    try:
        return read_document(data.account, AccountState)
    except DocumentError:
        return None


def _read_supervisor(data: DataDir) -> SupervisorHealth | None:
    try:
        return read_document(data.health_of("supervisor"), SupervisorHealth)
    except DocumentError:
        return None
