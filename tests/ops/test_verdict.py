"""Verdicts: a health file, the process behind it and the supervisor's word, in one word for a person."""

import pytest

from cq_tui.contracts.health import Health, ServiceState
from cq_tui.ops.verdict import Verdict, judge, judge_all, judge_process

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


def known(state: str, reason: str | None = None) -> ServiceState:
    return ServiceState.model_validate({"state": state, "reason": reason, "pid": OURS})


@pytest.mark.parametrize(
    ("found", "word", "reason"),
    [
        (health(), "ok", ""),
        (health(status="degraded", reason="is slow"), "degraded", "is slow"),
        (health(status="error", reason="is broken"), "error", "is broken"),
        (health(age=61), "stale", "last report 61 s ago, limit 60 s"),
        (health(age=60), "ok", ""),
        (health(age=-1.9), "ok", ""),
        (health(age=-10), "stale", "its last report is 10 s in the future: check the clock"),
        (None, "missing", "has not reported yet"),
    ],
)
def test_a_health_file_is_judged_by_its_age(found: Health | None, word: str, reason: str) -> None:
    verdict = judge("trader", found, NOW)
    assert (verdict.word, verdict.reason) == (word, reason)


@pytest.mark.parametrize(
    ("found", "holder", "said", "word", "reason", "overall"),
    [
        # It speaks for itself.
        (health(), OURS, known("running"), "ok", "", "ok"),
        (health(), OURS, None, "ok", "", "ok"),
        (health(pid=None), OURS, None, "ok", "", "ok"),
        (health(status="degraded", reason="warms up"), OURS, known("starting"), "degraded", "warms up", "degraded"),
        (health(age=100), OURS, known("running"), "stale", "last report 100 s ago, limit 60 s", "error"),
        # It starts.
        (None, None, known("waiting", "waits for exchange"), "starting", "waits for exchange", "degraded"),
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
        (health(age=500), None, known("stopping"), "stopping", "has not reported yet", "error"),
        # Nobody supervises: a young process and nothing from it yet.
        (None, OURS, None, "missing", "has not reported yet", "error"),
        (health(pid=ANOTHER), OURS, None, "missing", "has not reported yet", "error"),
    ],
)
def test_the_process_counts_too(
    found: Health | None, holder: int | None, said: ServiceState | None, word: str, reason: str, overall: str
) -> None:
    verdict = judge_process(judge("trader", found, NOW), found, holder, said)
    assert (verdict.word, verdict.reason, verdict.overall) == (word, reason, overall)


@pytest.mark.parametrize(
    ("holder", "said", "word"),
    [(OURS, None, "unreadable"), (None, None, "unreadable"), (None, known("starting"), "starting")],
)
def test_an_unreadable_file_is_named(holder: int | None, said: ServiceState | None, word: str) -> None:
    verdict = judge("trader", None, NOW, "health/trader.json is empty")
    assert judge_process(verdict, None, holder, said).word == word


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
