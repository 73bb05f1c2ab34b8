"""Three verdicts on the history, never merged: integrity, completeness and age. Pure."""

from typing import TYPE_CHECKING, NamedTuple

from cq_tui.ops.formatting import Alert, StatusLevel, format_age, pluralize, sanitize

if TYPE_CHECKING:
    from cq_tui.contracts.health import MemoryHealth

#: More spooled bytes than this are shown as a warning.
_LARGE_BACKLOG_BYTES = 1_000_000
#: Faults shown individually.
_MAX_FAULTS = 3


class Completeness(NamedTuple):
    """Whether events are missing, and how many are covered by a signed checkpoint."""

    level: StatusLevel
    text: str
    #: Number of events after the last checkpoint.
    unanchored_count: int = 0
    #: What is wrong with anchoring, if anything.
    problem: str = ""


def integrity(memory: "MemoryHealth", width: int = 500) -> Alert:
    """Return whether all bytes are unaltered; if not, the fault, or the number of faults if that is too wide."""
    if memory.integrity_ok:
        return Alert("good", "intact")
    alerts, count = fault_headlines(memory), fault_count(memory)
    text = f"NOT INTACT: {sanitize(alerts[0])}"
    if count and (count > 1 or len(text) > width):
        text = f"NOT INTACT: {pluralize(count, 'fault')}"
    return Alert("bad", text)


def fault_count(memory: "MemoryHealth") -> int:
    """Return the number of open faults."""
    return memory.fault_count or len(memory.faults or ())


def fault_headlines(memory: "MemoryHealth") -> list[str]:
    """Return a headline for each fault, or else memory's reason."""
    from cq_tui.store.history.faults import headline_of

    return [headline_of(fault) for fault in memory.faults or ()] or [memory.reason or "the last check failed"]


def completeness(memory: "MemoryHealth") -> Completeness:
    """Return whether events are missing; level "idle" if memory does not report it."""
    anchored, problem = memory.anchored_count, sanitize(memory.anchor_problem or "", 300)
    since = max(0, memory.events_count - anchored) if anchored is not None else 0
    if memory.missing_count:
        return Completeness("bad", f"incomplete by {memory.missing_count:,}", since, problem)
    if anchored:
        return Completeness("look" if problem else "good", f"complete to {anchored:,}", since, problem)
    if problem:
        return Completeness("look", f"not anchored: {problem}", since, problem)
    if anchored is None:
        return Completeness("idle", f"{memory.events_count:,} events")
    return Completeness("idle", "not anchored yet", since)


def last_check(memory: "MemoryHealth", now: float) -> str:
    """Return when memory last checked its files."""
    return f"checked {_format_ago(memory.last_integrity_check, now)}"


def last_full_check(memory: "MemoryHealth", now: float) -> str | None:
    """Return when the whole history was last verified; None if memory does not report it."""
    return None if memory.last_full_check is None else _format_ago(memory.last_full_check, now)


def last_anchor(memory: "MemoryHealth", now: float, interval: float) -> Alert | None:
    """Return when the last checkpoint was signed and how many events followed; None without a checkpoint.

    ``interval`` is the signing interval in seconds: with new events, twice that is late.
    """
    signed = memory.last_anchor_ts
    if not signed:
        return None
    since = completeness(memory).unanchored_count
    late = since > 0 and not -2 <= now - signed <= 2 * interval + 10
    return Alert("look" if late else "good", _format_ago(signed, now) + (f", {since:,} since" if since else ""))


def backlog(memory: "MemoryHealth") -> Alert | None:
    """Return the events not yet appended, with their size if large; None if memory does not report it."""
    if memory.backlog is None and memory.backlog_bytes is None:
        return None
    size = memory.backlog_bytes or 0
    text = f"{memory.backlog or 0:,}"
    return Alert("look", f"{text} ({size / 1e6:,.1f} MB)") if size > _LARGE_BACKLOG_BYTES else Alert("good", text)


def fault_alerts(memory: "MemoryHealth") -> list[Alert]:
    """Return the last faults with their short ids, what to do about them, and any anchoring problem."""
    from cq_tui.store.history.faults import fault_id, headline_of

    alerts: list[Alert] = []
    faults = memory.faults or []
    if not memory.integrity_ok or faults:
        alerts += [Alert("bad", f"{fault_id(fault)} {sanitize(headline_of(fault))}") for fault in faults[-_MAX_FAULTS:]]
        earlier = fault_count(memory) - _MAX_FAULTS
        more = f"{pluralize(earlier, 'earlier fault')} not shown. " if earlier > 0 else ""
        alerts.append(Alert("idle", f"{more}No new entries. Inspect: `cq-tui verify`. Accept: `cq-tui acknowledge`."))
    problem = completeness(memory).problem
    if problem and not any(problem in alert.text for alert in alerts):
        alerts.append(Alert("look", f"checkpoints: {problem}"))
    return alerts


def _format_ago(timestamp: float, now: float) -> str:
    if not timestamp:
        return "not yet"
    age = format_age(now - timestamp)
    return age if age == "ahead" else f"{age} ago"
