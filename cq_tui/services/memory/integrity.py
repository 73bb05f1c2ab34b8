"""What stands against the history: faults until a person accepts them, and the checkpoints that it is held to.

Only what nothing stands against is signed.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import IntegrityAcknowledged, IntegrityFault
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.memory_state import MemoryState
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.store.checkpoints.acknowledgement import make_acknowledgement
from cq_tui.store.checkpoints.anchoring import AcceptanceRefused, Anchoring, ForkDetected
from cq_tui.store.checkpoints.checkpoint import origin_of
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.faults import HistoryFault, fault_id, headline_of
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.history.writer import HistoryWriter

#: So many faults are told at once.
FAULTS_SHOWN = 5
#: So many faults of spools stand at once.
_SPOOL_FAULTS = 1000
_SPOOL = "spool: "


def load_state(frame: ServiceRuntime) -> tuple[MemoryState, Anchoring]:
    """Return what stood when memory last ended, and what was signed. To be asked before the history is opened."""
    data = frame.data
    standing = MemoryState.load(data)
    anchoring = Anchoring(data, known_id=standing.directory_id, copy=frame.settings.MEMORY_CHECKPOINT_COPY)
    standing.directory_id = anchoring.directory_id
    standing.accepted = dict(anchoring.accepted)
    for warning in anchoring.warnings:
        frame.log.warning("checkpoints", problem=warning)
    try:
        verified = read_chain_tail(data.hash_chain).integrity_verified
    except (ChainError, OSError):
        verified = True
    if not verified and not standing.faults:
        # A document that was written as not verified stays so, even when the list of faults was lost.
        standing.add_fault(f"{data.hash_chain.name}: was not intact when it was last written")
    return standing, anchoring


class Integrity:
    """Whether the history can be trusted, and what is signed for it."""

    def __init__(
        self,
        frame: ServiceRuntime,
        disk: DiskProblems,
        history: HistoryWriter,
        standing: MemoryState,
        anchoring: Anchoring,
    ) -> None:
        self._frame, self._disk, self._history = frame, disk, history
        self.state = standing
        self.anchoring = anchoring
        #: Root at each size that a checkpoint names, as far as it was verified.
        self._roots = history.roots
        found = list(history.faults)
        for known in standing.faults.values():
            # What was wrong before stays wrong until a person has looked at it.
            history.add_fault(HistoryFault("state", known))
        for fault in found:
            self.add_fault(fault)
        self._compare_with_checkpoints()
        for known in standing.faults.values():
            self._stop_signing(known)

    @property
    def faults(self) -> dict[str, str]:
        """The faults that stand, by their short names."""
        return self.state.faults

    @property
    def reason(self) -> str | None:
        """The first of them in short, for a person; None when there is none."""
        return "; ".join(map(headline_of, list(self.faults.values())[:FAULTS_SHOWN])) or None

    @property
    def signing_problem(self) -> str | None:
        """Why no checkpoint is signed, in short; None while all is well."""
        problem = self.anchoring.problem
        return problem and headline_of(problem)

    @property
    def missing_count(self) -> int:
        """How many events a checkpoint names that are not there."""
        return max(0, max(self.anchoring.expected_roots(), default=0) - self._history.events)

    def add_fault(self, fault: HistoryFault, *, happened_now: bool = False) -> bool:
        """Record a fault once; it stays until a person has looked at it. Return whether it is new."""
        is_new = self._record_fault(fault, happened_now=happened_now)
        if is_new:
            self.save()
        return is_new

    def add_spool_faults(self, complaints: Iterable[str]) -> None:
        """Record what is wrong with spools; beyond a number that a person can look through only that there is more."""
        standing = sum(words.startswith(_SPOOL) for words in self.faults.values())
        named = standing
        for complaint in complaints:
            named += self._record_fault(
                HistoryFault("spool", complaint if named < _SPOOL_FAULTS else "more is wrong than is named")
            )
        if named > standing:
            self.save()

    def _record_fault(self, fault: HistoryFault, *, happened_now: bool = False) -> bool:
        words = str(fault)
        if happened_now:
            # A person accepted what was found then, not what happens now.
            self.state.accepted.pop(fault_id(words), None)
        if not self.state.add_fault(words):
            return False
        self._history.add_fault(fault)
        self._stop_signing(words)
        self._frame.log.error("integrity fault", fault=words)
        indexes = None if fault.index is None else [fault.index]
        self._frame.emit("integrity_fault", IntegrityFault(reason=fault.reason, file=fault.file, indexes=indexes))
        return True

    def compare_roots(self, roots: Mapping[int, bytes]) -> None:
        """Compare roots that were verified by now with those that were signed."""
        self._roots |= roots
        self._compare_with_checkpoints()

    def save(self) -> None:
        """Write down what the next start must know."""
        self.state.watermark = self._history.watermark
        self._disk.attempt("state", lambda: self.state.save(self._frame.data))

    def sign(self, now: float) -> None:
        """Sign a checkpoint when there are new events. All of them must be verified."""
        last, history = self.anchoring.last_checkpoint, self._history
        if not history.events or (last is not None and last.size == history.events):
            return
        try:
            self.anchoring.sign(history.events, history.root, now)
        except ForkDetected as fork:
            self._add_checkpoint_fault(str(fork))

    async def accept(self, command: Command) -> tuple[Outcome, str]:
        """Accept one fault or all of them, since a person has looked at them."""
        faults = self.faults
        if not faults:
            return "done", "there is no fault to accept"
        names = list(faults) if command.target == "all" else [command.target or ""]
        if any(name not in faults for name in names):
            listed = "; ".join(f"{name} {headline_of(text)}" for name, text in list(faults.items())[:FAULTS_SHOWN])
            return "refused", f"name the fault to accept, or all: {listed}"
        for name in names:
            # Each is synced; between two of them the heart beats.
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
        note = self.anchoring.accept(accepted)
        self.state.accept_fault(name)
        if accepted.releases_checkpoints:
            self._roots = {}
        self._frame.emit(
            "integrity_acknowledged",
            IntegrityAcknowledged(
                fault_id=name,
                fault=accepted.fault,
                acknowledged_by=accepted.who,
                comment=accepted.comment,
                note=note,
            ),
        )

    def _compare_with_checkpoints(self) -> None:
        for words in self.anchoring.find_faults(self._history.events, self._roots):
            self._add_checkpoint_fault(words)

    def _add_checkpoint_fault(self, words: str) -> None:
        self.add_fault(HistoryFault(self._frame.data.checkpoints.name, words))

    def _stop_signing(self, fault: str) -> None:
        """Sign nothing while something is wrong with the history; a spool is not the history."""
        if not fault.startswith(_SPOOL):
            self.anchoring.stop_signing(fault)
