"""What an offline verification found: the three verdicts, the findings behind them, and both as text and JSON."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.freshness import event_time_ahead
from cq_tui.contracts.health import AcceptedContradiction
from cq_tui.ops.formatting import format_datetime, pluralize
from cq_tui.ops.history_verdicts import HistoryFacts, HistoryVerdicts, judge_history
from cq_tui.store.checkpoints.checkpoint_log import Acceptance, Statement
from cq_tui.store.checkpoints.consistency import format_signing_time
from cq_tui.store.checkpoints.known_directories import LostHistory
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, HistoryFault, fault_id, fault_kind
from cq_tui.store.history.verification import VerificationResult


@dataclass(slots=True)
class VerificationReport:
    """The findings. Times are Unix seconds."""

    result: VerificationResult
    faults: list[HistoryFault]
    fault_count: int
    #: Events in chain or checkpoints that are missing.
    missing: int
    #: The newest checkpoint that matches the history.
    anchor: Statement | None
    #: Whether a memory service is running.
    is_live: bool
    checked_at: float
    last_full_check: float | None
    #: When the newest event was recorded; None without events.
    newest_event: float | None = None
    #: Accepted faults, oldest first.
    acceptances: list[Acceptance] = field(default_factory=list)
    #: Those of a history that contradicts what was signed before.
    contradictions: list[AcceptedContradiction] = field(default_factory=list)
    #: What is wrong with external copies.
    warnings: list[str] = field(default_factory=list)
    #: An earlier history here, recorded in the configuration folder.
    lost: LostHistory | None = None

    @property
    def accepted(self) -> dict[str, str]:
        """Who accepted a fault, by its id."""
        return {each.acknowledgement.fault_id: _by(each) for each in self.acceptances}

    @property
    def log_acceptances(self) -> list[Acceptance]:
        """Accepted faults of the log itself: no longer faults, but always shown."""
        return [each for each in self.acceptances if each.acknowledgement.fault.startswith(LOG_FAULT_PREFIX)]

    @property
    def damaged(self) -> bool:
        """Whether anything is damaged."""
        return self.fault_count > 0

    @property
    def anchored(self) -> bool:
        """Whether a known signer signed a matching checkpoint; an empty history needs none."""
        return self.result.events == 0 or (self.anchor is not None and self.anchor.trusted)

    @property
    def incomplete(self) -> bool:
        """Whether anything is missing. While memory runs, the chain may lag behind the events."""
        return bool(self.missing or self.lost or self.result.gaps or (self.result.unchained and not self.is_live))

    @property
    def exit_code(self) -> ExitCode:
        """The result of ``cq-tui verify``."""
        if self.damaged:
            return ExitCode.ERROR
        return ExitCode.FAILED if self.incomplete or not self.anchored else ExitCode.OK

    @property
    def verdicts(self) -> HistoryVerdicts:
        """The three verdicts, as everywhere."""
        accepted = sum(self._is_accepted_damage(str(fault)) for fault in self.faults)
        kinds = Counter[str](fault_kind(text) for text in map(str, self.faults) if not self._is_accepted_damage(text))
        kinds["history"] += self.fault_count - len(self.faults)
        anchor = self.anchor if self.anchored else None
        ahead = None if self.newest_event is None else event_time_ahead(self.newest_event, self.checked_at)
        facts = HistoryFacts(
            events=self.result.events,
            faults=+kinds,
            accepted=self.contradictions,
            accepted_faults=accepted,
            missing=self.missing,
            gaps=sum(self.result.gaps.values()),
            lost=self.lost.checkpoint.size if self.lost else 0,
            unchained=0 if self.is_live else self.result.unchained,
            anchored=anchor.checkpoint.size if anchor else 0,
            signed_at=anchor.checkpoint.time if anchor else None,
            anchor_problem=self._anchor_problem,
            checked_at=self.checked_at,
            fully_checked_at=self.last_full_check,
            clock_ahead=ahead or 0.0,
        )
        return judge_history(facts, self.checked_at)

    def _is_accepted_damage(self, fault: str) -> bool:
        return fault_kind(fault) == "history" and fault_id(fault) in self.accepted

    @property
    def _anchor_problem(self) -> str:
        if self.anchored or self.anchor is None:
            return next(iter(self.warnings), "")
        signed = f"the checkpoint of {pluralize(self.anchor.checkpoint.size, 'event')} is signed by an unknown key"
        return f"{signed}, {self.anchor.key.key_id.hex()}: compare with a checkpoint you kept, using --against"

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        anchor, verdicts = self.anchor, self.verdicts.to_json()
        return {
            "exit_code": self.exit_code,
            "integrity": verdicts["integrity"]
            | {
                "intact": not self.damaged,
                "events": self.result.events,
                "merkle_root": self.result.merkle_root,
                "fault_count": self.fault_count,
                "faults": [self._fault_json(fault) for fault in self.faults],
            },
            "completeness": verdicts["completeness"]
            | {
                "complete": not self.incomplete,
                "missing": self.missing,
                "lost_history": self.lost
                and {
                    "events": self.lost.checkpoint.size,
                    "signed_at": self.lost.checkpoint.time,
                    "record": str(self.lost.record),
                },
                "missing_numbers": self.result.gaps,
                "unchained": self.result.unchained,
                "torn_bytes": self.result.torn_bytes,
                "anchored": self.anchored,
                "anchored_events": anchor.checkpoint.size if anchor else 0,
                "unanchored_events": self.result.events - (anchor.checkpoint.size if anchor else 0),
                "anchor_key": anchor.key.text if anchor else None,
                "anchor_key_known": anchor.trusted if anchor else None,
                "warnings": self.warnings,
                "accepted": [_acceptance_json(each) for each in self.log_acceptances],
            },
            "age": verdicts["age"]
            | {
                "checked_at": self.checked_at,
                "last_anchor": anchor.checkpoint.time if anchor else None,
                "last_full_check_by_memory": self.last_full_check,
                "newest_event": self.newest_event,
            },
        }

    def _fault_json(self, fault: HistoryFault) -> dict[str, Any]:
        name = fault_id(str(fault))
        return {
            "id": name,
            "kind": fault_kind(str(fault)),
            "file": fault.file,
            "index": fault.index,
            "reason": fault.reason,
            "expected": fault.expected,
            "found": fault.found,
            "accepted_by": self.accepted.get(name),
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        integrity, completeness, age, _ = self.verdicts
        signed = self.anchored and self.anchor
        anchor = f"signed {format_signing_time(signed.checkpoint)} by key {_short_key(signed.key)}" if signed else ""
        whole = ", ".join(filter(None, (completeness.word, anchor, completeness.detail)))
        return [
            f"integrity     {integrity.word}: {'; '.join(filter(None, (integrity.detail, self._checked())))}",
            *self._fault_lines(),
            f"completeness  {whole}",
            *self._gap_lines(),
            f"age           {age.text}",
            f"root          {self.result.merkle_root}",
        ]

    def _checked(self) -> str:
        events = pluralize(self.result.events, "event")
        return events if self.damaged else f"{events}; chain, payloads, order, ids and root agree"

    def _fault_lines(self) -> list[str]:
        lines, accepted = [], self.accepted
        for fault in self.faults:
            name = fault_id(str(fault))
            by = f" (accepted by {accepted[name]})" if name in accepted else ""
            lines.append(f"  {name}  {fault.headline}{by}")
            if fault.expected:
                lines.append(f"            expected {fault.expected}")
            if fault.found:
                lines.append(f"            found    {fault.found}")
        hidden = self.fault_count - len(self.faults)
        return [*lines, f"  and {hidden:,} more"] if hidden > 0 else lines

    def _gap_lines(self) -> list[str]:
        lines = [
            f"  {pluralize(count, 'number')} of {writer} {'is' if count == 1 else 'are'} missing"
            for writer, count in self.result.gaps.items()
        ]
        if torn := self.result.torn_bytes:
            lines.append(f"  the last {torn:,} bytes are not a whole line; memory moves them to quarantine")
        if self.lost:
            lines.append(f"  {self.lost}")
        if not self.anchored and self._anchor_problem:
            lines.append(f"  {self._anchor_problem}")
        lines += [f"  {each}" for each in self.warnings]
        return [*lines, *(_acceptance_line(each) for each in self.log_acceptances)]


def _by(acceptance: Acceptance) -> str:
    """Return who accepted a fault, and when."""
    return f"{acceptance.acknowledgement.who}, {format_datetime(acceptance.acknowledgement.time)}"


def _short_key(key: VerifierKey) -> str:
    return key.key_id.hex()


def _acceptance_line(acceptance: Acceptance) -> str:
    accepted = acceptance.acknowledgement
    what = "released the checkpoints signed until then" if accepted.releases_checkpoints else "accepted"
    size, signer = pluralize(accepted.size, "event"), _short_key(acceptance.key)
    recorded = "" if acceptance.index is None else f", recorded in event {acceptance.index:,}"
    fault = accepted.fault.removeprefix(LOG_FAULT_PREFIX)
    return f"  {_by(acceptance)}, {size}, key {signer}{recorded}: {what}: {fault}"


def _acceptance_json(acceptance: Acceptance) -> dict[str, Any]:
    accepted = acceptance.acknowledgement
    return {
        "id": accepted.fault_id,
        "fault": accepted.fault,
        "accepted_by": accepted.who,
        "accepted_at": accepted.time,
        "events": accepted.size,
        "event_index": acceptance.index,
        "comment": accepted.comment,
        "key": acceptance.key.text,
        "releases_checkpoints": accepted.releases_checkpoints,
    }
