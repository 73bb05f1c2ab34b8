"""The memory service: merges the spools into the history, checks and signs it, and takes snapshots."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import ClockBehind, signal_key
from cq_tui.contracts.freshness import event_time_ahead
from cq_tui.contracts.health import MemoryHealth
from cq_tui.contracts.history import SnapshotSystem
from cq_tui.contracts.layout import SERVICES
from cq_tui.services.memory.background_checks import BackgroundChecks
from cq_tui.services.memory.chain_schedule import ChainSchedule
from cq_tui.services.memory.disk import DiskProblems
from cq_tui.services.memory.integrity import FAULTS_SHOWN, Integrity, load_state
from cq_tui.services.memory.start_report import StartReports
from cq_tui.services.runtime import Service, ServiceRuntime
from cq_tui.services.settings_record import SettingsRecord
from cq_tui.services.trading_state_record import TradingStateRecord
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.faults import fault_kind
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.lock import read_holder
from cq_tui.store.reserve import Reserve
from cq_tui.store.snapshots.snapshot_store import SnapshotStore, recent_histories
from cq_tui.store.spools.merge import SpoolMerger
from cq_tui.store.watch import watch_folders

_SIGNAL = "signal_generated"
_CHECK_INTERVAL = 1.0
#: While the disk refuses them, no more events are collected than these, and no more are written with the reserve.
_MAX_PENDING = 1_000
#: Seconds between checkpoints while the history doubles in that time.
_FIRST_INTERVAL = 5.0
_CLOCK_REMEDY = "check the time of this computer; nothing is bought until it has caught up"


class MemoryService(Service):
    """The service: its schedule, commands and health."""

    name = "memory"

    def __init__(self, runtime: ServiceRuntime) -> None:
        super().__init__(runtime)
        self._data = data = runtime.data
        self._disk = DiskProblems(runtime)
        state, anchoring = load_state(runtime)
        refused: list[str] = []
        snapshots, sizes = recent_histories(data, refused), anchoring.evidence.sizes
        self._history = HistoryWriter(
            data,
            watermark=state.watermark,
            now=time.time(),
            snapshots=snapshots,
            sizes=sizes,
            on_progress=StartReports(runtime),
        )
        for snapshot in refused:
            runtime.log.error("snapshot refused", problem=snapshot)
        self._snapshots = SnapshotStore(data)
        self._settings_record = SettingsRecord(data)
        self._state_record = TradingStateRecord(data)
        self._reserve = Reserve(data)
        self.integrity = Integrity(runtime, self._disk, self._history, state, anchoring)
        self.checks = BackgroundChecks(data, self._disk, self._history, self.integrity, self._snapshots)
        self.integrity.save()
        self._merge = SpoolMerger(data.spool, data.quarantine, self._history.cursors)
        self._pending: list[NewEvent] = []
        self._last_check = time.monotonic()
        self._chain_schedule = ChainSchedule(self._last_check)
        self._last_snapshot = self._last_checkpoint = -math.inf
        self._ready = False

    @property
    def heartbeat_interval(self) -> float:
        """Every second, since trading depends on it."""
        return 1.0

    async def run(self) -> None:
        """Merge events as they arrive; flush, check, sign and take snapshots when due."""
        with watch_folders([self._data.spool]) as watch:
            self._follow_settings()
            self._disk.attempt("reserve", self._reserve.refill)
            await self._catch_up(None)
            self._ready = True
            self.runtime.publish_health(self.health(time.time()))
            checking = asyncio.create_task(self.checks.run_in_background())
            try:
                while not self.runtime.stopping.is_set():
                    await self._catch_up(await watch.changes(timeout=self._pause()))
                    if checking.done():
                        # Raise its exception before anything else is written.
                        checking.result()
                    self._run_due_tasks(time.time())
            finally:
                checking.cancel()
        await self._catch_up(None)
        if self._reserve.problem is None:
            self._disk.attempt("snapshot", lambda: self._take_snapshot(time.time()))
        self._sign(time.time())
        self._disk.attempt("chain", partial(self._reserve.spend, self._history.close))
        self.integrity.anchoring.close()
        self.integrity.save()
        self.runtime.publish_health(self.health(time.time()))

    async def _catch_up(self, changed: set[Path] | None) -> None:
        """Merge everything that is spooled, letting heartbeats run between large reads; flush the chain when due."""
        more = True
        while more:
            more = self._merge_spooled(changed) and not self._disk
            if self._history.has_unflushed and not self._pause():
                self._disk.attempt("chain", self._history.flush_chain)
                self._chain_schedule.flushed(time.monotonic())
            if more:
                await asyncio.sleep(0)

    def _pause(self) -> float:
        return self._chain_schedule.pause(time.monotonic(), is_behind=self._history.has_unflushed)

    def _run_due_tasks(self, now: float) -> None:
        """Do what is due. Intervals use a monotonic clock; ``now`` is for timestamps."""
        settings, ticks = self.runtime.settings, time.monotonic()
        if ticks - self._last_check >= _CHECK_INTERVAL:
            self._last_check = ticks
            self._merge_spooled(None)
            self._check_clock(now)
            self._follow_settings()
            self._disk.attempt("reserve", self._reserve.refill)
            self._check_files()
            if self.checks.is_complete and not self.integrity.faults:
                # Merged segments stay in the spools until everything is verified.
                self._disk.attempt("spool", lambda: self._merge.trim(now))
        if ticks - self._last_snapshot >= settings.MEMORY_SNAPSHOT_INTERVAL and self._reserve.problem is None:
            self._last_snapshot = ticks
            self._disk.attempt("snapshot", lambda: self._take_snapshot(now))
        if ticks - self._last_checkpoint >= self._checkpoint_interval():
            self._sign(now)

    def _follow_settings(self) -> None:
        self._disk.attempt("settings", self._settings_record.follow)
        loaded = self.runtime.loaded
        self._disk.attempt("base interval", lambda: self._settings_record.keep_earlier_interval(loaded))
        state = self.runtime.loaded.settings_state
        self._disk.attempt("trading state", lambda: self._state_record.follow(state))

    def _check_files(self) -> bool:
        return self._disk.attempt("check", lambda: self.checks.check_files(time.time()))

    def _check_clock(self, now: float) -> None:
        """Record once that the clock went back."""
        ahead, state = event_time_ahead(self._history.newest_time, now), self.integrity.state
        if (ahead is not None) == state.clock_behind:
            return
        state.clock_behind = ahead is not None
        if ahead is not None:
            self.runtime.emit("clock_behind", ClockBehind(ahead_sec=round(ahead, 3), clock_ts=max(0.0, now)))
        self.integrity.save()

    def _checkpoint_interval(self) -> float:
        """Return the seconds between checkpoints: fewer while most events are not covered by one."""
        last = self.integrity.anchoring.last_checkpoint
        interval = self.runtime.settings.MEMORY_CHECKPOINT_INTERVAL
        is_mostly_open = last is not None and self._history.events >= 2 * last.size
        return min(interval, _FIRST_INTERVAL) if is_mostly_open else interval

    def _merge_spooled(self, changed: set[Path] | None) -> bool:
        """Append new spooled events to the history; return whether there are more.

        After a disk error they are kept and retried. Raises JournalBroken if that is impossible.
        """
        more = True
        if len(self._pending) < _MAX_PENDING:
            # Even while the disk refuses others: an event of safety is written with the reserve.
            collected = self._merge.collect(changed)
            self.integrity.add_spool_faults(collected.complaints)
            self._pending += collected.events
            more = collected.more
        if not self._pending:
            return more
        if self._history.lost_events_file() and not self._check_files():
            # Nothing is written behind what others wrote.
            return False
        write: Callable[[], object] = partial(self._history.append, self._pending, time.time())
        if len(self._pending) <= _MAX_PENDING:
            write = partial(self._reserve.spend_on_events, write, self._pending)
        if not self._disk.attempt("events", write):
            return False
        if any(event.event_type == _SIGNAL for event in self._pending):
            self._chain_schedule.add_signal()
        if self.runtime.is_tracing:
            self._trace_merged(self._pending, time.time())
        self._pending = []
        return more

    def _trace_merged(self, events: list[NewEvent], now: float) -> None:
        for event in events:
            if event.event_type == _SIGNAL:
                waited = (now - event.occurred_at) * 1000
                self.runtime.trace("signal merged", signal_key(event.data), since_spooled_ms=waited)

    # -- signing and snapshots

    def _sign(self, now: float) -> None:
        """Sign a checkpoint if everything is verified."""
        if self.checks.is_complete:
            self._last_checkpoint = time.monotonic()
            self.integrity.sign(now)

    def _take_snapshot(self, now: float) -> None:
        settings = self.runtime.settings
        state = self._history.sync_state()
        system = SnapshotSystem(
            active_services=[name for name in SERVICES if read_holder(self._data.lock_of(name))],
            health_status="ok" if self.health(now).status == "ok" else "degraded",
            memory_usage=round(self._memory_usage(), 1),
        )
        self._snapshots.take_snapshot(
            now, system, state, kept=settings.MEMORY_SNAPSHOTS_KEPT, full_every=settings.MEMORY_SNAPSHOT_FULL_EVERY
        )
        self.integrity.save()

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

    async def execute_command(self, command: Command) -> tuple[Outcome, str]:
        """Accept faults, or sign a checkpoint now."""
        if command.command == "acknowledge_faults":
            return await self.integrity.accept(command)
        if command.command == "sign_checkpoint":
            return self._sign_now()
        return self.refuse(command)

    def _sign_now(self) -> tuple[Outcome, str]:
        self._sign(time.time())
        if not self.checks.is_complete:
            done = f"{self.checks.progress:.0%}"
            return "refused", f"the history is being verified ({done} done). Try again later"
        last = self.integrity.anchoring.last_checkpoint
        if self.integrity.faults or last is None or last.size < self._history.events:
            return "refused", self.integrity.signing_problem or "there is nothing to sign yet"
        return "done", f"checkpoint of {last.size:,} events signed"

    # -- health

    def health(self, now: float) -> MemoryHealth:
        """Report whether the history is intact and complete, and how old check and anchor are."""
        faults, anchoring = list(self.integrity.faults.values()), self.integrity.anchoring
        problem, anchor = self._reserve.problem or self._disk.first, self.integrity.anchor
        events, spooled = self._merge.backlog()
        ahead = event_time_ahead(self._history.newest_time, now)
        if ahead is not None and problem is None:
            problem = f"event times are {ahead:,.0f} s ahead of the clock, which went back: {_CLOCK_REMEDY}"
        return MemoryHealth(
            service="memory",
            status="error" if faults else "degraded" if problem else "ok",
            last_update_ts=now,
            updated_within_sec=max(0.0, time.monotonic() - self._last_check),
            reason=problem or self.integrity.reason,
            ready=self._ready,
            integrity_ok=not faults,
            events_count=self._history.events,
            snapshots_count=self._snapshots.count,
            last_integrity_check=self.checks.last_check,
            merkle_root=self._history.merkle_root,
            chain_length=self._history.chain_length,
            backlog=len(self._pending) + events,
            backlog_bytes=spooled,
            check_progress=round(self.checks.progress, 3),
            faults=faults[-FAULTS_SHOWN:] or None,
            fault_count=len(faults),
            fault_kinds=dict(Counter(map(fault_kind, faults))),
            missing_count=self.integrity.missing_count,
            anchored_count=anchor.size if anchor else 0,
            last_anchor_ts=anchor.time if anchor else None,
            anchor_problem=self.integrity.signing_problem or next(iter(anchoring.warnings), None),
            checkpoint=anchoring.last_note,
            public_key=anchoring.public_key,
            last_full_check=self.integrity.state.last_full_check,
            clock_ahead_sec=ahead,
            full_check_progress=None if self.checks.is_complete else round(self.checks.progress, 3),
            accepted_fault_count=len(self.integrity.accepted_damage),
            gap_count=sum(self._history.gaps.values()),
            lost_count=anchoring.lost_count,
            accepted=anchoring.evidence.report_contradictions() or None,
        )
