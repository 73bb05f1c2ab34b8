"""Memory: merges the spools into the one history, chains it, checks it, signs checkpoints and takes snapshots."""

import asyncio
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import psutil

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import IntegrityAcknowledged, IntegrityFault
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.history import SnapshotSystem
from cq_tui.contracts.layout import SERVICES
from cq_tui.services.frame import Frame, Service
from cq_tui.services.memory.standing import Standing
from cq_tui.store.checkpoints.acknowledgement import acknowledge
from cq_tui.store.checkpoints.anchoring import AcceptanceRefused, Anchoring, ForkDetected
from cq_tui.store.checkpoints.checkpoint import origin_of
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.faults import Fault, fault_id
from cq_tui.store.history.full_check import FullCheck
from cq_tui.store.history.hash_chain import ChainError
from cq_tui.store.history.writer import History, NewEvent
from cq_tui.store.journal import JournalBroken, JournalError
from cq_tui.store.lock import read_holder
from cq_tui.store.snapshots.snapshots import SnapshotStore, newest_history
from cq_tui.store.spools.merge import SpoolMerge
from cq_tui.store.watch import watch_folders

#: The chain document's two files change places at most this often (seconds).
_CHAIN_INTERVAL = 0.5
_CHECK_INTERVAL = 1.0
#: Seconds between checkpoints as long as the history doubles in them.
_FIRST_INTERVAL = 5.0
_FAULTS_SHOWN = 5
#: Share of a processor core that the check of the beginning takes.
_FULL_CHECK_SHARE = 0.2


class HistoryLost(Exception):
    """The events file is not the one that is written any more: a new process must look what there is."""


