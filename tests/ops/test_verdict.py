"""Verdicts: a health file, the process behind it and the supervisor's word, in one word for a person."""

import pytest

from cq_tui.contracts.health import Health, ServiceState, SupervisorHealth, TraderHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.ops.verdict import (
    ServiceFacts,
    Verdict,
    is_supervisor_starting,
    judge,
    judge_all,
    living_supervisor,
    summarize,
)

NOW = 1_800_000_000.0
OURS, ANOTHER = 11, 12


def health(*, status: str = "ok", age: float = 1.0, pid: int | None = OURS, reason: str | None = None) -> Health:
    return Health.model_validate(
        {
            "service": "trader",
            "status": status,
            "last_update_ts": NOW - age,
            "updated_within_sec": 0.0,
            "pid": pid,
            "reason": reason,
        }
    )


def known(state: str, reason: str | None = None, *, hung: bool | None = None) -> ServiceState:
    return ServiceState.model_validate({"state": state, "reason": reason, "pid": OURS, "hung": hung})


@pytest.mark.parametrize(
    ("found", "word", "reason"),
    [
        (health(), "ok", ""),
        (health(status="degraded", reason="is slow"), "degraded", "is slow"),
        (health(status="error", reason="is broken"), "error", "is broken"),
        (health(age=61), "hung", "last report 61 s ago, limit 60 s"),
        (health(age=60), "ok", ""),
        (health(age=-1.9), "ok", ""),
        (health(age=-10), "stale", "the last report is 10 s ahead: check the clock"),
        (None, "missing", "has not reported yet"),
    ],
)
def test_a_health_file_is_judged_by_its_age(found: Health | None, word: str, reason: str) -> None:
    verdict = judge(ServiceFacts("trader", found, holder=OURS), NOW)
    assert (verdict.word, verdict.reason) == (word, reason)


@pytest.mark.parametrize(
    ("found", "holder", "said", "word", "reason", "overall"),
    [
        # It speaks for itself.
        (health(), OURS, known("running"), "ok", "", "ok"),
        (health(), OURS, None, "ok", "", "ok"),
        (health(pid=None), OURS, None, "ok", "", "ok"),
        (health(status="degraded", reason="warms up"), OURS, known("starting"), "degraded", "warms up", "degraded"),
        # Its supervisor, which looks at it all the time, says whether that is a hang: the clock may have been set.
        (health(age=100), OURS, known("running"), "stale", "last report 100 s ago, limit 60 s", "error"),
        (health(age=100), OURS, known("running", "no report", hung=True), "hung", "no report", "error"),
        (health(age=1), OURS, known("running", "no report", hung=True), "hung", "no report", "error"),
        (None, OURS, known("starting", "no report", hung=True), "hung", "no report", "error"),
        (None, None, known("starting", "no report", hung=True), "hung", "no report", "error"),
        (
            health(age=100, pid=ANOTHER),
            ANOTHER,
            known("running", "", hung=True),
            "stale",
            "last report 100 s ago, limit 60 s",
            "error",
        ),
        (health(age=100), OURS, None, "hung", "last report 100 s ago, limit 60 s", "error"),
        (health(age=100, pid=ANOTHER), OURS, None, "missing", "has not reported yet", "error"),
        # It starts.
        (None, None, known("waiting", "waiting for exchange"), "starting", "waiting for exchange", "degraded"),
        (None, None, known("starting"), "starting", "has not reported yet", "degraded"),
        (None, OURS, known("starting"), "starting", "has not reported yet", "degraded"),
        (health(pid=ANOTHER), OURS, known("starting"), "starting", "has not reported yet", "degraded"),
        (health(pid=ANOTHER, age=500), None, known("starting"), "starting", "has not reported yet", "degraded"),
        # It ended.
        (health(), None, known("backoff", "exit code 1"), "restarting", "exit code 1", "error"),
        (health(), None, known("gave_up", "exit code 1"), "gave up", "exit code 1", "error"),
        (health(), None, known("stopped"), "stopped", "is not running", "error"),
        (health(), None, known("running"), "stopped", "is not running", "error"),
        (health(), None, None, "stopped", "is not running", "error"),
        (None, None, None, "stopped", "is not running", "error"),
        (health(age=500), None, known("stopping"), "stopping", "was asked to stop", "error"),
        (health(), OURS, known("stopping"), "stopping", "was asked to stop", "error"),
        # Nobody supervises: a young process and nothing from it yet.
        (None, OURS, None, "missing", "has not reported yet", "error"),
        (health(pid=ANOTHER), OURS, None, "missing", "has not reported yet", "error"),
    ],
)
def test_the_process_counts_too(
    found: Health | None, holder: int | None, said: ServiceState | None, word: str, reason: str, overall: str
) -> None:
    verdict = judge(ServiceFacts("trader", found, holder=holder, supervised=said), NOW)
    assert (verdict.word, verdict.reason, verdict.overall) == (word, reason, overall)


