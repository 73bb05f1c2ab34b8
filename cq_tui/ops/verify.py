"""Verifying a history offline: is it intact, is it complete, how old are the last check and the last anchor.

Read-only; no service is needed. A checkpoint is an anchor if its signer is known here: signed with the user's own key,
or given by the user to compare with (``--against``).
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.layout import DataDir
from cq_tui.ops.checkpoint_file import open_kept_checkpoint
from cq_tui.ops.formatting import format_datetime, pluralize
from cq_tui.ops.gathered_evidence import gather_evidence, own_public_key, parse_named_key
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.store.checkpoints.checkpoint import directory_id_of
from cq_tui.store.checkpoints.checkpoint_log import Acceptance, Statement
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.consistency import format_signing_time, is_matched, missing_by_checkpoint
from cq_tui.store.checkpoints.known_directories import LostHistory, find_lost_history
from cq_tui.store.checkpoints.signed_note import VerifierKey
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, HistoryFault, fault_id, fault_kind
from cq_tui.store.history.parallel import verify_in_parallel
from cq_tui.store.history.verification import Progress, VerificationResult
from cq_tui.store.lock import read_holder

#: While memory writes, its files change places under a reader, so a fault is verified again.
_ATTEMPTS = 3


@dataclass(slots=True)
class VerificationReport:
    """The three verdicts, and the findings behind them."""

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
    #: Accepted faults, oldest first.
    acceptances: list[Acceptance] = field(default_factory=list)
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

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        anchor = self.anchor
        return {
            "exit_code": self.exit_code,
            "integrity": {
                "intact": not self.damaged,
                "events": self.result.events,
                "merkle_root": self.result.merkle_root,
                "fault_count": self.fault_count,
                "faults": [
                    {
                        "id": fault_id(str(fault)),
                        "kind": fault_kind(str(fault)),
                        "file": fault.file,
                        "index": fault.index,
                        "reason": fault.reason,
                        "expected": fault.expected,
                        "found": fault.found,
                        "accepted_by": self.accepted.get(fault_id(str(fault))),
                    }
                    for fault in self.faults
                ],
            },
            "completeness": {
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
            "age": {
                "checked_at": self.checked_at,
                "last_anchor": anchor.checkpoint.time if anchor else None,
                "last_full_check_by_memory": self.last_full_check,
            },
        }


def _by(acceptance: Acceptance) -> str:
    """Return who accepted a fault, and when."""
    return f"{acceptance.acknowledgement.who}, {format_datetime(acceptance.acknowledgement.time)}"


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


class NoHistory(Exception):
    """There is no history to verify."""


def verify_history(
    data: DataDir,
    *,
    workers: int | None = None,
    against: Path | None = None,
    key: str | None = None,
    progress: Progress = lambda _: None,
) -> VerificationReport:
    """Verify everything.

    ``against`` is a kept checkpoint to compare with, ``key`` the verifier key that the user trusts. Raises NoHistory,
    OSError, UnusableKey, and CheckpointFileError if ``against`` cannot be used.
    """
    if not data.events.exists() and not data.hash_chain.exists():
        lost = _find_lost_history(data)
        known = f", but {lost}" if lost else ". Use --data-dir to name another data directory"
        raise NoHistory(f"{data.memory}: has no history{known}")
    evidence = gather_evidence(data, parse_named_key(key) if key else None)
    kept = [open_kept_checkpoint(against, own_public_key(), evidence)] if against is not None else []
    sizes = evidence.sizes | {each.checkpoint.size for each in kept}
    workers = workers or os.cpu_count() or 1
    is_live = read_holder(data.lock_of("memory")) is not None
    # Read before the files: memory saves it after it wrote them.
    state = MemoryState.load(data)
    for _ in range(_ATTEMPTS if is_live else 1):
        found = verify_in_parallel(workers, data, sizes, progress, watermark=state.watermark)
        if not found.fault_count and not found.missing:
            break
        progress(-history_bytes(data))
    evidence.add_noted(found.noted)
    evidence.statements += kept
    # Missing events are no damage: they are counted.
    texts = [LOG_FAULT_PREFIX + each for each in evidence.find_faults(found.events, found.marks)]
    # What memory found stays open until a person accepts it, though memory repaired it, or it is of a spool.
    texts += [each for each in open_faults(data).values() if each not in {*texts, *map(str, found.faults)}]
    further = [HistoryFault.parse(each) for each in texts if not missing_by_checkpoint([each])]
    matching = [each for each in evidence.statements if is_matched(each.checkpoint, found.marks)]
    return VerificationReport(
        result=found,
        faults=found.faults + further,
        fault_count=found.fault_count + len(further),
        missing=max(found.missing, evidence.count_missing(found.events, open_faults(data).values())),
        anchor=max(matching, key=lambda each: (each.trusted, each.checkpoint.size), default=None),
        is_live=is_live,
        checked_at=time.time(),
        last_full_check=state.last_full_check,
        acceptances=evidence.acceptances,
        warnings=evidence.warnings,
        lost=_find_lost_history(data, evidence.statements),
    )


def history_bytes(data: DataDir) -> int:
    """Return how many bytes there are to verify."""
    return data.events.stat().st_size if data.events.exists() else 0


def _find_lost_history(data: DataDir, present: Iterable[Statement] = ()) -> LostHistory | None:
    """Return an earlier history recorded for this directory, unless what was signed is about it."""
    try:
        return find_lost_history(config_folder(), data, {directory_id_of(each.checkpoint.origin) for each in present})
    except RuntimeError:
        return None


def open_faults(data: DataDir) -> dict[str, str]:
    """Return the faults that nobody has accepted yet, by id, as memory last saved them."""
    return MemoryState.load(data).faults


def report_lines(report: VerificationReport) -> list[str]:
    """Format the report for people."""
    return [
        f"integrity     {_integrity(report)}",
        *_fault_lines(report),
        f"completeness  {_completeness(report)}",
        *_gap_lines(report),
        f"age           {_age(report)}",
        f"root          {report.result.merkle_root}",
    ]


def _integrity(report: VerificationReport) -> str:
    if report.damaged:
        count = report.fault_count
        return f"DAMAGED: {pluralize(count, 'fault')} in {pluralize(report.result.events, 'event')}"
    return f"intact: {pluralize(report.result.events, 'event')}; chain, payloads, order, ids and root agree"


def _fault_lines(report: VerificationReport) -> list[str]:
    lines = []
    for fault in report.faults:
        name = fault_id(str(fault))
        by = f" (accepted by {report.accepted[name]})" if name in report.accepted else ""
        lines.append(f"  {name}  {fault.headline}{by}")
        if fault.expected:
            lines.append(f"            expected {fault.expected}")
        if fault.found:
            lines.append(f"            found    {fault.found}")
    hidden = report.fault_count - len(report.faults)
    return [*lines, f"  and {hidden:,} more"] if hidden > 0 else lines


def _completeness(report: VerificationReport) -> str:
    found, anchor = report.result, report.anchor
    parts = [f"INCOMPLETE by {pluralize(report.missing, 'event')}"] if report.missing else []
    if report.lost:
        parts.append(f"INCOMPLETE: the earlier history of {report.lost.checkpoint.size:,} events is missing")
    if anchor is None:
        parts.append("not anchored: no signed checkpoint matches it" if found.events else "nothing to anchor yet")
    else:
        later = found.events - anchor.checkpoint.size
        parts.append(f"{'anchored to' if report.missing or report.lost else 'complete to'} {anchor.checkpoint.size:,}")
        parts.append(f"signed {format_signing_time(anchor.checkpoint)} by key {_short_key(anchor.key)}")
        if not anchor.trusted:
            parts.append("an unknown key: compare with a checkpoint you kept, using --against")
        if later:
            parts.append(f"{pluralize(later, 'later event')} not anchored yet")
    if found.unchained:
        parts.append(f"{pluralize(found.unchained, 'event')} not chained yet")
    return ", ".join(parts)


def _short_key(key: VerifierKey) -> str:
    return key.key_id.hex()


def _gap_lines(report: VerificationReport) -> list[str]:
    gaps = report.result.gaps.items()
    lines = [
        f"  {pluralize(count, 'number')} of {writer} {'is' if count == 1 else 'are'} missing" for writer, count in gaps
    ]
    if report.result.torn_bytes:
        lines.append(
            f"  the last {report.result.torn_bytes:,} bytes are not a whole line; memory moves them to quarantine"
        )
    if report.lost:
        lines.append(f"  {report.lost}")
    lines += [f"  {each}" for each in report.warnings]
    return [*lines, *(_acceptance_line(each) for each in report.log_acceptances)]


def _acceptance_line(acceptance: Acceptance) -> str:
    accepted = acceptance.acknowledgement
    what = "released the checkpoints signed until then" if accepted.releases_checkpoints else "accepted"
    size, signer = pluralize(accepted.size, "event"), _short_key(acceptance.key)
    recorded = "" if acceptance.index is None else f", recorded in event {acceptance.index:,}"
    return (
        f"  {_by(acceptance)}, {size}, key {signer}{recorded}: {what}: {accepted.fault.removeprefix(LOG_FAULT_PREFIX)}"
    )


def _age(report: VerificationReport) -> str:
    parts = [f"checked {format_datetime(report.checked_at)}"]
    if report.anchor is not None:
        parts.append(f"last anchor {_ago(report.checked_at - report.anchor.checkpoint.time)}")
    if report.last_full_check is not None:
        parts.append(f"last full check by memory {_ago(report.checked_at - report.last_full_check)}")
    return ", ".join(parts)


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago" if seconds > -1 else "in the future: the clock was set back"
