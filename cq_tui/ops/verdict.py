"""What a health file means at this moment: its status with its age taken into account. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cq_tui.contracts.freshness import Ahead, Fresh, Missing, Stale, judge_age
from cq_tui.contracts.health import Health, ServiceState
from cq_tui.contracts.layout import FRESHNESS_LIMITS

Word = Literal[
    "ok",
    "degraded",
    "starting",
    "stopping",
    "restarting",
    "gave up",
    "error",
    "stale",
    "missing",
    "unreadable",
    "stopped",
]
Overall = Literal["ok", "degraded", "error"]

#: What a supervisor's word on a process is called.
_PROCESS_WORDS: dict[str, Word] = {
    "starting": "starting",
    "waiting": "starting",
    "stopping": "stopping",
    "backoff": "restarting",
    "gave_up": "gave up",
}


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
        if self.word == "ok":
            return "ok"
        return "degraded" if self.word in ("degraded", "starting") else "error"


def judge(service: str, health: Health | None, now: float, problem: str | None = None) -> Verdict:
    """Judge one health file. ``problem`` says why it could not be read."""
    if health is None:
        return Verdict(service, "unreadable" if problem else "missing", problem or "has not reported yet")
    limit = FRESHNESS_LIMITS[service]
    match judge_age(health.last_update_ts, now, limit):
        case Missing():
            return Verdict(service, "missing", "has not reported yet")
        case Ahead(seconds):
            reason = f"its last report is {seconds:.0f} s in the future: check the clock"
            return Verdict(service, "stale", reason, -seconds)
        case Stale(age):
            return Verdict(service, "stale", f"last report {age:.0f} s ago, limit {limit:.0f} s", age)
        case Fresh(age):
            return Verdict(service, health.status, "" if health.status == "ok" else health.reason or "", age)


def judge_process(verdict: Verdict, health: Health | None, holder: int | None, known: ServiceState | None) -> Verdict:
    """Add what is known of the process to the verdict on its health file.

    ``holder`` is the pid that holds the service's lock, ``known`` what a living supervisor says; None when there is
    none. A process that speaks for itself is believed; the word of one that is gone counts no more.
    """
    its_own = holder is not None and (health is None or health.pid in (None, holder))
    if its_own and verdict.word != "missing":
        return verdict
    name, age = verdict.service, verdict.age
    reason = (known.reason if known else None) or ""
    if known is not None and (word := _PROCESS_WORDS.get(known.state)):
        return Verdict(name, word, reason or "has not reported yet", age)
    if verdict.word == "unreadable":
        return verdict
    if holder is None:
        return Verdict(name, "stopped", reason or "is not running", age)
    return Verdict(name, "missing", "has not reported yet", age)


def judge_all(verdicts: Mapping[str, Verdict], required: Iterable[str]) -> Overall:
    """Return the worst over the required services; all missing is an error, too."""
    words = [verdicts[service].overall for service in required if service in verdicts]
    if not words or "error" in words:
        return "error"
    return "degraded" if "degraded" in words else "ok"