@pytest.mark.parametrize(
    ("holder", "said", "word"),
    [(OURS, None, "unreadable"), (None, None, "unreadable"), (None, known("starting"), "starting")],
)
def test_an_unreadable_file_is_named(holder: int | None, said: ServiceState | None, word: str) -> None:
    facts = ServiceFacts("trader", problem="health/trader.json is empty", holder=holder, supervised=said)
    assert judge(facts, NOW).word == word


def test_what_a_supervisor_on_its_way_will_start_is_starting() -> None:
    found = judge(ServiceFacts("trader", health(age=72_000), stop_requested=True, will_start=True), NOW)
    assert (found.word, found.reason, found.age) == ("starting", "the supervisor is starting", None)
    # What was reported by an earlier process says nothing about now.
    assert not found.is_current
    assert judge(ServiceFacts("trader", health(), holder=OURS, will_start=True), NOW).word == "ok"
    stopped = ServiceFacts("trader", health(), supervised=known("stopped"), will_start=False)
    assert judge(stopped, NOW).word == "stopped"


@pytest.mark.parametrize(
    ("pid", "age", "holder", "starts"),
    [(None, 1.0, 7, True), (8, 1.0, 7, True), (7, 1.0, 7, False), (8, 11.0, 7, False), (8, 1.0, None, False)],
)
def test_a_supervisor_starts_until_its_first_report(
    pid: int | None, age: float, holder: int | None, starts: bool
) -> None:
    fields = {"service": "supervisor", "status": "ok", "last_update_ts": NOW - 500, "updated_within_sec": 0.0}
    report = SupervisorHealth.model_validate(fields | {"pid": pid}) if pid else None
    holds = LockHolder(pid=holder, process_started=NOW - age, name="supervisor") if holder else None
    assert is_supervisor_starting(report, holds, NOW) is starts


@pytest.mark.parametrize(
    ("words", "overall"),
    [
        ({"memory": "ok", "trader": "ok"}, "ok"),
        ({"memory": "ok", "trader": "starting"}, "degraded"),
        ({"memory": "degraded", "trader": "ok"}, "degraded"),
        ({"memory": "degraded", "trader": "gave up"}, "error"),
        ({"memory": "ok", "trader": "stopped"}, "error"),
        ({}, "error"),
    ],
)
def test_the_worst_counts(words: dict[str, str], overall: str) -> None:
    verdicts = {name: Verdict(name, word) for name, word in words.items()}  # type: ignore[arg-type]  # by table
    assert judge_all(verdicts, ("memory", "trader")) == overall


def test_what_is_not_required_counts_nothing() -> None:
    verdicts = {"exchange": Verdict("exchange", "stopped"), "memory": Verdict("memory", "ok")}
    assert judge_all(verdicts, ("memory",)) == "ok"


def trader(**fields: object) -> TraderHealth:
    counts = {"orders_count": 1, "fills_count": 1, "last_order_time": NOW, "active_positions": 0}
    said = {"account_balance_ok": True, "ares_health_ok": True, "quarantined_symbols": []}
    return TraderHealth.model_validate(health().model_dump() | counts | said | fields)


