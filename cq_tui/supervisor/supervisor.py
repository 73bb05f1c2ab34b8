"""The supervisor: starts, adopts, restarts and stops the services of one data directory.

It works from locks, pids and health files, never from parenthood, so that any supervisor can take over from any
other. One holds ``run/supervisor.lock``; everyone else asks it through ``control/``.
"""

import asyncio
import os
import random
import time
from typing import Literal

from cq_tui import __version__
from cq_tui.contracts.commands import Command, Outcome
from cq_tui.contracts.events import CommandExecuted, ServiceStopped
from cq_tui.contracts.health import HEALTH_MODELS, Health, ServiceState, SupervisorHealth
from cq_tui.contracts.layout import FRESHNESS_LIMITS, SERVICES, DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.runfiles import WantedState
from cq_tui.store.control import CommandInbox, sweep
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.folders import prepare
from cq_tui.store.journal import JournalError
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.store.settings_file import LoadedSettings, load_settings
from cq_tui.store.spool import EventSpool
from cq_tui.store.watch import watch_folders
from cq_tui.supervisor.process import ServiceProcess, find, last_words, spawn
from cq_tui.supervisor.restart import RestartPolicy

#: What each service waits for at the start: those whose files it cannot work without. The rest of the start order
#: (exchange, memory, feeder, ares, trader) is only an order, so that slow starts overlap.
NEEDS: dict[str, tuple[str, ...]] = {
    "exchange": (),
    "memory": (),
    "feeder": ("exchange",),
    "ares": ("memory",),
    "trader": ("exchange", "memory"),
}
assert tuple(NEEDS) == SERVICES

#: Exit code of a service that found its lock held: the holder is adopted.
ALREADY_RUNNING = 3

Kind = Literal["room", "headless"]
Wanted = Literal["running", "stopped"]
State = Literal["stopped", "starting", "waiting", "running", "stopping", "backoff", "gave_up"]

_HEARTBEAT = 2.0
_POLL = 0.1
#: Seconds between two looks at the health of a service that was ready at the last one.
_READY_RECHECK = 1.0
#: A service that is not ready after this many seconds no longer holds up those behind it: they start, and say
#: by themselves what they miss.
_READY_PATIENCE = 60.0


