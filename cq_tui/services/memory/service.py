"""Memory: merges the spools into the one history, chains it, checks it, signs checkpoints and takes snapshots."""

import asyncio
import math
import time
from pathlib import Path

import psutil

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.history import SnapshotSystem
from cq_tui.contracts.layout import SERVICES
from cq_tui.services.frame import Frame, Service
from cq_tui.services.memory.checking import Checking
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.trust import FAULTS_SHOWN, Trust, known_before
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


class MemoryService(Service):
    """The service: what is due when, and how it is."""

    name = "memory"

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._data = data = frame.data
        self._disk = DiskProblems(frame)
        standing, anchoring = known_before(frame)
        refused: list[str] = []
        self._history = History(
            data,
            watermark=standing.watermark,
            now=time.time(),
            stood=newest_history(data, refused),
            sizes=anchoring.expected(),
        )
        for snapshot in refused:
            frame.log.error("snapshot refused", problem=snapshot)
        self._snapshots = SnapshotStore(data)
        self.trust = Trust(frame, self._disk, self._history, standing, anchoring)
        self.checking = Checking(frame, self._disk, self._history, self.trust, self._snapshots)
        self.trust.save()
        self._merge = SpoolMerge(data.spool, data.quarantine, self._history.cursors)
        self._waiting: list[NewEvent] = []
        self._last_flush = self._last_look = time.monotonic()
        self._last_snapshot = self._last_anchor = -math.inf
        self._ready = False

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
            checking = asyncio.create_task(self.checking.run_in_background())
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
        self._disk.attempt("snapshot", lambda: self._take_snapshot(time.time()))
        self._sign(time.time())
        self._history.close()
        self.trust.anchoring.close()
        self.trust.save()
        self.frame.beat(self.health(time.time()))

    async def _catch_up(self, changed: set[Path] | None) -> None:
        """Take in all that is spooled; between two large parts the heart beats."""
        while self._take_in(changed) and not self._disk:
            await asyncio.sleep(0)

    def _do_duties(self, now: float) -> None:
        """Do what is due. Intervals are those of a clock that nobody sets; ``now`` is what is written down."""
        settings, ticks = self.frame.settings, time.monotonic()
        if self._history.unflushed and ticks - self._last_flush >= _CHAIN_INTERVAL:
            self._last_flush = ticks
            self._disk.attempt("chain", self._history.flush_chain)
        if ticks - self._last_look >= _CHECK_INTERVAL:
            self._last_look = ticks
            self._take_in(None)
            self._disk.attempt("check", lambda: self.checking.look(now))
            if self.checking.is_complete and not self.trust.faults:
                # Until everything is known to be well, what was merged stays where it came from as well.
                self._disk.attempt("spool", lambda: self._merge.trim(now))
        if ticks - self._last_snapshot >= settings.MEMORY_SNAPSHOT_INTERVAL:
            self._last_snapshot = ticks
            self._disk.attempt("snapshot", lambda: self._take_snapshot(now))
        if ticks - self._last_anchor >= self._anchor_interval():
            self._sign(now)

    def _anchor_interval(self) -> float:
        """Return how long to wait for the next checkpoint: not so long while most events are under none."""
        last = self.trust.anchoring.last
        interval = self.frame.settings.MEMORY_CHECKPOINT_INTERVAL
        is_mostly_open = last is not None and self._history.events >= 2 * last.size
        return min(interval, _FIRST_INTERVAL) if is_mostly_open else interval

    def _take_in(self, changed: set[Path] | None) -> bool:
        """Make new spooled events part of the history; return whether more wait.

        What the disk refuses is kept and tried again. Raises JournalBroken when that cannot be.
        """
        more = True
        if not self._waiting:
            collected = self._merge.collect(changed)
            self.trust.blame_spools(collected.complaints)
            self._waiting, more = collected.events, collected.more
        if not self._waiting:
            return more
        try:
            self._history.append(self._waiting, time.time())
        except JournalBroken:
            raise
        except JournalError as error:
            self._disk.note("events", str(error))
            return False
        self._waiting = []
        self._disk.settle("events")
        return more

    # -- signing and snapshots

    def _sign(self, now: float) -> None:
        """Sign when everything is verified."""
        if self.checking.is_complete:
            self._last_anchor = time.monotonic()
            self.trust.sign(now)

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
        self.trust.save()

    def _memory_usage(self) -> float:
        total = 0
        for name in SERVICES:
            holder = read_holder(self._data.lock_of(name))
            try:
                total += psutil.Process(holder.pid).memory_info().rss if holder else 0
            except psutil.Error:
                continue
        return total / 2**20

    # -- commands

    async def carry_out(self, command: Command) -> tuple[Outcome, str]:
        """Accept a fault, since a person has looked at it; sign a checkpoint now."""
        if command.command == "acknowledge_faults":
            return await self.trust.accept(command)
        if command.command == "sign_checkpoint":
            return self._sign_now()
        return await super().carry_out(command)

    def _sign_now(self) -> tuple[Outcome, str]:
        self._sign(time.time())
        if not self.checking.is_complete:
            done = f"{self.checking.progress:.0%}"
            return "refused", f"the history is being verified, {done} of it so far. Try again later"
        last = self.trust.anchoring.last
        if self.trust.faults or last is None or last.size < self._history.events:
            return "refused", self.trust.signing_problem or "there is nothing to sign yet"
        return "done", f"checkpoint of {last.size:,} events signed"

    # -- health

    def health(self, now: float) -> MemoryHealth:
        """Say whether the history holds: is it intact, is it complete, and how old are check and anchor."""
        faults, anchoring = list(self.trust.faults.values()), self.trust.anchoring
        problem, last = self._disk.first, anchoring.last
        events, spooled = self._merge.backlog()
        return MemoryHealth(
            service="memory",
            status="error" if faults else "degraded" if problem else "ok",
            last_update_ts=now,
            updated_within_sec=max(0.0, time.monotonic() - self._last_look),
            reason=problem or self.trust.reason,
            ready=self._ready,
            integrity_ok=not faults,
            events_count=self._history.events,
            snapshots_count=self._snapshots.count,
            last_integrity_check=self.checking.last_look,
            merkle_root=self._history.merkle_root,
            chain_length=self._history.chain_length,
            backlog=len(self._waiting) + events,
            backlog_bytes=spooled,
            check_progress=round(self.checking.progress, 3),
            faults=faults[-FAULTS_SHOWN:] or None,
            fault_count=len(faults),
            missing_count=self.trust.missing,
            anchored_count=min(last.size, self._history.events) if last else 0,
            last_anchor_ts=last.time if last else None,
            anchor_problem=self.trust.signing_problem or next(iter(anchoring.warnings), None),
            checkpoint=anchoring.last_text,
            public_key=anchoring.public_key,
            last_full_check=self.trust.standing.last_full_check,
        )
