"""Checking the history while it grows: a part each second, and in the background what startup skipped."""

import asyncio
import os
import time
from typing import NoReturn

from cq_tui.contracts.layout import DataDir
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.integrity import Integrity
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.full_check import FullCheck
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.snapshots.snapshot_store import SnapshotStore

_PAUSE = 1.0
#: Share of a processor core that the background check may use.
_FULL_CHECK_SHARE = 0.2


class HistoryReplaced(Exception):
    """The events file was replaced or changed by others: a new process must open and verify it again."""


class BackgroundChecks:
    """Both checks. What they find becomes a fault of the history."""

    def __init__(
        self, data: DataDir, disk: DiskProblems, history: HistoryWriter, integrity: Integrity, snapshots: SnapshotStore
    ) -> None:
        """``history`` was opened just now, which verified everything that it did not skip."""
        self._data, self._disk, self._history, self._integrity = data, disk, history, integrity
        self._snapshots = snapshots
        self._check: FullCheck | None = history.skipped_part
        #: Set when a full check begins.
        self._wanted = asyncio.Event()
        #: When the files were last checked (Unix seconds).
        self.last_check = time.time()
        if self._check is None:
            integrity.state.last_full_check = self.last_check

    @property
    def is_complete(self) -> bool:
        """Whether everything is verified."""
        return self._check is None

    @property
    def progress(self) -> float:
        """Progress of the background check, or else of the current round through the files, 0..1."""
        return self._check.progress if self._check else self._history.scrubber.progress

    def check_files(self, now: float) -> None:
        """Compare the next part of the files with what was written. Raises HistoryReplaced, OSError."""
        self._integrity.compare_passed()
        fault = self._history.check_identity() or self._history.scrub() or self._chain_fault()
        self.last_check = now
        if fault is None:
            return
        if self._integrity.add_fault(fault, happened_now=True) and self._check is None:
            # A full check finds which events or blocks are damaged.
            self._disk.attempt("check", self._start_full_check)
        if fault.file == self._data.events.name and self._history.lost_events_file():
            kept = self._history.put_away_foreign_tail()
            raise HistoryReplaced(f"{fault}; what was added is now {kept}" if kept else str(fault))

    async def run_in_background(self) -> NoReturn:
        """Verify what startup skipped, and everything again after a fault. Raises HistoryReplaced."""
        while True:
            while (check := self._check) is None:
                self._wanted.clear()
                await self._wanted.wait()
            began = time.perf_counter()
            try:
                more = check.step()
            except OSError as error:
                self._disk.record_error("check", error)
                await asyncio.sleep(_PAUSE)
                continue
            if not more:
                self._finish_check(check)
            await asyncio.sleep((time.perf_counter() - began) * (1 / _FULL_CHECK_SHARE - 1))

    def _chain_fault(self) -> HistoryFault | None:
        """Return a fault if the chain document has another root than the history."""
        if self._history.has_unflushed:
            return None
        try:
            if read_chain_tail(self._data.hash_chain).merkle_root == self._history.merkle_root:
                return None
        except ChainError as error:
            return HistoryFault(self._data.hash_chain.name, str(error))
        return HistoryFault(self._data.hash_chain.name, "names another Merkle root")

    def _start_full_check(self) -> None:
        self._check = self._history.start_full_check(self._integrity.anchoring.evidence.sizes)
        self._wanted.set()

    def _finish_check(self, check: FullCheck) -> None:
        for fault in check.finish():
            self._integrity.add_fault(fault)
        if check.contradicts_start:
            self._quarantine_snapshots()
            raise HistoryReplaced("a snapshot is of another history")
        self._history.adopt_check(check)
        self._integrity.compare(check.verifier.marks)
        self._check = None
        self._integrity.state.last_full_check = time.time()
        self._integrity.save()

    def _quarantine_snapshots(self) -> None:
        """Quarantine all snapshots, so that the next start verifies everything and merges what they made it skip."""
        for path in self._snapshots.paths():
            os.rename(path, self._data.quarantine / f"{path.name}.{time.time_ns()}")