@pytest.mark.parametrize(
    ("found", "said", "word", "reason"),
    [
        (trader(status="degraded", blocked_by=["halted", "no key"]), None, "blocked", "halted; no key"),
        (trader(status="error", reason="broken", blocked_by=["halted"]), None, "error", "broken"),
        (trader(ready=False, waiting_for="memory", started_ts=NOW - 5), None, "starting", "waiting for memory"),
        (trader(ready=False, waiting_for="memory", started_ts=NOW - 61), None, "degraded", "waiting for memory"),
        (
            trader(ready=False, started_ts=NOW - 5, status="degraded", reason="slow"),
            known("running"),
            "degraded",
            "slow",
        ),
        # An old report is no start, whatever its supervisor still waits for.
        (trader(ready=True, last_update_ts=NOW - 90), known("starting"), "stale", "last report 90 s ago, limit 60 s"),
    ],
)
def test_what_a_live_process_reports(found: TraderHealth, said: ServiceState | None, word: str, reason: str) -> None:
    verdict = judge(ServiceFacts("trader", found, holder=OURS, supervised=said), NOW)
    assert (verdict.word, verdict.reason) == (word, reason)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (trader(ready=False, started_ts=NOW - 5), None),
        (trader(ready=False, started_ts=NOW - 61), None),
        (trader(status="degraded"), None),
        (trader(status="error"), None),
        (trader(), known("stopping")),
        (trader(last_update_ts=NOW - 90), None),
        (None, known("starting")),
        (None, None),
    ],
)
def test_whatever_is_not_ok_says_why(found: TraderHealth | None, said: ServiceState | None) -> None:
    verdict = judge(ServiceFacts("trader", found, holder=OURS, supervised=said), NOW)
    assert verdict.level != "good"
    assert verdict.reason
    assert verdict.explanation.startswith(verdict.reason)


@pytest.mark.parametrize(
    ("facts", "level", "reason"),
    [
        (ServiceFacts("trader", health(), stop_requested=True), "idle", "stopped on purpose"),
        (ServiceFacts("trader", health(), supervised=known("stopped", "not needed")), "idle", "not needed"),
        (ServiceFacts("trader"), "idle", "is not running"),
        (ServiceFacts("trader", health()), "bad", "is not running"),
        (ServiceFacts("trader", health(), supervised=known("running")), "bad", "is not running"),
    ],
)
def test_a_stop_on_purpose_is_no_alarm_and_any_other_end_is(facts: ServiceFacts, level: str, reason: str) -> None:
    verdict = judge(facts, NOW)
    assert (verdict.word, verdict.level, verdict.reason, verdict.key) == ("stopped", level, reason, "s")
    assert not verdict.is_current


@pytest.mark.parametrize(
    ("pid", "age", "holder", "lives"),
    [(7, 1.0, 7, True), (7, 1.0, 8, False), (7, 1.0, None, False), (7, 11.0, 7, False), (7, -3.0, 7, False)],
)
def test_only_a_live_supervisor_s_report_counts(pid: int, age: float, holder: int | None, lives: bool) -> None:
    assert FRESHNESS_LIMITS["supervisor"] == 10
    fields = {"service": "supervisor", "status": "ok", "last_update_ts": NOW - age, "updated_within_sec": 0.0}
    report = SupervisorHealth.model_validate(fields | {"pid": pid, "services": {"ares": known("running")}})
    assert living_supervisor(report, holder, NOW) == ({"ares": known("running")} if lives else {})


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        ({"memory": "ok", "trader": "ok"}, ("good", "all services ok")),
        ({"memory": "stale", "trader": "stale"}, ("bad", "all services stale")),
        ({"memory": "degraded", "trader": "stale"}, ("bad", "trader stale +1")),
        ({"memory": "degraded", "trader": "ok"}, ("look", "memory degraded")),
    ],
)
def test_several_services_in_one_headline(words: dict[str, str], summary: tuple[str, str]) -> None:
    assert summarize(Verdict(name, word) for name, word in words.items()) == summary  # type: ignore[arg-type]
