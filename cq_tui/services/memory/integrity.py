"""Integrity of the history: open faults until a person accepts them, and the checkpoints it must match.

Nothing is signed while a fault of the history is open.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import IntegrityAcknowledged, IntegrityFault
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.checkpoints.acknowledgement import Acknowledgement, make_acknowledgement
from cq_tui.store.checkpoints.anchoring import AcceptanceRefused, Anchoring, SigningConflict
from cq_tui.store.checkpoints.checkpoint import Checkpoint, origin_of
from cq_tui.store.checkpoints.consistency import missing_by_checkpoint
from cq_tui.store.history.faults import HistoryFault, fault_id, fault_kind, headline_of
from cq_tui.store.history.position import HistoryMark
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.reserve import Reserve

#: Faults shown at once.
FAULTS_SHOWN = 5
#: Most open faults of spools.
_SPOOL_FAULTS = 1000


def load_state(runtime: ServiceRuntime) -> tuple[MemoryState, Anchoring]:
    """Load the state of the last run, and what was signed. Call this before opening the history."""
    data = runtime.data
    state = MemoryState.load(data)
    anchoring = Anchoring(data, known_id=state.directory_id, copy=runtime.settings.MEMORY_CHECKPOINT_COPY)
    state.directory_id = anchoring.directory_id
    state.accepted = dict(anchoring.evidence.accepted)
    for warning in filter(None, (*anchoring.warnings, anchoring.repaired)):
        runtime.log.warning("checkpoints", problem=warning)
    return state, anchoring


class Integrity:
    """Open faults of the history, and signing its checkpoints."""

    def __init__(
        self,
        runtime: ServiceRuntime,
        disk: DiskProblems,
        history: HistoryWriter,
        state: MemoryState,
        anchoring: Anchoring,
    ) -> None:
        self._runtime, self._disk, self._history = runtime, disk, history
        self.state = state
        self.anchoring = anchoring
        #: The verified state of the history at the sizes of checkpoints.
        self._marks = dict(history.marks)
        #: Sizes of checkpoints that the history did not have yet.
        self._ahead = {size for size in anchoring.evidence.sizes if size > history.events}
        #: How many events about the history itself were read, and the acceptances that this process recorded.
        self._noted_count = 0
        self._recorded: set[str] = set()
        #: Ids of the accepted faults of events and blocks that are still there.
        self.accepted_damage: set[str] = set()
        #: Ids of the faults that the start mended, or that it did not find again.
        self._mended: set[str] = set()
        self._read_noted()
        found = list(history.faults)
        for known in state.faults.values():
            # Faults stay open across restarts until a person accepts them.
            history.add_fault(HistoryFault("state", known))
        for fault in found:
            self.add_fault(fault)
        # Blocks are rebuilt, and what is no event at the end is moved away; damaged events stay.
        there = {fault_id(str(each)) for each in found if each.file == runtime.data.events.name and each.index}
        self._mended = {*state.faults, *(fault_id(str(each)) for each in found)} - there
        self.accepted_damage -= self._mended
        self._compare_with_checkpoints()
        for known in state.faults.values():
            self._stop_signing(known)

    @property
    def faults(self) -> dict[str, str]:
        """The open faults by id."""
        return self.state.faults

    @property
    def reason(self) -> str | None:
        """The first faults in short, for people; None if there is none."""
        return "; ".join(map(headline_of, list(self.faults.values())[:FAULTS_SHOWN])) or None

    @property
    def signing_problem(self) -> str | None:
        """Why no checkpoint is signed, in short; None if nothing prevents it."""
        problem = self.anchoring.problem
        return problem and headline_of(problem)

    @property
    def missing_count(self) -> int:
        """How many signed events are missing, unless a person accepted that."""
        return self.anchoring.evidence.count_missing(self._history.events, self.faults.values())

    @property
    def anchor(self) -> Checkpoint | None:
        """The largest signed checkpoint that the history matches, as far as it is verified."""
        skipped = self._history.resumed_from
        return self.anchoring.evidence.find_anchor(self._marks, skipped.events if skipped else 0)

    def add_fault(self, fault: HistoryFault, *, happened_now: bool = False) -> bool:
        """Record a fault once, until a person accepts it. Return whether it is new."""
        is_new = self._record_fault(fault, happened_now=happened_now)
        if is_new:
            self.save()
        return is_new

    def add_spool_faults(self, complaints: Iterable[str]) -> None:
        """Record faults of spools; beyond a number that a person can review, only that there are more."""
        before = sum(fault_kind(text) == "spool" for text in self.faults.values())
        named = before
        for complaint in complaints:
            text = complaint if named < _SPOOL_FAULTS else "more is wrong than is named"
            named += self._record_fault(HistoryFault("spool", text))
        if named > before:
            self.save()

    def _record_fault(self, fault: HistoryFault, *, happened_now: bool = False) -> bool:
        text = str(fault)
        self._mended.discard(fault_id(text))
        if happened_now:
            # The acceptance covered what was found then, not what happens now.
            self.state.accepted.pop(fault_id(text), None)
        if not self.state.add_fault(text):
            self._note_accepted_damage(text)
            return False
        self._history.add_fault(fault)
        self._stop_signing(text)
        self._runtime.log.error("integrity fault", fault=text)
        indexes = None if fault.index is None else [fault.index]
        self._runtime.emit("integrity_fault", IntegrityFault(reason=fault.reason, file=fault.file, indexes=indexes))
        return True

    def compare(self, marks: Mapping[int, HistoryMark]) -> None:
        """Compare what was verified now with what was signed."""
        self._marks |= marks
        self._read_noted()
        self._compare_with_checkpoints()

    def compare_passed(self) -> None:
        """Compare where new events took the place of signed ones that are missing: there it is another history."""
        if passed := {size for size in self._ahead if size <= self._history.events}:
            self._ahead -= passed
            self.compare({size: HistoryMark(b"", "") for size in passed})

    def save(self) -> None:
        """Save the state for the next start."""
        self.state.watermark = self._history.watermark
        self._disk.attempt("state", lambda: self.state.save(self._runtime.data))

    def sign(self, now: float) -> None:
        """Sign a checkpoint if there are new events. All events must be verified."""
        self._record_acceptances()
        last, history = self.anchoring.last_checkpoint, self._history
        if not history.events or (last is not None and last.size == history.events):
            return
        try:
            if self.anchoring.sign(history.events, history.mark, now):
                known = self._marks | {history.events: history.mark}
                self._marks = {size: known[size] for size in self.anchoring.evidence.sizes & known.keys()}
        except SigningConflict as conflict:
            self._add_checkpoint_fault(str(conflict))

    def _read_noted(self) -> None:
        """Read what the history itself records of faults and acceptances."""
        noted, evidence = self._history.noted, self.anchoring.evidence
        if len(noted) != self._noted_count:
            self._noted_count = len(noted)
            evidence.add_noted(noted)
            self.state.accepted |= evidence.accepted

    def _record_acceptances(self) -> None:
        """Record the accepted contradictions that the history lacks: the next checkpoint has to cover them."""
        self._read_noted()
        for each in self.anchoring.evidence.contradictions:
            if each.index is None and each.text not in self._recorded:
                self._record_acceptance(each.acknowledgement, each.text)

    async def accept(self, command: Command) -> tuple[Outcome, str]:
        """Accept one fault or all, as a person commanded."""
        faults = self.faults
        if not faults:
            return "done", "there are no faults to accept"
        names = list(faults) if command.target == "all" else [command.target or ""]
        if any(name not in faults for name in names):
            listed = "; ".join(f"{name} {headline_of(text)}" for name, text in list(faults.items())[:FAULTS_SHOWN])
            return "refused", f"name the fault to accept, or all: {listed}"
        for name in names:
            # Each one is synced: let heartbeats run between them.
            await asyncio.sleep(0)
            try:
                self._accept(name, command)
            except AcceptanceRefused as refused:
                self.save()
                return "refused", f"{name} {refused}; {len(faults)} left"
        if not faults:
            self._history.clear_faults()
        self.save()
        return "done", f"{len(names)} fault{'s' * (len(names) != 1)} accepted, {len(faults)} left"

    def _accept(self, name: str, command: Command) -> None:
        who, comment = (command.arguments.get(key) for key in ("who", "comment"))
        accepted = make_acknowledgement(
            origin_of(self.anchoring.directory_id),
            self._history.events,
            self._history.root,
            time.time(),
            fault=self.faults[name],
            who=who if isinstance(who, str) else command.issued_by,
            comment=comment if isinstance(comment, str) else None,
        )
        note = Reserve(self._runtime.data).spend(lambda: self.anchoring.accept(accepted))
        self.state.accept_fault(name)
        self._note_accepted_damage(accepted.fault)
        self._record_acceptance(accepted, note)

    def _record_acceptance(self, accepted: Acknowledgement, note: str) -> None:
        self._recorded.add(note)
        self._runtime.emit(
            "integrity_acknowledged",
            IntegrityAcknowledged(
                fault_id=accepted.fault_id,
                fault=accepted.fault,
                acknowledged_by=accepted.who,
                comment=accepted.comment,
                note=note,
            ),
        )

    def _note_accepted_damage(self, fault: str) -> None:
        if fault_kind(fault) == "history" and fault_id(fault) in self.state.accepted.keys() - self._mended:
            self.accepted_damage.add(fault_id(fault))

    def _compare_with_checkpoints(self) -> None:
        for text in self.anchoring.evidence.find_faults(self._history.events, self._marks, self.faults.values()):
            # Events that were missing before are still as many, though others were added since.
            if not missing_by_checkpoint([text]).keys() & missing_by_checkpoint(self.faults.values()).keys():
                self._add_checkpoint_fault(text)

    def _add_checkpoint_fault(self, text: str) -> None:
        self.add_fault(HistoryFault(self._runtime.data.checkpoints.name, text))

    def _stop_signing(self, fault: str) -> None:
        """Sign nothing until this fault is accepted, unless it is of a spool and not of the history."""
        if fault_kind(fault) != "spool":
            self.anchoring.stop_signing(fault)
