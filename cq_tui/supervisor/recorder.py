"""What the supervisor records: its log, events, desired states and health. Never raises for a full disk."""

from collections.abc import Mapping

from pydantic import BaseModel

from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalBroken
from cq_tui.store.spools.event_queue import EventQueue
from cq_tui.supervisor.desired_state import RunState, write_desired_state
from cq_tui.supervisor.log import SupervisorLog


class Recorder:
    """Open while its supervisor holds the lock; closed, it records nothing."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._log: SupervisorLog | None = None
        self._problems: dict[str, str] = {}
        self._events = EventQueue(data, "supervisor")
        #: Whether the last health report could be written.
        self.can_write_health = True

    def open(self) -> None:
        """Open log and spool. Raises OSError for the log; a bad spool must not keep the services from running."""
        self._log = SupervisorLog(self._data)
        self.flush_events()

    def close(self) -> None:
        """Close both, after a last try to write the events that wait."""
        self.flush_events()
        self._events.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    @property
    def problems(self) -> Mapping[str, str]:
        """Current problems by subject."""
        return self._problems

    def report_problem(self, subject: str, problem: str) -> None:
        """Set the problem of a subject and log it once."""
        if self._log is not None and self._problems.get(subject) != problem:
            self._log.log_problem(problem)
        self._problems[subject] = problem

    def clear_problem(self, subject: str) -> None:
        """Clear the problem of a subject."""
        self._problems.pop(subject, None)

    def log_state(self, service: str, state: ServiceState) -> None:
        """Log a service's new state."""
        if self._log is not None:
            self._log.log_state(service, state)

    def emit(self, event_type: str, payload: BaseModel) -> None:
        """Record an event; one that the disk refuses waits for ``flush_events``."""
        if self._log is not None:
            self._events.add(event_type, payload, None)
            self.flush_events()

    def flush_events(self) -> None:
        """Write the events that wait."""
        if self._log is None:
            return
        try:
            self._events.flush()
            problem = self._events.problem
        except JournalBroken as error:
            problem = str(error)
        if problem is None:
            self.clear_problem("spool")
        else:
            self.report_problem("spool", problem)

    def save_desired_state(self, name: str, desired: RunState) -> None:
        """Store the desired state of a service, or the supervisor. A full disk must not keep anything running."""
        try:
            write_desired_state(self._data, name, desired, by="supervisor")
            self.clear_problem(f"{name}.wanted")
        except OSError as error:
            path = self._data.desired_state_of(name)
            self.report_problem(f"{name}.wanted", f"cannot write {path}: {error.strerror}")

    def write_health(self, report: SupervisorHealth) -> None:
        """Write the health file."""
        if self._log is None:
            return
        try:
            write_document(self._data.health_of("supervisor"), report, durable=False)
            self.can_write_health = True
        except OSError:
            # Readers see the age of the old report.
            self.can_write_health = False
