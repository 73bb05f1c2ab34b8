"""What a health file means at this moment: its status with its age taken into account. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cq_tui.contracts.health import Health
from cq_tui.contracts.layout import FRESHNESS_LIMITS

Word = Literal["ok", "degraded", "error", "stale", "missing", "unreadable", "stopped"]
Overall = Literal["ok", "degraded", "error"]

#: Tolerated clock difference between writer and reader, seconds.
_FUTURE_TOLERANCE = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one service is, in one word and, when it is not ok, a reason."""

    service: str
    word: Word
    reason: str = ""
    #: Seconds since the service last spoke; None when it never did.
    age: float | None = None

    @property
    def overall(self) -> Overall:
        """The word on the scale of the whole stack."""
        if self.word in ("ok", "degraded"):
            return "ok" if self.word == "ok" else "degraded"
        return "error"


def judge(service: str, health: Health | None, now: float, problem: str | None = None) -> Verdict:
    """Judge one health file. ``problem`` says why it could not be read."""
    if health is None:
        return Verdict(service, "unreadable" if problem else "missing", problem or "has not reported yet")
    age = now - health.last_update_ts
    limit = FRESHNESS_LIMITS[service]
    if age < -_FUTURE_TOLERANCE:
        return Verdict(service, "stale", f"its last report is {-age:.0f} s in the future: check the clock", age)
    age = max(0.0, age)
    if age > limit:
        return Verdict(service, "stale", f"last report {age:.0f} s ago, limit {limit:.0f} s", age)
    return Verdict(service, health.status, "" if health.status == "ok" else health.reason or "", age)


def judge_all(verdicts: Mapping[str, Verdict], required: Iterable[str]) -> Overall:
    """Return the worst over the required services; all missing is an error, too."""
    words = [verdicts[service].overall for service in required if service in verdicts]
    if not words or "error" in words:
        return "error"
    return "degraded" if "degraded" in words else "ok"