class _Charge:
    """One service in the supervisor's care."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ServiceState(state="stopped")
        self.wanted: Wanted = "running"
        self.process: ServiceProcess | None = None
        self.policy = RestartPolicy()
        self.restarts = 0
        self.changed = asyncio.Event()


class Supervisor:
    """The one supervisor of a data directory, in the room or headless.

    Use: ``acquire``, then run ``supervise(service)`` for each of ``services`` and ``serve()`` side by side until
    ``ended`` is set; at last ``release`` or ``hand_over``.
    """

    services: tuple[str, ...] = SERVICES

    def __init__(self, data: DataDir, kind: Kind = "headless", *, keep_wanted: bool = False) -> None:
        """``keep_wanted`` takes over what was wanted before; otherwise everything is wanted running."""
        self._data = data
        self._kind = kind
        self._keep_wanted = keep_wanted
        self._lock = ProcessLock(data.lock_of("supervisor"), "supervisor", kind)
        self._charges = {name: _Charge(name) for name in SERVICES}
        self._settings = LoadedSettings(load_settings(data.settings).settings)
        self._inbox = CommandInbox(data, "supervisor")
        self._spool: EventSpool | None = None
        self._started_ts = time.time()
        #: Set when this supervisor has no more to do (``shut_down`` was carried out).
        self.ended = asyncio.Event()

    def acquire(self) -> bool:
        """Become the supervisor; False when another one is at work. Raises DataDirError."""
        prepare(self._data)
        try:
            self._lock.acquire()
        except LockHeld:
            return False
        self._spool = EventSpool(self._data.spool, "supervisor", quarantine=self._data.quarantine)
        self.ended.clear()
        for charge in self._charges.values():
            if self._keep_wanted:
                charge.wanted = self._read_wanted(charge.name)
            else:
                self._want(charge, "running", by=self._kind)
        return True

    @property
    def holds(self) -> bool:
        """Whether this is the supervisor."""
        return self._lock.held

    def state_of(self, service: str) -> ServiceState:
        """What is known of one service."""
        return self._charges[service].state

    def release(self) -> None:
        """Stop being the supervisor; the services go on."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._lock.release()

    def hand_over(self) -> None:
        """Let a headless supervisor take over: nothing stops. Cancel the running tasks before."""
        self.release()
        spawn(self._data, "supervisor", ["up", "--take-over"])

    # What a person asks for

    async def start(self, service: str) -> None:
        """Want a service to run, forgiving its crashes."""
        charge = self._charges[service]
        charge.policy.forgive()
        self._want(charge, "running", by=self._kind)

    async def stop(self, service: str) -> None:
        """Want a service to be stopped, and wait until it is."""
        charge = self._charges[service]
        self._want(charge, "stopped", by=self._kind)
        await self._end(charge)

    async def restart(self, service: str) -> None:
        """Stop a service and start it again."""
        await self.stop(service)
        await self.start(service)

    async def stop_all(self) -> None:
        """Stop every service, in reverse start order, each when the ones that depend on it have ended."""
        for charge in self._charges.values():
            self._want(charge, "stopped", by=self._kind)
        for charge in reversed(self._charges.values()):
            await self._end(charge)

    # The long-running parts

    async def supervise(self, service: str) -> None:
        """Keep one service as it is wanted, until cancelled."""
        charge = self._charges[service]
        while True:
            charge.changed.clear()
            charge.process = charge.process or find(self._data, service)
            if not self._should_run(charge):
                if charge.process is not None:
                    await self._end(charge)
                self._note(charge, "stopped", None if self._is_needed(service) else "not needed in this mode")
                await charge.changed.wait()
            elif charge.process is not None:
                await self._watch_over(charge)
            else:
                await self._start(charge)

    async def serve(self) -> None:
        """Carry out commands, follow the settings and report, until cancelled."""
        for command in self._inbox.interrupted():
            self._remember(command, "interrupted", "the supervisor ended while carrying it out")
        swept = reported = 0.0
        with watch_folders([self._data.control, self._data.settings.parent]) as watch:
            while True:
                self._follow_settings()
                for command in self._inbox.claim():
                    await self._obey(command)
                now = time.time()
                if now - reported >= _HEARTBEAT:
                    reported = now
                    self._report(now)
                if now - swept >= 10.0:
                    swept = now
                    sweep(self._data, now)
                await watch.changes(timeout=_HEARTBEAT / 2)

    # One service's life

    def _should_run(self, charge: _Charge) -> bool:
        return charge.wanted == "running" and self._is_needed(charge.name)

    def _is_needed(self, service: str) -> bool:
        return service != "exchange" or effective_mode(self._settings.settings).uses_simulator

    async def _start(self, charge: _Charge) -> None:
        if not await self._turn_has_come(charge):
            return
        try:
            charge.process = spawn(self._data, charge.name, ["service", charge.name])
        except OSError as error:
            self._note(charge, "gave_up", f"cannot be started: {error.strerror}")
            await charge.changed.wait()
            return
        self._note(charge, "starting")

    async def _turn_has_come(self, charge: _Charge) -> bool:
        """Wait for the services that this one needs to be ready; False when the wish changed meanwhile."""
        deadline = time.monotonic() + _READY_PATIENCE
        for earlier in NEEDS[charge.name]:
            other = self._charges[earlier]
            while self._should_run(other) and not self.is_ready(earlier) and time.monotonic() < deadline:
                if other.state.state == "gave_up":
                    break
                self._note(charge, "waiting", f"waits for {earlier}")
                await _wait_briefly(charge.changed)
                if charge.changed.is_set():
                    return False
        return True

    async def _watch_over(self, charge: _Charge) -> None:
        """Stay with a running process until it ends or is no longer wanted."""
        process = charge.process
        assert process is not None
        started = time.monotonic()
        if process.child is None:
            started -= max(0.0, time.time() - process.process_started)
        looked = 0.0
        while process.alive():
            if time.monotonic() - looked >= (_READY_RECHECK if charge.state.state == "running" else _POLL):
                looked = time.monotonic()
                ready = self.is_ready(charge.name)
                waiting_for = None if ready else self._waiting_for(charge.name)
                self._note(charge, "running" if ready else "starting", waiting_for)
            await _wait_briefly(charge.changed)
            if charge.changed.is_set():
                return
        charge.process = find(self._data, charge.name) if process.exit_code == ALREADY_RUNNING else None
        if charge.process is None and charge.wanted == "running":
            await self._after_crash(charge, process, time.monotonic() - started)

    async def _after_crash(self, charge: _Charge, process: ServiceProcess, ran_for: float) -> None:
        reason = process.end_in_words()
        words = last_words(self._data, charge.name) if process.exit_code not in (None, 0) else ""
        if words and (process.exit_code or 0) > 0:
            reason = f"{reason}: {words}"
        self._emit(ServiceStopped(service=charge.name, pid=process.pid, reason=reason, exit_code=process.exit_code))
        delay = charge.policy.crashed(time.monotonic(), ran_for, random.random())
        if delay is None:
            self._note(charge, "gave_up", f"crashed too often, last: {reason}. Press s to try again")
            await charge.changed.wait()
            return
        charge.restarts += 1
        self._note(charge, "backoff", reason)
        try:
            async with asyncio.timeout(delay):
                await charge.changed.wait()
        except TimeoutError:
            return

    async def _end(self, charge: _Charge) -> None:
        process = charge.process or find(self._data, charge.name)
        if process is not None:
            self._note(charge, "stopping")
            await process.end()
        charge.process = None
        self._note(charge, "stopped")

    def is_ready(self, service: str) -> bool:
        """Whether a service's own health, from its present process, says that it does its work."""
        health, holder = self._health_of(service), find(self._data, service)
        if health is None or holder is None or health.pid != holder.pid or not health.ready:
            return False
        return time.time() - health.last_update_ts <= FRESHNESS_LIMITS[service]

    def _waiting_for(self, service: str) -> str | None:
        health = self._health_of(service)
        return None if health is None else health.waiting_for

    def _health_of(self, service: str) -> Health | None:
        try:
            return read_document(self._data.health_of(service), HEALTH_MODELS[service])
        except DocumentError:
            return None

    # Wishes, words and files

    def _want(self, charge: _Charge, wanted: Wanted, *, by: str) -> None:
        charge.wanted = wanted
        state = WantedState(wanted=wanted, changed_by=by, changed_ts=time.time())
        write_document(self._data.wanted_of(charge.name), state)
        charge.changed.set()

    def _read_wanted(self, service: str) -> Wanted:
        try:
            return read_document(self._data.wanted_of(service), WantedState).wanted
        except DocumentError:
            return "running"

    def _note(self, charge: _Charge, state: State, reason: str | None = None) -> None:
        before = charge.state
        process = charge.process
        charge.state = ServiceState(
            state=state,
            pid=process.pid if process else None,
            started_ts=process.process_started if process else None,
            restarts=charge.restarts,
            wanted=charge.wanted,
            reason=reason,
            cpu_percent=before.cpu_percent if process else None,
            memory_mb=before.memory_mb if process else None,
        )
        if (before.state, before.pid, before.reason) != (charge.state.state, charge.state.pid, charge.state.reason):
            self._report(time.time())

    def _report(self, now: float) -> None:
        for charge in self._charges.values():
            if charge.process is not None:
                cpu, memory = charge.process.usage()
                charge.state = charge.state.model_copy(
                    update={"cpu_percent": round(cpu, 1), "memory_mb": round(memory, 1)}
                )
        states = {name: charge.state for name, charge in self._charges.items()}
        gave_up = [name for name, state in states.items() if state.state == "gave_up"]
        health = SupervisorHealth(
            service="supervisor",
            status="error" if gave_up else "ok",
            reason=f"gave up on {', '.join(gave_up)}" if gave_up else self._settings.problem,
            last_update_ts=now,
            updated_within_sec=0.0,
            pid=os.getpid(),
            started_ts=self._started_ts,
            ready=True,
            version=__version__,
            services=states,
            kind=self._kind,
        )
        try:
            write_document(self._data.health_of("supervisor"), health, durable=False)
        except OSError:
            # A full disk: the room sees the age of the old report.
            return

    def _follow_settings(self) -> None:
        before = self._settings
        self._settings = load_settings(self._data.settings, last_good=before)
        if self._settings.settings != before.settings:
            for charge in self._charges.values():
                charge.changed.set()

    async def _obey(self, command: Command) -> None:
        if command.command == "shut_down":
            await self.stop_all()
            self._finish(command, "done", "all services stopped")
            self.ended.set()
            return
        if command.target not in SERVICES:
            self._finish(command, "refused", f"there is no service {command.target!r}")
            return
        action = {"start_service": self.start, "stop_service": self.stop, "restart_service": self.restart}.get(
            command.command
        )
        if action is None:
            self._finish(command, "refused", f"the supervisor knows no command {command.command!r}")
            return
        await action(command.target)
        self._finish(command, "done", "")

    def _finish(self, command: Command, outcome: Outcome, message: str) -> None:
        self._inbox.answer(command, outcome, message)
        self._remember(command, outcome, message)

    def _remember(self, command: Command, outcome: Outcome, message: str) -> None:
        self._emit(
            CommandExecuted(
                command_id=command.command_id,
                command=command.command,
                target=command.target,
                outcome=outcome,
                message=message or None,
                issued_by=command.issued_by,
            )
        )

    def _emit(self, payload: ServiceStopped | CommandExecuted) -> None:
        event_type = "service_stopped" if isinstance(payload, ServiceStopped) else "command_executed"
        if self._spool is not None:
            try:
                self._spool.emit(event_type, payload)
            except JournalError:
                # A full disk must not end the supervisor; the state file and the room still show what happened.
                return


async def _wait_briefly(changed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_POLL):
            await changed.wait()
    except TimeoutError:
        return
