"""Silence: how long a live process has written no report, and from when on that is a hang. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from cq_tui.contracts.freshness import STARTUP_LIMIT
from cq_tui.contracts.layout import FRESHNESS_LIMITS

#: Seconds that one look at a process adds at most. We look at least every 2 s, so a longer pause was our own: we were
#: suspended, the computer slept, or others took the processor. Meanwhile the service may have been kept from its work
#: as well.
MAX_STEP = 2.5


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """The silence, in seconds, that is a hang, and the silence that is ended by SIGKILL."""

    #: By service: beyond it readers no longer trust the last report either.
    report: Mapping[str, float]
    #: For a process that has not reported since its start.
    startup: float = STARTUP_LIMIT
    #: From the naming to the kill. A disk that answers late delays a report by a second or two over its limit; killed
    #: for that, a service would start on the same slow disk, be late again, and crash in a loop.
    grace: float = 5.0

    def limit(self, service: str, *, has_reported: bool, interval: float = 0.0) -> float:
        """Return the silence from which on a service hangs. Two reports that are ``interval`` s apart are no hang."""
        return max(self.report[service], 2 * interval) if has_reported else self.startup


DEFAULT_LIMITS = SilenceLimits(FRESHNESS_LIMITS)


class Silence:
    """The silence of one process, in seconds in which its observer was awake.

    It does not depend on the clock, and no pause of the observer counts, so neither a clock that was set nor a laptop
    that slept makes a service look hung.
    """

    def __init__(self, now: float) -> None:
        """``now`` is monotonic time, here and below."""
        self._last_report: object = None
        self._last_look = now
        self.seconds = 0.0

    @property
    def has_reported(self) -> bool:
        """Whether the process has reported since its start."""
        return self._last_report is not None

    def observe(self, report: object, now: float) -> None:
        """Look at the identity of the process's last report; None when it has none, or it cannot be told."""
        step, self._last_look = now - self._last_look, now
        if report is not None and report != self._last_report:
            self._last_report, self.seconds = report, 0.0
        else:
            self.seconds += min(max(0.0, step), MAX_STEP)

    def forgive(self, now: float) -> None:
        """Start over: something else than the process may keep its reports from being written."""
        self._last_look, self.seconds = now, 0.0
