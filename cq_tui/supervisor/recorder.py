"""What the supervisor leaves behind: its log, its events, and what the disk refused. Never raises for a full disk."""

from collections.abc import Mapping

from pydantic import BaseModel

from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import DataDir
from cq_tui.store.document import write_document
from cq_tui.store.journal import JournalError
from cq_tui.store.spools.spool import EventSpool
from cq_tui.supervisor.desired_state import RunState, write_desired_state
from cq_tui.supervisor.log import SupervisorLog


class Recorder:
    """Open while its supervisor holds the lock; closed, it takes nothing down."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._spool: EventSpool | None = None
        self._log: SupervisorLog | None = None
        self._problems: dict[str, str] = {}

    def open(self) -> None:
        """Open log and spool. Raises OSError for the log."""
        self._log = SupervisorLog(self._data)
        try:
            self._open_spool()
        except JournalError as error:
            # What cannot be remembered must not keep the services from running; health and log say it.
            self.report_problem("spool", str(error))

    def _open_spool(self) -> EventSpool:
        if self._spool is None:
            self._spool = EventSpool(self._data.spool, "supervisor", quarantine=self._data.quarantine)
        return self._spool

    def close(self) -> None:
        """Close both."""
        for closed in (self._spool, self._log):
            if closed is not None:
                closed.close()
        self._spool = self._log = None

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong at the moment, by subject."""
        return self._problems

    def report_problem(self, subject: str, problem: str) -> None:
        """Take down what is wrong, once."""
        if self._log is not None and self._problems.get(subject) != problem:
            self._log.log_problem(problem)
        self._problems[subject] = problem

    def clear_problem(self, subject: str) -> None:
        """Take down that a problem is over."""
        self._problems.pop(subject, None)

    def log_state(self, service: str, state: ServiceState) -> None:
        """Take down a service's new state."""
        if self._log is not None:
            self._log.log_state(service, state)

    def emit(self, event_type: str, payload: BaseModel) -> None:
        """Make an event a part of the history."""
        if self._log is None:
            return
        try:
            self._open_spool().emit(event_type, payload)
            self.clear_problem("spool")
        except JournalError as error:
            self.report_problem("spool", str(error))

    def save_desired_state(self, service: str, wanted: RunState, by: str) -> None:
        """Write down what is wanted of a service. A full disk must not keep anything from being stopped."""
        try:
            write_desired_state(self._data, service, wanted, by)
            self.clear_problem(f"{service}.wanted")
        except OSError as error:
            path = self._data.desired_state_of(service)
            self.report_problem(f"{service}.wanted", f"{path} cannot be written: {error.strerror}")

    def write_health(self, report: SupervisorHealth) -> None:
        """Write the health file."""
        if self._log is None:
            return
        try:
            write_document(self._data.health_of("supervisor"), report, durable=False)
        except OSError:
            # The room sees the age of the old report.
            return
