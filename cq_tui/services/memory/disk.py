"""What the disk refuses at the moment: told once, and tried again when its time comes."""

from collections.abc import Callable

from cq_tui.services.runtime import ServiceRuntime


class DiskProblems:
    """By what was tried, what the disk said."""

    def __init__(self, frame: ServiceRuntime) -> None:
        self._frame = frame
        self._problems: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether anything is refused."""
        return bool(self._problems)

    @property
    def first(self) -> str | None:
        """What has been refused for longest."""
        return next(iter(self._problems.values()), None)

    def attempt(self, what: str, act: Callable[[], object]) -> None:
        """Do what the disk may refuse."""
        try:
            act()
        except OSError as error:
            self.record_error(what, error)
        else:
            self.clear(what)

    def record_error(self, what: str, error: OSError) -> None:
        """Remember what the system said."""
        self.record(what, f"{error.filename or what}: {error.strerror}")

    def record(self, what: str, problem: str) -> None:
        """Remember a refusal; the same one is logged once."""
        if problem != self._problems.get(what):
            self._frame.log.error("disk", problem=problem)
        self._problems[what] = problem

    def clear(self, what: str) -> None:
        """It is done now."""
        self._problems.pop(what, None)
