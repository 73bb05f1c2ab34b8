"""The one verdict on a service: its word, level, glyph, reason and the key that helps. Pure.

Everything that shows how a service is (status bar, panes, details, alerts, ``status``, bundle) prints this verdict.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from cq_tui.contracts.freshness import STARTUP_LIMIT, Ahead, Fresh, Missing, Stale, judge_age
from cq_tui.contracts.health import Health, ServiceState, SupervisorHealth, TraderHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.formatting import GLYPHS, SEVERITY, StatusLevel

Word = Literal[
    "ok",
    "degraded",
    "blocked",
    "starting",
    "stopping",
    "restarting",
    "gave up",
    "error",
    "hung",
    "stale",
    "missing",
    "unreadable",
    "stopped",
]
Overall = Literal["ok", "degraded", "error"]

#: Words under which the last report still describes the present.
_CURRENT_WORDS = frozenset({"ok", "degraded", "blocked", "starting", "error"})


class _Meaning(NamedTuple):
    """What a word means on the two scales, and which key of the room helps."""

    level: StatusLevel
    overall: Overall
    key: str = ""


_MEANINGS: dict[Word, _Meaning] = {
    "ok": _Meaning("good", "ok"),
    "degraded": _Meaning("look", "degraded", "enter"),
    "blocked": _Meaning("look", "degraded", "enter"),
    "starting": _Meaning("look", "degraded", "l"),
    "stopping": _Meaning("look", "error", "l"),
    "restarting": _Meaning("look", "error", "l"),
    "gave up": _Meaning("bad", "error", "l"),
    "error": _Meaning("bad", "error", "l"),
    "hung": _Meaning("bad", "error", "r"),
    "stale": _Meaning("bad", "error", "r"),
    "missing": _Meaning("bad", "error", "l"),
    "unreadable": _Meaning("bad", "error", "r"),
    "stopped": _Meaning("bad", "error", "s"),
}
_KEY_LABELS = {"": "", "s": "s start", "r": "r restart", "l": "l logs", "enter": "enter details"}
#: The supervisor's states that override the process's own report.
_PROCESS_WORDS: dict[str, Word] = {
    "starting": "starting",
    "waiting": "starting",
    "stopping": "stopping",
    "backoff": "restarting",
    "gave_up": "gave up",
}


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """All that is known of one service."""

    service: str
    #: The last report, and why it cannot be read.
    health: Health | None = None
    problem: str | None = None
    #: Live process that holds the service's lock.
    holder: int | None = None
    #: What a living supervisor reports.
    supervised: ServiceState | None = None
    #: Whether somebody asked for it to be stopped.
    stop_requested: bool = False
    #: A supervisor that is on its way, and has not reported yet, will start it.
    will_start: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of one service in one word, and a reason unless it is ok."""

    service: str
    word: Word
    reason: str = ""
    #: Seconds since the last report; None when there is none.
    age: float | None = None
    #: Stopped on request: no alert.
    is_intended: bool = False
    #: Whether the last report is of the process that is judged, not of an earlier one.
    is_own_report: bool = True

    @property
    def level(self) -> StatusLevel:
        """good, look, bad, or idle for a service that is stopped on purpose."""
        return "idle" if self.is_intended else _MEANINGS[self.word].level

    @property
    def overall(self) -> Overall:
        """The word on the scale of the whole stack."""
        return _MEANINGS[self.word].overall

    @property
    def glyph(self) -> str:
        """The sign of the level."""
        return GLYPHS[self.level]

    @property
    def key(self) -> str:
        """The key of the room that helps; empty when no help is needed."""
        return _MEANINGS[self.word].key

    @property
    def key_label(self) -> str:
        """The key and what it does, such as ``s start``."""
        return _KEY_LABELS[self.key]

    @property
    def headline(self) -> str:
        """Service and word, such as ``feeder stale``."""
        return f"{self.service} {self.word}"

    @property
    def explanation(self) -> str:
        """Reason and helping key; empty when all is well."""
        return " · ".join(filter(None, (self.reason, self.key_label)))

    @property
    def is_current(self) -> bool:
        """Whether the last report describes the present."""
        return self.word in _CURRENT_WORDS and self.is_own_report


def living_supervisor(report: SupervisorHealth | None, holder: int | None, now: float) -> Mapping[str, ServiceState]:
    """Return what the supervisor reports of its services: nothing when the report is old or another process's."""
    if report is None or holder is None or report.pid != holder:
        return {}
    fresh = judge_age(report.last_update_ts, now, FRESHNESS_LIMITS["supervisor"])
    return report.services if isinstance(fresh, Fresh) else {}


def is_supervisor_starting(report: SupervisorHealth | None, holder: LockHolder | None, now: float) -> bool:
    """Whether the process that holds the supervisor's lock started just now and has not reported yet."""
    if holder is None or (report is not None and report.pid == holder.pid):
        return False
    return isinstance(judge_age(holder.process_started, now, FRESHNESS_LIMITS["supervisor"]), Fresh)


