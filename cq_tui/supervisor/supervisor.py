"""The supervisor: starts, adopts, restarts and stops the services of one data directory.

It works from locks, pids and health files, never from parenthood, so that any supervisor can take over from any
other. One holds ``run/supervisor.lock``; everyone else asks it through ``control/``.
"""

import asyncio
import random
import time
from collections.abc import Callable

from cq_tui.contracts.events import ServiceStopped
from cq_tui.contracts.health import ServiceState
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.store.control import sweep_commands
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.store.settings_file import LoadedSettings, load_settings
from cq_tui.store.watch import watch_folders
from cq_tui.supervisor.commands import CommandHandler
from cq_tui.supervisor.desired_state import RunState, read_desired_state
from cq_tui.supervisor.health_report import SupervisorKind, build_health
from cq_tui.supervisor.managed_service import ManagedService, ProcessState, is_ready, read_health
from cq_tui.supervisor.process import ServiceProcess, find_process, last_output_line, spawn, spawn_service
from cq_tui.supervisor.recorder import Recorder
from cq_tui.supervisor.restart import CRASH_LIMIT, CRASH_WINDOW, RestartPolicy

#: What each service waits for at the start: those whose files it cannot work without. The rest of the start order
#: (exchange, memory, feeder, ares, trader) is only an order, so that slow starts overlap.
DEPENDENCIES: dict[str, tuple[str, ...]] = {
    "exchange": (),
    "memory": (),
    "feeder": ("exchange",),
    "ares": ("memory",),
    "trader": ("exchange", "memory"),
}
assert tuple(DEPENDENCIES) == SERVICES
#: In paper mode both the feeder and the simulated exchange look at the real one.
PAPER_DEPENDENCIES = DEPENDENCIES | {"feeder": ()}

#: Exit code of a service that found its lock held: the holder is adopted.
EXIT_ALREADY_RUNNING = 3

Launch = Callable[[DataDir, str], ServiceProcess]
StateListener = Callable[[str, ServiceState], object]

_HEARTBEAT_INTERVAL = 2.0
_SWEEP_INTERVAL = 10.0
#: Seconds between two looks at a service: while it starts, when it is slow to, and when it runs. The end of its
#: process needs no look where the system tells of it; elsewhere it is noticed by the last one.
_STARTING_POLL = 0.1
_SLOW_POLL = 1.0
_RUNNING_POLL = 2.0
_UNNOTIFIED_POLL = 0.25
#: A service that is not ready after this many seconds no longer holds up those behind it: they start, and say
#: by themselves what they miss.
_READY_TIMEOUT = 60.0


