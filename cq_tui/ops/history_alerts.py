"""What the verdicts on the history call for: faults with their ids, accepted contradictions, and what to do."""

from typing import TYPE_CHECKING

from cq_tui.ops.formatting import Alert, StatusLevel, format_datetime, pluralize, sanitize
from cq_tui.store.history.faults import fault_id, fault_kind, headline_of

if TYPE_CHECKING:
    from cq_tui.contracts.health import MemoryHealth
    from cq_tui.ops.history_verdicts import HistoryVerdicts

#: Faults and acceptances shown individually.
_MAX_SHOWN = 3


def history_alerts(memory: "MemoryHealth", history: "HistoryVerdicts") -> list[Alert]:
    """Return an alert for each verdict that needs attention, with the newest faults, and one for anchoring."""
    alerts = [
        Alert(verdict.level, f"history: {verdict.text}")
        for verdict in history.by_name.values()
        if verdict.level in ("bad", "look") and (history.is_current or verdict is not history.age)
    ]
    if alerts and not memory.integrity_ok:
        faults = [sanitize(headline_of(fault)) for fault in (memory.faults or ())[-_MAX_SHOWN:]]
        alerts[0] = alerts[0]._replace(text=f"{alerts[0].text}: {'; '.join(faults) or sanitize(memory.reason or '')}")
    return [*alerts, *_anchoring_problem(history, alerts)]


def fault_alerts(memory: "MemoryHealth", history: "HistoryVerdicts") -> list[Alert]:
    """Return the newest faults with their short ids and what to do about them, then acceptances and anchoring."""
    alerts: list[Alert] = []
    faults = memory.faults or []
    if faults or not memory.integrity_ok:
        alerts = [_fault_alert(fault) for fault in faults[-_MAX_SHOWN:]]
        earlier = max(memory.fault_count or 0, len(faults)) - len(alerts)
        more = f"{pluralize(earlier, 'earlier fault')} not shown. " if earlier > 0 else ""
        alerts.append(Alert("idle", f"{more}No new entries. Inspect: `cq-tui verify`. Accept: `cq-tui acknowledge`."))
    for each in (memory.accepted or ())[-_MAX_SHOWN:]:
        who, when = sanitize(each.accepted_by, 64), format_datetime(each.accepted_at)
        alerts.append(Alert("idle", f"accepted by {who}, {when}: {sanitize(headline_of(each.fault))}"))
    return [*alerts, *_anchoring_problem(history, alerts)]


def _fault_alert(fault: str) -> Alert:
    level: StatusLevel = "look" if fault_kind(fault) == "spool" else "bad"
    return Alert(level, f"{fault_id(fault)} {sanitize(headline_of(fault))}")


def _anchoring_problem(history: "HistoryVerdicts", alerts: list[Alert]) -> list[Alert]:
    """Return why nothing is signed, unless an alert says it already."""
    problem = history.completeness.problem
    is_known = not problem or any(problem in alert.text for alert in alerts)
    return [] if is_known else [Alert("look", f"checkpoints: {problem}")]
