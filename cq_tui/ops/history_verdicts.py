"""Three verdicts on a history, never merged into one word: integrity, completeness and age. Pure.

Everything that shows a history (status bar, memory pane, alerts, ``status``, bundle, ``verify``) prints these verdicts.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from cq_tui.contracts.freshness import EVENT_TIME_TOLERANCE
from cq_tui.ops.formatting import GLYPHS, StatusLevel, format_age, format_ago, format_datetime, sanitize, worst_level
from cq_tui.store.checkpoints.consistency import missing_by_checkpoint
from cq_tui.store.history.faults import fault_kind

if TYPE_CHECKING:
    from cq_tui.contracts.health import AcceptedContradiction, MemoryHealth
    from cq_tui.ops.verdict import Verdict

#: Seconds after which a service that reports should have checked its files again.
_CHECK_LIMIT = 60.0
#: Larger numbers are shown as a power of ten: they are not counts of anything.
_MAX_COUNT = 10**15


class _Meaning(NamedTuple):
    """How one kind of fault is called."""

    word: str
    #: Where the width is short.
    short: str
    level: StatusLevel
    #: What its faults are faults of.
    subject: str


#: The kinds of faults, the worst first. Only the first means that stored events or blocks were changed.
_KINDS: dict[str, _Meaning] = {
    "history": _Meaning("DAMAGED", "DAMAGED", "bad", "of events or blocks"),
    "contradiction": _Meaning("CONTRADICTS its checkpoints", "CONTRADICTS", "bad", "against the checkpoints"),
    "copy": _Meaning("another copy in use", "second copy", "bad", "of another copy"),
    "checkpoints": _Meaning("checkpoints.log damaged", "checkpoints damaged", "bad", "of checkpoints.log"),
    "key": _Meaning("key changed", "key changed", "bad", "of another key"),
    # A kind that only a later version knows, or faults that an earlier version does not name.
    "": _Meaning("NOT INTACT", "NOT INTACT", "bad", "of unknown kind"),
    "spool": _Meaning("spool fault", "spool fault", "look", "of spools"),
}
#: Missing events are a matter of completeness.
_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What is known of a history, from memory's report or from a verification. Times are Unix seconds."""

    events: int
    #: Open faults by kind (see ``fault_kind``).
    faults: Mapping[str, int] = field(default_factory=dict)
    #: Progress of the check of the whole history, 0..1; None when all of it is verified.
    check_progress: float | None = None
    #: Accepted contradictions, oldest first.
    accepted: Sequence["AcceptedContradiction"] = ()
    #: Damaged events and blocks that a person accepted.
    accepted_faults: int = 0
    #: Events of the chain or of a checkpoint that are missing, and numbers missing in the writers' numbering.
    missing: int = 0
    gaps: int = 0
    #: Events of an earlier history that was here and is gone.
    lost: int = 0
    #: Events at the end that have no block yet and should.
    unchained: int = 0
    #: Events covered by the newest checkpoint that matches; None if that is unknown.
    anchored: int | None = None
    signed_at: float | None = None
    #: What is wrong with anchoring.
    anchor_problem: str = ""
    #: Seconds between two checkpoints while there are new events.
    checkpoint_interval: float = math.inf
    checked_at: float | None = None
    fully_checked_at: float | None = None
    #: When memory last reported, if these facts are its last word and it no longer reports.
    reported_at: float | None = None
    #: Seconds by which the newest event is ahead of the clock.
    clock_ahead: float = 0.0


class HistoryVerdict(NamedTuple):
    """One verdict: its word and level; the detail has no text from outside but names, the problem may have."""

    word: str
    level: StatusLevel
    #: The word where the width is short.
    short: str
    detail: str = ""
    #: What is wrong, in the words of its source.
    problem: str = ""

    @property
    def glyph(self) -> str:
        """The sign of the level."""
        return GLYPHS[self.level]

    @property
    def text(self) -> str:
        """Word and detail."""
        return f"{self.word}, {self.detail}" if self.detail else self.word


