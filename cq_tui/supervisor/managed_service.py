"""One supervised service: its process, its desired state and its current state."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from cq_tui.contracts.freshness import Fresh, judge_age
from cq_tui.contracts.health import HEALTH_MODELS, Health, ServiceState
from cq_tui.contracts.layout import FRESHNESS_LIMITS, DataDir
from cq_tui.store.document import DocumentError, DocumentMissing, FileIdentity, file_identity, read_document
from cq_tui.supervisor.desired_state import RunState
from cq_tui.supervisor.process import ExitWatch, ServiceProcess
from cq_tui.supervisor.restart import RestartPolicy
from cq_tui.supervisor.wake_event import WakeEvent

ProcessState = Literal["stopped", "starting", "waiting", "running", "stopping", "backoff", "gave_up"]


class ManagedService:
    """One service of the supervisor. Only its own ``supervise`` task starts the process."""

    def __init__(self, name: str, policy: RestartPolicy) -> None:
        self.name = name
        self.policy = policy
        self.state = ServiceState(state="stopped")
        self.desired_state: RunState = "running"
        self.restarts = 0
        #: Crashed too often, or cannot be started at all: it starts again only on request.
        self.gave_up = False
        #: The last stop that nobody asked for: when (Unix seconds), how, and when the service was ready again.
        self.last_stop: tuple[float, str] | None = None
        self.last_recovered: float | None = None
        #: Monotonic time of the next start after a crash.
        self.not_before = 0.0
        #: Set when anything may have changed: the desired state, the process, the state of another service.
        self.wake_event = WakeEvent()
        #: Held while the process is being stopped, so that nobody stops its successor.
        self.stop_lock = asyncio.Lock()
        self._process: ServiceProcess | None = None
        self._exit_watch: ExitWatch | None = None

    @property
    def process(self) -> ServiceProcess | None:
        """The running process, ours or adopted."""
        return self._process

    @process.setter
    def process(self, process: ServiceProcess | None) -> None:
        self.unwatch()
        self._process = process
        if process is not None:
            self._exit_watch = ExitWatch(process, self.wake_event.set)

    def reset_crashes(self) -> None:
        """Forget every crash, because somebody requested a start."""
        self.policy.reset()
        self.gave_up = False
        self.not_before = 0.0
        self.wake_event.set()

    def record_stop(self, now: float, reason: str) -> None:
        """Record that the process ended without having been asked to."""
        self.last_stop, self.last_recovered = (max(0.0, now), reason), None

    def record_ready(self, now: float) -> None:
        """Record that the service is ready, if it was not since its last stop."""
        if self.last_stop is not None and self.last_recovered is None:
            self.last_recovered = max(now, self.last_stop[0])

    def resume_last_stop(self, state: ServiceState) -> None:
        """Take over what an earlier supervisor reported of the last stop."""
        if state.last_stopped_ts is not None:
            self.last_stop = state.last_stopped_ts, state.last_stop_reason or ""
            self.last_recovered = state.last_recovered_ts

    def unwatch(self) -> None:
        """Stop watching the process; it keeps running."""
        if self._exit_watch is not None:
            self._exit_watch.close()
        self._exit_watch = self._process = None

    @property
    def has_exit_notification(self) -> bool:
        """Whether the system notifies us when the process exits."""
        return self._exit_watch is not None and self._exit_watch.is_supported

    def update_state(self, state: ProcessState, reason: str | None = None, *, hung: bool = False) -> bool:
        """Update the state; return whether it changed."""
        before, process = self.state, self._process
        usage = before if process and process.pid == before.pid else None
        self.state = ServiceState(
            state=state,
            pid=process.pid if process else None,
            started_ts=process.process_started if process else None,
            restarts=self.restarts,
            wanted=self.desired_state,
            reason=reason,
            cpu_percent=usage.cpu_percent if usage else None,
            memory_mb=usage.memory_mb if usage else None,
            hung=hung or None,
            last_stopped_ts=self.last_stop[0] if self.last_stop else None,
            last_stop_reason=self.last_stop[1] if self.last_stop else None,
            last_recovered_ts=self.last_recovered,
        )
        old = (before.state, before.pid, before.wanted, before.reason, before.hung)
        return old != (state, self.state.pid, self.desired_state, reason, self.state.hung)

    def update_usage(self) -> None:
        """Measure CPU use since the last call, and memory."""
        if self._process is not None:
            cpu, memory = self._process.measure_usage()
            update = {"cpu_percent": round(cpu, 1), "memory_mb": round(memory, 1)}
            self.state = self.state.model_copy(update=update)


@dataclass(frozen=True, slots=True)
class Report:
    """A service's health report."""

    health: Health | None
    #: Changes with every report that is written.
    identity: FileIdentity | None
    #: There is a file, but it cannot be used: it tells nothing about the service.
    is_unreadable: bool = False

    def is_from(self, pid: int) -> bool:
        """Whether this process wrote it."""
        return self.health is not None and self.health.pid == pid


def read_report(data: DataDir, service: str) -> Report:
    """Return a service's last health report."""
    path = data.health_of(service)
    try:
        # The identity first: of a report that is written meanwhile, the next look sees another one.
        identity = file_identity(path)
        return Report(read_document(path, HEALTH_MODELS[service]), identity)
    except DocumentMissing:
        return Report(None, None)
    except DocumentError:
        return Report(None, None, is_unreadable=True)


def is_ready(health: Health | None, pid: int | None, now: float) -> bool:
    """Whether a health report is this process's, is fresh, and says that the service is ready."""
    if health is None or pid is None or health.pid != pid or not health.ready:
        return False
    return isinstance(judge_age(health.last_update_ts, now, FRESHNESS_LIMITS[health.service]), Fresh)