class MemoryService(Service):
    """The service."""

    name = "memory"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = data = frame.data
        self._standing = Standing.load(data)
        settings = frame.settings
        self._anchoring = Anchoring(data, known_id=self._standing.directory_id, copy=settings.MEMORY_CHECKPOINT_COPY)
        self._standing.directory_id = self._anchoring.directory_id
        self._standing.accepted = dict(self._anchoring.accepted)
        self._note_standing_fault()
        wanted = self._anchoring.expected()
        refused: list[str] = []
        self._history = History(
            data,
            watermark=self._standing.watermark,
            now=time.time(),
            stood=newest_history(data, refused),
            sizes=wanted,
        )
        for snapshot in refused:
            frame.log.error("snapshot refused", problem=snapshot)
        found = list(self._history.faults)
        for known in self._standing.faults.values():
            # What was wrong before stays wrong until a person has looked at it.
            self._history.blame(Fault("state", known))
        #: Root at each size that a checkpoint names, as far as it was verified.
        self._roots = self._history.roots
        self._full_check = self._history.unverified(wanted)
        self._merge = SpoolMerge(data.spool, data.quarantine, self._history.cursors)
        self._snapshots = SnapshotStore(data)
        self._waiting: list[NewEvent] = []
        #: What the disk refuses at the moment, by what was tried.
        self._problems: dict[str, str] = {}
        self._last_check = time.time()
        self._last_flush = self._last_look = time.monotonic()
        if self._full_check is None:
            self._standing.last_full_check = self._last_check
        self._last_snapshot = self._last_anchor = -math.inf
        self._ready = False
        for fault in found:
            self._blame(fault)
        self._hold_to_checkpoints()
        for known in self._standing.faults.values():
            self._stop_signing(known)
        self._save_state()

    def _note_standing_fault(self) -> None:
        """A document that was written as not verified stays so, even when the list of faults was lost."""
        try:
            verified = read_chain_tail(self._data.hash_chain).integrity_verified
        except (ChainError, OSError):
            return
        if not verified and not self._standing.faults:
            self._standing.add(f"{self._data.hash_chain.name}: was not intact when it was last written")

    @property
    def heartbeat(self) -> float:
        """Every second: whoever trades depends on it."""
        return 1.0

    async def run(self) -> None:
        """Merge as events come; flush, check, sign and take snapshots as time passes."""
        with watch_folders([self._data.spool]) as watch:
            await self._catch_up(None)
            self._ready = True
            self.frame.beat(self.health(time.time()))
            checking = asyncio.create_task(self._check_everything())
            try:
                while not self.frame.stopping.is_set():
                    await self._catch_up(await watch.changes(timeout=_CHAIN_INTERVAL))
                    if checking.done():
                        # Before anything else is written down.
                        checking.result()
                    self._do_duties(time.time())
            finally:
                checking.cancel()
        await self._catch_up(None)
        self._attempt("snapshot", lambda: self._take_snapshot(time.time()))
        self._sign(time.time())
        self._history.close()
        self._anchoring.close()
        self._save_state()
        self.frame.beat(self.health(time.time()))

    async def _catch_up(self, changed: set[Path] | None) -> None:
        """Take in all that is spooled; between two large parts the heart beats."""
        while self._take_in(changed) and not self._problems:
            await asyncio.sleep(0)

    def _do_duties(self, now: float) -> None:
        """Do what is due. Intervals are those of a clock that nobody sets; ``now`` is what is written down."""
        settings, ticks = self.frame.settings, time.monotonic()
        if self._history.unflushed and ticks - self._last_flush >= _CHAIN_INTERVAL:
            self._last_flush = ticks
            self._attempt("chain", self._history.flush_chain)
        if ticks - self._last_look >= _CHECK_INTERVAL:
            self._last_look = ticks
            self._take_in(None)
            self._attempt("check", lambda: self._check(now))
            if self._full_check is None and not self._standing.faults:
                # Until everything is known to be well, what was merged stays where it came from as well.
                self._attempt("spool", lambda: self._merge.trim(now))
        if ticks - self._last_snapshot >= settings.MEMORY_SNAPSHOT_INTERVAL:
            self._last_snapshot = ticks
            self._attempt("snapshot", lambda: self._take_snapshot(now))
        if ticks - self._last_anchor >= self._anchor_interval():
            self._sign(now)

    def _anchor_interval(self) -> float:
        """Return how long to wait for the next checkpoint: not so long while most events are under none."""
        last = self._anchoring.last
        interval = self.frame.settings.MEMORY_CHECKPOINT_INTERVAL
        is_mostly_open = last is not None and self._history.events >= 2 * last.size
        return min(interval, _FIRST_INTERVAL) if is_mostly_open else interval

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
        more = True
        if not self._waiting:
            collected = self._merge.collect(changed)
            for complaint in collected.complaints:
                self._blame(Fault("spool", complaint))
            self._waiting, more = collected.events, collected.more
        if not self._waiting:
            return more
        try:
            self._history.append(self._waiting, time.time())
        except JournalBroken:
            raise
        except JournalError as error:
            self._complain("events", str(error))
            return False
        self._waiting = []
        self._problems.pop("events", None)
        return more

    # -- checking

    def _check(self, now: float) -> None:
        """Compare the files with what was written to them."""
        fault = self._history.check_identity() or self._history.scrub()
        if fault is None and not self._history.unflushed:
            try:
                if read_chain_tail(self._data.hash_chain).merkle_root != self._history.merkle_root:
                    fault = Fault(self._data.hash_chain.name, "names another Merkle root")
            except ChainError as error:
                fault = Fault(self._data.hash_chain.name, str(error))
        self._last_check = now
        if fault is None:
            return
        # A person accepted what was found then, not what happens now.
        self._standing.accepted.pop(fault_id(str(fault)), None)
        if self._blame(fault) and self._full_check is None:
            # The next look at everything tells which events or blocks these are.
            self._attempt("check", self._look_at_everything)
        if fault.file == self._data.events.name and self._history.has_lost_its_file():
            raise HistoryLost(str(fault))

    def _look_at_everything(self) -> None:
        self._full_check = self._history.full_check()

    async def _check_everything(self) -> NoReturn:
        """Verify in the background what the start left out, and everything again after a fault."""
        while True:
            while (check := self._full_check) is None:
                await asyncio.sleep(_CHECK_INTERVAL)
            began = time.perf_counter()
            try:
                more = check.step()
            except OSError as error:
                self._complain("check", f"{error.filename or 'check'}: {error.strerror}")
                await asyncio.sleep(_CHECK_INTERVAL)
                continue
            if not more:
                self._conclude(check)
            await asyncio.sleep((time.perf_counter() - began) * (1 / _FULL_CHECK_SHARE - 1))

    def _conclude(self, check: FullCheck) -> None:
        for fault in check.finish():
            self._blame(fault)
        if check.miscounts:
            self._put_snapshots_away()
            raise HistoryLost("a snapshot counts other events than the history holds")
        self._history.adopt(check)
        self._roots |= check.roots
        self._hold_to_checkpoints()
        self._full_check = None
        self._standing.last_full_check = time.time()
        self._save_state()

    def _put_snapshots_away(self) -> None:
        """The next start counts anew, and takes in again what these made it skip."""
        for path in self._snapshots.paths():
            os.rename(path, self._data.quarantine / f"{path.name}.{time.time_ns()}")

    def _hold_to_checkpoints(self) -> None:
        """Blame what contradicts a signed checkpoint."""
        for words in self._anchoring.faults(self._history.events, self._roots):
            self._blame(Fault(self._data.checkpoints.name, words))

    def _blame(self, fault: Fault) -> bool:
        """Record a fault once; it stays until a person has looked at it. Return whether it is new."""
        words = str(fault)
        if not self._standing.add(words):
            return False
        self._history.blame(fault)
        self._stop_signing(words)
        self.frame.log.error("integrity fault", fault=words)
        indexes = None if fault.index is None else [fault.index]
        self.frame.emit("integrity_fault", IntegrityFault(reason=fault.reason, file=fault.file, indexes=indexes))
        self._save_state()
        return True

    def _stop_signing(self, fault: str) -> None:
        """Sign nothing while something is wrong with the history; a spool is not the history."""
        if not fault.startswith("spool: "):
            self._anchoring.stop_signing(fault)

    def _complain(self, what: str, problem: str) -> None:
        if problem != self._problems.get(what):
            self.frame.log.error("disk", problem=problem)
        self._problems[what] = problem

    # -- signing and snapshots

    def _sign(self, now: float) -> None:
        """Sign a checkpoint when there are new events, and everything before them is verified."""
        if self._full_check is not None:
            return
        self._last_anchor = time.monotonic()
        last, history = self._anchoring.last, self._history
        if not history.events or (last is not None and last.size == history.events):
            return
        try:
            self._anchoring.sign(history.events, history.root, now)
        except ForkDetected as fork:
            self._blame(Fault(self._data.checkpoints.name, str(fork)))

    def _take_snapshot(self, now: float) -> None:
        settings = self.frame.settings
        stood = self._history.stand()
        system = SnapshotSystem(
            active_services=[name for name in SERVICES if read_holder(self._data.lock_of(name))],
            health_status="ok" if self.health(now).status == "ok" else "degraded",
            memory_usage=round(self._memory_usage(), 1),
        )
        self._snapshots.take(
            now, system, stood, kept=settings.MEMORY_SNAPSHOTS_KEPT, full_every=settings.MEMORY_SNAPSHOT_FULL_EVERY
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

    def _save_state(self) -> None:
        self._standing.watermark = self._history.watermark
        self._attempt("state", lambda: self._standing.save(self._data))

    # -- commands

    async def carry_out(self, command: Command) -> tuple[Outcome, str]:
        """Accept a fault, since a person has looked at it; sign a checkpoint now."""
        if command.command == "acknowledge_faults":
            return self._accept(command)
        if command.command == "sign_checkpoint":
            return self._sign_now()
        return await super().carry_out(command)

    def _sign_now(self) -> tuple[Outcome, str]:
        self._sign(time.time())
        last, check = self._anchoring.last, self._full_check
        if check is not None:
            return "refused", f"the history is being verified, {check.progress:.0%} of it so far. Try again later"
        if last is None or last.size < self._history.events:
            return "refused", self._anchoring.problem or "there is nothing to sign yet"
        return "done", f"checkpoint of {last.size:,} events signed"

    def _accept(self, command: Command) -> tuple[Outcome, str]:
        faults = self._standing.faults
        if not faults:
            return "done", "there is no fault to accept"
        names = list(faults) if command.target == "all" else [command.target or ""]
        unknown = [name for name in names if name not in faults]
        if unknown:
            listed = "; ".join(f"{name} {text}" for name, text in list(faults.items())[:_FAULTS_SHOWN])
            return "refused", f"name the fault to accept, or all: {listed}"
        for name in names:
            try:
                self._accept_fault(name, command)
            except AcceptanceRefused as refused:
                self._save_state()
                return "refused", f"{name} {refused}; {len(faults)} left"
        if not faults:
            self._history.forgive()
        self._save_state()
        return "done", f"{len(names)} fault{'s' * (len(names) != 1)} accepted, {len(faults)} left"

    def _accept_fault(self, name: str, command: Command) -> None:
        comment: Any = command.arguments.get("comment")
        comment = comment if isinstance(comment, str) and comment else None
        who: Any = command.arguments.get("who")
        accepted = acknowledge(
            origin_of(self._anchoring.directory_id),
            self._history.events,
            self._history.root,
            time.time(),
            fault=self._standing.faults[name],
            who=who if isinstance(who, str) else command.issued_by,
            comment=comment,
        )
        note = self._anchoring.accept(accepted)
        self._standing.accept(name)
        if accepted.releases_checkpoints:
            self._roots = {}
        self.frame.emit(
            "integrity_acknowledged",
            IntegrityAcknowledged(
                fault_id=name, fault=accepted.fault, acknowledged_by=accepted.who, comment=comment, note=note
            ),
        )

    # -- health

    def health(self, now: float) -> MemoryHealth:
        """Say whether the history holds: is it intact, is it complete, and how old are check and anchor."""
        faults = list(self._standing.faults.values())
        problem = next(iter(self._problems.values()), None)
        reason = problem or ("; ".join(faults[:_FAULTS_SHOWN]) or None)
        last, check = self._anchoring.last, self._full_check
        events, spooled = self._merge.backlog()
        return MemoryHealth(
            service="memory",
            status="error" if faults else "degraded" if problem else "ok",
            last_update_ts=now,
            updated_within_sec=max(0.0, time.monotonic() - self._last_look),
            reason=reason,
            ready=self._ready,
            integrity_ok=not faults,
            events_count=self._history.events,
            snapshots_count=self._snapshots.count,
            last_integrity_check=self._last_check,
            merkle_root=self._history.merkle_root,
            chain_length=self._history.chain_length,
            backlog=len(self._waiting) + events,
            backlog_bytes=spooled,
            check_progress=round(check.progress if check else self._history.scrubber.progress, 3),
            faults=faults[:_FAULTS_SHOWN] or None,
            missing_count=self._missing(),
            anchored_count=min(last.size, self._history.events) if last else 0,
            last_anchor_ts=last.time if last else None,
            anchor_problem=self._anchoring.problem or next(iter(self._anchoring.warnings), None),
            checkpoint=self._anchoring.last_text,
            public_key=self._anchoring.public_key,
            last_full_check=self._standing.last_full_check,
        )

    def _missing(self) -> int:
        """Return how many events a checkpoint names that are not there."""
        return max(0, max(self._anchoring.expected(), default=0) - self._history.events)
