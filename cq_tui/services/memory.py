"""Memory: merges the spools into the one history, chains it, checks it, and takes snapshots."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import IntegrityFault
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.history import SnapshotHistory, SnapshotSystem
from cq_tui.contracts.layout import SERVICES
from cq_tui.services.frame import Frame, Service
from cq_tui.store.document import DocumentError, read_json, write_document
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.history.merge import SpoolMerge
from cq_tui.store.history.faults import Fault
from cq_tui.store.history.snapshots import SnapshotStore
from cq_tui.store.history.writer import History, NewEvent
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.lock import read_holder
from cq_tui.store.watch import watch_folders

#: The chain document's two files change places at most this often (seconds).
_CHAIN_INTERVAL = 0.5
_CHECK_INTERVAL = 1.0
_FAULTS_SHOWN = 5


class HistoryLost(Exception):
    """The events file is not the one that is written any more: a new process must look what there is."""


class MemoryService(Service):
    """The service."""

    name = "memory"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = frame.data
        watermark, self._faults = self._read_state()
        self._note_standing_fault()
        self._history = History(self._data, watermark=watermark, now=time.time())
        found = list(self._history.faults)
        for known in self._faults:
            # What was wrong before stays wrong until a person has looked at it.
            self._history.blame(Fault("state", known))
        self._merge = SpoolMerge(self._data.spool, self._data.quarantine, self._history.cursors)
        self._snapshots = SnapshotStore(self._data)
        self._waiting: list[NewEvent] = []
        #: What the disk refuses at the moment, by what was tried.
        self._problems: dict[str, str] = {}
        self._last_check = self._last_flush = time.time()
        self._last_snapshot = 0.0
        self._ready = False
        for fault in found:
            self._blame(fault)
        self._save_state()

    def _note_standing_fault(self) -> None:
        """A document that was written as not verified stays so, even when the list of faults was lost."""
        try:
            verified = read_chain_tail(self._data.hash_chain).integrity_verified
        except (ChainError, OSError):
            return
        if not verified and not self._faults:
            self._faults.append(f"{self._data.hash_chain.name}: was not intact when it was last written")

    @property
    def heartbeat(self) -> float:
        """Every second: whoever trades depends on it."""
        return 1.0

    async def run(self) -> None:
        """Merge as events come; flush, check and take snapshots as time passes."""
        with watch_folders([self._data.spool]) as watch:
            await self._catch_up(None)
            self._ready = True
            self.frame.beat(self.health(time.time()))
            while not self.frame.stopping.is_set():
                await self._catch_up(await watch.changes(timeout=_CHAIN_INTERVAL))
                self._do_duties(time.time())
        await self._catch_up(None)
        self._history.close()
        self._save_state()

    async def _catch_up(self, changed: set[Path] | None) -> None:
        """Take in all that is spooled; between two large parts the heart beats."""
        while self._take_in(changed) and not self._problems:
            await asyncio.sleep(0)

    def _do_duties(self, now: float) -> None:
        if self._history.unflushed and now - self._last_flush >= _CHAIN_INTERVAL:
            self._last_flush = now
            self._attempt("chain", self._history.flush_chain)
        if now - self._last_check >= _CHECK_INTERVAL:
            self._take_in(None)
            self._attempt("check", lambda: self._check(now))
        if now - self._last_snapshot >= self.frame.settings.MEMORY_SNAPSHOT_INTERVAL:
            self._last_snapshot = now
            self._attempt("snapshot", lambda: self._take_snapshot(now))

    def _attempt(self, what: str, act: Callable[[], object]) -> None:
        """Do what the disk may refuse; it is tried again when its time comes."""
        try:
            act()
        except OSError as error:
            self._complain(what, f"{error.filename or what}: {error.strerror}")
        else:
            self._problems.pop(what, None)

    def _take_in(self, changed: set[Path] | None) -> bool:
        """Make new spooled events part of the history; return whether more wait.

        What the disk refuses is kept and tried again. Raises JournalBroken when that cannot be.
        """
        collected = self._merge.collect(changed)
        for complaint in collected.complaints:
            self._blame(Fault("spool", complaint))
        self._waiting += collected.events
        if not self._waiting:
            return collected.more
        try:
            self._history.append(self._waiting, time.time())
        except JournalBroken:
            raise
        except JournalError as error:
            self._complain("events", str(error))
            return False
        self._waiting = []
        self._problems.pop("events", None)
        return collected.more

    def _check(self, now: float) -> None:
        """Compare the files with what was written to them."""
        fault = self._history.check_identity()
        if fault is None and (damaged := self._history.scrubber.step()):
            fault = Fault(self._data.events.name, f"bytes {damaged[0]} to {damaged[1]} are not what was written")
        if fault is None and not self._history.unflushed:
            try:
                if read_chain_tail(self._data.hash_chain).merkle_root != self._history.merkle_root:
                    fault = Fault(self._data.hash_chain.name, "names another Merkle root")
            except ChainError as error:
                fault = Fault(self._data.hash_chain.name, str(error))
        self._last_check = now
        if fault is None:
            return
        self._blame(fault)
        if fault.file == self._data.events.name and self._history.has_lost_its_file():
            raise HistoryLost(str(fault))

    def _blame(self, fault: Fault) -> None:
        """Record a fault once; it stays until a person has looked at it."""
        if str(fault) in self._faults:
            return
        self._faults.append(str(fault))
        self._history.blame(fault)
        self.frame.log.error("integrity fault", fault=str(fault))
        indexes = None if fault.index is None else [fault.index]
        self.frame.emit("integrity_fault", IntegrityFault(reason=fault.reason, file=fault.file, indexes=indexes))
        self._save_state()

    def _complain(self, what: str, problem: str) -> None:
        if problem != self._problems.get(what):
            self.frame.log.error("disk", problem=problem)
        self._problems[what] = problem

    def _take_snapshot(self, now: float) -> None:
        self._history.flush_chain(durable=True)
        system = SnapshotSystem(
            active_services=[name for name in SERVICES if read_holder(self._data.lock_of(name))],
            health_status="ok" if self.health(now).status == "ok" else "degraded",
            memory_usage=round(self._memory_usage(), 1),
        )
        history = SnapshotHistory(
            events_count=self._history.events,
            merkle_root=self._history.merkle_root,
            cursors=dict(self._history.cursors),
        )
        settings = self.frame.settings
        self._snapshots.take(
            now,
            system,
            history,
            kept=settings.MEMORY_SNAPSHOTS_KEPT,
            full_every=settings.MEMORY_SNAPSHOT_FULL_EVERY,
        )
        self._save_state()

    def _memory_usage(self) -> float:
        total = 0
        for name in SERVICES:
            holder = read_holder(self._data.lock_of(name))
            try:
                total += psutil.Process(holder.pid).memory_info().rss if holder else 0
            except psutil.Error:
                continue
        return total / 2**20

    def _read_state(self) -> tuple[int, list[str]]:
        try:
            state = read_json(self._data.state_of(self.name))
        except DocumentError:
            return 0, []
        watermark, faults = state.get("watermark"), state.get("faults")
        return (
            watermark if isinstance(watermark, int) else 0,
            [str(fault) for fault in faults] if isinstance(faults, list) else [],
        )

    def _save_state(self) -> None:
        state = {"watermark": self._history.watermark, "faults": self._faults}
        self._attempt("state", lambda: write_document(self._data.state_of(self.name), state))

    async def carry_out(self, command: Command) -> tuple[Outcome, str]:
        """Acknowledge faults: a person has looked at them."""
        if command.command != "acknowledge_faults":
            return await super().carry_out(command)
        count = len(self._faults)
        self._faults.clear()
        self._history.forgive()
        self._save_state()
        return "done", f"{count} faults acknowledged"

    def health(self, now: float) -> MemoryHealth:
        """Say whether the history holds."""
        problem = next(iter(self._problems.values()), None)
        reason = problem or ("; ".join(self._faults[:_FAULTS_SHOWN]) or None)
        return MemoryHealth(
            service="memory",
            status="error" if self._faults else "degraded" if problem else "ok",
            last_update_ts=now,
            updated_within_sec=max(0.0, now - self._last_check),
            reason=reason,
            ready=self._ready,
            integrity_ok=not self._faults,
            events_count=self._history.events,
            snapshots_count=self._snapshots.count,
            last_integrity_check=self._last_check,
            merkle_root=self._history.merkle_root,
            chain_length=self._history.chain_length,
            backlog=len(self._waiting),
            check_progress=round(self._history.scrubber.progress, 3),
            faults=self._faults[:_FAULTS_SHOWN] or None,
        )
