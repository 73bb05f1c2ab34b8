"""Current disk errors: each is logged once, and the action is retried when it is due again."""

from collections.abc import Callable

from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.reserve import describe_error


class DiskProblems:
    """Errors by the action that failed."""

    def __init__(self, runtime: ServiceRuntime) -> None:
        self._runtime = runtime
        self._problems: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether there is an error."""
        return bool(self._problems)

    @property
    def first(self) -> str | None:
        """The oldest error."""
        return next(iter(self._problems.values()), None)

    def attempt(self, what: str, act: Callable[[], object]) -> bool:
        """Run an action and record or clear its error; return whether there was none. Raises JournalBroken."""
        try:
            act()
        except JournalBroken:
            raise
        except JournalError as error:
            self.record(what, str(error))
        except OSError as error:
            self.record_error(what, error)
        else:
            self._problems.pop(what, None)
        return what not in self._problems

    def record_error(self, what: str, error: OSError) -> None:
        """Record the OSError of an action."""
        self.record(what, describe_error(error) if error.filename else f"{what}: {error.strerror}")

    def record(self, what: str, problem: str) -> None:
        """Record an error; log it if it is new."""
        if problem != self._problems.get(what):
            self._runtime.log.error("disk", problem=problem)
        self._problems[what] = problem
