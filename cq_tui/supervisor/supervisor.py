"""The supervisor: starts, adopts, restarts and stops the services of one data directory.

It is a process of its own. It relies on locks, pids and health files, never on being the parent process, so that the
next one adopts what runs. One holds ``run/supervisor.lock``; everyone else sends it commands through ``control/``.
"""

import asyncio
import random
import time
from collections.abc import Callable

from cq_tui.contracts.events import ServiceStopped
from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.freshness import STARTUP_LIMIT, Fresh, judge_age
from cq_tui.contracts.health import ServiceState, SupervisorHealth
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.mode import effective_mode
from cq_tui.services.settings_to_act_on import settings_to_act_on
from cq_tui.store.control import sweep_commands
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import LockHeld, ProcessLock
from cq_tui.store.reserve import Reserve, describe_error
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.trading_state import prepare_stops
from cq_tui.store.watch import watch_folders
from cq_tui.supervisor.commands import CommandHandler
from cq_tui.supervisor.desired_state import RunState, end_was_requested, read_desired_state
from cq_tui.supervisor.hang_watch import HangWatch
from cq_tui.supervisor.health_report import KIND, build_health
from cq_tui.supervisor.managed_service import ManagedService, ProcessState, Report, is_ready, read_report
from cq_tui.supervisor.process import ServiceProcess, find_process, last_output_line, spawn_service
from cq_tui.supervisor.recorder import Recorder
from cq_tui.supervisor.restart import CRASH_LIMIT, CRASH_WINDOW, RestartPolicy
from cq_tui.supervisor.silence import DEFAULT_LIMITS, SilenceLimits

Launch = Callable[[DataDir, str], ServiceProcess]
StateListener = Callable[[str, ServiceState], object]

_HEARTBEAT_INTERVAL = 2.0
_SWEEP_INTERVAL = 10.0
#: Seconds between checks of a service: while it starts, when it starts slowly, and while it runs. The last one is
#: for systems that do not notify us when a process exits.
_STARTING_POLL = 0.1
_SLOW_POLL = 1.0
_RUNNING_POLL = 2.0
_UNNOTIFIED_POLL = 0.25
#: Seconds before a service that ended on a full disk is looked at again.
_FULL_DISK_PAUSE = 5.0
#: Seconds after its last report in which a supervisor that ended is followed by this one, rather than long past.
_SUCCESSION_LIMIT = 60.0

#: What is said of a service whose lock a command holds, to act as the service until it is done.
_STAND_IN = "a command sells in its place"


class EndWasRequested(Exception):
    """The supervisor to follow was asked to end: there is nothing to continue."""