class Supervisor:
    """The one supervisor of a data directory, in the room or headless.

    Use: ``acquire``, then run ``supervise(service)`` for each of ``services`` and ``serve()`` side by side until
    ``ended`` is set; at last cancel them and ``release`` or ``hand_over``.
    """

    services: tuple[str, ...] = SERVICES

    def __init__(
        self,
        data: DataDir,
        kind: SupervisorKind = "headless",
        *,
        keep_wanted: bool = False,
        launch: Launch = spawn_service,
        make_policy: Callable[[], RestartPolicy] = RestartPolicy,
        listener: StateListener | None = None,
    ) -> None:
        """``keep_wanted`` takes over what was wanted before; otherwise everything is wanted running.

        ``launch`` starts a service's process, ``listener`` is told of every change. Raises SettingsError when the
        environment holds a bad setting.
        """
        self._data = data
        self._kind = kind
        self._keep_desired = keep_wanted
        self._launch = launch
        self._listener = listener
        self._lock = ProcessLock(data.lock_of("supervisor"), "supervisor", kind)
        self._managed = {name: ManagedService(name, make_policy()) for name in SERVICES}
        self._settings = LoadedSettings(load_settings(data.settings).settings)
        self._recorder = Recorder(data)
        self._started_ts = time.time()
        self._stopping_all = False
        self._successor: ServiceProcess | None = None
        #: Set when this supervisor has no more to do (``shut_down`` was carried out).
        self.ended = asyncio.Event()

    def acquire(self) -> bool:
        """Become the supervisor; False when another one is at work. Raises DataDirError or OSError."""
        prepare_data_directory(self._data)
        try:
            self._lock.acquire()
        except LockHeld:
            return False
        try:
            self._recorder.open()
        except OSError:
            self._lock.release()
            raise
        self.ended.clear()
        self._stopping_all = False
        for charge in self._managed.values():
            charge.reset_crashes()
            if self._keep_desired:
                charge.desired_state = read_desired_state(self._data, charge.name)
            else:
                self._set_desired_state(charge, "running")
        return True

    @property
    def holds_lock(self) -> bool:
        """Whether this is the supervisor."""
        return self._lock.held

    def state_of(self, service: str) -> ServiceState:
        """What is known of one service."""
        return self._managed[service].state

    def release(self) -> None:
        """Stop being the supervisor; the services go on."""
        self._recorder.close()
        self._lock.release()

    def hand_over(self) -> None:
        """Let a headless supervisor take over: nothing stops. Cancel the running tasks before. Raises OSError."""
        self.release()
        self._successor = spawn(self._data, "supervisor", ["up", "--take-over"])

    # What a person asks for

    async def start(self, service: str) -> None:
        """Want a service to run, forgiving its crashes."""
        charge = self._managed[service]
        charge.reset_crashes()
        self._set_desired_state(charge, "running")

    async def stop(self, service: str) -> None:
        """Want a service to be stopped, and wait until it is."""
        charge = self._managed[service]
        self._set_desired_state(charge, "stopped")
        await self._terminate(charge)

    async def restart(self, service: str) -> None:
        """Stop a service and start it again. The written wish stays: a restart cut short is no stop."""
        charge = self._managed[service]
        charge.desired_state = "stopped"
        charge.wake_event.set()
        await self._terminate(charge)
        await self.start(service)

    async def stop_all(self) -> None:
        """Stop every service, in reverse start order, each when the ones that depend on it have ended."""
        self._stopping_all = True
        try:
            for charge in self._managed.values():
                self._recorder.save_desired_state(charge.name, "stopped", self._kind)
            for charge in reversed(self._managed.values()):
                charge.desired_state = "stopped"
                charge.wake_event.set()
                await self._terminate(charge)
        finally:
            self._stopping_all = False
            for charge in self._managed.values():
                charge.wake_event.set()

    # The long-running parts

    async def supervise(self, service: str) -> None:
        """Keep one service as it is wanted, until cancelled."""
        charge = self._managed[service]
        try:
            while True:
                await self._step(charge)
        finally:
            charge.unwatch()

    async def serve(self) -> None:
        """Carry out commands, follow the settings and report, until cancelled."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._run_commands())
            parts.create_task(self._send_heartbeats())

    async def _run_commands(self) -> None:
        commands = CommandHandler(self._data, self, self._recorder.emit)
        swept = 0.0
        with watch_folders([self._data.control]) as watch:
            while True:
                try:
                    if not swept:
                        commands.answer_interrupted()
                    if await commands.run_pending():
                        self._recorder.clear_problem("control")
                    if time.monotonic() - swept >= _SWEEP_INTERVAL:
                        swept = time.monotonic()
                        sweep_commands(self._data, time.time())
                except OSError as error:
                    where = error.filename or self._data.control
                    self._recorder.report_problem("control", f"{where}: {error.strerror}")
                await watch.changes(timeout=_HEARTBEAT_INTERVAL)

    async def _send_heartbeats(self) -> None:
        with watch_folders([self._data.settings.parent]) as watch:
            while True:
                self._reload_settings()
                for charge in self._managed.values():
                    charge.update_usage()
                self._recorder.flush_events()
                self._write_health()
                await watch.changes(timeout=_HEARTBEAT_INTERVAL)

    # One service's life

    async def _step(self, charge: ManagedService) -> None:
        if charge.process is None:
            charge.process = find_process(self._data, charge.name)
        if not self._should_run(charge):
            await self._terminate(charge)
            if not self._should_run(charge):
                self._update_state(
                    charge, "stopped", None if self._is_needed(charge.name) else "not needed in this mode"
                )
                await charge.wait(None)
        elif charge.process is not None:
            await self._monitor(charge)
        elif self._stopping_all or charge.gave_up:
            await charge.wait(None)
        elif (pause := charge.not_before - time.monotonic()) > 0:
            await charge.wait(pause)
        elif waits_for := self._missing_dependency(charge):
            self._update_state(charge, "waiting", f"waits for {waits_for}")
            await charge.wait(_SLOW_POLL)
        else:
            self._start(charge)

    def _should_run(self, charge: ManagedService) -> bool:
        return charge.desired_state == "running" and self._is_needed(charge.name)

    def _is_needed(self, service: str) -> bool:
        return service != "exchange" or effective_mode(self._settings.settings).uses_simulator

    def _missing_dependency(self, charge: ManagedService) -> str | None:
        """Name a service that has to be ready first; None when the turn of this one has come."""
        now = time.monotonic()
        charge.waiting_since = charge.waiting_since or now
        if now - charge.waiting_since >= _READY_TIMEOUT:
            return None
        needs = PAPER_DEPENDENCIES if effective_mode(self._settings.settings).mode == "paper" else DEPENDENCIES
        needed = (self._managed[name] for name in needs[charge.name])
        missing = (
            other for other in needed if self._should_run(other) and other.state.state not in ("running", "gave_up")
        )
        return next((other.name for other in missing), None)

    def _start(self, charge: ManagedService) -> None:
        charge.waiting_since = 0.0
        try:
            charge.process = self._launch(self._data, charge.name)
        except OSError as error:
            charge.gave_up = True
            self._update_state(charge, "gave_up", f"cannot be started: {error.strerror}")
            return
        self._update_state(charge, "starting")

    async def _monitor(self, charge: ManagedService) -> None:
        """Stay with a running process until it ends or is no longer wanted."""
        process = charge.process
        assert process is not None
        while process.is_running():
            if not self._should_run(charge):
                return
            health = read_health(self._data, charge.name)
            ready = is_ready(health, process.pid, time.time())
            waits_for = health.waiting_for if health is not None and health.pid == process.pid else None
            self._update_state(charge, "running" if ready else "starting", None if ready else waits_for)
            ran_for = time.time() - process.process_started
            look = _RUNNING_POLL if ready else _STARTING_POLL if ran_for < _READY_TIMEOUT else _SLOW_POLL
            await charge.wait(look if charge.has_exit_notification else min(look, _UNNOTIFIED_POLL))
        charge.process = find_process(self._data, charge.name) if process.exit_code == EXIT_ALREADY_RUNNING else None
        unasked = charge.process is None and not process.termination_requested
        if unasked and self._should_run(charge) and not self._stopping_all:
            self._handle_crash(charge, process)

    def _handle_crash(self, charge: ManagedService, process: ServiceProcess) -> None:
        """Say how a process ended, and decide when it is started again."""
        reason = process.describe_exit()
        if (process.exit_code or 0) > 0 and (words := last_output_line(self._data, charge.name)):
            reason = f"{reason}: {words}"
        stopped = ServiceStopped(service=charge.name, pid=process.pid, reason=reason, exit_code=process.exit_code)
        self._recorder.emit("service_stopped", stopped)
        ran_for = time.time() - process.process_started
        delay = charge.policy.record_crash(time.monotonic(), ran_for, random.random())
        if delay is None:
            charge.gave_up = True
            self._update_state(
                charge, "gave_up", f"crashed {CRASH_LIMIT} times in {CRASH_WINDOW:.0f} s, last: {reason}"
            )
            return
        charge.restarts += 1
        charge.not_before = time.monotonic() + delay
        self._update_state(charge, "backoff", reason)

    async def _terminate(self, charge: ManagedService) -> None:
        async with charge.stop_lock:
            if self._should_run(charge):
                # Somebody wanted it back while we waited for our turn.
                return
            process = charge.process or find_process(self._data, charge.name)
            if process is not None:
                self._update_state(charge, "stopping")
                await process.terminate()
                if charge.process is process:
                    charge.process = None
            if charge.process is None:
                self._update_state(charge, "stopped")

    # Wishes and words

    def _set_desired_state(self, charge: ManagedService, wanted: RunState) -> None:
        charge.desired_state = wanted
        charge.wake_event.set()
        self._recorder.save_desired_state(charge.name, wanted, self._kind)

    def _update_state(self, charge: ManagedService, state: ProcessState, reason: str | None = None) -> None:
        if not charge.update_state(state, reason):
            return
        self._recorder.log_state(charge.name, charge.state)
        if self._listener is not None:
            self._listener(charge.name, charge.state)
        for other in self._managed.values():
            if other is not charge:
                other.wake_event.set()
        self._write_health()

    def _write_health(self) -> None:
        states = {name: charge.state for name, charge in self._managed.items()}
        problems = [*filter(None, [self._settings.problem]), *self._recorder.problems.values()]
        report = build_health(states, problems, kind=self._kind, started_ts=self._started_ts, now=time.time())
        self._recorder.write_health(report)

    def _reload_settings(self) -> None:
        before = self._settings
        self._settings = load_settings(self._data.settings, last_good=before)
        if self._settings.settings != before.settings:
            for charge in self._managed.values():
                # What made a service crash may be corrected now.
                charge.gave_up = False
                charge.wake_event.set()
