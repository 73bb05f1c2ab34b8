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
from cq_tui.ops.formatting import format_datetime, pluralize
from cq_tui.ops.render import printable
from cq_tui.ops.signed_statements import Acceptance, Anchor, read_signed_statements
from cq_tui.store.checkpoints.checkpoint import directory_id_of
from cq_tui.store.checkpoints.config_folder import config_folder
from cq_tui.store.checkpoints.consistency import find_contradictions, format_signing_time
from cq_tui.store.checkpoints.known_directories import LostHistory, find_lost_history
from cq_tui.store.document import DocumentError, read_json
from cq_tui.store.history.faults import LOG_FAULT_PREFIX, HistoryFault, fault_id
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
    anchor: Anchor | None
    #: Whether a memory service is running.
    is_live: bool
    checked_at: float
    last_full_check: float | None
    #: Accepted faults, oldest first.
    acceptances: list[Acceptance] = field(default_factory=list)
    #: An earlier history here, recorded in the configuration folder.
    lost: LostHistory | None = None

    @property
    def accepted(self) -> dict[str, str]:
        """Who accepted a fault, by its id."""
        return {each.acknowledgement.fault_id: each.by for each in self.acceptances}

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
                "anchor_key": anchor.key if anchor else None,
                "anchor_key_known": anchor.trusted if anchor else None,
                "accepted": [each.to_json() for each in self.log_acceptances],
            },
            "age": {
                "checked_at": self.checked_at,
                "last_anchor": anchor.checkpoint.time if anchor else None,
                "last_full_check_by_memory": self.last_full_check,
            },
        }


class NoHistory(Exception):
    """There is no history to verify."""


def verify_history(
    data: DataDir, *, workers: int | None = None, against: Path | None = None, progress: Progress = lambda _: None
) -> VerificationReport:
    """Verify everything. Raises NoHistory, OSError, and CheckpointFileError if ``against`` cannot be used."""
    if not data.events.exists() and not data.hash_chain.exists():
        lost = _find_lost_history(data)
        known = f", but {lost}" if lost else ". Use --data-dir to name another data directory"
        raise NoHistory(f"{data.memory}: has no history{known}")
    signed = read_signed_statements(data, against)
    anchors, faults = signed.anchors, signed.faults
    sizes = {anchor.checkpoint.size for anchor in anchors}
    workers = workers or os.cpu_count() or 1
    is_live = read_holder(data.lock_of("memory")) is not None
    for _ in range(_ATTEMPTS if is_live else 1):
        found = verify_in_parallel(workers, data, sizes, progress)
        if not found.fault_count and not found.missing:
            break
        progress(-history_bytes(data))
    faults = found.faults + faults
    checkpoints = [anchor.checkpoint for anchor in anchors]
    present = [each for each in checkpoints if each.size <= found.events]
    roots = {size: mark.root for size, mark in found.marks.items()}
    faults += [HistoryFault(data.checkpoints.name, text) for text in find_contradictions(present, found.events, roots)]
    agreeing = [each for each in anchors if roots.get(each.checkpoint.size) == each.checkpoint.root]
    return VerificationReport(
        result=found,
        faults=faults,
        fault_count=found.fault_count + len(faults) - len(found.faults),
        missing=max(found.missing, max((each.size for each in checkpoints), default=0) - found.events, 0),
        anchor=max(agreeing, key=lambda each: (each.trusted, each.checkpoint.size), default=None),
        is_live=is_live,
        checked_at=time.time(),
        last_full_check=_last_full_check(data),
        acceptances=signed.acceptances,
        lost=_find_lost_history(data, anchors),
    )


def history_bytes(data: DataDir) -> int:
    """Return how many bytes there are to verify."""
    return data.events.stat().st_size if data.events.exists() else 0


def _find_lost_history(data: DataDir, anchors: Iterable[Anchor] = ()) -> LostHistory | None:
    """Return an earlier history recorded for this directory, unless the anchors are about it."""
    try:
        return find_lost_history(config_folder(), data, {directory_id_of(each.checkpoint.origin) for each in anchors})
    except RuntimeError:
        return None


def _last_full_check(data: DataDir) -> float | None:
    try:
        checked = read_json(data.state_of("memory")).get("last_full_check")
    except DocumentError:
        return None
    return float(checked) if isinstance(checked, (int, float)) else None


def open_faults(data: DataDir) -> dict[str, str]:
    """Return the faults that nobody has accepted yet, by id, as memory last saved them."""
    try:
        faults = read_json(data.state_of("memory")).get("faults")
    except DocumentError:
        return {}
    return {fault_id(str(fault)): printable(str(fault)) for fault in faults} if isinstance(faults, list) else {}


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


def _short_key(key: str) -> str:
    """Return the key id of a verifier key."""
    return key.split("+", 2)[1]


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
    return [*lines, *(_acceptance_line(each) for each in report.log_acceptances)]


def _acceptance_line(acceptance: Acceptance) -> str:
    accepted = acceptance.acknowledgement
    what = "released the checkpoints signed until then" if accepted.releases_checkpoints else "accepted"
    size, signer = pluralize(accepted.size, "event"), _short_key(acceptance.key)
    return f"  {acceptance.by}, {size}, key {signer}: {what}: {accepted.fault.removeprefix(LOG_FAULT_PREFIX)}"


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