def judge(facts: ServiceFacts, now: float) -> Verdict:
    """Judge one service: a live process by its report; the report of a process that is gone no longer counts."""
    report = _judge_report(facts, now)
    supervised, name = facts.supervised, facts.service
    word = _PROCESS_WORDS.get(supervised.state) if supervised else None
    reason = (supervised.reason if supervised else None) or ""
    is_own = facts.holder is not None and (facts.health is None or facts.health.pid in (None, facts.holder))
    if supervised and supervised.hung and facts.holder in (None, supervised.pid):
        return Verdict(name, "hung", reason, report.age)
    if is_own and report.word == "stale" and supervised is None and (report.age or 0.0) > 0:
        # Nobody watches it who could say that only the clock was set, or that the computer slept.
        return replace(report, word="hung")
    if is_own and report.word != "missing" and word != "stopping":
        return report
    if word is None and facts.holder is None and facts.will_start:
        word, reason = "starting", "the supervisor is starting"
    if word is not None:
        # What an earlier process reported is no report of one that starts.
        age = None if word == "starting" else report.age
        said = reason or ("was asked to stop" if word == "stopping" else "has not reported yet")
        return Verdict(name, word, said, age, is_own_report=is_own and facts.health is not None)
    if report.word == "unreadable":
        return report
    if facts.holder is not None:
        return Verdict(name, "missing", "has not reported yet", report.age)
    stopped = facts.stop_requested or (supervised is not None and supervised.state == "stopped")
    reason = reason or ("stopped on purpose" if facts.stop_requested else "is not running")
    return Verdict(name, "stopped", reason, report.age, is_intended=stopped or facts.health is None)


def _judge_report(facts: ServiceFacts, now: float) -> Verdict:
    """Judge the health file alone."""
    name, health, limit = facts.service, facts.health, FRESHNESS_LIMITS[facts.service]
    if facts.problem or health is None:
        return Verdict(name, "unreadable" if facts.problem else "missing", facts.problem or "has not reported yet")
    match judge_age(health.last_update_ts, now, limit):
        case Missing():
            return Verdict(name, "missing", "has not reported yet")
        case Ahead(seconds):
            return Verdict(name, "stale", f"the last report is {seconds:.0f} s ahead: check the clock", -seconds)
        case Stale(age):
            return Verdict(name, "stale", f"last report {age:.0f} s ago, limit {limit:.0f} s", age)
        case Fresh(age):
            return _judge_fresh_report(facts, health, age, now)


def _judge_fresh_report(facts: ServiceFacts, health: Health, age: float, now: float) -> Verdict:
    name, reason = facts.service, health.reason or ""
    if health.status == "error":
        return Verdict(name, "error", reason or "gives no reason", age)
    if health.ready is False:
        waits = f"waiting for {health.waiting_for}" if health.waiting_for else reason or "not ready yet"
        was_ready = facts.supervised is not None and facts.supervised.state == "running"
        is_young = health.started_ts is None or now - health.started_ts <= STARTUP_LIMIT
        if is_young and not was_ready:
            return Verdict(name, "starting", waits, age)
        return Verdict(name, "degraded", reason or waits, age)
    if isinstance(health, TraderHealth) and health.blocked_by:
        return Verdict(name, "blocked", "; ".join(health.blocked_by), age)
    return Verdict(name, health.status, "" if health.status == "ok" else reason or "gives no reason", age)


def judge_all(verdicts: Mapping[str, Verdict], required: Iterable[str]) -> Overall:
    """Return the worst over the required services; none at all is an error, too."""
    words = [verdicts[service].overall for service in required if service in verdicts]
    if not words or "error" in words:
        return "error"
    return "degraded" if "degraded" in words else "ok"


def reported_modes(health: Mapping[str, Health | None], holders: Mapping[str, int | None]) -> dict[str, str | None]:
    """Return the mode that each live process says it is in, the trader's first. ``holders`` are the processes' ids.

    The feeder names the mode of its prices, which counts only where nobody else reports one, as in version 0.1.0.
    """
    modes = dict[str, str | None]()
    for name in ("trader", "ares", "memory", "exchange", "feeder"):
        report, holder = health.get(name), holders.get(name)
        if report is not None and holder is not None and report.pid in (None, holder):
            modes[name] = report.mode
    prices = modes.pop("feeder", None)
    return modes if any(modes.values()) else {"feeder": prices}


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts that are not good, the worst first, else in the given order."""
    troubled = [verdict for verdict in verdicts if verdict.level != "good"]
    return sorted(troubled, key=lambda verdict: SEVERITY.index(verdict.level))


def summarize(verdicts: Iterable[Verdict]) -> tuple[StatusLevel, str]:
    """Return level and headline of several services: ``all services ok``, ``feeder stale +2``."""
    everyone = list(verdicts)
    troubled = worst_first(everyone)
    if not troubled:
        return "good", "all services ok"
    words = {verdict.word for verdict in everyone}
    more = f" +{len(troubled) - 1}" if len(troubled) > 1 else ""
    text = f"all services {words.pop()}" if len(everyone) > 1 and len(words) == 1 else troubled[0].headline + more
    return troubled[0].level, text