class Supervisor:
    """The one supervisor of a data directory.

    Call ``acquire``, then run ``serve()`` and ``supervise(service)`` for each service concurrently until ``ended`` is
    set; then cancel them and call ``release``.
    """

    def __init__(
        self,
        data: DataDir,
        *,
        launch: Launch = spawn_service,
        make_policy: Callable[[], RestartPolicy] = RestartPolicy,
        silence_limits: SilenceLimits = DEFAULT_LIMITS,
        listener: StateListener | None = None,
    ) -> None:
        """``launch`` starts a service's process, ``listener`` is called with every state change.

        Raises SettingsError for a bad setting in the environment.
        """
        self._data = data
        self._launch = launch
        self._silence_limits = silence_limits
        self._listener = listener
        self._lock = ProcessLock(data.lock_of("supervisor"), "supervisor", KIND)
        self._managed = {name: ManagedService(name, make_policy()) for name in SERVICES}
        self._in_force = settings_to_act_on(data)
        self._settings = SettingsInForce(data).load()
        self._recorder = Recorder(data)
        self._reserve = Reserve(data)
        self._started_ts = time.time()
        self._stopping_all = False
        #: Set once a ``shut_down`` command has been carried out.
        self.ended = asyncio.Event()

    def acquire(self, *, follow: bool = False) -> bool:
        """Take the lock; False when another supervisor holds it. Raises DataDirError or OSError.

        After a supervisor that died, the desired states stay. After one that was asked to end, every service shall
        run; with ``follow``, nothing is changed then, and EndWasRequested raised.
        """
        prepare_data_directory(self._data)
        prepare_stops(self._data)
        try:
            self._lock.acquire()
        except LockHeld:
            return False
        ended = end_was_requested(self._data)
        if ended and follow:
            self._lock.release()
            raise EndWasRequested
        try:
            self._recorder.open()
        except OSError:
            self._lock.release()
            raise
        self._resume_last_stops()
        for managed in self._managed.values():
            if ended:
                self._set_desired_state(managed, "running")
            else:
                managed.desired_state = read_desired_state(self._data, managed.name)
            # Until its process has been found or started: nobody is to read that it stands still.
            managed.update_state("starting" if self._should_run(managed) else "stopped")
        if not ended and (dead := read_report(self._data, "supervisor").health) is not None:
            reason = "ended without being asked to; another supervisor continues"
            self._recorder.emit("service_stopped", ServiceStopped(service="supervisor", pid=dead.pid, reason=reason))
        self._recorder.save_desired_state("supervisor", "running")
        self._write_health()
        return True

    def _resume_last_stops(self) -> None:
        """Take over what a supervisor that ended just now knew of unexpected stops, and add what happened since."""
        try:
            last = read_document(self._data.health_of("supervisor"), SupervisorHealth)
        except DocumentError:
            return
        if not isinstance(judge_age(last.last_update_ts, time.time(), _SUCCESSION_LIMIT), Fresh):
            return
        for name, state in last.services.items():
            managed = self._managed.get(name)
            if managed is None:
                continue
            managed.resume_last_stop(state)
            was_running = state.state == "running" and read_desired_state(self._data, name) == "running"
            if was_running and find_process(self._data, name) is None:
                reason = "ended while no supervisor was running"
                self._recorder.emit("service_stopped", ServiceStopped(service=name, pid=state.pid, reason=reason))
                managed.record_stop(last.last_update_ts, reason)

    def state_of(self, service: str) -> ServiceState:
        """Return the current state of one service."""
        return self._managed[service].state

    def release(self) -> None:
        """Release the lock; the services keep running."""
        self._recorder.close()
        self._lock.release()

    # Requests

    async def start(self, service: str) -> None:
        """Set a service's desired state to running and forget its crashes."""
        managed = self._managed[service]
        managed.reset_crashes()
        self._set_desired_state(managed, "running")

    async def stop(self, service: str) -> None:
        """Set a service's desired state to stopped and wait for its exit."""
        managed = self._managed[service]
        self._set_desired_state(managed, "stopped")
        await self._terminate(managed)

    async def restart(self, service: str) -> None:
        """Stop a service and start it again. The stored desired state stays: an interrupted restart is no stop."""
        managed = self._managed[service]
        managed.desired_state = "stopped"
        managed.wake_event.set()
        await self._terminate(managed, then="starting")
        await self.start(service)

    async def stop_all(self) -> None:
        """Stop every service in reverse start order, each after the services that depend on it."""
        self._stopping_all = True
        try:
            # Its own first: whatever ends it from here on, nobody starts another one.
            for name in ("supervisor", *self._managed):
                self._recorder.save_desired_state(name, "stopped")
            for managed in reversed(self._managed.values()):
                managed.desired_state = "stopped"
                managed.wake_event.set()
                await self._terminate(managed)
        finally:
            self._stopping_all = False
            for managed in self._managed.values():
                managed.wake_event.set()

    # Long-running tasks

    async def supervise(self, service: str) -> None:
        """Keep one service in its desired state until canceled."""
        managed = self._managed[service]
        try:
            while True:
                await self._step(managed)
        finally:
            managed.unwatch()

    async def serve(self) -> None:
        """Run commands, follow the settings and report health until canceled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_commands())
            tasks.create_task(self._send_heartbeats())

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
                    error.filename = error.filename or str(self._data.control)
                    self._recorder.report_problem("control", describe_error(error))
                await watch.changes(timeout=_HEARTBEAT_INTERVAL)

    async def _send_heartbeats(self) -> None:
        with watch_folders([self._data.settings.parent]) as watch:
            while True:
                self._reload_settings()
                for managed in self._managed.values():
                    managed.update_usage()
                self._recorder.flush_events()
                self._write_health()
                await watch.changes(timeout=_HEARTBEAT_INTERVAL)

    # One service

    async def _step(self, managed: ManagedService) -> None:
        if managed.process is None:
            self._adopt(managed)
        if not self._should_run(managed):
            if managed.process is not None and managed.process.is_stand_in and not self._stopping_all:
                await self._let_stand_in_end(managed, managed.process)
                return
            await self._terminate(managed)
            if not self._should_run(managed):
                self._update_state(
                    managed, "stopped", None if self._is_needed(managed.name) else "not needed in this mode"
                )
                await managed.wake_event.wait_at_most(None)
        elif managed.process is not None:
            await self._monitor(managed)
        elif self._stopping_all or managed.gave_up:
            await managed.wake_event.wait_at_most(None)
        elif (pause := managed.not_before - time.monotonic()) > 0:
            await managed.wake_event.wait_at_most(pause)
        elif self._reserve.is_full and managed.name != "trader":
            # It could not start, and would be given up. The trader protects positions.
            self._update_state(managed, "waiting", self._reserve.problem)
            await managed.wake_event.wait_at_most(_SLOW_POLL)
        else:
            self._start(managed)

    def _adopt(self, managed: ManagedService) -> bool:
        """Take over the process that holds the service's lock; return whether there is one."""
        managed.process = find_process(self._data, managed.name)
        if managed.process is not None and managed.process.is_stand_in:
            # It ended the service to take its place: that was no crash.
            managed.policy.reset()
        return managed.process is not None

    def _should_run(self, managed: ManagedService) -> bool:
        return managed.desired_state == "running" and self._is_needed(managed.name)

    def _is_needed(self, service: str) -> bool:
        return service in effective_mode(self._settings.settings).required_services

    def _start(self, managed: ManagedService) -> None:
        try:
            managed.process = self._launch(self._data, managed.name)
        except OSError as error:
            managed.gave_up = True
            self._update_state(managed, "gave_up", f"cannot be started: {describe_error(error)}")
            return
        self._update_state(managed, "starting")

    async def _monitor(self, managed: ManagedService) -> None:
        """Watch a running process until it exits or should stop."""
        process = managed.process
        assert process is not None
        was_ready = False
        watch = HangWatch(managed.name, process, self._silence_limits)
        while process.is_running():
            if not self._should_run(managed):
                return
            report = read_report(self._data, managed.name)
            hang = self._look_for_hang(managed, watch, report)
            ready = is_ready(report.health, process.pid, time.time())
            waiting_for = report.health.waiting_for if report.health and report.is_from(process.pid) else None
            # Once ready, it stays running: its health says what it lacks later.
            was_ready = was_ready or ready
            if ready:
                managed.record_ready(time.time())
            reason = hang or (_STAND_IN if process.is_stand_in else None if ready else waiting_for)
            self._update_state(managed, "running" if was_ready else "starting", reason, hung=hang is not None)
            ran_for = time.time() - process.process_started
            poll = _RUNNING_POLL if ready else _STARTING_POLL if ran_for < STARTUP_LIMIT else _SLOW_POLL
            poll = min(poll, max(watch.next_look, _STARTING_POLL))
            await managed.wake_event.wait_at_most(
                poll if managed.has_exit_notification else min(poll, _UNNOTIFIED_POLL)
            )
        # It found its lock held: adopt the holder.
        is_held = process.exit_code == ExitCode.ALREADY_RUNNING
        managed.process = None
        is_adopted = is_held and self._adopt(managed)
        unexpected = not is_adopted and not process.termination_requested and not process.is_stand_in
        if unexpected and self._should_run(managed) and not self._stopping_all:
            self._handle_crash(managed, process)

    async def _let_stand_in_end(self, managed: ManagedService, process: ServiceProcess) -> None:
        """Wait for a command that acts in the place of a service that shall not run, as long as that is so."""
        self._update_state(managed, "stopped", _STAND_IN)
        while process.is_running():
            if self._should_run(managed) or self._stopping_all:
                return
            await managed.wake_event.wait_at_most(_SLOW_POLL)
        managed.process = None

    def _look_for_hang(self, managed: ManagedService, watch: HangWatch, report: Report) -> str | None:
        """Return why a process hangs, or None; kill it when it has hung for too long."""
        interval = self._settings.settings.FEEDER_HEARTBEAT_INTERVAL if managed.name == "feeder" else 0.0
        # What keeps our own report from being written keeps the services' as well: a full or failing disk.
        can_write = self._recorder.can_write_health and not self._reserve.is_full
        return watch.look(report, can_write=can_write, interval=interval)

    def _handle_crash(self, managed: ManagedService, process: ServiceProcess) -> None:
        """Record how a process ended and schedule its restart."""
        reason = process.describe_exit()
        # A full disk takes no output either.
        full = self._reserve.problem
        if (process.exit_code or 0) > 0 and (line := full or last_output_line(self._data, managed.name)):
            reason = f"{reason}: {line}"
        stopped = ServiceStopped(service=managed.name, pid=process.pid, reason=reason, exit_code=process.exit_code)
        self._recorder.emit("service_stopped", stopped)
        managed.record_stop(time.time(), reason)
        ran_for = time.time() - process.process_started
        # What a full disk ended is not given up: it starts again once there is room.
        is_full, clock = self._reserve.is_full, time.monotonic()
        delay = _FULL_DISK_PAUSE if is_full else managed.policy.record_crash(clock, ran_for, random.random())
        if delay is None:
            managed.gave_up = True
            self._update_state(
                managed, "gave_up", f"crashed {CRASH_LIMIT} times in {CRASH_WINDOW:.0f} s, last: {reason}"
            )
            return
        managed.restarts += 1
        managed.not_before = time.monotonic() + delay
        self._update_state(managed, "backoff", reason)

    async def _terminate(self, managed: ManagedService, then: ProcessState = "stopped") -> None:
        """Stop a service's process unless it should run; ``then`` is its state afterwards."""
        async with managed.stop_lock:
            if self._should_run(managed):
                # It was started again while we waited for the lock.
                return
            process = managed.process or find_process(self._data, managed.name)
            if process is not None:
                self._update_state(managed, "stopping")
                await process.terminate()
                if managed.process is process:
                    managed.process = None
            if managed.process is None:
                self._update_state(managed, then)

    # Recording

    def _set_desired_state(self, managed: ManagedService, desired: RunState) -> None:
        managed.desired_state = desired
        managed.wake_event.set()
        self._recorder.save_desired_state(managed.name, desired)

    def _update_state(
        self, managed: ManagedService, state: ProcessState, reason: str | None = None, *, hung: bool = False
    ) -> None:
        if not managed.update_state(state, reason, hung=hung):
            return
        self._recorder.log_state(managed.name, managed.state)
        if self._listener is not None:
            self._listener(managed.name, managed.state)
        for other in self._managed.values():
            if other is not managed:
                other.wake_event.set()
        self._write_health()

    def _write_health(self) -> None:
        states = {name: managed.state for name, managed in self._managed.items()}
        problems = [*filter(None, [self._settings.problem]), *self._recorder.problems.values()]
        mode = effective_mode(self._settings.settings).mode
        report = build_health(states, problems, mode, started_ts=self._started_ts, now=time.time())
        self._recorder.write_health(report)

    def _reload_settings(self) -> None:
        before = self._settings
        self._settings = self._in_force.load()
        if self._settings.settings != before.settings:
            for managed in self._managed.values():
                # The new settings may have fixed what made a service crash.
                managed.gave_up = False
                managed.wake_event.set()
