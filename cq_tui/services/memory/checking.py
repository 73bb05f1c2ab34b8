"""Checks the history while it grows: each second a part of it, and in the background what no start has verified."""

import asyncio
import os
import time
from typing import NoReturn

from cq_tui.services.frame import Frame
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.trust import Trust
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.full_check import FullCheck
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.history.writer import History
from cq_tui.store.snapshots.snapshots import SnapshotStore

_PAUSE = 1.0
#: Share of a processor core that the check of the beginning takes.
_FULL_CHECK_SHARE = 0.2


class HistoryLost(Exception):
    """The events file is not the one that is written any more: a new process must look what there is."""


class Checking:
    """Both checks. What they find stands against the history."""

    def __init__(
        self, frame: Frame, disk: DiskProblems, history: History, trust: Trust, snapshots: SnapshotStore
    ) -> None:
        """``history`` was opened just now: a start is a check of all that it did not skip."""
        self._data, self._disk, self._history, self._trust = frame.data, disk, history, trust
        self._snapshots = snapshots
        self._check: FullCheck | None = history.unverified(trust.anchoring.expected())
        #: When the files were last looked at (Unix seconds).
        self.last_look = time.time()
        if self._check is None:
            trust.standing.last_full_check = self.last_look

    @property
    def is_complete(self) -> bool:
        """Whether nothing waits to be verified."""
        return self._check is None

    @property
    def progress(self) -> float:
        """Share of the check in the background that is done, else of the round through the files, 0..1."""
        return self._check.progress if self._check else self._history.scrubber.progress

    def look(self, now: float) -> None:
        """Compare the next part of the files with what was written to them. Raises HistoryLost, OSError."""
        fault = self._history.check_identity() or self._history.scrub() or self._chain_fault()
        self.last_look = now
        if fault is None:
            return
        if self._trust.blame(fault, happened_now=True) and self._check is None:
            # The next look at everything tells which events or blocks these are.
            self._disk.attempt("check", self._look_at_everything)
        if fault.file == self._data.events.name and self._history.has_lost_its_file():
            raise HistoryLost(str(fault))

    async def run_in_background(self) -> NoReturn:
        """Verify what the start left out, and everything again after a fault. Raises HistoryLost."""
        while True:
            while (check := self._check) is None:
                await asyncio.sleep(_PAUSE)
            began = time.perf_counter()
            try:
                more = check.step()
            except OSError as error:
                self._disk.refused("check", error)
                await asyncio.sleep(_PAUSE)
                continue
            if not more:
                self._conclude(check)
            await asyncio.sleep((time.perf_counter() - began) * (1 / _FULL_CHECK_SHARE - 1))

    def _chain_fault(self) -> Fault | None:
        """Look whether the chain document names the root that the history has."""
        if self._history.unflushed:
            return None
        try:
            if read_chain_tail(self._data.hash_chain).merkle_root == self._history.merkle_root:
                return None
        except ChainError as error:
            return Fault(self._data.hash_chain.name, str(error))
        return Fault(self._data.hash_chain.name, "names another Merkle root")

    def _look_at_everything(self) -> None:
        self._check = self._history.full_check()

    def _conclude(self, check: FullCheck) -> None:
        for fault in check.finish():
            self._trust.blame(fault)
        if check.miscounts:
            self._put_snapshots_away()
            raise HistoryLost("a snapshot counts other events than the history holds")
        self._history.adopt(check)
        self._trust.hold_to(check.roots)
        self._check = None
        self._trust.standing.last_full_check = time.time()
        self._trust.save()

    def _put_snapshots_away(self) -> None:
        """The next start counts anew, and takes in again what these made it skip."""
        for path in self._snapshots.paths():
            os.rename(path, self._data.quarantine / f"{path.name}.{time.time_ns()}")