class HistoryVerdicts(NamedTuple):
    """The three verdicts."""

    integrity: HistoryVerdict
    completeness: HistoryVerdict
    age: HistoryVerdict
    #: Whether they describe the present; if not, they are memory's last word, and ``age`` says how old that is.
    is_current: bool = True

    @property
    def by_name(self) -> dict[str, HistoryVerdict]:
        """The verdicts by name, in this order everywhere."""
        return {"integrity": self.integrity, "completeness": self.completeness, "age": self.age}

    @property
    def level(self) -> StatusLevel:
        """The worst level."""
        return worst_level(verdict.level for verdict in self.by_name.values())

    def lines(self) -> tuple[str, ...]:
        """Return all three in one line, and shorter and shorter lines; the last one has only what is not good.

        Of an old report the age comes first: nobody should read an old word as a new one.
        """
        verdicts = list(self.by_name.values())
        integrity, completeness, age = verdicts
        telling = [verdict.short for verdict in verdicts if verdict.level in ("bad", "look") and verdict is not age]
        if not self.is_current:
            last = f"{age.short}: {' · '.join(telling)}" if telling else age.word
            return (
                f"{age.word}: {integrity.word} · {completeness.text}",
                f"{age.word}: {integrity.word} · {completeness.word}",
                f"{age.short}: {integrity.short} · {completeness.short}",
                last,
            )
        if age.level == "look":
            telling.append(age.short)
        return (
            f"{integrity.word} · {completeness.text} · {age.word}",
            f"{integrity.word} · {completeness.word} · {age.word}",
            f"{integrity.short} · {completeness.short} · {age.short}",
            " · ".join(verdict.short for verdict in verdicts if verdict is not age or age.level == "look"),
            " · ".join(telling) or integrity.short,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the verdicts as plain values."""
        return {
            name: {
                "word": verdict.word,
                "level": verdict.level,
                "detail": verdict.detail or None,
                "problem": verdict.problem or None,
            }
            for name, verdict in self.by_name.items()
        }


def facts_of_memory(memory: "MemoryHealth", service: "Verdict", checkpoint_interval: float) -> HistoryFacts:
    """Return what memory reports of its history; ``service`` is the verdict on memory itself."""
    return HistoryFacts(
        events=memory.events_count,
        faults=_faults_by_kind(memory),
        check_progress=memory.full_check_progress,
        accepted=memory.accepted or (),
        accepted_faults=memory.accepted_fault_count or 0,
        missing=memory.missing_count or 0,
        gaps=memory.gap_count or 0,
        lost=memory.lost_count or 0,
        anchored=memory.anchored_count,
        signed_at=memory.last_anchor_ts,
        anchor_problem=memory.anchor_problem or "",
        checkpoint_interval=checkpoint_interval,
        checked_at=memory.last_integrity_check,
        fully_checked_at=memory.last_full_check,
        reported_at=None if service.is_current else memory.last_update_ts,
        clock_ahead=memory.clock_ahead_sec or 0.0,
    )


def _faults_by_kind(memory: "MemoryHealth") -> dict[str, int]:
    """Return the number of faults by kind; earlier versions do not report it, so theirs are sorted by their texts."""
    known = Counter[str](memory.fault_kinds or map(fault_kind, memory.faults or ()))
    told = max(memory.fault_count or 0, 0 if memory.integrity_ok else 1)
    return +(known + Counter({"": told - known.total()}))


def judge_history(facts: HistoryFacts, now: float) -> HistoryVerdicts:
    """Judge a history. What memory last said of it is never good once memory no longer reports."""
    integrity, completeness = _judge_integrity(facts), _judge_completeness(facts)
    if facts.reported_at is not None:
        integrity, completeness = (
            verdict._replace(level="idle") if verdict.level == "good" else verdict
            for verdict in (integrity, completeness)
        )
    return HistoryVerdicts(integrity, completeness, _judge_age(facts, now), facts.reported_at is None)


def judge_memory(
    memory: "MemoryHealth | None", service: "Verdict", checkpoint_interval: float, now: float
) -> HistoryVerdicts | None:
    """Judge the history by memory's report; None without one."""
    return None if memory is None else judge_history(facts_of_memory(memory, service, checkpoint_interval), now)


def _judge_integrity(facts: HistoryFacts) -> HistoryVerdict:
    accepted = _acceptance(facts.accepted)
    faults = Counter[str]()
    for kind in facts.faults.keys() - {_MISSING}:
        faults[kind if kind in _KINDS else ""] += facts.faults[kind]
    if faults:
        return _judge_faults(faults, accepted)
    if facts.check_progress is not None:
        share = f"{min(max(facts.check_progress, 0.0), 1.0):.0%}".replace("%", " %")
        return HistoryVerdict(f"being verified ({share})", "idle", f"verifying {share}", accepted)
    if facts.accepted_faults:
        count = f"{_count(facts.accepted_faults, 'accepted fault')} of events or blocks"
        return HistoryVerdict("damage accepted", "idle", "damage accepted", _join(count, accepted))
    if not facts.accepted:
        return HistoryVerdict("intact", "good", "intact")
    index = facts.accepted[-1].event_index
    if index is None:
        return HistoryVerdict("intact after a contradiction", "idle", "intact, accepted", accepted)
    word = f"intact since event {_number(index)}"
    return HistoryVerdict(word, "idle", word, accepted)


def _judge_faults(faults: Mapping[str, int], accepted: str) -> HistoryVerdict:
    """Name the worst kind and the number of faults of other kinds."""
    meanings = [(meaning, faults[kind]) for kind, meaning in _KINDS.items() if kind in faults]
    worst, others = meanings[0][0], sum(count for _, count in meanings[1:])
    more = f" +{_number(others)}" if others else ""
    counts = [f"{_count(count, 'fault')} {meaning.subject}" for meaning, count in meanings]
    level = worst_level(meaning.level for meaning, _ in meanings)
    return HistoryVerdict(worst.word + more, level, worst.short + more, _join(*counts, accepted))


def _acceptance(accepted: Sequence["AcceptedContradiction"]) -> str:
    """Return who accepted the last contradiction, and when."""
    if not accepted:
        return ""
    last, earlier = accepted[-1], len(accepted) - 1
    more = f" and {_count(earlier, 'earlier one')}" if earlier else ""
    return f"contradiction accepted by {sanitize(last.accepted_by, 64)}, {format_datetime(last.accepted_at)}{more}"


def _judge_completeness(facts: HistoryFacts) -> HistoryVerdict:
    lacking = []
    if facts.missing:
        lacking.append(f"INCOMPLETE by {_number(facts.missing)}")
    elif facts.faults.get(_MISSING):
        lacking.append("INCOMPLETE")
    if facts.lost:
        lacking.append(f"INCOMPLETE by an earlier history of {_number(facts.lost)}")
    if facts.gaps:
        lacking.append(f"{_count(facts.gaps, 'number')} missing")
    if gone := sum(missing_by_checkpoint(each.fault for each in facts.accepted).values()):
        lacking.append(f"{_number(gone)} missing, accepted")
    anchored, later, level = _judge_anchoring(facts, is_whole=not lacking)
    if facts.missing or facts.lost or facts.faults.get(_MISSING):
        level = "bad"
    elif facts.gaps or facts.unchained or _fails_to_anchor(facts):
        level = "look"
    elif gone:
        level = "idle"
    unchained = f"{_count(facts.unchained, 'event')} not chained yet" if facts.unchained else ""
    word, *others = *lacking, anchored
    return HistoryVerdict(word, level, word, _join(*others, later, unchained), sanitize(facts.anchor_problem, 300))


def _fails_to_anchor(facts: HistoryFacts) -> bool:
    """Whether anchoring has a problem of its own: open faults of other kinds than spools stop it, too."""
    return bool(facts.anchor_problem) and not facts.faults.keys() - {"spool"}


def _judge_anchoring(facts: HistoryFacts, *, is_whole: bool) -> tuple[str, str, StatusLevel]:
    """Return how far checkpoints cover the history, how many events follow, and the level of this."""
    if facts.anchored is None:
        return _count(facts.events, "event"), "", "idle"
    problem = ", anchoring problem" if _fails_to_anchor(facts) else ""
    if not facts.anchored:
        # Open faults stop the signing, too.
        is_stopped = facts.anchor_problem or facts.faults or not is_whole
        return f"not anchored{problem}" if is_stopped else "not anchored yet", "", "idle"
    later = facts.events - facts.anchored
    covered = f"{'complete' if is_whole else 'anchored'} to {_number(facts.anchored)}{problem}"
    return covered, f"{_number(later)} not anchored yet" if later > 0 else "", "good"


def _judge_age(facts: HistoryFacts, now: float) -> HistoryVerdict:
    checked = f"checked {format_ago(facts.checked_at, now)}"
    others = [
        "" if facts.fully_checked_at is None else f"full check {format_ago(facts.fully_checked_at, now)}",
        f"last anchor {format_ago(facts.signed_at, now)}" if facts.signed_at else "",
    ]
    if facts.reported_at is not None:
        ago = format_ago(facts.reported_at, now)
        return HistoryVerdict(f"last reported {ago}", "look", ago, _join(checked, *others))
    if facts.clock_ahead > EVENT_TIME_TOLERANCE:
        word = f"newest event {format_age(facts.clock_ahead)} ahead of the clock"
        return HistoryVerdict(word, "look", "ahead of the clock", _join(checked, *others))
    if _is_anchor_late(facts, now):
        return HistoryVerdict("anchor late", "look", "anchor late", _join(checked, *others))
    age = now - (facts.checked_at or 0.0)
    level: StatusLevel = "idle" if not facts.checked_at else "good" if -2 <= age <= _CHECK_LIMIT else "look"
    return HistoryVerdict(checked, level, checked, _join(*others))


def _is_anchor_late(facts: HistoryFacts, now: float) -> bool:
    """Whether events wait for a checkpoint for longer than twice the interval; not while the history is verified."""
    if not facts.signed_at or facts.check_progress is not None or facts.events <= (facts.anchored or 0):
        return False
    return not -2 <= now - facts.signed_at <= 2 * facts.checkpoint_interval + 10


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _number(count: int) -> str:
    return f"{count:,}" if count < _MAX_COUNT else f"10^{len(str(count)) - 1}"


def _count(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}" if count == 1 else f"{_number(count)} {noun}s"
